#include "approvals/rules.h"

#include <algorithm>
#include <set>

#include "approvals/names.h"

namespace countersign::approvals {
namespace {

bool has_text(std::span<const Group> groups, std::string_view text) {
  return std::ranges::any_of(groups, [&](const Group& group) { return group.text() == text; });
}

// Whether one of the groups in `texts` (joined by ", ") is among these.
bool has_any(std::span<const Group> groups, std::string_view texts) {
  while (!texts.empty()) {
    std::size_t end = texts.find(", ");
    if (has_text(groups, texts.substr(0, end))) return true;
    texts.remove_prefix(end == std::string_view::npos ? texts.size() : end + 2);
  }
  return false;
}

// One rule being counted, stage by stage.
struct Count {
  const Rule& rule;
  const Polled& polled;
  Progress progress;
};

bool is_spent(const Progress& progress, std::string_view person) {
  return !person.empty() && contains_name(progress.spent, person);
}

bool counts_for(const Stage& stage, const Count& count, const Vote& vote) {
  if (!vote.approves || vote.by.empty() || vote.rule != count.rule.name || vote.stage != stage.name) return false;
  if (count.polled.demands.signature && vote.signature.empty()) return false;
  if (!vote.for_whom.empty() && count.rule.delegation == DelegationMode::none) return false;
  if (same_name(vote.by, vote.for_whom)) return false;
  std::optional<Level> level = level_from_name(vote.level);
  if (!level || *level < stage.min_level) return false;
  const Requester* requester = count.polled.requester;
  if (requester != nullptr && (asks_by_name(*requester, vote.by) || asks_by_name(*requester, vote.for_whom))) {
    return false;
  }
  const std::string_view editor = count.polled.editor;
  if (same_name(editor, vote.by) || same_name(editor, vote.for_whom)) return false;
  if (is_spent(count.progress, vote.by) || is_spent(count.progress, vote.for_whom)) return false;
  return has_any(stage.asked(count.progress.opened, vote.at), vote.group);
}

void count_vote(std::size_t index, Count& count) {
  const Vote& vote = count.polled.votes[index];
  Progress& progress = count.progress;
  Level level = *level_from_name(vote.level);
  if (progress.counted.empty() || level > progress.level) {
    progress.level = level;
    progress.most_senior = vote.by;
  }
  progress.sentence += (progress.counted.empty() ? " " : ", ") + vote.by;
  progress.counted.push_back(vote.by);
  progress.spent.push_back(vote.by);
  if (!vote.for_whom.empty()) {
    progress.sentence += " for " + vote.for_whom;
    progress.spent.push_back(vote.for_whom);
  }
  progress.votes.push_back(index);
  progress.satisfied_at = std::max(progress.satisfied_at, vote.at);
}

std::string who(const Group& group) {
  if (!group.listed.empty()) return "group " + group.listed;
  if (group.kind == Group::Kind::team) return "team " + group.name;
  return group.kind == Group::Kind::user ? group.name : "anyone";
}

std::string who(std::span<const Group> groups, Level min_level) {
  std::vector<std::string> names;
  for (const Group& group : groups) {
    std::string name = who(group);
    if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
  }
  std::string out = "from ";
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) out += i + 1 == names.size() ? " or " : ", ";
    out += names[i];
  }
  if (min_level == Level::junior) return out;
  return out + ", " + std::string(level_name(min_level)) + (min_level == Level::vp ? "" : " or above");
}

}  // namespace

bool Group::has(std::string_view person, std::span<const std::string> teams) const {
  switch (kind) {
    case Kind::anyone:
      return true;
    case Kind::team:
      return std::ranges::find(teams, name) != teams.end();
    case Kind::user:
      return person == name;
    case Kind::nobody:
      break;
  }
  return false;
}

std::string Group::text() const {
  switch (kind) {
    case Kind::anyone:
      return "anyone";
    case Kind::team:
      return "team:" + name;
    case Kind::user:
      return "user:" + name;
    case Kind::nobody:
      break;
  }
  return "nobody";
}

std::optional<Group> parse_group(std::string_view text) {
  if (text == "anyone") return Group{Group::Kind::anyone, ""};
  bool team = text.starts_with("team:");
  if (!team && !text.starts_with("user:")) return std::nullopt;
  std::string_view name = text.substr(5);
  if (name.empty() || name.size() > 200 || name.find(", ") != std::string_view::npos) return std::nullopt;
  return Group{team ? Group::Kind::team : Group::Kind::user, std::string(name)};
}

