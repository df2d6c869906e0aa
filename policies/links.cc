#include "policies/links.h"

#include <algorithm>
#include <map>
#include <optional>

#include "core/yaml.h"
#include "policies/cedar/parser.h"

namespace countersign::policies {
namespace {

// The ids that policies without a name of their own have in the set.
bool is_positional(std::string_view id) {
  constexpr std::string_view kPrefix = "policy";
  return id.size() > kPrefix.size() && id.starts_with(kPrefix) &&
         std::ranges::all_of(id.substr(kPrefix.size()), [](char c) { return c >= '0' && c <= '9'; });
}

class Reader {
 public:
  Reader(const std::string& path, cedar::PolicySet& policies, Problems& problems)
      : path_(path), policies_(policies), problems_(problems) {
    for (const cedar::Template& each : policies.templates()) {
      if (auto id = each.annotation("id")) templates_.emplace(*id, each.id());
    }
  }

  void read(const yaml::Node& root) {
    if (root.kind == yaml::Node::Kind::null) return;
    if (root.kind != yaml::Node::Kind::list) return report(root, "link.malformed", "links.yaml is a list of links");
    if (root.items.size() > kMostLinks)
      return report(root, "link.malformed", "more than " + std::to_string(kMostLinks) + " links");
    for (const yaml::Node& item : root.items) link(item);
  }

 private:
  void link(const yaml::Node& item) {
    yaml::Map map(path_, item, "a link", problems_);
    std::string name;
    std::string id;
    std::string principal;
    std::string resource;
    if (!map.require("template") || !map.require("id")) return;
    const yaml::Node* name_at = map.string("template", name);
    const yaml::Node* id_at = map.string("id", id);
    cedar::SlotValues values;
    bool filled = slot(map, "principal", values.principal);
    filled = slot(map, "resource", values.resource) && filled;
    map.finish();
    if (!name_at || !id_at || !filled) return;
    if (!is_policy_name(id)) return report(*id_at, "link.id", "`id` has 1 to 100 letters, digits and any of - _ . : /");
    if (is_positional(id)) return report(*id_at, "link.id", "ids like policy7 are those of policies without a name");
    auto found = templates_.find(name);
    if (found == templates_.end()) return unknown_template(*name_at, name);
    if (auto made = policies_.link(found->second, id, std::move(values)); !made)
      report(item, made.error().code.ends_with("duplicate_id") ? "link.id" : "link.slot", made.error().message);
  }

  // False when what is there is no entity.
  bool slot(yaml::Map& map, std::string_view key, std::optional<cedar::EntityUid>& out) {
    std::string text;
    const yaml::Node* at = map.string(key, text);
    if (!at) return map.node().find(key) == nullptr;
    auto uid = cedar::parse_entity_uid(text);
    if (uid) {
      out = std::move(*uid);
    } else {
      report(*at, "link.slot", "`" + std::string(key) + "` is an entity as Cedar writes it: 'Team::\"platform\"'");
    }
    return out.has_value();
  }

  void unknown_template(const yaml::Node& at, const std::string& name) {
    std::vector<std::string_view> names;
    for (const auto& [known, id] : templates_) names.push_back(known);
    std::string_view near = closest(name, names);
    report(at, "link.template", "no template has the @id `" + name + "`",
           near.empty() ? "" : "did you mean `" + std::string(near) + "`?");
  }

  void report(const yaml::Node& at, std::string code, std::string message, std::string help = {}) {
    problems_.push_back({.file = path_,
                         .line = at.line,
                         .column = at.column,
                         .message = std::move(message),
                         .code = std::move(code),
                         .help = std::move(help)});
  }

  const std::string& path_;
  cedar::PolicySet& policies_;
  Problems& problems_;
  std::map<std::string, std::string, std::less<>> templates_;  // @id → the set's own id
};

}  // namespace

bool is_policy_name(std::string_view text) {
  return !text.empty() && text.size() <= 100 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.' || c == ':' || c == '/';
  });
}

void add_links(const std::string& path, std::string_view text, cedar::PolicySet& policies, Problems& problems) {
  auto root = yaml::parse(path, text, problems, {.bytes = 4U << 20, .nodes = 10 * kMostLinks});
  if (root) Reader(path, policies, problems).read(*root);
}

}  // namespace countersign::policies
