#include <re2/re2.h>

#include <algorithm>

#include "approvals/rules_load.h"

namespace countersign::approvals {
namespace {

using Field = DocumentationNeed::Field;

constexpr std::size_t kMostStages = 10;
constexpr std::size_t kMostGroups = 100;
constexpr std::size_t kMostReminders = 5;
constexpr std::size_t kMostNeeds = 10;
constexpr std::size_t kMostPatternBytes = 500;
constexpr std::int64_t kMostPeople = 20;
constexpr std::int64_t kMostLength = 4'000;
constexpr TimeMs kLongestSignIn = 30LL * 86'400'000;
constexpr TimeMs kLongestAge = 3'650LL * 86'400'000;

void add_group(std::vector<Group>& groups, Group group) {
  auto same = [&](const Group& one) { return one.text() == group.text(); };
  if (std::ranges::none_of(groups, same)) groups.push_back(std::move(group));
}

void read_one_group(const yaml::Map& map, const yaml::Node& node, const GroupLists& lists, std::vector<Group>& out) {
  constexpr std::string_view kList = "group:";
  if (node.kind == yaml::Node::Kind::scalar && node.text.starts_with(kList)) {
    const std::string name = node.text.substr(kList.size());
    auto found = lists.find(name);
    if (found != lists.end()) {
      for (const Group& group : found->second) add_group(out, group);
      return;
    }
    std::vector<std::string_view> names;
    for (const auto& [known, members] : lists) names.push_back(known);
    std::string message = "`groups` has no `" + name.substr(0, 100) + "`";
    if (auto near = closest(name, names); !near.empty()) message += "; did you mean `" + std::string(near) + "`?";
    map.problem(node, std::move(message));
    return;
  }
  std::optional<Group> parsed = node.kind == yaml::Node::Kind::scalar ? parse_group(node.text) : std::nullopt;
  if (parsed) {
    add_group(out, std::move(*parsed));
  } else {
    map.problem(node, "group must be \"team:NAME\", \"user:NAME\", \"group:NAME\" or anyone, or a list of them");
  }
}

void read_escalation(std::string_view file, const yaml::Node& node, const GroupLists& lists, TimeMs expires,
                     Stage& stage, Problems& problems) {
  Escalation escalation;
  yaml::Map map(file, node, "the escalation of stage `" + stage.name + "`", problems);
  if (map.require("after")) {
    const yaml::Node* after = map.duration("after", escalation.after, kLongestExpiry);
    if (after != nullptr && escalation.after >= expires) {
      map.problem(*after, "the request expires before this stage is escalated");
    }
  }
  escalation.add = read_groups(map, "add", lists);
  map.finish();
  stage.escalate = std::move(escalation);
}

bool all_users(std::span<const Group> groups) {
  return std::ranges::all_of(groups, [](const Group& one) { return one.kind == Group::Kind::user; });
}

Stage read_stage(std::string_view file, const yaml::Node& node, const Rule& rule, const GroupLists& lists,
                 Problems& problems) {
  Stage stage;
  stage.line = node.line;
  yaml::Map map(file, node, "a stage of rule `" + rule.name + "`", problems);
  if (map.require("name")) {
    const yaml::Node* name = map.string("name", stage.name);
    if (name != nullptr && (stage.name.empty() || stage.name.size() > 200)) {
      map.problem(*name, "the name of a stage has 1 to 200 characters");
    }
  }
  std::int64_t count = 1;
  const yaml::Node* counted = map.integer("count", count, 1, kMostPeople);
  stage.count = static_cast<int>(count);
  stage.groups = read_groups(map, "group", lists);
  std::string level;
  if (map.one_of("min_level", level, {"junior", "mid", "senior", "principal", "director", "vp"}) != nullptr) {
    stage.min_level = level_from_name(level).value_or(Level::vp);
  }
  if (const yaml::Node* escalate = map.map("escalate")) {
    read_escalation(file, *escalate, lists, rule.expires, stage, problems);
  }
  map.finish();
  const std::vector<Group> ever = stage.asked(0, kLongestExpiry);
  if (counted != nullptr && !ever.empty() && all_users(ever) && std::ssize(ever) < stage.count) {
    map.problem(*counted, "one person counts once, so a stage of " + std::to_string(ever.size()) +
                              (ever.size() == 1 ? " user" : " users") + " cannot have a count of " +
                              std::to_string(stage.count));
  }
  return stage;
}

bool is_one_user(const Stage& stage) {
  return !stage.escalate && stage.groups.size() == 1 && all_users(stage.groups);
}

// Stages that contradict each other would hold requests that nobody can ever release.
void check_against_earlier(const yaml::Map& map, const yaml::Node& node, const Stage& stage, const Rule& rule) {
  for (const Stage& earlier : rule.stages) {
    if (!stage.name.empty() && earlier.name == stage.name) {
      map.problem(node, "stage `" + stage.name + "` is there twice");
    }
    if (is_one_user(stage) && is_one_user(earlier) && text_of(stage.groups) == text_of(earlier.groups)) {
      map.problem(node, "one person counts once a rule, and " + text_of(stage.groups) + " is needed by stage `" +
                            earlier.name + "` already");
    }
  }
}

void read_reminders(yaml::Map& map, Rule& rule) {
  std::vector<std::string> texts;
  const yaml::Node* list = map.strings("remind", texts);
  if (list == nullptr) return;
  if (texts.size() > kMostReminders) map.problem(*list, "a rule has at most 5 reminders");
  for (std::size_t i = 0; i < std::min(texts.size(), kMostReminders); ++i) {
    Result<TimeMs> after = parse_duration(texts[i]);
    if (!after) {
      map.problem(list->items[i], "`remind` takes durations like 30m or 2h");
    } else if (*after >= rule.expires) {
      map.problem(list->items[i], "the request expires before this reminder");
    } else if (!rule.remind.empty() && *after <= rule.remind.back()) {
      map.problem(list->items[i], "reminders come one after the other");
    } else {
      rule.remind.push_back(*after);
    }
  }
}

void read_pattern(yaml::Map& map, DocumentationNeed& need) {
  std::string text;
  const yaml::Node* node = map.string("pattern", text);
  if (node == nullptr) return;
  if (text.empty() || text.size() > kMostPatternBytes) {
    map.problem(*node, "a pattern has 1 to 500 characters");
    return;
  }
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(1 << 20);
  auto compiled = std::make_shared<const RE2>(text, options);
  if (!compiled->ok()) {
    map.problem(*node, "this is not a regular expression (RE2): " + compiled->error());
    return;
  }
  need.pattern = std::move(compiled);
}

void read_need(std::string_view file, const yaml::Node& node, Rule& rule, Problems& problems) {
  DocumentationNeed need;
  yaml::Map map(file, node, "what rule `" + rule.name + "` wants documented", problems);
  std::string field;
  if (map.require("field") && map.one_of("field", field, {"intent", "ticket", "rollback", "references"}) != nullptr) {
    for (Field one : {Field::intent, Field::ticket, Field::rollback, Field::references}) {
      if (field_name(one) == field) need.field = one;
    }
  }
  std::int64_t length = 1;
  const yaml::Node* min_length = map.integer("min_length", length, 1, kMostLength);
  need.min_length = static_cast<std::size_t>(length);
  read_pattern(map, need);
  const yaml::Node* max_age = map.duration("max_age", need.max_age, kLongestAge);
  map.finish();
  if (field.empty()) return;
  const bool references = need.field == Field::references;
  if (references && (min_length != nullptr || need.pattern)) {
    map.problem(node, "min_length and pattern are for texts, not for references");
  }
  if (!references && max_age != nullptr) map.problem(*max_age, "max_age is for references");
  if (max_age != nullptr && need.max_age % 86'400'000 != 0) map.problem(*max_age, "max_age is a number of days");
  if (std::ranges::find(rule.documentation, need.field, &DocumentationNeed::field) != rule.documentation.end()) {
    map.problem(node, "`" + field + "` is there twice");
  }
  rule.documentation.push_back(std::move(need));
}

void read_demands(yaml::Map& map, Rule& rule) {
  std::string signature;
  if (map.one_of("signature", signature, {"none", "required"}) != nullptr) {
    rule.demands.signature = signature == "required";
  }
  map.duration("max_sign_in_age", rule.demands.max_sign_in_age, kLongestSignIn);
  std::string delegation;
  if (map.one_of("delegation", delegation, {"none", "same_level", "any"}) != nullptr) {
    rule.delegation = delegation == "none"  ? DelegationMode::none
                      : delegation == "any" ? DelegationMode::any
                                            : DelegationMode::same_level;
  }
}

}  // namespace

std::vector<Group> read_groups(yaml::Map& map, std::string_view key, const GroupLists& lists) {
  std::vector<Group> out;
  if (!map.require(key)) return out;
  const yaml::Node* node = map.any(key);
  if (node->kind != yaml::Node::Kind::list) {
    read_one_group(map, *node, lists, out);
    return out;
  }
  if (node->items.empty()) map.problem(*node, "`" + std::string(key) + "` is empty: nobody could approve");
  for (const yaml::Node& item : node->items) {
    if (out.size() > kMostGroups) break;
    read_one_group(map, item, lists, out);
  }
  if (out.size() > kMostGroups) map.problem(*node, "there are more than 100 groups");
  return out;
}

Rule read_rule(std::string_view file, const yaml::Member& member, TimeMs default_expires, const GroupLists& lists,
               Problems& problems) {
  Rule rule{.name = member.key, .expires = default_expires};
  yaml::Map map(file, member.value, "rule `" + member.key + "`", problems);
  map.string("description", rule.description);
  map.duration("expires", rule.expires, kLongestExpiry);
  read_reminders(map, rule);
  read_demands(map, rule);
  if (const yaml::Node* needs = map.list("documentation")) {
    if (needs->items.size() > kMostNeeds) map.problem(*needs, "a rule asks for at most 10 fields");
    for (std::size_t i = 0; i < std::min(needs->items.size(), kMostNeeds); ++i) {
      read_need(file, needs->items[i], rule, problems);
    }
  }
  const yaml::Node* stages = map.require("stages") ? map.list("stages") : nullptr;
  if (stages != nullptr && (stages->items.empty() || stages->items.size() > kMostStages)) {
    map.problem(*stages, "a rule has 1 to 10 stages");
  }
  for (std::size_t i = 0; stages != nullptr && i < std::min(stages->items.size(), kMostStages); ++i) {
    Stage stage = read_stage(file, stages->items[i], rule, lists, problems);
    check_against_earlier(map, stages->items[i], stage, rule);
    rule.stages.push_back(std::move(stage));
  }
  map.finish();
  return rule;
}

}  // namespace countersign::approvals
