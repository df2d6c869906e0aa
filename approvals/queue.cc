#include "approvals/queue.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <type_traits>
#include <utility>

#include "approvals/fingerprint.h"
#include "core/id.h"

namespace countersign::approvals {
namespace {

constexpr std::size_t kMostFieldBytes = 1U << 20;
constexpr std::size_t kMostListItems = 10'000;
constexpr std::size_t kMostReasonBytes = 4'000;
constexpr std::size_t kBatch = 200;
constexpr std::size_t kAll = 1'000'000;

std::unexpected<Error> no_such_request() {
  return fail(ErrorKind::not_found, "request.unknown", "no request has this id");
}

std::unexpected<Error> expired_error(const HeldRequest& request) {
  return fail(ErrorKind::conflict, "approval.expired",
              "request " + request.id + " expired at " + format_time(request.expires));
}

Status check_complete(const HeldRequest& draft, TimeMs now) {
  auto incomplete = [](std::string what) { return fail(ErrorKind::invalid, "approval.incomplete", std::move(what)); };
  if (draft.rules.empty()) return incomplete("a request without approval rules could never be approved");
  if (draft.frozen.identity.empty()) return incomplete("the request has no identity to know a retry by");
  if (draft.requester.agent.empty()) return incomplete("the request has no agent");
  if (draft.requester.chain.empty() || draft.requester.chain.front().empty()) {
    return incomplete("the request has no root token");
  }
  if (draft.expires <= now) return incomplete("the request's expiry is not ahead");
  if (draft.frozen.body_file.empty() && draft.frozen.body_size > 0) return incomplete("the request's body is missing");
  return {};
}

Status check_size(const HeldRequest& draft) {
  const Requester& from = draft.requester;
  const Frozen& frozen = draft.frozen;
  auto too_large = [] {
    return fail(ErrorKind::too_large, "approval.too_large", "the request is too large to be held for approval");
  };
  for (const std::string* text :
       {&from.agent, &from.owner, &from.issuer, &from.scope, &draft.action, &draft.effect, &draft.environment,
        &draft.summary, &draft.input, &frozen.protocol, &frozen.upstream, &frozen.head, &frozen.body_sha256,
        &frozen.identity, &frozen.preconditions, &draft.policy_digest, &draft.operation}) {
    if (text->size() > kMostFieldBytes) return too_large();
  }
  for (const std::vector<std::string>* list :
       {&from.delegates, &from.chain, &draft.resources, &draft.policies, &draft.rules}) {
    std::size_t bytes = 0;
    for (const std::string& item : *list) bytes += item.size();
    if (list->size() > kMostListItems || bytes > kMostFieldBytes) return too_large();
  }
  return {};
}

Status check_frozen_body(const Frozen& frozen) {
  if (frozen.body_file.empty()) return {};
  return check_body(frozen.body_file, frozen.body_sha256, frozen.body_size);
}

}  // namespace

struct Queue::Work {
  sql::Transaction transaction;
  std::vector<Change> changes;
  bool committed = false;

