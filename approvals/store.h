// Held requests as rows (docs/formats/store.md). One statement a function, no decisions: those are the Queue's, which
// also holds the lock and the transaction.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "approvals/body_files.h"
#include "approvals/grants.h"
#include "approvals/request.h"
#include "core/sql.h"

namespace countersign::approvals {

struct Filter {
  std::vector<State> states;  // empty: all
  std::string agent;          // empty: all
  std::string owner;          // empty: all
  std::string upstream;       // empty: all
  std::string burst;          // empty: all
  std::string before;         // id: only requests made before that one, for the next page
  std::size_t limit = 100;    // 1 to 1,000
};

// Something that happened to a request.
struct StoredEvent {
  std::int64_t number = 0;  // ascending, never used twice
  TimeMs at = 0;            // by the machine's clock
  std::string name;         // Change::event_name
  std::string request;
};

// What came of a request, for statistics.
struct Outcome {
  TimeMs created = 0;
  State state = State::held;
  std::string rules;        // JSON list, as stored: many requests have the same
  TimeMs decided = 0;       // when it left `held`; 0: it has not
  bool by_someone = false;  // a person ended or approved it
};

// How many requests of a burst are in a state and have an effect.
struct BurstPart {
  State state = State::held;
  std::string effect;
  std::size_t count = 0;
};

struct UseRecord {
  std::int64_t number = 0;  // from 1
  TimeMs at = 0;
  std::string operation;  // audit operation id
};

struct GrantFilter {
  enum class Which : std::uint8_t { active, all };
  std::string agent;    // empty: all
  std::string request;  // empty: all
  Which which = Which::active;
  std::string before;       // id, for the next page
  std::size_t limit = 100;  // 1 to 1,000
};

// Brings a database up to date by the numbered steps, each applied once. `steps` is for tests of older files; 0 for
// all.
Status apply_approvals_schema(sql::Database& database, std::size_t steps = 0);

class Store {
 public:
  // `bodies` says where the body files of loaded requests are.
  static Result<Store> open(const std::filesystem::path& file, const sql::Options& options, BodyFiles bodies);

  Result<sql::Transaction> begin() { return sql::Transaction::begin(database_); }

  Status insert(const HeldRequest& request);
  Status add_vote(const HeldRequest& request, const Vote& vote);
  // Each shows the other from now on.
  Status add_conflicts(std::string_view id, const std::vector<std::string>& others);
  // Writes what a move changes (state, decided, finished, decided_by, reason, code, superseded_by, reply) if the row is
  // still in `from`. False when it is not.
  Result<bool> update(const HeldRequest& request, State from);
  // documentation and documented.
  Status set_documentation(const HeldRequest& request);
  Status set_reminded(std::string_view id, int reminded);
  // Sets `delivered` if it is not so yet. False when it is.
  Result<bool> set_delivered(std::string_view id, bool delivered);
  Status set_purged(std::string_view id);

  Result<bool> exists(std::string_view id);
  Result<std::optional<HeldRequest>> load(std::string_view id);
  // The oldest request that an identical retry belongs to: open; over and not delivered; denied or cancelled and not
  // past its expiry.
  Result<std::optional<HeldRequest>> load_for_retry(std::string_view retry_key, TimeMs now);
  // Newest first; without replies.
  Result<std::vector<HeldRequest>> list(const Filter& filter);
  // Of the requests held in [since, before), newest first: at least `count`, unless there are fewer, and all of the
  // last one's millisecond.
  Result<std::vector<Outcome>> outcomes(TimeMs since, TimeMs before, std::size_t count);

  // Of one burst: how many of what, and the ids in the order in which they were held.
  Result<std::vector<BurstPart>> count_burst(std::string_view burst);
  Result<std::vector<std::string>> ids_of_burst(std::string_view burst);

  // Calls `take` for every open request, oldest first, with what the indexes in memory need and nothing that is large:
  // requester, rules, resources, upstream, times, votes, documentation, reminders, the editor and the burst.
  Status each_open(const std::function<void(const HeldRequest&)>& take);
  // Calls `take` for every agent with the bytes of its bodies that are still kept.
  Status each_kept(const std::function<void(const std::string& agent, std::uint64_t bytes)>& take);
  // At most `limit` ids, oldest first.
  Result<std::vector<std::string>> due(TimeMs now, std::size_t limit);  // held or approved, and past their expiry
  Result<std::vector<std::string>> in_state(State state, std::size_t limit);
  Result<std::vector<std::string>> over_before(TimeMs time, std::size_t limit);  // over, not purged

  Status add_event(std::string_view name, std::string_view request);
  Result<std::vector<StoredEvent>> events_after(std::int64_t number, std::size_t limit);
  Result<std::int64_t> last_event();
  Status forget_events(TimeMs before);
  // What events of this name were about.
  Result<std::vector<std::string>> about_in_events(std::string_view name);

  // Grants. A proposal has activated == 0.
  Status insert_grant(const Grant& grant);
  Result<std::optional<Grant>> load_grant(std::string_view id);
  Result<std::optional<Grant>> load_proposal(std::string_view request, std::string_view digest);
  Result<std::size_t> count_proposals(std::string_view request);
  // Writes activated, facts and the revocation.
  Status update_grant(const Grant& grant);
  // Counts one use if the grant is active and has one left, and returns its number; nullopt when not.
  Result<std::optional<std::int64_t>> count_use(std::string_view grant, std::string_view operation, TimeMs now);
  // Newest first.
  Result<std::vector<Grant>> list_grants(const GrantFilter& filter, TimeMs now);
  Result<std::vector<UseRecord>> grant_uses(std::string_view grant, std::size_t limit);

 private:
  Store(sql::Database database, BodyFiles bodies) : database_(std::move(database)), bodies_(std::move(bodies)) {}
  Result<std::vector<HeldRequest>> read_all(sql::Statement& statement);
  Result<std::vector<Vote>> read_votes(std::string_view id);
  Result<std::vector<std::string>> read_conflicts(std::string_view id);
  Result<std::vector<Grant>> read_grants(sql::Statement& statement);
  Result<std::optional<Grant>> read_grant(sql::Statement& statement);
  Result<std::vector<std::string>> read_ids(sql::Statement& statement);

  sql::Database database_;
  BodyFiles bodies_;
};

}  // namespace countersign::approvals
