#include "core/config_notifications.h"

#include <algorithm>
#include <set>

namespace countersign::config {
namespace {

constexpr std::size_t kMostTargets = 50;
constexpr std::size_t kMostListed = 100;
constexpr std::size_t kMostTemplateBytes = 4'000;

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& known, std::string_view name) {
  return std::ranges::find(known, name) != known.end();
}

void read_names(yaml::Map& map, std::string_view key, std::vector<std::string>& out) {
  const yaml::Node* at = map.strings(key, out);
  if (at && (out.empty() || out.size() > kMostListed))
    map.problem(*at, "`" + std::string(key) + "` has 1 to 100 entries; leave it out for all");
}

void read_events(yaml::Map& map, std::vector<std::string>& out) {
  const yaml::Node* at = map.strings("events", out);
  if (!at) return;
  for (const std::string& event : out) {
    if (!is_one_of(kNotificationEvents, event)) map.problem(*at, "nothing is told as `" + event + "`");
  }
}

// {{name}} for each field; a name nobody fills in would be sent as it is.
void read_template(yaml::Map& map, std::string_view key, std::string& out) {
  const yaml::Node* at = map.string(key, out);
  if (!at) return;
  if (out.size() > kMostTemplateBytes) map.problem(*at, "`" + std::string(key) + "` is over 4,000 bytes");
  for (std::size_t begin = out.find("{{"); begin != std::string::npos; begin = out.find("{{", begin + 2)) {
    const std::size_t end = out.find("}}", begin);
    const std::string name = out.substr(begin + 2, end == std::string::npos ? end : end - begin - 2);
    if (end == std::string::npos || !is_one_of(kNotificationFields, name))
      map.problem(*at, "`{{" + name.substr(0, 40) + "}}` is no field of a notification");
  }
}

bool is_mail_address(std::string_view text) {
  const std::size_t at = text.find('@');
  const bool plain =
      std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f && c != '<' && c != '>' && c != ','; });
  return plain && text.size() <= 254 && at != 0 && at != std::string_view::npos && at + 1 < text.size() &&
         text.find('@', at + 1) == std::string_view::npos;
}

void read_url(Reading& reading, yaml::Map& map, Notification& out) {
  map.require("url");
  const yaml::Node* node = map.any("url");
  if (!node) return;
  if (node->kind == yaml::Node::Kind::map) return read_secret(reading, *node, "`url`", out.url_secret.emplace());
  map.string("url", out.url);
  if (out.kind == Notification::Kind::email) {
    if (!is_mail_server(out.url)) map.problem(*node, "`url` of an e-mail is smtp://host:port or smtps://host:port");
    return;
  }
  if (auto wrong = upstream_url_problem(out.url)) return map.problem(*node, "`url` " + *wrong);
  if (!is_private_way(out.url)) map.problem(*node, "`url` must begin with https://");
}

void read_mail(yaml::Map& map, Notification& out) {
  map.string("user", out.user);
  map.require("from");
  map.require("to");
  if (const yaml::Node* at = map.string("from", out.from); at && !is_mail_address(out.from))
    map.problem(*at, "`from` must be an address, like countersign@example.com");
  read_names(map, "to", out.to);
  if (const yaml::Node* at = map.any("to"); at && !std::ranges::all_of(out.to, is_mail_address))
    map.problem(*at, "`to` must be addresses, like platform@example.com");
}

Notification read_one(Reading& reading, const yaml::Node& node) {
  Notification out;
  yaml::Map map(reading.file, node, "a notification", reading.problems);
  map.require("name");
  if (const yaml::Node* at = map.string("name", out.name); at && (out.name.empty() || out.name.size() > 100))
    map.problem(*at, "`name` must have 1 to 100 characters");
  std::string kind;
  map.require("kind");
  map.one_of("kind", kind, {"webhook", "slack", "email"});
  if (kind == "slack") out.kind = Notification::Kind::slack;
  if (kind == "email") out.kind = Notification::Kind::email;
  read_url(reading, map, out);
  if (out.kind == Notification::Kind::webhook) map.require("secret");
  if (out.kind != Notification::Kind::slack) {
    if (const yaml::Node* secret = map.any("secret")) read_secret(reading, *secret, "`secret`", out.secret.emplace());
  }
  if (out.kind == Notification::Kind::email) read_mail(map, out);
  if (out.kind != Notification::Kind::webhook) {
    read_template(map, "subject", out.subject);
    read_template(map, "text", out.text);
  }
  read_events(map, out.events);
  read_names(map, "rules", out.rules);
  read_names(map, "environments", out.environments);
  if (const yaml::Node* at = map.string("ca", out.ca_file)) reading.file_at(*at, out.ca_file);
  map.finish();
  return out;
}

}  // namespace

bool is_mail_server(std::string_view url) {
  const bool implicit = url.starts_with("smtps://");
  if (!implicit && !url.starts_with("smtp://")) return false;
  return parse_address(url.substr(implicit ? 8 : 7)).has_value();
}

void read_notifications(Reading& reading, yaml::Map& root, std::vector<Notification>& out) {
  const yaml::Node* list = root.list("notifications");
  if (!list) return;
  if (list->items.size() > kMostTargets) root.problem(*list, "there are more than 50 notifications");
  std::set<std::string> names;
  for (std::size_t i = 0; i < std::min(list->items.size(), kMostTargets); ++i) {
    out.push_back(read_one(reading, list->items[i]));
    if (!names.insert(out.back().name).second)
      root.problem(list->items[i], "there are two notifications named `" + out.back().name + "`");
  }
}

}  // namespace countersign::config
