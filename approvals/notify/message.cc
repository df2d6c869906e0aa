#include "approvals/notify/message.h"

#include <algorithm>
#include <array>
#include <ctime>

#include "core/config_notifications.h"
#include "core/json.h"
#include "core/sha256.h"
#include "core/visible.h"
#include "core/words.h"

namespace countersign::approvals::notify {
namespace {

constexpr std::size_t kLongestField = 600;
constexpr std::array<std::string_view, 10> kAsked{"held",
                                                  "reminded",
                                                  "expired",
                                                  "stale",
                                                  "failed",
                                                  "unknown",
                                                  "break_glass_started",
                                                  "break_glass_used",
                                                  "passkey_added",
                                                  config::kAgentFrozen};

bool is_frozen(const Event& event) {
  return event.name == config::kAgentFrozen;
}

bool listed(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

// On one line, with nothing hidden in it.
std::string shown(std::string_view text) {
  std::string out = printable(text, kLongestField);
  std::ranges::replace_if(out, [](char c) { return c == '\n' || c == '\t'; }, ' ');
  return out;
}

std::string what_happened(std::string_view event) {
  if (event == "held") return "waits for approval";
  if (event == "reminded") return "still waits for approval";
  if (event == "vote") return "has one approval more";
  if (event == "documented") return "was explained by its agent";
  if (event == "executing") return "is being executed";
  if (event == "break_glass_started") return "broke the glass: changes pass without approval for a while";
  if (event == "break_glass_used") return "was used: a change has passed without approval";
  if (event == "unknown") return "was sent, and nobody knows whether it took effect";
  if (event == "stale") return "was approved for a world that has changed; it did not run";
  if (event == "failed") return "was approved, but failed";
  if (event == "done") return "was approved and has run";
  return "is " + std::string(event);
}

// The fields that templates name (core/config_notifications.h).
std::string field_of(std::string_view name, const Event& event, std::string_view public_url) {
  const HeldRequest& request = event.request;
  if (name == "person") return shown(event.person);
  if (name == "event") return what_happened(event.name);
  if (name == "request") return request.id;
  if (name == "sentence") return shown(event.burst ? event.burst->sentence : request.summary);
  if (name == "agent") return shown(request.requester.agent);
  if (name == "owner") return shown(request.requester.owner);
  if (name == "upstream") return shown(request.frozen.upstream);
  if (name == "action") return shown(request.action);
  if (name == "effect") return event.burst ? event.burst->effects : request.effect;
  if (name == "environment") return shown(request.environment);
  if (name == "rules") return joined(request.rules);
  if (name == "missing") return shown(event.missing);
  if (name == "expires") return format_time(request.expires);
  if (name == "reason") return shown(request.reason);
  if (name == "link" && !event.person.empty()) return std::string(public_url) + (is_frozen(event) ? "/agents" : "/me");
  if (name == "link" && event.burst) return std::string(public_url) + "/bursts/" + event.burst->id;
  if (name == "link") return std::string(public_url) + "/requests/" + request.id;
  return {};
}

// How a piece of text is written for its place.
using Write = std::string (*)(std::string_view text);

std::string as_it_is(std::string_view text) {
  return std::string(text);
}

// `own` writes what the template says itself, `field` what it is filled with: that may come from strangers.
std::string filled(std::string_view pattern, const Event& event, std::string_view public_url, Write own, Write field) {
  std::string out;
  while (true) {
    const std::size_t begin = pattern.find("{{");
    const std::size_t end = begin == std::string_view::npos ? begin : pattern.find("}}", begin);
    out += own(pattern.substr(0, end == std::string_view::npos ? end : begin));
    if (end == std::string_view::npos) return out;
    out += field(field_of(pattern.substr(begin + 2, end - begin - 2), event, public_url));
    pattern.remove_prefix(end + 2);
  }
}

constexpr std::string_view kSubject = "{{agent}} on {{upstream}} {{event}}";
constexpr std::string_view kText =
    "{{agent}} (for {{owner}}) asks to: {{sentence}}\n"
    "It {{event}}. Effect: {{effect}}, environment: {{environment}}.\n"
    "Needed: {{missing}}\n"
    "Until {{expires}}: {{link}}\n";

// Of an account, whatever the templates for requests say.
constexpr std::string_view kAccountSubject = "A passkey was added to the account of {{person}}";
constexpr std::string_view kAccountText =
    "A passkey was added to the account of {{person}}. Whoever did not do this signs out everywhere, removes it and "
    "tells "
    "the administrator of the gateway: {{link}}\n";

// Of an agent that a budget stopped.
constexpr std::string_view kFrozenSubject = "{{person}} was frozen by a budget";
constexpr std::string_view kFrozenText =
    "The agent {{person}} wanted more than a budget has and was frozen: nothing it asks for is carried out until a "
    "person "
    "has looked at it and thaws it: {{link}}\n";

std::string_view text_pattern(const config::Notification& target, const Event& event) {
  if (!event.person.empty()) return is_frozen(event) ? kFrozenText : kAccountText;
  return target.text.empty() ? kText : std::string_view(target.text);
}

// Slack takes 3,000 characters in a section and refuses the whole message for one more. What a stranger can make longer
// than that, nobody would be told of; so each field has a part of it only, and the link, which comes last, keeps its
// own.
constexpr std::size_t kMostChatField = 400;
constexpr std::size_t kMostChat = 2'800;
constexpr std::string_view kWidthless = "\u200B";

std::string_view chat_entity(char c) {
  if (c == '&') return "&amp;";
  if (c == '<') return "&lt;";
  if (c == '>') return "&gt;";
  return {};
}

// What Slack gives a meaning; the rest of its markup is switched off by `"type": "plain_text"`.
std::string chat_escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    const std::string_view entity = chat_entity(c);
    entity.empty() ? out += c : out += entity;
  }
  return out;
}

// Of strangers. Mattermost and Rocket.Chat read `text` as Markdown: there "@all" rings everybody, and "[a](b)" is a
// link that says a and leads to b.
std::string chat_field(std::string_view text) {
  std::string out;
  char before = ' ';
  while (!text.empty()) {
    const std::string_view character = text.substr(0, front_character(text).bytes);
    const char c = character.front();
    const bool in_word = (before >= 'a' && before <= 'z') || (before >= 'A' && before <= 'Z') ||
                         (before >= '0' && before <= '9') || before == '_';
    std::string piece(before == ']' && c == '(' ? kWidthless : std::string_view());
    piece += chat_entity(c).empty() ? character : chat_entity(c);
    if (c == '@' && !in_word) piece += kWidthless;
    if (out.size() + piece.size() > kMostChatField) return out + "…";
    out += piece;
    before = c;
    text.remove_prefix(character.size());
  }
  return out;
}

// A template of the operator's own may be too long in spite of that.
std::string chat_cut(std::string text, const std::string& link) {
  if (text.size() <= kMostChat) return text;
  std::size_t end = kMostChat;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  const std::size_t entity = text.rfind('&', end);
  if (entity != std::string::npos && text.find(';', entity) >= end) end = std::min(end, entity);
  return text.substr(0, end) + "… " + link;
}

std::string in_lines(std::string_view text, std::size_t width) {
  std::string out;
  for (; !text.empty(); text.remove_prefix(std::min(width, text.size()))) out.append(text.substr(0, width)) += "\r\n";
  return out;
}

// RFC 2047 section 2: encoded words of at most 75 characters, none of which splits a character.
std::string encoded_words(std::string_view text) {
  constexpr std::size_t kBytesAWord = 42;
  std::string out;
  while (!text.empty()) {
    std::size_t take = 0;
    while (take < text.size()) {
      const std::size_t next = front_character(text.substr(take)).bytes;
      if (take + next > kBytesAWord) break;
      take += next;
    }
    out += (out.empty() ? "=?UTF-8?B?" : "\r\n =?UTF-8?B?") + to_base64(as_bytes(text.substr(0, take))) + "?=";
    text.remove_prefix(take);
  }
  return out;
}

std::string mail_date(TimeMs now) {
  const std::time_t seconds = now / 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 64> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S +0000", &utc);
  return {text.data(), size};
}

}  // namespace

