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
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "approvals/body_files.h"
#include "approvals/bursts.h"
#include "approvals/conflicts.h"
#include "approvals/eligibility.h"
#include "approvals/grant_index.h"
#include "approvals/grants.h"
#include "approvals/inbox.h"
#include "approvals/request.h"
#include "approvals/rules.h"
#include "approvals/store.h"
#include "approvals/usage.h"
#include "core/clock.h"
#include "core/result.h"

namespace countersign::approvals {

// One committed change. Deliveries and conflicts are not told.
struct Change {
  enum class Kind : std::uint8_t {
    state,       // from → to; `from` is nullopt for a request just held
    vote,        // an approval that was not the last one needed; it is among request.votes
    documented,  // request.documentation was given
    reminded,    // a reminder is due; request.reminded counts it
    burst,       // the burst of `request`, its first, is complete: of two or more, some of them held
    grant,       // `grant` was proposed, became active, or was revoked; `request` is the one it was proposed with
  };
  Kind kind = Kind::state;
  std::optional<State> from;  // == to for every kind but state
  State to = State::held;
  HeldRequest request;
  std::optional<Grant> grant;

  // "held", "approved", … for a change of state; "vote", "documented", "reminded", "burst", "grant" for the others.
  [[nodiscard]] const char* event_name() const;
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
  std::string reason;       // at most 4,000 bytes; a denial's reaches the agent
  std::string for_whom;     // in whose place (delegation); empty for oneself
  std::string signature;    // kept with the vote; its verification was the caller's. At most 64 KiB
  TimeMs key_enrolled = 0;  // when the key that signed was enrolled; 0: unsigned, or nobody knows
  TimeMs viewed_ms = -1;    // how long the request was looked at; -1 when nobody knows
  std::string grant;        // digest of the proposed grant that this approval is for as well; or empty
  std::string fingerprint;  // of the request that the voter saw; checked when given
};

// A request of a burst as somebody saw it.
struct Seen {
  std::string id;
  std::string fingerprint;
};

// What became of a vote on several.
struct BurstVote {
  std::vector<HeldRequest> voted;     // as they are afterwards, in the order in which they were held
  std::vector<HeldRequest> not_held;  // decided, expired or taken back meanwhile: nobody's vote changes that
};

// What an approver changed about a held request before letting it through.
struct Edit {
  HeldRequest request;      // as for hold(); requester, operation, documentation and
                            // retry key stay those of the original; a body is a file of its own
  std::string what;         // what was changed and why, 1 to 4,000 bytes; reaches the agent
  std::string fingerprint;  // of the request that was edited; checked when given
};

// A use of a grant, counted.
struct GrantUse {
  Grant grant;              // as it is after this use
  std::int64_t number = 0;  // of this use, from 1
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
    std::size_t max_open = 100'000;                 // open requests (held, approved, executing) of all agents
    std::size_t max_open_of_agent = 200;            // of one
    std::uint64_t max_bytes = 16ULL << 30;          // of all bodies kept, also of requests that are over
    std::uint64_t max_bytes_of_agent = 2ULL << 30;  // of one agent's
    std::size_t max_grants_of_agent = 100;          // active ones
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
  // `draft` from `requester` to `operation`, sets `expires`, and may give `documentation`; id, state, times,
  // fingerprint, retry key and conflicts are set here. frozen.body_file, when there is one, is checked against
  // frozen.body_sha256 and body_size. When a new request was held, it has become ours (the name is gone); else it stays
  // the caller's.
  // Refused: approval.incomplete (invalid: no rules, no identity, no agent, no root token, expiry not ahead),
  // approval.too_large (a field over 1 MiB, a list over 10,000), approval.too_many (unavailable),
  // approval.body_changed, json.not_utf8, documentation.… (approvals/documentation.h).
  // `bursts` says what it may be held along with; absent: with nothing (approvals/bursts.h).
  Result<Holding> hold(HeldRequest draft, TimeMs now, const BurstLimits& bursts = {});

