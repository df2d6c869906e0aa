// The part `notifications:` of the configuration; a part of core/config_load.cc, apart from it for its length.
//
//   notifications:
//     - { name: pager, kind: webhook, url: "https://hooks.example.com/countersign", secret: { env: HOOK_KEY } }
//     - { name: chat, kind: slack, url: { env: SLACK_URL }, rules: [production-change], text: "{{sentence}} {{link}}" }
//     - { name: mail, kind: email, url: "smtp://mail.example.com:587", user: countersign, secret: { file: smtp-password
//     },
//         from: countersign@example.com, to: [platform@example.com], events: [held, reminded] }
#pragma once

#include <array>
#include <string_view>

#include "core/config_upstream.h"

namespace countersign::config {

// What can be told about a held request; the ends are those of approvals/request.h. And kPasskeyAdded, which is about
// an account, and kAgentFrozen, which is about an agent.
inline constexpr std::string_view kPasskeyAdded = "passkey_added";
inline constexpr std::string_view kAgentFrozen = "agent_frozen";
inline constexpr std::array<std::string_view, 19> kNotificationEvents{
    "held",      "reminded", "vote",      "documented",          "approved",         "executing",
    "denied",    "expired",  "cancelled", "withdrawn",           "superseded",       "stale",
    "done",      "failed",   "unknown",   "break_glass_started", "break_glass_used", kPasskeyAdded,
    kAgentFrozen};
// The fields a template may name.
inline constexpr std::array<std::string_view, 14> kNotificationFields{
    "event",  "request",     "sentence", "agent",   "owner",   "upstream", "action",
    "effect", "environment", "rules",    "missing", "expires", "reason",   "link"};

// smtp://host:port or smtps://host:port.
[[nodiscard]] bool is_mail_server(std::string_view url);

// What could be read of it; problems are reported.
void read_notifications(Reading& reading, yaml::Map& root, std::vector<Notification>& out);

}  // namespace countersign::config