std::string id_of(const Event& event) {
  const std::string& request = event.request.id;
  return "evt_" + request.substr(request.find('_') + 1) + "_" + std::to_string(event.number);
}

bool wants(const config::Notification& target, const Event& event) {
  if (event.telling == Event::Telling::with_others) return false;
  const bool named = target.events.empty() ? std::ranges::find(kAsked, std::string_view(event.name)) != kAsked.end()
                                           : listed(target.events, event.name);
  const bool of_a_rule = target.rules.empty() || std::ranges::any_of(event.request.rules, [&](const std::string& rule) {
                           return listed(target.rules, rule);
                         });
  // Nobody's filter keeps a broken glass quiet, and accounts have neither rule nor environment.
  const bool loud = event.name.starts_with("break_glass") || !event.person.empty();
  if (!named || loud) return named;
  return of_a_rule && (target.environments.empty() || listed(target.environments, event.request.environment));
}

std::string webhook_body(const Event& event, std::string_view public_url) {
  if (!event.person.empty()) {
    const bool frozen = is_frozen(event);
    const Json body{
        {"type", frozen ? "countersign.agent.frozen" : "countersign.account." + event.name},
        {"timestamp", format_time(event.at)},
        {"data", {{frozen ? "agent" : "person", event.person}, {"link", field_of("link", event, public_url)}}}};
    return body.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  const HeldRequest& request = event.request;
  Json data{{"request", request.id},
            {"state", state_name(request.state)},
            {"agent", request.requester.agent},
            {"owner", request.requester.owner},
            {"upstream", request.frozen.upstream},
            {"action", request.action},
            {"effect", request.effect},
            {"environment", request.environment},
            {"summary", request.summary},
            {"resources", request.resources},
            {"rules", request.rules},
            {"missing", event.missing},
            {"expires", format_time(request.expires)},
            {"reason", request.reason},
            {"code", request.code},
            {"link", field_of("link", event, public_url)}};
  if (event.burst) {
    data["burst"] = {{"id", event.burst->id}, {"requests", event.burst->requests}, {"sentence", event.burst->sentence}};
  }
  const Json body{{"type", "countersign.request." + event.name}, {"timestamp", format_time(event.at)}, {"data", data}};
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string slack_body(const config::Notification& target, const Event& event, std::string_view public_url) {
  const std::string text = chat_cut(filled(text_pattern(target, event), event, public_url, chat_escaped, chat_field),
                                    field_of("link", event, public_url));
  Json blocks = Json::array();
  blocks.push_back({{"type", "section"}, {"text", {{"type", "plain_text"}, {"text", text}, {"emoji", false}}}});
  blocks.push_back(
      {{"type", "actions"},
       {"elements",
        Json::array({{{"type", "button"},
                      {"text",
                       {{"type", "plain_text"},
                        {"text", event.person.empty() ? "Look at " + (event.burst ? event.burst->id : event.request.id)
                                 : is_frozen(event)   ? "Look at the agent"
                                                      : "Look at your account"},
                        {"emoji", false}}},
                      {"url", field_of("link", event, public_url)}}})}});
  return Json{{"text", text}, {"mrkdwn", false}, {"blocks", std::move(blocks)}}.dump(-1, ' ', false,
                                                                                     Json::error_handler_t::replace);
}

Mail mail_of(const config::Notification& target, const Event& event, std::string_view public_url) {
  const std::string_view own = target.subject.empty() ? kSubject : std::string_view(target.subject);
  const std::string_view subject = event.person.empty() ? own : is_frozen(event) ? kFrozenSubject : kAccountSubject;
  const std::string_view text = text_pattern(target, event);
  return {shown(filled(subject, event, public_url, as_it_is, as_it_is)),
          filled(text, event, public_url, as_it_is, as_it_is)};
}

std::string mail_message(const config::Notification& target, const Mail& mail, std::string_view id, TimeMs now) {
  const std::string domain = target.from.substr(target.from.find('@') + 1);
  std::string out = "From: Countersign <" + target.from + ">\r\nTo: ";
  for (std::size_t i = 0; i < target.to.size(); ++i) out += (i == 0 ? "" : ",\r\n ") + target.to[i];
  out += "\r\nSubject: " + encoded_words(mail.subject) + "\r\nDate: " + mail_date(now) + "\r\nMessage-ID: <" +
         std::string(id) + "@" + domain +
         ">\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
         "Content-Transfer-Encoding: base64\r\n\r\n";
  return out + in_lines(to_base64(as_bytes(mail.text)), 76);
}

Result<HeaderList> webhook_fields(std::string_view id, TimeMs now, std::string_view body, std::string_view key) {
  constexpr std::string_view kEncoded = "whsec_";
  Bytes secret(as_bytes(key).begin(), as_bytes(key).end());
  if (key.starts_with(kEncoded)) {
    Result<Bytes> decoded = from_base64(key.substr(kEncoded.size()));
    if (!decoded) return fail(decoded.error());
    secret = std::move(*decoded);
  }
  const std::string seconds = std::to_string(now / 1000);
  const Digest digest =
      hmac_sha256(secret, {as_bytes(id), as_bytes("."), as_bytes(seconds), as_bytes("."), as_bytes(body)});
  HeaderList out;
  out.add("content-type", "application/json");
  out.add("webhook-id", id);
  out.add("webhook-timestamp", seconds);
  out.add("webhook-signature", "v1," + to_base64(digest));
  return out;
}

}  // namespace countersign::approvals::notify