  // The request an identical retry belongs to: held, approved or executing; over (done, failed, unknown, expired,
  // stale) and not collected yet; or denied or cancelled, until `expires`. nullopt: a retry is a new request; always so
  // for a withdrawn or superseded one, except that a retry of an edited request belongs to what took its place. A
  // request found past its expiry is expired first.
  Result<std::optional<HeldRequest>> find_by_retry(std::string_view retry_key, TimeMs now);

  // What the agent says for its request: the object of approvals/documentation.h, for a held one, by whomever the
  // caller has found to be of its lineage. Until it is complete nobody can approve the request, and it is in nobody's
  // inbox; while it is incomplete it may be given again. Refused: approval.documented (conflict: it is complete, or
  // somebody has voted on it as it is), documentation.….
  Result<HeldRequest> document(std::string_view id, std::string_view json, const Rules& rules, TimeMs now);

  // One person's vote. One denial denies (code approval.denied). Approvals count for each rule whose open stage the
  // approver belongs to; when all rules are satisfied, the request is approved, and a grant that every counted vote
  // names becomes active. Refused as eligibility() says, or with approval.reason_too_long, approval.changed (the
  // fingerprint), approval.undocumented, and (forbidden) approval.signature_required, approval.key_too_new, and
  // grant.unknown (no such proposal).
  // Past its expiry the request becomes expired (that is durable) and the vote is refused.
  // Returns the request as it is afterwards.
  Result<HeldRequest> vote(std::string_view id, const Ballot& ballot, const Rules& rules, TimeMs now);

  // One person's vote on the listed requests of a burst, and on nothing else: what belongs to the burst and is not in
  // the list stays as it is. Each gets the vote that vote() would give it (`ballot.fingerprint` and `ballot.grant` are
  // not looked at), in the order in which they were held; all of them or, with an error, none. Refused: burst.unknown
  // (not_found), approval.incomplete (invalid: an empty list, or a request twice), approval.changed (one is not of this
  // burst, or has another fingerprint), and as vote(), with the request's id in front of the message. Those that are
  // not held any more are told, and keep nobody from voting on the others; one past its expiry expires.
  Result<BurstVote> vote_burst(std::string_view burst, std::span<const Seen> seen, const Ballot& ballot,
                               const Rules& rules, TimeMs now);
  // All of a burst, in the order in which they were held, without replies. burst.unknown (not_found).
  Result<std::vector<HeldRequest>> burst(std::string_view burst);
  // How many of what it has; empty when nobody knows it. Cheap.
  Result<std::vector<BurstPart>> count_burst(std::string_view burst);

  // An approver (who must be eligible to approve it) changes a held request: it is superseded (code approval.edited),
  // and the edited one is held in its place, with a fingerprint of its own and no votes. A retry of the original finds
  // it. The editor cannot vote on it. Refused as vote() and hold() say; approval.edited (conflict) for one that was
  // edited already. Returns the new request.
  Result<HeldRequest> supersede_with_edit(std::string_view id, Edit edit, const Approver& editor, const Rules& rules,
                                          TimeMs now);

  // held or approved → cancelled, code approval.cancelled. Who may do that is the caller's to decide (the owner,
  // usually). With nobody (`by` empty) it is supersede().
  Result<HeldRequest> cancel(std::string_view id, std::string_view by, std::string_view reason, TimeMs now);
  // held → superseded, code approval.superseded: policies allow it by now. No retry is told of it.
  Result<HeldRequest> supersede(std::string_view id, std::string_view reason, TimeMs now);
  // held or approved → withdrawn, code approval.withdrawn, by the request's own lineage; request.unknown to all others.
  Result<HeldRequest> withdraw(std::string_view id, const Requester& requester, std::string_view reason, TimeMs now);

