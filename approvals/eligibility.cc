#include "approvals/eligibility.h"

#include <algorithm>

#include "approvals/names.h"

namespace countersign::approvals {
namespace {

// Who a vote is given for: the voter, or the one in whose place they vote, as the rules see them.
struct Place {
  const Approver& approver;
  const Delegator* delegator = nullptr;
  TimeMs now = 0;

  [[nodiscard]] const std::string& name() const { return delegator ? delegator->name : approver.name; }
  [[nodiscard]] const std::vector<std::string>& teams() const { return delegator ? delegator->teams : approver.teams; }

  // nullopt when the rule does not let them take that place.
  [[nodiscard]] std::optional<Level> level(const Rule& rule) const {
    if (delegator == nullptr) return approver.level;
    if (rule.delegation == DelegationMode::none || !delegator->covers(rule.name, now)) return std::nullopt;
    return rule.delegation == DelegationMode::any ? delegator->level : std::min(delegator->level, approver.level);
  }
};

// Why an approver cannot be counted, from what is least to what is most worth telling.
enum class Obstacle : std::uint8_t { rule_missing, not_delegated, not_in_group, level_too_low, already_voted };

std::unexpected<Error> refuse(Obstacle obstacle, const std::string& needed) {
  switch (obstacle) {
    case Obstacle::already_voted:
      return fail(
          ErrorKind::forbidden, "approval.already_voted",
          "this was approved by you or in your place already, and one person counts once a rule; needed is " + needed);
    case Obstacle::level_too_low:
      return fail(ErrorKind::forbidden, "approval.level_too_low", "your level is too low; needed is " + needed);
    case Obstacle::not_in_group:
      return fail(ErrorKind::forbidden, "approval.not_in_group", "you are not among those asked; needed is " + needed);
    case Obstacle::not_delegated:
      return fail(ErrorKind::forbidden, "approval.not_delegated",
                  "you may not vote in this person's place here; needed is " + needed);
    case Obstacle::rule_missing:
      break;
  }
  return fail(ErrorKind::forbidden, "approval.rule_missing",
              "the approval rules of this request are not defined any more: " + needed);
}

class Search {
 public:
  explicit Search(const Place& place) : place_(place) {}

  bool try_stage(const Rule& rule, const Stage& stage, std::span<const Group> asked) {
    const std::optional<Level> level = place_.level(rule);
    if (!level) {
      note(Obstacle::not_delegated);
      return false;
    }
    std::vector<Group> of_voter;
    for (const Group& group : asked) {
      if (group.has(place_.name(), place_.teams())) of_voter.push_back(group);
    }
    if (of_voter.empty()) {
      note(Obstacle::not_in_group);
    } else if (*level < stage.min_level) {
      note(Obstacle::level_too_low);
    } else {
      openings.push_back({rule.name, stage.name, text_of(of_voter), std::string(level_name(*level))});
      return true;
    }
    return false;
  }
  void note(Obstacle obstacle) { worst = std::max(worst, obstacle); }

  std::vector<Opening> openings;
  Obstacle worst = Obstacle::rule_missing;

