// What time does to requests: expiry, reminders, the next start, and the end of the retention.
#include <algorithm>
#include <iterator>
#include <span>

#include "approvals/queue_work.h"

namespace countersign::approvals {
namespace {

constexpr TimeMs kEventsKept = 7LL * 86'400'000;

}  // namespace

Result<std::vector<StoredEvent>> Queue::events_after(std::int64_t number, std::size_t limit) {
  std::lock_guard lock(mutex_);
  return store_.events_after(number, limit);
}

Result<std::int64_t> Queue::last_event() {
  std::lock_guard lock(mutex_);
  return store_.last_event();
}

Status Queue::note(std::string_view event, std::string_view about) {
  std::lock_guard lock(mutex_);
  return store_.add_event(event, about);
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
  {
    std::lock_guard lock(mutex_);
    if (Status forgotten = store_.forget_events(now - kEventsKept); !forgotten) return fail(forgotten.error());
  }
  std::size_t count = 0;
  for (;;) {
    Result<std::vector<std::string>> batch = transact([&](Work& work) -> Result<std::vector<std::string>> {
      Result<std::vector<std::string>> ids = store_.over_before(now - options_.retention, kBatch);
      if (!ids || ids->empty()) return ids;
      std::vector<HeldRequest> purged;
      for (const std::string& id : *ids) {
        Result<HeldRequest> request = load(id);
        if (!request) return fail(request.error());
        if (Status done = store_.set_purged(id); !done) return fail(done.error());
        bodies_.remove(id);
        purged.push_back(std::move(*request));
      }
      if (Status done = work.commit(); !done) return fail(done.error());
      for (const HeldRequest& request : purged) {
        if (request.frozen.body_size > 0) usage_.removed(request.requester.agent, request.frozen.body_size);
      }
      return ids;
    });
    if (!batch) return fail(batch.error());
    count += batch->size();
    if (batch->size() < kBatch) return count;
  }
}

Result<std::vector<HeldRequest>> Queue::upkeep(TimeMs now, const Rules& rules) {
  if (Status told = tell_bursts(now); !told) return fail(told.error());
  std::vector<HeldRequest> reminded;
  std::vector<std::string> ids = inbox_.to_remind(rules, now);
  for (std::size_t first = 0; first < ids.size(); first += kBatch) {
    std::span batch = std::span(ids).subspan(first, std::min(kBatch, ids.size() - first));
    Result<std::vector<HeldRequest>> told = transact([&](Work& work) -> Result<std::vector<HeldRequest>> {
      std::vector<HeldRequest> due;
      for (const std::string& id : batch) {
        Result<HeldRequest> request = load(id);
        if (!request) return fail(request.error());
        std::vector<Reminder> reminders =
            due_reminders(*request, rules, static_cast<std::size_t>(request->reminded), now);
        if (reminders.empty()) continue;
        request->reminded = static_cast<int>(reminders.back().number);
        if (Status set = store_.set_reminded(id, request->reminded); !set) return fail(set.error());
        work.tell(Change::Kind::reminded, *request);
        due.push_back(std::move(*request));
      }
      if (Status done = work.commit(); !done) return fail(done.error());
      return due;
    });
    if (!told) return told;
    std::ranges::move(*told, std::back_inserter(reminded));
  }
  return reminded;
}

}  // namespace countersign::approvals