  // Open requests of other lineages than `root` (the id of a root token) that touch one of the resources. No disk.
  [[nodiscard]] std::vector<std::string> open_on(std::span<const std::string> resources, std::string_view upstream,
                                                 std::string_view root, TimeMs now) const {
    return conflicts_.on(upstream, resources, root, now);
  }

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
  // approved → stale with code request.stale (the stored preconditions do not hold any more), approved → denied with
  // every other code (policy.changed).
  Result<HeldRequest> refuse_execution(std::string_view id, std::string_view code, std::string_view reason, TimeMs now);

  // The result, for the one who delivers it to the agent. done, failed, unknown, expired and stale: to exactly one
  // caller; later ones get approval.delivered (conflict). denied, cancelled, withdrawn and superseded: to everyone
  // until `expires`, then approval.delivered. Others: approval.not_over (conflict).
  Result<HeldRequest> claim_result(std::string_view id, TimeMs now);
  // Writing it to the agent failed: it can be claimed again.
  Status release_claim(std::string_view id);

  Result<HeldRequest> get(std::string_view id);
  // Newest first; without replies.
  Result<std::vector<HeldRequest>> list(const Filter& filter);
  // The held requests that wait for this person's approval (also in the place of somebody), oldest first; at most
  // `limit`, without replies. `after`: an id, for the next page. Undocumented ones wait for nobody. Of a burst there is
  // the oldest alone.
  Result<std::vector<HeldRequest>> waiting_for(const Approver& approver, const Rules& rules, TimeMs now,
                                               std::size_t limit, std::string_view after = {});
  // How many there are, counted up to `most`: a burst is one.
  [[nodiscard]] std::size_t count_waiting(const Approver& approver, const Rules& rules, TimeMs now,
                                          std::size_t most) const;

  // What is held now; open requests of an agent, and of each agent that has some. No disk.
  [[nodiscard]] Inbox::Held held() const { return inbox_.held(); }
  [[nodiscard]] std::size_t open_of(std::string_view agent) const;
  [[nodiscard]] std::map<std::string, std::size_t> open_by_agent() const;
  // Calls `take` for every request held since then, newest first, until there were `most` or a few more; returns how
  // many. Not under the lock, and with a bounded part of them in memory: `take` may ask the queue.
  Result<std::size_t> each_outcome(TimeMs since, std::size_t most, const std::function<void(const Outcome&)>& take);

  // Tells observers of every burst that is complete, once. Reminders that have come due since they were last asked for:
  // each is counted (durably) and told to observers once, also when several came due for one request at once. To be
  // called every few seconds. Returns the requests.
  Result<std::vector<HeldRequest>> upkeep(TimeMs now, const Rules& rules);

  // Attaches a proposal to a held request: by somebody who may approve it. Proposing the same again is no error.
  // Refused as eligibility() says, and grant.terms, grant.effect (approvals/grants.h), grant.too_many (ten a request).
  Result<Grant> propose_grant(std::string_view id, GrantTerms terms, const Approver& approver, const Rules& rules,
                              TimeMs now);
  // Counts one use of the oldest active grant that covers the operation, durably, and at most max_uses times; nullopt
  // when there is none. `operation` is the audit operation id. Where there is no grant this costs a look into memory.
  // `suffices`, when given, is asked first, outside of all locks: a grant that would not help keeps its uses.
  using GrantSuffices = std::function<bool(const Grant&)>;
  Result<std::optional<GrantUse>> use_grant(const GrantQuestion& question, std::string_view operation, TimeMs now,
                                            const GrantSuffices& suffices = {});
  // Refused: grant.unknown (not_found), grant.revoked (conflict). A use that begins afterwards finds it revoked.
  Result<Grant> revoke_grant(std::string_view grant, std::string_view by, std::string_view reason, TimeMs now);
  Result<Grant> get_grant(std::string_view grant);
  // Newest first.
  Result<std::vector<Grant>> list_grants(const GrantFilter& filter, TimeMs now);
  // Newest first.
  Result<std::vector<UseRecord>> grant_uses(std::string_view grant, std::size_t limit);