 private:
  const Place& place_;
};

void find_open_stages(std::span<const Progress> progress_of_all, const Place& place, const Rules& rules,
                      Search& search) {
  for (const Progress& progress : progress_of_all) {
    const Rule* rule = rules.find(progress.rule);
    if (rule == nullptr) continue;
    if (contains_name(progress.spent, place.approver.name) || contains_name(progress.spent, place.name())) {
      search.note(Obstacle::already_voted);
    } else if (progress.open) {
      search.try_stage(*rule, *progress.open, progress.asked);
    }
  }
}

// Whoever could ever approve: also those that an escalation would add.
void find_any_stage(const HeldRequest& request, const Rules& rules, Search& search) {
  for (const std::string& name : request.rules) {
    const Rule* rule = rules.find(name);
    if (rule == nullptr) continue;
    for (const Stage& stage : rule->stages) {
      const TimeMs latest = stage.escalate ? stage.escalate->after : 0;
      if (search.try_stage(*rule, stage, stage.asked(0, latest))) return;
    }
  }
}

std::string what_is_needed(std::span<const Progress> progress_of_all) {
  std::string out;
  for (const Progress& progress : progress_of_all) {
    if (progress.satisfied) continue;
    if (!out.empty()) out += "; ";
    out += progress.rule + ": " + progress.sentence;
  }
  return out;
}

std::unexpected<Error> refuse_own() {
  return fail(ErrorKind::forbidden, "approval.self",
              "nobody decides about their own request: you are its agent, its owner, or in its chain of delegation");
}

std::unexpected<Error> refuse_editor() {
  return fail(ErrorKind::forbidden, "approval.self", "whoever edited a request does not decide about it");
}

Status check_still_open(const HeldRequest& request, TimeMs now) {
  if (request.state != State::held) {
    return fail(ErrorKind::conflict, "approval.not_held",
                "request " + request.id + " is " + state_name(request.state) + ", not held");
  }
  if (now >= request.expires) {
    return fail(ErrorKind::conflict, "approval.expired",
                "request " + request.id + " expired at " + format_time(request.expires));
  }
  return {};
}

Status check_documented(const HeldRequest& request, const Rules& rules) {
  std::vector<std::string> missing = missing_documentation(request, rules);
  if (missing.empty()) return {};
  std::string list;
  for (const std::string& one : missing) list += (list.empty() ? "" : "; ") + one;
  return fail(ErrorKind::conflict, "approval.undocumented", "the agent has yet to document it: " + list);
}

std::string duration_text(TimeMs time) {
  constexpr TimeMs kSecond = 1'000;
  for (auto [unit, letter] : {std::pair{86'400 * kSecond, 'd'}, {3'600 * kSecond, 'h'}, {60 * kSecond, 'm'}}) {
    if (time >= unit && time % unit == 0) return std::to_string(time / unit) + letter;
  }
  return std::to_string(time / kSecond) + "s";
}

}  // namespace

std::optional<Approver> find_approver(const policies::Directory& directory, std::string_view name, SignedIn signed_in,
                                      const Rules& rules, std::span<const Delegation> stored) {
  const policies::User* user = directory.find_user(name);
  if (user == nullptr) return std::nullopt;
  return Approver{.name = user->name,
                  .level = user->level,
                  .teams = directory.teams_of(user->name),
                  .chain = std::move(signed_in.chain),
                  .signed_in = signed_in.at,
                  .delegators = delegators_of(directory, user->name, rules.delegations, stored)};
}

bool is_own_request(const Requester& requester, const Approver& approver) {
  if (bare_name(approver.name).empty() || asks_by_name(requester, approver.name)) return true;
  for (const std::string& token : approver.chain) {
    if (std::ranges::find(requester.chain, token) != requester.chain.end()) return true;
  }
  // An owner without a prefix may be a team's name as well.
  bool owned_by_team_of = contains_name(approver.teams, requester.owner);
  bool issuer_known = !requester.issuer.empty() && !same_name(requester.issuer, kLocalAdministrator);
  return owned_by_team_of && !issuer_known;
}

Result<std::vector<Opening>> eligibility(const HeldRequest& request, const Approver& approver, Choice choice,
                                         const Rules& rules, TimeMs now, std::string_view for_whom) {
  if (Status open = check_still_open(request, now); !open) return fail(open.error());
  if (is_own_request(request.requester, approver)) return refuse_own();
  if (same_name(request.edited_by, approver.name) || same_name(request.edited_by, for_whom)) return refuse_editor();
  Place place{approver, nullptr, now};
  if (!for_whom.empty()) {
    auto found = std::ranges::find_if(approver.delegators,
                                      [&](const Delegator& one) { return one.in_force(now) && one.name == for_whom; });
    if (found != approver.delegators.end()) place.delegator = &*found;
    if (place.delegator == nullptr) {
      return fail(ErrorKind::forbidden, "approval.not_delegated",
                  std::string(for_whom) + " does not let you vote in their place now");
    }
    const Approver absent{.name = place.delegator->name, .teams = place.delegator->teams, .chain = {}};
    if (is_own_request(request.requester, absent)) {
      return fail(ErrorKind::forbidden, "approval.self",
                  "nobody decides about their own request, and " + absent.name + " is in its chain of delegation");
    }
  }
  const std::vector<Progress> progress = progress_of(request, rules, now);
  Search search(place);
  if (choice == Choice::approve) {
    if (Status documented = check_documented(request, rules); !documented) return fail(documented.error());
    find_open_stages(progress, place, rules, search);
  } else {
    find_any_stage(request, rules, search);
  }
  if (!search.openings.empty()) return std::move(search.openings);
  return refuse(search.worst, what_is_needed(progress));
}

Status check_demands(const Demands& demands, const Approver& approver, Choice choice, std::string_view signature,
                     TimeMs now) {
  const TimeMs age = demands.max_sign_in_age;
  if (choice == Choice::approve && age > 0 && (approver.signed_in <= 0 || now - approver.signed_in > age)) {
    return fail(ErrorKind::unauthenticated, "approval.sign_in_too_old",
                "this needs somebody who signed in within the last " + duration_text(age) + ": sign in again");
  }
  if (demands.signature && signature.empty()) {
    return fail(ErrorKind::forbidden, "approval.signature_required", "this is decided with a passkey only");
  }
  return {};
}

Status check_key(const Demands& demands, Choice choice, TimeMs enrolled, TimeMs now) {
  const TimeMs age = demands.min_key_age;
  if (choice == Choice::deny || age <= 0 || (enrolled > 0 && now - enrolled >= age)) return {};
  return fail(ErrorKind::forbidden, "approval.key_too_new",
              "this takes a passkey that was added at least " + duration_text(age) +
                  " ago, so that a stolen session cannot bring its own: use another one, or let somebody else decide");
}

std::vector<std::string> may_vote_for(const HeldRequest& request, const Approver& approver, const Rules& rules,
                                      TimeMs now) {
  std::vector<std::string> names;
  for (const Delegator& one : approver.delegators) {
    if (eligibility(request, approver, Choice::approve, rules, now, one.name)) names.push_back(one.name);
  }
  return names;
}

}  // namespace countersign::approvals
