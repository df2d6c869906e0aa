// /api/v1/overview: how the gateway, the queue and the approvers are doing.
#include <algorithm>
#include <map>

#include "console/api.h"

namespace countersign::console {
namespace {

constexpr TimeMs kDay = 24 * Statistics::kHour;
constexpr TimeMs kPatience = 2'000;
constexpr std::size_t kMostRequests = 500'000;

// The value below which `percent` of them lie; null for none. Sorts its argument.
Json percentile(std::vector<TimeMs>& values, unsigned percent) {
  if (values.empty()) return {};
  std::ranges::sort(values);
  return values[(values.size() - 1) * percent / 100];
}

// Decisions in steps that make a readable chart.
Json decisions_json(const Statistics& statistics, TimeMs since, TimeMs now, TimeMs step) {
  Json out = Json::array();
  auto hours = statistics.decisions(since);
  for (TimeMs at = since - since % step; at <= now; at += step) {
    DecisionCounts sum;
    for (auto hour = hours.lower_bound(at); hour != hours.end() && hour->first < at + step; ++hour) {
      sum.allow += hour->second.allow;
      sum.hold += hour->second.hold;
      sum.deny += hour->second.deny;
    }
    out.push_back({{"at", format_time(at)}, {"allow", sum.allow}, {"hold", sum.hold}, {"deny", sum.deny}});
  }
  return out;
}

Json approvers_json(const Statistics& statistics, TimeMs since) {
  struct Approver {
    std::uint64_t approved = 0;
    std::uint64_t denied = 0;
    std::uint64_t unread = 0;
    std::vector<TimeMs> waited;
  };
  std::map<std::string, Approver> approvers;
  for (const CountedVote& vote : statistics.votes(since)) {
    Approver& approver = approvers[vote.by];
    ++(vote.approves ? approver.approved : approver.denied);
    if (vote.unread) ++approver.unread;
    if (vote.waited >= 0) approver.waited.push_back(vote.waited);
  }
  Json out = Json::array();
  for (auto& [name, approver] : approvers) {
    out.push_back({{"name", name},
                   {"approved", approver.approved},
                   {"denied", approver.denied},
                   {"median_ms", percentile(approver.waited, 50)},
                   {"unread", approver.unread}});
  }
  return out;
}

// What came of the requests of a time.
struct Outcomes {
  std::uint64_t held = 0;
  std::uint64_t approved = 0;
  std::uint64_t denied = 0;
  std::uint64_t expired = 0;
  std::vector<TimeMs> decided_after;

  void count(const approvals::Outcome& request) {
    using approvals::State;
    ++held;
    if (request.state == State::expired) ++expired;
    if (request.state == State::denied) ++denied;
    const bool let_through = request.state == State::approved || request.state == State::executing ||
                             request.state == State::done || request.state == State::failed ||
                             request.state == State::unknown || request.state == State::stale;
    if (let_through) ++approved;
    if ((let_through || request.state == State::denied) && request.by_someone && request.decided > 0)
      decided_after.push_back(request.decided - request.created);
  }
  void add(const Outcomes& other) {
    held += other.held;
    approved += other.approved;
    denied += other.denied;
    expired += other.expired;
    decided_after.insert(decided_after.end(), other.decided_after.begin(), other.decided_after.end());
  }
};

// Requests of several rules count for each of them.
Result<std::map<std::string, Outcomes>> split_by_rule(const std::map<std::string, Outcomes>& by_rules) {
  std::map<std::string, Outcomes> out;
  for (const auto& [list, outcomes] : by_rules) {
    auto rules = parse_json(list);
    if (!rules) return fail(rules.error());
    for (const Json& rule : *rules) {
      if (const auto* name = rule.get_ptr<const std::string*>()) out[*name].add(outcomes);
    }
  }
  return out;
}

}  // namespace

Result<Answer> AdminApi::show_overview(const Call& call) {
  if (auto known = only_parameters(call, {"days"}); !known) return fail(known.error());
  auto days = number_in(call, "days", 7, 1, 30);
  if (!days) return fail(days.error());
  if (auto read = statistics_.catch_up(kPatience); !read) return fail(read.error());
  const TimeMs now = services_.clock.now();
  const TimeMs since = now - static_cast<TimeMs>(*days) * kDay;
  const TimeMs step = *days <= 2 ? Statistics::kHour : *days <= 10 ? 6 * Statistics::kHour : kDay;

  std::map<std::string, Outcomes> by_rules;
  auto counted = services_.queue.each_outcome(
      since, kMostRequests, [&](const approvals::Outcome& request) { by_rules[request.rules].count(request); });
  if (!counted) return fail(counted.error());
  Outcomes all;
  for (const auto& [list, outcomes] : by_rules) all.add(outcomes);
  auto by_rule = split_by_rule(by_rules);
  if (!by_rule) return fail(by_rule.error());
  Json rules = Json::array();
  for (auto& [name, outcomes] : *by_rule) {
    rules.push_back({{"name", name},
                     {"held", outcomes.held},
                     {"approved", outcomes.approved},
                     {"denied", outcomes.denied},
                     {"expired", outcomes.expired},
                     {"p50_ms", percentile(outcomes.decided_after, 50)},
                     {"p95_ms", percentile(outcomes.decided_after, 95)}});
  }
  auto counted_since = statistics_.complete_since();
  const bool complete = *counted < kMostRequests && counted_since && *counted_since <= since;
  const approvals::Inbox::Held held = services_.queue.held();
  return json_answer({{"since", format_time(since)},
                      {"until", format_time(now)},
                      {"complete", complete},
                      {"counted_since", counted_since ? Json(format_time(*counted_since)) : Json()},
                      {"step_ms", step},
                      {"decisions", decisions_json(statistics_, since, now, step)},
                      {"held", {{"now", held.count}, {"oldest_ms", held.oldest ? Json(now - *held.oldest) : Json()}}},
                      {"time_to_decision",
                       {{"p50_ms", percentile(all.decided_after, 50)}, {"p95_ms", percentile(all.decided_after, 95)}}},
                      {"approvers", approvers_json(statistics_, since)},
                      {"rules", std::move(rules)},
                      {"expired", all.expired}});
}

}  // namespace countersign::console
