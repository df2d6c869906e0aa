// The queue of held requests: the state machine of approvals/request.h, durable.
//
// Every function that changes something has made it durable (SQLite, synchronous=FULL) when it returns without error;
// with an error, nothing has changed, except where a function says otherwise. The functions block on the disk: callers
// run them off their I/O threads. Any thread; one mutex orders all of them, so each is atomic: of many who try the same
// step, one succeeds and the others are refused with approval.state.
//
// Errors of all functions: request.unknown (not_found), approval.state (conflict: the machine has no such step from
// where the request is), and store.… (core/sql.h; nothing has changed, and changes must not pass without us).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "approvals/body_files.h"
#include "approvals/eligibility.h"
#include "approvals/request.h"
#include "approvals/rules.h"
#include "approvals/store.h"
#include "core/clock.h"
#include "core/result.h"

namespace countersign::approvals {

// One committed change. `from` is nullopt for a request just held; from == to == held for an approval that was not the
// last one needed (it is among request.votes). Deliveries are not changes of state and are not told.
struct Change {
  std::optional<State> from;
  State to = State::held;
  HeldRequest request;
};
using Observer = std::function<void(const Change&)>;

// What hold() did.
struct Holding {
  enum class How : std::uint8_t {
    held,    // a new request
    joined,  // the request that this retry belongs to, in whatever state it is
  };
  How how = How::joined;
  HeldRequest request;
};

struct Ballot {
  Approver approver;
  Choice choice = Choice::deny;
  std::string reason;  // at most 4,000 bytes; a denial's reaches the agent
};

// How an execution ended.
struct Ending {
  State state = State::unknown;  // done, failed or unknown
  std::optional<StoredReply> reply;
  std::string code;    // stable; empty for done
  std::string reason;  // one sentence for the agent; empty for done
};

struct Recovered {
  std::vector<std::string> interrupted;  // were executing; are unknown now, and are not run again
  std::vector<std::string> approved;     // to be executed by the caller
};

class Queue {
 public:
  struct Options {
    TimeMs retention = 30LL * 86'400'000;           // how long bodies and replies are kept after the end; the row stays
    std::size_t max_open = 10'000;                  // open requests (held, approved, executing) of all agents
    std::size_t max_open_of_agent = 200;            // of one
    std::uint64_t max_bytes = 16ULL << 30;          // of all bodies kept, also of requests that are over
    std::uint64_t max_bytes_of_agent = 2ULL << 30;  // of one agent's
    sql::Options store;
  };

  // `file` is the database, `bodies` the folder of stored bodies; both are created when missing, their parents are not.
  static Result<std::unique_ptr<Queue>> open(const std::filesystem::path& file, const std::filesystem::path& bodies,
                                             const Options& options);
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  // Called after each commit, outside the lock, on the thread that made the change: it may call the queue. Changes of
  // one request made by several threads may be told out of order. Observers are added before the queue is used by more
  // than one thread and are called in the order of adding.
  void observe(Observer observer) { observers_.push_back(std::move(observer)); }

  // Holds a request, or joins the one an identical retry belongs to (find_by_retry), atomically. The caller fills
  // `draft` from `requester` to `operation` and sets `expires`; id, state, times, fingerprint and retry key are set
  // here. frozen.body_file, when there is one, is checked against frozen.body_sha256 and body_size. When a new request
  // was held, it has become ours (the name is gone); else it stays the caller's.
  // Refused: approval.incomplete (invalid: no rules, no identity, no agent, no root token, expiry not ahead),
  // approval.too_large (a field over 1 MiB, a list over 10,000), approval.too_many (unavailable),
  // approval.body_changed, json.not_utf8.
  Result<Holding> hold(HeldRequest draft, TimeMs now);

  // The request an identical retry belongs to: held, approved or executing; over (done, failed, unknown, expired) and
  // not collected yet; or denied or cancelled, until `expires`. nullopt: a retry is a new request. A request found past
  // its expiry is expired first.
  Result<std::optional<HeldRequest>> find_by_retry(std::string_view retry_key, TimeMs now);