std::string text_of(std::span<const Group> groups) {
  std::string out;
  for (const Group& group : groups) out += (out.empty() ? "" : ", ") + group.text();
  return out;
}

std::vector<Group> Stage::asked(TimeMs opened, TimeMs at) const {
  std::vector<Group> out = groups;
  if (!escalate || at - opened < escalate->after) return out;
  for (const Group& group : escalate->add) {
    if (!has_text(out, group.text())) out.push_back(group);
  }
  return out;
}

Demands demands_of(std::span<const std::string> names, const Rules& rules) {
  Demands all;
  for (const std::string& name : names) {
    const Rule* rule = rules.find(name);
    if (rule == nullptr) continue;
    all.signature = all.signature || rule->demands.signature;
    TimeMs age = rule->demands.max_sign_in_age;
    if (age > 0) all.max_sign_in_age = all.max_sign_in_age > 0 ? std::min(all.max_sign_in_age, age) : age;
    all.min_key_age = std::max(all.min_key_age, rule->demands.min_key_age);
  }
  return all;
}

const Rule* Rules::find(std::string_view name) const {
  auto found = rules.find(name);
  return found == rules.end() ? nullptr : &found->second;
}

TimeMs Rules::expires_after(std::span<const std::string> names) const {
  std::optional<TimeMs> shortest;
  for (const std::string& name : names) {
    const Rule* rule = find(name);
    if (rule != nullptr) shortest = std::min(shortest.value_or(rule->expires), rule->expires);
  }
  return shortest.value_or(default_expires);
}

Progress evaluate(const Rule& rule, const Polled& polled) {
  Count count{rule, polled, {}};
  Progress& progress = count.progress;
  progress.rule = rule.name;
  progress.sentence = "approved by";
  progress.opened = polled.held;
  for (const Stage& stage : rule.stages) {
    int have = 0;
    for (std::size_t i = 0; i < polled.votes.size() && have < stage.count; ++i) {
      if (!counts_for(stage, count, polled.votes[i])) continue;
      count_vote(i, count);
      ++have;
    }
    if (have < stage.count) {
      progress.open = stage;
      progress.asked = stage.asked(progress.opened, polled.now);
      progress.have = have;
      progress.satisfied_at = 0;
      progress.sentence = stage.name + ": " + std::to_string(have) + " of " + std::to_string(stage.count) + " " +
                          who(progress.asked, stage.min_level);
      return progress;
    }
    progress.opened = std::max(polled.held, progress.satisfied_at);
  }
  progress.satisfied = !rule.stages.empty();
  if (!progress.satisfied) progress.sentence = "the rule has no stages, so nobody can satisfy it";
  return progress;
}

std::vector<Progress> progress_of(const HeldRequest& request, const Rules& rules, TimeMs now) {
  std::vector<Progress> all;
  const Polled polled{.votes = request.votes,
                      .held = request.created,
                      .now = now,
                      .demands = demands_of(request.rules, rules),
                      .requester = &request.requester,
                      .editor = request.edited_by};
  for (const std::string& name : request.rules) {
    if (const Rule* rule = rules.find(name); rule != nullptr) {
      all.push_back(evaluate(*rule, polled));
      continue;
    }
    Progress missing;
    missing.rule = name;
    missing.sentence = "the rule is not defined, so nobody can satisfy it";
    all.push_back(std::move(missing));
  }
  return all;
}

bool all_satisfied(std::span<const Progress> progress) {
  return !progress.empty() && std::ranges::all_of(progress, &Progress::satisfied);
}

std::vector<policies::ApprovalFact> approval_facts(std::span<const Progress> progress) {
  std::vector<policies::ApprovalFact> facts;
  for (const Progress& one : progress) {
    if (one.satisfied)
      facts.push_back({one.rule, one.most_senior, std::string(level_name(one.level)), one.satisfied_at});
  }
  return facts;
}

std::vector<Reminder> due_reminders(const HeldRequest& request, const Rules& rules, std::size_t sent, TimeMs now) {
  if (request.state != State::held || now >= request.expires) return {};
  if (!missing_documentation(request, rules).empty()) return {};
  std::set<TimeMs> times;
  for (const std::string& name : request.rules) {
    if (const Rule* rule = rules.find(name)) times.insert(rule->remind.begin(), rule->remind.end());
  }
  std::vector<Reminder> due;
  std::size_t number = 0;
  for (TimeMs after : times) {
    ++number;
    if (number > sent && request.created + after <= now) due.push_back({number, request.created + after});
  }
  return due;
}

}  // namespace countersign::approvals
