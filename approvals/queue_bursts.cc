// Bursts: votes on a list, and telling people when one is complete.
#include <algorithm>
#include <map>
#include <set>

#include "approvals/queue_checks.h"
#include "approvals/queue_work.h"

namespace countersign::approvals {
namespace {

std::unexpected<Error> no_such_burst() {
  return fail(ErrorKind::not_found, "burst.unknown", "no burst of requests has this id");
}

std::unexpected<Error> named(const HeldRequest& request, std::unexpected<Error> refusal) {
  refusal.error().message = request.id + ": " + refusal.error().message;
  return refusal;
}

}  // namespace

// All that is needed to refuse is looked at before anything is written; whatever refuses afterwards rolls back.
Result<BurstVote> Queue::vote_burst(std::string_view burst, std::span<const Seen> seen, const Ballot& ballot,
                                    const Rules& rules, TimeMs now) {
  if (Status fits = check_ballot(ballot); !fits) return fail(fits.error());
  return transact([&](Work& work) { return vote_burst_in(work, burst, seen, ballot, rules, now); });
}

Result<BurstVote> Queue::vote_burst_in(Work& work, std::string_view burst, std::span<const Seen> seen,
                                       const Ballot& ballot, const Rules& rules, TimeMs now) {
  std::map<std::string_view, std::string_view> wanted;
  for (const Seen& one : seen) wanted.emplace(one.id, one.fingerprint);
  if (wanted.empty() || wanted.size() != seen.size()) {
    return fail(ErrorKind::invalid, "approval.incomplete", "the requests that are decided are listed, each once");
  }
  Result<std::vector<std::string>> members = store_.ids_of_burst(burst);
  if (!members) return fail(members.error());
  if (members->empty()) return no_such_burst();
  std::vector<HeldRequest> listed;
  for (const std::string& id : *members) {
    auto found = wanted.find(id);
    if (found == wanted.end()) continue;
    Result<HeldRequest> request = load(id);
    if (!request) return fail(request.error());
    if (request->fingerprint != found->second) return named(*request, not_what_you_saw());
    listed.push_back(std::move(*request));
    wanted.erase(found);
  }
  if (!wanted.empty()) {
    return fail(ErrorKind::conflict, "approval.changed",
                "request " + std::string(wanted.begin()->first) + " does not belong to " + std::string(burst));
  }
  Ballot each = ballot;
  each.grant.clear();
  BurstVote out;
  for (HeldRequest& request : listed) {
    Result<bool> expired = expire_if_due(work, request, now);
    if (!expired) return fail(expired.error());
    if (request.state != State::held) {
      out.not_held.push_back(std::move(request));
      continue;
    }
    if (Status voted = cast(work, request, each, rules, now); !voted)
      return named(request, std::unexpected(voted.error()));
    out.voted.push_back(std::move(request));
  }
  if (Status done = work.commit(); !done) return fail(done.error());
  return out;
}

Result<std::vector<HeldRequest>> Queue::burst(std::string_view burst) {
  std::lock_guard lock(mutex_);
  Result<std::vector<HeldRequest>> members = store_.list({.burst = std::string(burst), .limit = 1'000});
  if (!members) return members;
  if (members->empty() || burst.empty()) return no_such_burst();
  std::ranges::reverse(*members);
  return members;
}

Result<std::vector<BurstPart>> Queue::count_burst(std::string_view burst) {
  std::lock_guard lock(mutex_);
  return store_.count_burst(burst);
}

// After a restart nobody knows which bursts were told but the events: none of them can be joined any more.
Status Queue::fill_bursts(const std::set<std::string>& joined) {
  if (joined.empty()) return {};
  Result<std::vector<std::string>> told = store_.about_in_events(kBurstEvent);
  if (!told) return fail(told.error());
  const std::set<std::string> known(told->begin(), told->end());
  for (const std::string& burst : joined) {
    if (!known.contains(first_of_burst(burst))) bursts_.tell_later(burst);
  }
  return {};
}

Status Queue::tell_bursts(TimeMs now) {
  {
    std::lock_guard lock(mutex_);
    if (bursts_.to_tell(now).empty()) return {};
  }
  return transact([&](Work& work) -> Status {
    std::vector<std::string> due = bursts_.to_tell(now);
    if (due.empty()) return {};
    for (const std::string& burst : due) {
      Result<std::vector<BurstPart>> parts = store_.count_burst(burst);
      if (!parts) return fail(parts.error());
      Result<HeldRequest> first = load(first_of_burst(burst));
      if (!first) return fail(first.error());
      std::size_t held = 0;
      for (const BurstPart& part : *parts) held += part.state == State::held ? part.count : 0;
      if (first->state == State::held) --held;  // of that one people were told when it was held
      if (held == 0) continue;
      work.tell(Change::Kind::burst, *first);
    }
    if (Status done = work.commit(); !done) return done;
    for (const std::string& burst : due) bursts_.told(burst);
    return {};
  });
}

}  // namespace countersign::approvals