  // What happened, from the same commits as the changes themselves, for those who must miss none (approvals/notify):
  // after event `number`, in order, at most `limit`. Kept for a week.
  Result<std::vector<StoredEvent>> events_after(std::int64_t number, std::size_t limit);
  // The number of the last one; 0 when there was none.
  Result<std::int64_t> last_event();
  // Something that is told among them and about no request: StoredEvent::request is `about`. Durable when it returns.
  Status note(std::string_view event, std::string_view about);

  // At start, before anything else: executing → unknown (code approval.interrupted); held and approved stay. Removes
  // bodies that belong to no request.
  Result<Recovered> recover(TimeMs now);
  // Removes bodies and replies of requests that ended longer ago than the retention; returns how many. The rows stay.
  Result<std::size_t> purge(TimeMs now);

 private:
  struct Work;  // one transaction and the changes to tell when it has committed

  Queue(Store store, BodyFiles bodies, const Options& options)
      : store_(std::move(store)), bodies_(std::move(bodies)), options_(options) {}

  // Fills what is kept in memory from the store.
  Status fill();
  // Runs `body` (Work& → Result<T>) under the lock, in a transaction, then brings what is in memory up to date and
  // tells the observers what it has committed.
  template <class Body>
  auto transact(Body&& body);
  void apply(const Change& change);

  Result<HeldRequest> load(std::string_view id);
  // The held request of this id; approval.expired when its time is up, and that is committed then.
  Result<HeldRequest> load_waiting(Work& work, std::string_view id, TimeMs now);
  struct Step {
    State from;
    State to;
  };
  Status move(Work& work, HeldRequest& request, Step step, TimeMs now);
  Result<bool> expire_if_due(Work& work, HeldRequest& request, TimeMs now);

  Result<Holding> hold_in(Work& work, HeldRequest& draft, const BurstLimits& bursts, TimeMs now);
  Result<HeldRequest> insert_in(Work& work, HeldRequest& draft, TimeMs now);
  Result<std::string> fresh_id(TimeMs now);
  Status check_room(const std::string& agent) const;

  Result<HeldRequest> vote_in(Work& work, std::string_view id, const Ballot& ballot, const Rules& rules, TimeMs now);
  // On a request that waits, as it was read in this transaction; does not commit.
  Status cast(Work& work, HeldRequest& request, const Ballot& ballot, const Rules& rules, TimeMs now);
  Result<BurstVote> vote_burst_in(Work& work, std::string_view burst, std::span<const Seen> seen, const Ballot& ballot,
                                  const Rules& rules, TimeMs now);
  Status tell_bursts(TimeMs now);
  Status fill_bursts(const std::set<std::string>& joined);
  Result<HeldRequest> edit_in(Work& work, std::string_view id, Edit& edit, const Approver& editor, const Rules& rules,
                              TimeMs now);
  // Ends a held or approved request in a way that nobody voted for.
  struct Exit {
    State to;
    std::string_view code;
    std::string_view by;
    std::string_view reason;
  };
  Result<HeldRequest> end(std::string_view id, const Exit& exit, const Requester* requester, TimeMs now);

  Result<HeldRequest> claim_in(Work& work, std::string_view id, TimeMs now);
  // Ends these executing requests as `ending` says, and returns their ids.
  Result<std::vector<std::string>> end_batch(Work& work, const std::vector<std::string>& ids, const Ending& ending,
                                             TimeMs now);

  Result<Grant> propose_in(Work& work, HeldRequest& request, Grant grant);
  Status activate_grant(Work& work, const HeldRequest& request, const Rules& rules, TimeMs now);

  mutable std::mutex mutex_;
  Store store_;
  BodyFiles bodies_;
  const Options options_;
  std::vector<Observer> observers_;
  Usage usage_;  // these two under mutex_; the others have locks of their own
  OpenBursts bursts_;
  Conflicts conflicts_;
  Inbox inbox_;
  GrantIndex grants_;
};

}  // namespace countersign::approvals