  // One person's vote. One denial denies (code approval.denied). Approvals count for each rule whose open stage the
  // approver belongs to; when all rules are satisfied, the request is approved. Refused as eligibility() says, or with
  // approval.reason_too_long. Past its expiry the request becomes expired (that is durable) and the vote is refused.
  // Returns the request as it is afterwards.
  Result<HeldRequest> vote(std::string_view id, const Ballot& ballot, const Rules& rules, TimeMs now);

  // held → cancelled, code approval.cancelled. Who may do that is the caller's to decide (the owner, usually). With
  // nobody
  // (`by` empty) it is superseded: code approval.superseded, and no retry is ever told of it.
  Result<HeldRequest> cancel(std::string_view id, std::string_view by, std::string_view reason, TimeMs now);

  // held or approved → expired (code approval.expired) for every request whose time is up; returns their ids. To be
  // called every second or so.
  Result<std::vector<std::string>> expire_due(TimeMs now);

  // approved → executing: for exactly one caller, who then runs the stored copy, and nothing else. The stored request
  // is checked against its fingerprint and its body against the digest first: approval.changed or
  // approval.body_changed, after which the caller refuses the execution. Past its expiry the request becomes expired
  // (durable), and the answer is approval.expired.
  Result<HeldRequest> begin_execution(std::string_view id, TimeMs now);
  // executing → done, failed or unknown. When it fails for want of disk, the request stays executing: the caller tries
  // again, or the next start makes it unknown.
  Result<HeldRequest> finish(std::string_view id, Ending ending, TimeMs now);
  // approved → denied: today's policies (policy.changed) or the stored preconditions (request.stale) say no.
  Result<HeldRequest> refuse_execution(std::string_view id, std::string_view code, std::string_view reason, TimeMs now);

  // The result, for the one who delivers it to the agent. done, failed, unknown and expired: to exactly one caller;
  // later ones get approval.delivered (conflict). denied and cancelled: to everyone until `expires`, then
  // approval.delivered. Others: approval.not_over (conflict).
  Result<HeldRequest> claim_result(std::string_view id, TimeMs now);
  // Writing it to the agent failed: it can be claimed again.
  Status release_claim(std::string_view id);

  Result<HeldRequest> get(std::string_view id);
  // Newest first; without replies.
  Result<std::vector<HeldRequest>> list(const Filter& filter);
  // The held requests that wait for this person's approval, oldest first; at most `limit`, without replies.
  Result<std::vector<HeldRequest>> waiting_for(const Approver& approver, const Rules& rules, TimeMs now,
                                               std::size_t limit);

  // At start, before anything else: executing → unknown (code approval.interrupted); held and approved stay. Removes
  // bodies that belong to no request.
  Result<Recovered> recover(TimeMs now);
  // Removes bodies and replies of requests that ended longer ago than the retention; returns how many. The rows stay.
  Result<std::size_t> purge(TimeMs now);

 private:
  struct Work;  // one transaction and the changes to tell when it has committed

  Queue(Store store, BodyFiles bodies, const Options& options)
      : store_(std::move(store)), bodies_(std::move(bodies)), options_(options) {}

  // Runs `body` (Work& → Result<T>) under the lock, in a transaction, then tells the observers what it has committed.
  template <class Body>
  auto transact(Body&& body);
  Result<HeldRequest> load(std::string_view id);
  struct Step {
    State from;
    State to;
  };
  Status move(Work& work, HeldRequest& request, Step step, TimeMs now);
  Result<bool> expire_if_due(Work& work, HeldRequest& request, TimeMs now);
  Result<Holding> hold_in(Work& work, HeldRequest& draft, TimeMs now);
  Result<std::string> fresh_id(TimeMs now);
  Status check_room(const std::string& agent);
  Result<HeldRequest> vote_in(Work& work, std::string_view id, const Ballot& ballot, const Rules& rules, TimeMs now);
  Result<HeldRequest> claim_in(Work& work, std::string_view id, TimeMs now);
  // Ends these executing requests as `ending` says, and returns their ids.
  Result<std::vector<std::string>> end_batch(Work& work, const std::vector<std::string>& ids, const Ending& ending,
                                             TimeMs now);

  std::mutex mutex_;
  Store store_;
  BodyFiles bodies_;
  const Options options_;
  std::vector<Observer> observers_;
};

}  // namespace countersign::approvals
