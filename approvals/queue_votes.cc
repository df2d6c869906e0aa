// What people and the agent say about a held request: votes, documentation, and taking it back.
#include <algorithm>

#include "approvals/documentation.h"
#include "approvals/fingerprint.h"
#include "approvals/queue_checks.h"
#include "approvals/queue_work.h"

namespace countersign::approvals {
namespace {

Vote vote_of(const Ballot& ballot, Opening opening, TimeMs now) {
  bool approves = ballot.choice == Choice::approve;
  return {.rule = std::move(opening.rule),
          .stage = std::move(opening.stage),
          .group = std::move(opening.group),
          .by = ballot.approver.name,
          .level = std::move(opening.level),
          .approves = approves,
          .reason = ballot.reason,
          .at = now,
          .for_whom = ballot.for_whom,
          .signature = ballot.signature,
          .viewed_ms = ballot.viewed_ms,
          .grant = approves ? ballot.grant : std::string()};
}

}  // namespace

Result<HeldRequest> Queue::vote(std::string_view id, const Ballot& ballot, const Rules& rules, TimeMs now) {
  if (Status fits = check_ballot(ballot); !fits) return fail(fits.error());
  return transact([&](Work& work) { return vote_in(work, id, ballot, rules, now); });
}

Result<HeldRequest> Queue::vote_in(Work& work, std::string_view id, const Ballot& ballot, const Rules& rules,
                                   TimeMs now) {
  Result<HeldRequest> request = load_waiting(work, id, now);
  if (!request) return request;
  if (!ballot.fingerprint.empty() && ballot.fingerprint != request->fingerprint) return not_what_you_saw();
  Status done = cast(work, *request, ballot, rules, now);
  if (done) done = work.commit();
  if (!done) return fail(done.error());
  return request;
}

Status Queue::cast(Work& work, HeldRequest& request, const Ballot& ballot, const Rules& rules, TimeMs now) {
  bool approves = ballot.choice == Choice::approve;
  Result<std::vector<Opening>> openings =
      eligibility(request, ballot.approver, ballot.choice, rules, now, ballot.for_whom);
  if (!openings) return fail(openings.error());
  const Demands demands = demands_of(request.rules, rules);
  Status brings = check_demands(demands, ballot.approver, ballot.choice, ballot.signature, now);
  if (brings) brings = check_key(demands, ballot.choice, ballot.key_enrolled, now);
  if (!brings) return fail(brings.error());
  if (approves && !ballot.grant.empty()) {
    Result<std::optional<Grant>> proposal = store_.load_proposal(request.id, ballot.grant);
    if (!proposal) return fail(proposal.error());
    if (!*proposal || (*proposal)->revoked != 0) return no_such_grant();
  }
  for (Opening& opening : *openings) {
    Vote vote = vote_of(ballot, std::move(opening), now);
    if (Status added = store_.add_vote(request, vote); !added) return added;
    request.votes.push_back(std::move(vote));
  }
  if (!approves) {
    request.code = "approval.denied";
    request.reason = ballot.reason;
  }
  bool decided = !approves || all_satisfied(progress_of(request, rules, now));
  if (!decided) {
    work.tell(Change::Kind::vote, request);
    return {};
  }
  request.decided_by = ballot.approver.name;
  Status moved = move(work, request, {State::held, approves ? State::approved : State::denied}, now);
  if (moved && approves) moved = activate_grant(work, request, rules, now);
  return moved;
}

// What people have voted on stays as they read it; so does what is complete.
Result<HeldRequest> Queue::document(std::string_view id, std::string_view json, const Rules& rules, TimeMs now) {
  Result<std::string> canonical = canonical_documentation(json);
  if (!canonical) return fail(canonical.error());
  return transact([&](Work& work) -> Result<HeldRequest> {
    Result<HeldRequest> request = load_waiting(work, id, now);
    if (!request) return request;
    if (request->state != State::held) {
      return fail(ErrorKind::conflict, "approval.not_held",
                  "request " + request->id + " is " + state_name(request->state) + ", not held");
    }
    bool complete = !request->documentation.empty() &&
                    missing_documentation(rules, request->rules, request->documentation, request->documented).empty();
    if (complete || !request->votes.empty()) {
      return fail(ErrorKind::conflict, "approval.documented",
                  "the documentation of request " + request->id + " is what approvers are shown, and stays as it is");
    }
    if (Status fresh = check_references(rules, request->rules, *canonical, now); !fresh) return fail(fresh.error());
    request->documentation = *canonical;
    request->documented = now;
    if (Status set = store_.set_documentation(*request); !set) return fail(set.error());
    work.tell(Change::Kind::documented, *request);
    if (Status done = work.commit(); !done) return fail(done.error());
    return request;
  });
}

Result<HeldRequest> Queue::cancel(std::string_view id, std::string_view by, std::string_view reason, TimeMs now) {
  if (by.empty()) return supersede(id, reason, now);
  return end(id, {State::cancelled, "approval.cancelled", by, reason}, nullptr, now);
}

Result<HeldRequest> Queue::supersede(std::string_view id, std::string_view reason, TimeMs now) {
  return end(id, {State::superseded, "approval.superseded", "", reason}, nullptr, now);
}

Result<HeldRequest> Queue::withdraw(std::string_view id, const Requester& requester, std::string_view reason,
                                    TimeMs now) {
  return end(id, {State::withdrawn, "approval.withdrawn", "", reason}, &requester, now);
}

Result<HeldRequest> Queue::end(std::string_view id, const Exit& exit, const Requester* requester, TimeMs now) {
  if (Status fits = check_reason(exit.reason); !fits) return fail(fits.error());
  return transact([&](Work& work) -> Result<HeldRequest> {
    Result<HeldRequest> request = load(id);
    if (!request) return request;
    if (requester != nullptr && !same_lineage(*requester, request->requester)) return no_such_request();
    request->code = exit.code;
    request->reason = exit.reason;
    request->decided_by = exit.by;
    Status done = move(work, *request, {request->state, exit.to}, now);
    if (done) done = work.commit();
    if (!done) return fail(done.error());
    return request;
  });
}

}  // namespace countersign::approvals