  void tell(std::optional<State> from, const HeldRequest& request) {
    changes.push_back({from, request.state, request});
  }
  Status commit() {
    Status done = transaction.commit();
    committed = done.has_value();
    return done;
  }
};

template <class Body>
auto Queue::transact(Body&& body) {
  using Answer = std::invoke_result_t<Body, Work&>;
  std::vector<Change> changes;
  auto locked = [&]() -> Answer {
    std::lock_guard lock(mutex_);
    Result<sql::Transaction> transaction = store_.begin();
    if (!transaction) return fail(transaction.error());
    Work work{std::move(*transaction), {}};
    Answer answer = body(work);
    if (work.committed) changes = std::move(work.changes);
    return answer;
  };
  Answer answer = locked();
  for (const Change& change : changes) {
    for (const Observer& observer : observers_) observer(change);
  }
  return answer;
}

Result<std::unique_ptr<Queue>> Queue::open(const std::filesystem::path& file, const std::filesystem::path& bodies,
                                           const Options& options) {
  Result<BodyFiles> files = BodyFiles::open(bodies);
  if (!files) return fail(files.error());
  Result<Store> store = Store::open(file, options.store, *files);
  if (!store) return fail(store.error());
  return std::unique_ptr<Queue>(new Queue(std::move(*store), std::move(*files), options));
}

Result<HeldRequest> Queue::load(std::string_view id) {
  Result<std::optional<HeldRequest>> found = store_.load(id);
  if (!found) return fail(found.error());
  if (!*found) return no_such_request();
  return std::move(**found);
}

// The only place where a state changes: the machine's arrows are checked here, the request must be where the caller's
// step begins, and the row must still be where it was read.
Status Queue::move(Work& work, HeldRequest& request, Step step, TimeMs now) {
  if (request.state != step.from || !may_move(step.from, step.to)) {
    return fail(
        ErrorKind::conflict, "approval.state",
        "request " + request.id + " is " + state_name(request.state) + " and cannot become " + state_name(step.to));
  }
  if (step.from == State::held) request.decided = now;
  if (step.from == State::executing) request.finished = now;
  request.state = step.to;
  Result<bool> updated = store_.update(request, step.from);
  if (!updated) return fail(updated.error());
  if (!*updated) return fail(ErrorKind::conflict, "approval.state", "request " + request.id + " has moved on");
  work.tell(step.from, request);
  return {};
}

Result<bool> Queue::expire_if_due(Work& work, HeldRequest& request, TimeMs now) {
  bool waits = request.state == State::held || request.state == State::approved;
  if (!waits || now < request.expires) return false;
  request.code = "approval.expired";
  request.reason = request.state == State::held ? "nobody decided in time" : "approved, but not run in time";
  request.decided_by.clear();
  if (Status moved = move(work, request, {request.state, State::expired}, now); !moved) return fail(moved.error());
  return true;
}

Result<Holding> Queue::hold(HeldRequest draft, TimeMs now) {
  if (Status complete = check_complete(draft, now); !complete) return fail(complete.error());
  if (Status fits = check_size(draft); !fits) return fail(fits.error());
  if (Status intact = check_frozen_body(draft.frozen); !intact) return fail(intact.error());
  draft.state = State::held;
  draft.created = now;
  draft.decided = 0;
  draft.finished = 0;
  draft.votes.clear();
  draft.decided_by.clear();
  draft.reason.clear();
  draft.code.clear();
  draft.reply.reset();
  draft.delivered = false;
  draft.fingerprint = fingerprint(draft);
  draft.retry_key = retry_key(draft.frozen, draft.requester);
  return transact([&](Work& work) { return hold_in(work, draft, now); });
}

Result<Holding> Queue::hold_in(Work& work, HeldRequest& draft, TimeMs now) {
  Result<std::optional<HeldRequest>> existing = store_.load_for_retry(draft.retry_key, now);
  if (!existing) return fail(existing.error());
  if (*existing) {
    Result<bool> expired = expire_if_due(work, **existing, now);
    if (!expired) return fail(expired.error());
    if (Status done = work.commit(); !done) return fail(done.error());
    return Holding{Holding::How::joined, std::move(**existing)};
  }
  if (Status room = check_room(draft.requester.agent); !room) return fail(room.error());
  Result<std::string> id = fresh_id(now);
  if (!id) return fail(id.error());
  draft.id = std::move(*id);

  // The body first: a row never names bytes that are not durable. One left over by a crash in between is removed by
  // recover().
  std::filesystem::path spooled = draft.frozen.body_file;
  if (!spooled.empty()) {
    if (Status kept = bodies_.keep(draft.id, spooled); !kept) return fail(kept.error());
    draft.frozen.body_file = bodies_.path_of(draft.id);
  }
  Status done = store_.insert(draft);
  if (done) {
    work.tell(std::nullopt, draft);
    done = work.commit();
  }
  if (!done) {
    if (!spooled.empty()) bodies_.give_back(draft.id, spooled);
    return fail(done.error());
  }
  if (!spooled.empty()) ::unlink(spooled.c_str());
  return Holding{Holding::How::held, draft};
}

// An id has 50 random bits; that makes a second use unlikely, and this makes it impossible.
Result<std::string> Queue::fresh_id(TimeMs now) {
  for (;;) {
    std::string id = new_short_id("req_", now);
    Result<bool> taken = store_.exists(id);
    if (!taken) return fail(taken.error());
    if (!*taken) return id;
  }
}

Status Queue::check_room(const std::string& agent) {
  Result<std::size_t> of_agent = store_.count_open(agent);
  if (!of_agent) return fail(of_agent.error());
  Result<std::size_t> of_all = store_.count_open("");
  if (!of_all) return fail(of_all.error());
  if (*of_agent >= options_.max_open_of_agent || *of_all >= options_.max_open) {
    return fail(ErrorKind::unavailable, "approval.too_many",
                std::to_string(*of_agent) + " requests of this agent are open already; no more can be held");
  }
  // Bodies outlive their requests (retention), so the disk is bounded by bytes kept, not by requests open.
  Result<std::uint64_t> bytes_of_agent = store_.kept_bytes(agent);
  if (!bytes_of_agent) return fail(bytes_of_agent.error());
  Result<std::uint64_t> bytes_of_all = store_.kept_bytes("");
  if (!bytes_of_all) return fail(bytes_of_all.error());
  if (*bytes_of_agent >= options_.max_bytes_of_agent || *bytes_of_all >= options_.max_bytes) {
    return fail(ErrorKind::unavailable, "approval.too_many",
                "the stored requests of this agent take up all the space they may; no more can be held");
  }
  return {};
}

Result<std::optional<HeldRequest>> Queue::find_by_retry(std::string_view key, TimeMs now) {
  return transact([&](Work& work) -> Result<std::optional<HeldRequest>> {
    Result<std::optional<HeldRequest>> found = store_.load_for_retry(key, now);
    if (!found || !*found) return found;
    Result<bool> expired = expire_if_due(work, **found, now);
    if (!expired) return fail(expired.error());
    if (*expired) {
      if (Status done = work.commit(); !done) return fail(done.error());
    }
    return found;
  });
}

Result<HeldRequest> Queue::vote(std::string_view id, const Ballot& ballot, const Rules& rules, TimeMs now) {
  if (ballot.reason.size() > kMostReasonBytes) {
    return fail(ErrorKind::invalid, "approval.reason_too_long", "a reason has at most 4000 bytes");
  }
  return transact([&](Work& work) { return vote_in(work, id, ballot, rules, now); });
}

Result<HeldRequest> Queue::vote_in(Work& work, std::string_view id, const Ballot& ballot, const Rules& rules,
                                   TimeMs now) {
  Result<HeldRequest> request = load(id);
  if (!request) return request;
  if (request->state == State::held) {
    Result<bool> expired = expire_if_due(work, *request, now);
    if (!expired) return fail(expired.error());
    if (*expired) {
      if (Status done = work.commit(); !done) return fail(done.error());
      return expired_error(*request);
    }
  }
  Result<std::vector<Opening>> openings = eligibility(*request, ballot.approver, ballot.choice, rules, now);
  if (!openings) return fail(openings.error());
  bool approves = ballot.choice == Choice::approve;
  for (const Opening& opening : *openings) {
    Vote vote{.rule = opening.rule,
              .stage = opening.stage,
              .group = opening.group,
              .by = ballot.approver.name,
              .level = std::string(level_name(ballot.approver.level)),
              .approves = approves,
              .reason = ballot.reason,
              .at = now};
    if (Status added = store_.add_vote(*request, vote); !added) return fail(added.error());
    request->votes.push_back(std::move(vote));
  }
  if (!approves) {
    request->code = "approval.denied";
    request->reason = ballot.reason;
  }
  bool decided = !approves || all_satisfied(progress_of(*request, rules));
  if (decided) {
    request->decided_by = ballot.approver.name;
    Status moved = move(work, *request, {State::held, approves ? State::approved : State::denied}, now);
    if (!moved) return fail(moved.error());
  } else {
    work.tell(State::held, *request);
  }
  if (Status done = work.commit(); !done) return fail(done.error());
  return request;
}

Result<HeldRequest> Queue::cancel(std::string_view id, std::string_view by, std::string_view reason, TimeMs now) {
  if (reason.size() > kMostReasonBytes) {
    return fail(ErrorKind::invalid, "approval.reason_too_long", "a reason has at most 4000 bytes");
  }
  return transact([&](Work& work) -> Result<HeldRequest> {
    Result<HeldRequest> request = load(id);
    if (!request) return request;
    request->code = by.empty() ? "approval.superseded" : "approval.cancelled";
    request->reason = reason;
    request->decided_by = by;
    Status done = move(work, *request, {State::held, State::cancelled}, now);
    if (done) done = work.commit();
    if (!done) return fail(done.error());
    return request;
  });
}

Result<std::vector<std::string>> Queue::expire_due(TimeMs now) {
  std::vector<std::string> all;
  for (;;) {
    Result<std::vector<std::string>> batch = transact([&](Work& work) -> Result<std::vector<std::string>> {
      Result<std::vector<std::string>> ids = store_.due(now, kBatch);
      if (!ids || ids->empty()) return ids;
      for (const std::string& id : *ids) {
        Result<HeldRequest> request = load(id);
        if (!request) return fail(request.error());
        if (Result<bool> expired = expire_if_due(work, *request, now); !expired) return fail(expired.error());
      }
      if (Status done = work.commit(); !done) return fail(done.error());
      return ids;
    });
    if (!batch) return batch;
    all.insert(all.end(), batch->begin(), batch->end());
    if (batch->size() < kBatch) return all;
  }
}

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
    Status done = move(work, *request, {State::approved, State::denied}, now);
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
  bool repeats = request->state == State::denied || request->state == State::cancelled;
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

Result<HeldRequest> Queue::get(std::string_view id) {
  std::lock_guard lock(mutex_);
  return load(id);
}

Result<std::vector<HeldRequest>> Queue::list(const Filter& filter) {
  std::lock_guard lock(mutex_);
  return store_.list(filter);
}

Result<std::vector<HeldRequest>> Queue::waiting_for(const Approver& approver, const Rules& rules, TimeMs now,
                                                    std::size_t limit) {
  std::lock_guard lock(mutex_);
  Result<std::vector<std::string>> ids = store_.in_state(State::held, kAll);
  if (!ids) return fail(ids.error());
  std::vector<HeldRequest> waiting;
  for (const std::string& id : *ids) {
    if (waiting.size() >= limit) break;
    Result<HeldRequest> request = load(id);
    if (!request) return fail(request.error());
    if (eligibility(*request, approver, Choice::approve, rules, now)) waiting.push_back(std::move(*request));
  }
  return waiting;
}

Result<std::vector<std::string>> Queue::end_batch(Work& work, const std::vector<std::string>& ids, const Ending& ending,
                                                  TimeMs now) {
  for (const std::string& id : ids) {
    Result<HeldRequest> request = load(id);
    if (!request) return fail(request.error());
    request->code = ending.code;
    request->reason = ending.reason;
    if (Status moved = move(work, *request, {State::executing, ending.state}, now); !moved) return fail(moved.error());
  }
  if (Status done = work.commit(); !done) return fail(done.error());
  return ids;
}

Result<Recovered> Queue::recover(TimeMs now) {
  const Ending interrupted{
      .state = State::unknown,
      .reply = std::nullopt,
      .code = "approval.interrupted",
      .reason = "the proxy stopped while this was running: it may or may not have taken effect, and is not run again"};
  Recovered recovered;
  Result<std::vector<std::string>> executing = transact([&](Work& work) -> Result<std::vector<std::string>> {
    Result<std::vector<std::string>> ids = store_.in_state(State::executing, kAll);
    if (!ids || ids->empty()) return ids;
    return end_batch(work, *ids, interrupted, now);
  });
  if (!executing) return fail(executing.error());
  recovered.interrupted = std::move(*executing);

  std::lock_guard lock(mutex_);
  Result<std::vector<std::string>> approved = store_.in_state(State::approved, kAll);
  if (!approved) return fail(approved.error());
  recovered.approved = std::move(*approved);
  Status read;
  Status removed = bodies_.remove_unknown([&](std::string_view id) {
    Result<bool> exists = store_.exists(id);
    if (!exists) read = fail(exists.error());
    return !exists || *exists;
  });
  if (removed && !read) removed = read;
  if (!removed) return fail(removed.error());
  return recovered;
}

Result<std::size_t> Queue::purge(TimeMs now) {
  std::size_t count = 0;
  for (;;) {
    Result<std::vector<std::string>> batch = transact([&](Work& work) -> Result<std::vector<std::string>> {
      Result<std::vector<std::string>> ids = store_.over_before(now - options_.retention, kBatch);
      if (!ids || ids->empty()) return ids;
      for (const std::string& id : *ids) {
        if (Status purged = store_.set_purged(id); !purged) return fail(purged.error());
        bodies_.remove(id);
      }
      if (Status done = work.commit(); !done) return fail(done.error());
      return ids;
    });
    if (!batch) return fail(batch.error());
    count += batch->size();
    if (batch->size() < kBatch) return count;
  }
}

}  // namespace countersign::approvals
