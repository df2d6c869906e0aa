#include "approvals/rules.h"

#include <algorithm>

namespace countersign::approvals {
namespace {

bool counts_for(const Stage& stage, const Rule& rule, const Vote& vote) {
  if (!vote.approves || vote.rule != rule.name || vote.stage != stage.name) return false;
  std::optional<Level> level = level_from_name(vote.level);
  return vote.group == stage.group.text() && level && *level >= stage.min_level;
}

bool is_counted(const Progress& progress, std::string_view person) {
  return std::ranges::find(progress.counted, person) != progress.counted.end();
}

std::string who(const Stage& stage) {
  std::string people = stage.group.kind == Group::Kind::team   ? "from team " + stage.group.name
                       : stage.group.kind == Group::Kind::user ? "from " + stage.group.name
                                                               : "from anyone";
  if (stage.min_level == Level::junior) return people;
  return people + ", " + std::string(level_name(stage.min_level)) + (stage.min_level == Level::vp ? "" : " or above");
}

void count_vote(const Vote& vote, Progress& progress) {
  Level level = *level_from_name(vote.level);
  if (progress.counted.empty() || level > progress.level) {
    progress.level = level;
    progress.most_senior = vote.by;
  }
  progress.counted.push_back(vote.by);
  progress.satisfied_at = std::max(progress.satisfied_at, vote.at);
}

}  // namespace

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
  if (name.empty() || name.size() > 200) return std::nullopt;
  return Group{team ? Group::Kind::team : Group::Kind::user, std::string(name)};
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

Progress evaluate(const Rule& rule, std::span<const Vote> votes) {
  Progress progress;
  progress.rule = rule.name;
  for (const Stage& stage : rule.stages) {
    int have = 0;
    for (const Vote& vote : votes) {
      if (have == stage.count) break;
      if (!counts_for(stage, rule, vote) || is_counted(progress, vote.by)) continue;
      count_vote(vote, progress);
      ++have;
    }
    if (have < stage.count) {
      progress.open = stage;
      progress.have = have;
      progress.satisfied_at = 0;
      progress.sentence =
          stage.name + ": " + std::to_string(have) + " of " + std::to_string(stage.count) + " " + who(stage);
      return progress;
    }
  }
  progress.satisfied = !rule.stages.empty();
  progress.sentence = progress.satisfied ? "approved by" : "the rule has no stages, so nobody can satisfy it";
  for (const std::string& name : progress.counted) {
    progress.sentence += (name == progress.counted.front() ? " " : ", ") + name;
  }
  return progress;
}

std::vector<Progress> progress_of(const HeldRequest& request, const Rules& rules) {
  std::vector<Progress> all;
  for (const std::string& name : request.rules) {
    if (const Rule* rule = rules.find(name); rule != nullptr) {
      all.push_back(evaluate(*rule, request.votes));
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

}  // namespace countersign::approvals
