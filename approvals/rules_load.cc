#include <algorithm>

#include "approvals/rules.h"
#include "core/yaml.h"

namespace countersign::approvals {
namespace {

constexpr TimeMs kLongestExpiry = 30LL * 86'400'000;
constexpr std::size_t kMostRules = 1'000;
constexpr std::size_t kMostStages = 10;
constexpr std::int64_t kMostPeople = 20;

Stage read_stage(std::string_view file, const yaml::Node& node, const std::string& rule, Problems& problems) {
  Stage stage;
  stage.line = node.line;
  yaml::Map map(file, node, "a stage of rule `" + rule + "`", problems);
  if (map.require("name")) {
    const yaml::Node* name = map.string("name", stage.name);
    if (name != nullptr && (stage.name.empty() || stage.name.size() > 200)) {
      map.problem(*name, "the name of a stage has 1 to 200 characters");
    }
  }
  std::int64_t count = 1;
  const yaml::Node* counted = map.integer("count", count, 1, kMostPeople);
  stage.count = static_cast<int>(count);
  if (map.require("group")) {
    std::string text;
    if (const yaml::Node* group = map.string("group", text); group != nullptr) {
      std::optional<Group> parsed = parse_group(text);
      if (parsed) stage.group = *parsed;
      if (!parsed) map.problem(*group, "group must be \"team:NAME\", \"user:NAME\" or anyone");
    }
  }
  std::string level;
  if (map.one_of("min_level", level, {"junior", "mid", "senior", "principal", "director", "vp"}) != nullptr) {
    stage.min_level = level_from_name(level).value_or(Level::vp);
  }
  map.finish();
  if (counted != nullptr && stage.group.kind == Group::Kind::user && stage.count > 1) {
    map.problem(*counted, "one person counts once, so a stage of a single user cannot have a count of " +
                              std::to_string(stage.count));
  }
  return stage;
}

// Stages that contradict each other would hold requests that nobody can ever release.
void check_against_earlier(const yaml::Map& map, const yaml::Node& node, const Stage& stage, const Rule& rule) {
  for (const Stage& earlier : rule.stages) {
    if (!stage.name.empty() && earlier.name == stage.name) {
      map.problem(node, "stage `" + stage.name + "` is there twice");
    }
    if (stage.group.kind == Group::Kind::user && earlier.group.text() == stage.group.text()) {
      map.problem(node, "one person counts once a rule, and " + stage.group.text() + " is needed by stage `" +
                            earlier.name + "` already");
    }
  }
}

Rule read_rule(std::string_view file, const yaml::Member& member, TimeMs default_expires, Problems& problems) {
  Rule rule{.name = member.key, .description = "", .stages = {}, .expires = default_expires};
  yaml::Map map(file, member.value, "rule `" + member.key + "`", problems);
  map.string("description", rule.description);
  map.duration("expires", rule.expires, kLongestExpiry);
  const yaml::Node* stages = map.require("stages") ? map.list("stages") : nullptr;
  if (stages != nullptr && (stages->items.empty() || stages->items.size() > kMostStages)) {
    map.problem(*stages, "a rule has 1 to 10 stages");
  }
  for (std::size_t i = 0; stages != nullptr && i < std::min(stages->items.size(), kMostStages); ++i) {
    Stage stage = read_stage(file, stages->items[i], rule.name, problems);
    check_against_earlier(map, stages->items[i], stage, rule);
    rule.stages.push_back(std::move(stage));
  }
  map.finish();
  return rule;
}

std::optional<Rules> read_rules(std::string_view file, const yaml::Node& root, Problems& problems) {
  Rules rules;
  yaml::Map map(file, root, "the file", problems);
  map.duration("default_expires", rules.default_expires, kLongestExpiry);
  if (const yaml::Node* node = map.map("rules"); node != nullptr) {
    if (node->members.size() > kMostRules) map.problem(*node, "there are more than 1000 rules");
    for (std::size_t i = 0; i < std::min(node->members.size(), kMostRules); ++i) {
      const yaml::Member& member = node->members[i];
      rules.rules.emplace(member.key, read_rule(file, member, rules.default_expires, problems));
    }
  }
  map.finish();
  return rules;
}

}  // namespace

std::optional<Rules> parse_rules(std::string_view file, std::string_view text, Problems& problems) {
  Problems found;
  std::optional<yaml::Node> root = yaml::parse(file, text, found);
  std::optional<Rules> rules = root ? read_rules(file, *root, found) : std::nullopt;
  if (has_errors(found)) rules.reset();
  problems.insert(problems.end(), found.begin(), found.end());
  return rules;
}

std::optional<Rules> load_rules(const std::string& path, Problems& problems) {
  Problems found;
  std::optional<yaml::Node> root = yaml::parse_file(path, found);
  std::optional<Rules> rules = root ? read_rules(path, *root, found) : std::nullopt;
  if (has_errors(found)) rules.reset();
  problems.insert(problems.end(), found.begin(), found.end());
  return rules;
}

}  // namespace countersign::approvals
