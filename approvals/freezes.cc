#include "approvals/freezes.h"

#include <algorithm>

#include "approvals/rules.h"

namespace countersign::approvals {
namespace {

template <class T>
bool is_in(const std::vector<T>& list, const T& value) {
  return std::ranges::find(list, value) != list.end();
}

// Whether a freeze is about such an operation, at whatever time.
bool concerns(const Freeze& freeze, const FreezeQuestion& question) {
  if (is_in(freeze.exempt_agents, std::string(question.agent))) return false;
  if (!freeze.upstreams.empty() && !is_in(freeze.upstreams, std::string(question.upstream))) return false;
  if (!freeze.effects.empty() && !is_in(freeze.effects, question.effect)) return false;
  if (freeze.environments.empty()) return true;
  return std::ranges::any_of(question.environments,
                             [&](const std::string& one) { return is_in(freeze.environments, one); });
}

std::optional<TimeMs> end_of_week_window(const Freeze::Weekly& weekly, TimeMs now) {
  const WallMinutes this_week = week_of(weekly.zone.wall(now));
  const WallMinutes length = weekly.until - weekly.from + (weekly.until <= weekly.from ? kMinutesOfWeek : 0);
  // The window that began last week may still last; clocks put back may bring the end of one into the next week.
  for (WallMinutes week : {this_week - kMinutesOfWeek, this_week, this_week + kMinutesOfWeek}) {
    const TimeMs begins = weekly.zone.first_moment(week + weekly.from);
    const TimeMs ends = weekly.zone.last_moment(week + weekly.from + length);
    if (begins <= now && now < ends) return ends;
  }
  return std::nullopt;
}

std::string sentence_of(const Freeze& freeze, TimeMs until) {
  std::string out = "changes are frozen (" + freeze.name + ") until " + format_time(until);
  if (!freeze.reason.empty()) out += ": " + freeze.reason;
  return out;
}

}  // namespace

std::optional<TimeMs> Freeze::ends(TimeMs now) const {
  if (weekly) return end_of_week_window(*weekly, now);
  if (from <= now && now < until) return until;
  return std::nullopt;
}

FreezeVerdict frozen(const Rules& rules, const FreezeQuestion& question, TimeMs now) {
  using Kind = FreezeVerdict::Kind;
  FreezeVerdict verdict;
  verdict.kind = Kind::none;
  if (!is_change(question.effect)) return verdict;
  for (const Freeze& freeze : rules.freezes) {
    if (!concerns(freeze, question)) continue;
    const std::optional<TimeMs> until = freeze.ends(now);
    if (!until) continue;
    const Kind kind = freeze.rule.empty() ? Kind::deny : Kind::hold;
    if (kind > verdict.kind) {
      verdict.kind = kind;
      verdict.name = freeze.name;
      verdict.sentence = sentence_of(freeze, *until);
      verdict.until = *until;
    }
    if (!freeze.rule.empty() && !is_in(verdict.rules, freeze.rule)) verdict.rules.push_back(freeze.rule);
  }
  if (verdict.kind == Kind::deny) verdict.rules.clear();
  std::ranges::sort(verdict.rules);
  return verdict;
}

}  // namespace countersign::approvals
