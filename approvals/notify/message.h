// An event in the words of each kind of target. Pure functions, any thread.
//
// A message says who asks for what, and links to the console: it never holds arguments, bodies or diffs, because the
// places it goes to are not ours. Text that comes from agents is made harmless for its place: invisible and control
// characters are shown as escapes, and Slack's markup has no meaning in it, nor what Mattermost reads as links and
// mentions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "approvals/notify/event.h"
#include "core/config.h"
#include "core/http_head.h"
#include "core/result.h"

namespace countersign::approvals::notify {

// What receivers know a message by that was sent twice: "evt_<request without its prefix>_<number>". Requests are named
// at random, so two gateways that tell one receiver are never mistaken for each other.
[[nodiscard]] std::string id_of(const Event& event);

// Whether the target wants to hear of it: its events (absent: held, reminded, expired, stale, failed, unknown), rules
// and environments.
[[nodiscard]] bool wants(const config::Notification& target, const Event& event);

// {"type":"countersign.request.<event>","timestamp":…,"data":{"request","state","agent","owner","upstream","action",
// "effect","environment","summary","resources","rules","missing","expires","reason","code","link"}}, canonical JSON;
// and "burst": {"id","requests","sentence"} where it is about several that were held together, one of which is
// described. About an account: {"type":"countersign.account.<event>","timestamp":…,"data":{"person","link"}}.
[[nodiscard]] std::string webhook_body(const Event& event, std::string_view public_url);

// An incoming webhook of Slack and of what understands it (Mattermost, Rocket.Chat): {"text":…,"mrkdwn":false,
// "blocks":[…]}. Within Slack's limits whatever the fields hold; each is cut at 400 bytes, the link never.
[[nodiscard]] std::string slack_body(const config::Notification& target, const Event& event,
                                     std::string_view public_url);

struct Mail {
  std::string subject;  // one line
  std::string text;
};
[[nodiscard]] Mail mail_of(const config::Notification& target, const Event& event, std::string_view public_url);

// RFC 5322 with a base64 body of UTF-8 (RFC 2045), subject as RFC 2047 encoded words. `id` makes the Message-ID, so
// that a message sent twice is shown once.
[[nodiscard]] std::string mail_message(const config::Notification& target, const Mail& mail, std::string_view id,
                                       TimeMs now);

// The fields of a signed webhook (the Standard Webhooks specification 1.0, "v1", HMAC-SHA256 over "id.timestamp.body"):
// webhook-id, webhook-timestamp (seconds), webhook-signature. `key` is the secret as bytes; one that begins with
// "whsec_" is base64 after that.
[[nodiscard]] Result<HeaderList> webhook_fields(std::string_view id, TimeMs now, std::string_view body,
                                                std::string_view key);

}  // namespace countersign::approvals::notify
