// From approved to its end, and the delivery of the result.
#include "approvals/fingerprint.h"
#include "approvals/queue_checks.h"
#include "approvals/queue_work.h"

namespace countersign::approvals {

Result<HeldRequest> Queue::begin_execution(std::string_view id, TimeMs now) {
  Result<HeldRequest> seen = get(id);
  if (!seen) return seen;
  if (seen->state == State::approved) {
    // Outside the lock: a body may have many megabytes. The bytes are read-only and ours.
    if (fingerprint(*seen) != seen->fingerprint) {
      return fail(ErrorKind::conflict, "approval.changed", "the stored request is not the one that was approved");
    }
    if (Status intact = check_frozen_body(seen->frozen); !intact) return fail(intact.error());
  }
  return transact([&](Work& work) -> Result<HeldRequest> {
    Result<HeldRequest> request = load(id);
    if (!request) return request;
    bool expired = false;
    Status done;
    if (request->state == State::approved) {
      Result<bool> late = expire_if_due(work, *request, now);
      if (!late) return fail(late.error());
      expired = *late;
    }
    if (!expired) done = move(work, *request, {State::approved, State::executing}, now);
    if (done) done = work.commit();
    if (!done) return fail(done.error());
    if (expired) return expired_error(*request);
    return request;
  });
}

Result<HeldRequest> Queue::finish(std::string_view id, Ending ending, TimeMs now) {
  return transact([&](Work& work) -> Result<HeldRequest> {
    Result<HeldRequest> request = load(id);
    if (!request) return request;
    request->reply = std::move(ending.reply);
    request->code = std::move(ending.code);
    request->reason = std::move(ending.reason);
    Status done = move(work, *request, {State::executing, ending.state}, now);
    if (done) done = work.commit();
    if (!done) return fail(done.error());
    return request;
  });
}

Result<HeldRequest> Queue::refuse_execution(std::string_view id, std::string_view code, std::string_view reason,
                                            TimeMs now) {
  return transact([&](Work& work) -> Result<HeldRequest> {
    Result<HeldRequest> request = load(id);
    if (!request) return request;
    request->code = code;
    request->reason = reason;
    request->decided_by.clear();  // no person did: the approvals are among the votes
    State end = code == "request.stale" ? State::stale : State::denied;
    Status done = move(work, *request, {State::approved, end}, now);
    if (done) done = work.commit();
    if (!done) return fail(done.error());
    return request;
  });
}

Result<HeldRequest> Queue::claim_result(std::string_view id, TimeMs now) {
  return transact([&](Work& work) { return claim_in(work, id, now); });
}

Result<HeldRequest> Queue::claim_in(Work& work, std::string_view id, TimeMs now) {
  Result<HeldRequest> request = load(id);
  if (!request) return request;
  if (!is_final(request->state)) {
    return fail(ErrorKind::conflict, "approval.not_over",
                "request " + request->id + " is " + state_name(request->state) + " and has no result yet");
  }
  bool repeats = request->state == State::denied || request->state == State::cancelled ||
                 request->state == State::withdrawn || request->state == State::superseded;
  Result<bool> first = store_.set_delivered(id, true);
  if (!first) return fail(first.error());
  bool open = repeats ? now < request->expires : *first;
  if (!open) {
    return fail(ErrorKind::conflict, "approval.delivered",
                "the result of request " + request->id + " has been delivered already");
  }
  if (Status done = work.commit(); !done) return fail(done.error());
  request->delivered = true;
  return request;
}

Status Queue::release_claim(std::string_view id) {
  return transact([&](Work& work) -> Status {
    Result<bool> exists = store_.exists(id);
    if (!exists) return fail(exists.error());
    if (!*exists) return no_such_request();
    Result<bool> released = store_.set_delivered(id, false);
    if (!released) return fail(released.error());
    return work.commit();
  });
}

}  // namespace countersign::approvals
