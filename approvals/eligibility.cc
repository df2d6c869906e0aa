#include "approvals/eligibility.h"

#include <algorithm>

namespace countersign::approvals {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string bare_name(std::string_view name) {
  std::string out(name);
  std::ranges::transform(out, out.begin(), lower);
  for (std::string_view prefix : {"user:", "team:", "agent:"}) {
    if (out.starts_with(prefix)) return out.substr(prefix.size());
  }
  return out;
}

bool same_name(std::string_view a, std::string_view b) {
  return !a.empty() && !b.empty() && bare_name(a) == bare_name(b);
}

bool contains_name(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::any_of(names, [&](const std::string& one) { return same_name(one, name); });
}

bool in_group(const Group& group, const Approver& approver) {
  switch (group.kind) {
    case Group::Kind::anyone:
      return true;
    case Group::Kind::team:
      return std::ranges::find(approver.teams, group.name) != approver.teams.end();
    case Group::Kind::user:
      return approver.name == group.name;
    case Group::Kind::nobody:
      break;
  }
  return false;
}

// Why an approver cannot be counted, from what is least to what is most worth telling.
enum class Obstacle : std::uint8_t { rule_missing, not_in_group, level_too_low, already_voted };

std::unexpected<Error> refuse(Obstacle obstacle, const std::string& needed) {
  switch (obstacle) {
    case Obstacle::already_voted:
      return fail(ErrorKind::forbidden, "approval.already_voted",
                  "you have approved this already, and one person counts once a rule; needed is " + needed);
    case Obstacle::level_too_low:
      return fail(ErrorKind::forbidden, "approval.level_too_low", "your level is too low; needed is " + needed);
    case Obstacle::not_in_group:
      return fail(ErrorKind::forbidden, "approval.not_in_group", "you are not among those asked; needed is " + needed);
    case Obstacle::rule_missing:
      break;
  }
  return fail(ErrorKind::forbidden, "approval.rule_missing",
              "the approval rules of this request are not defined any more: " + needed);
}

class Search {
 public:
  explicit Search(const Approver& approver) : approver_(approver) {}

  bool try_stage(const std::string& rule, const Stage& stage) {
    if (!in_group(stage.group, approver_)) {
      note(Obstacle::not_in_group);
    } else if (approver_.level < stage.min_level) {
      note(Obstacle::level_too_low);
    } else {
      openings.push_back({rule, stage.name, stage.group.text()});
      return true;
    }
    return false;
  }
  void note(Obstacle obstacle) { worst = std::max(worst, obstacle); }

  std::vector<Opening> openings;
  Obstacle worst = Obstacle::rule_missing;

 private:
  const Approver& approver_;
};

void find_open_stages(const HeldRequest& request, const Approver& approver, const Rules& rules, Search& search) {
  for (const Progress& progress : progress_of(request, rules)) {
    if (std::ranges::find(progress.counted, approver.name) != progress.counted.end()) {
      search.note(Obstacle::already_voted);
    } else if (progress.open) {
      search.try_stage(progress.rule, *progress.open);
    }
  }
}

void find_any_stage(const HeldRequest& request, const Rules& rules, Search& search) {
  for (const std::string& name : request.rules) {
    const Rule* rule = rules.find(name);
    if (rule == nullptr) continue;
    for (const Stage& stage : rule->stages) {
      if (search.try_stage(name, stage)) return;
    }
  }
}

std::string what_is_needed(const HeldRequest& request, const Rules& rules) {
  std::string out;
  for (const Progress& progress : progress_of(request, rules)) {
    if (progress.satisfied) continue;
    if (!out.empty()) out += "; ";
    out += progress.rule + ": " + progress.sentence;
  }
  return out;
}

}  // namespace

std::optional<Approver> find_approver(const policies::Directory& directory, std::string_view name,
                                      std::vector<std::string> chain) {
  const policies::User* user = directory.find_user(name);
  if (user == nullptr) return std::nullopt;
  return Approver{
      .name = user->name, .level = user->level, .teams = directory.teams_of(user->name), .chain = std::move(chain)};
}

bool is_own_request(const Requester& requester, const Approver& approver) {
  if (bare_name(approver.name).empty()) return true;
  if (same_name(requester.agent, approver.name) || same_name(requester.owner, approver.name) ||
      same_name(requester.issuer, approver.name) || contains_name(requester.delegates, approver.name) ||
      contains_name(requester.chain, approver.name)) {
    return true;
  }
  for (const std::string& token : approver.chain) {
    if (std::ranges::find(requester.chain, token) != requester.chain.end()) return true;
  }
  // An owner without a prefix may be a team's name as well.
  bool owned_by_team_of = contains_name(approver.teams, requester.owner);
  return owned_by_team_of && requester.issuer.empty();
}

Result<std::vector<Opening>> eligibility(const HeldRequest& request, const Approver& approver, Choice choice,
                                         const Rules& rules, TimeMs now) {
  if (request.state != State::held) {
    return fail(ErrorKind::conflict, "approval.not_held",
                "request " + request.id + " is " + state_name(request.state) + ", not held");
  }
  if (now >= request.expires) {
    return fail(ErrorKind::conflict, "approval.expired",
                "request " + request.id + " expired at " + format_time(request.expires));
  }
  if (is_own_request(request.requester, approver)) {
    return fail(ErrorKind::forbidden, "approval.self",
                "nobody decides about their own request: you are its agent, its owner, or in its chain of delegation");
  }
  Search search(approver);
  if (choice == Choice::approve) find_open_stages(request, approver, rules, search);
  if (choice == Choice::deny) find_any_stage(request, rules, search);
  if (!search.openings.empty()) return std::move(search.openings);
  return refuse(search.worst, what_is_needed(request, rules));
}

}  // namespace countersign::approvals
