// Held requests as rows (docs/formats/store.md). One statement a function, no decisions: those are the Queue's, which
// also holds the lock and the transaction.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "approvals/body_files.h"
#include "approvals/request.h"
#include "core/sql.h"

namespace countersign::approvals {

struct Filter {
  std::vector<State> states;  // empty: all
  std::string agent;          // empty: all
  std::string owner;          // empty: all
  std::string upstream;       // empty: all
  std::string before;         // id: only requests made before that one, for the next page
  std::size_t limit = 100;    // 1 to 1,000
};

class Store {
 public:
  // `bodies` says where the body files of loaded requests are.
  static Result<Store> open(const std::filesystem::path& file, const sql::Options& options, BodyFiles bodies);

  Result<sql::Transaction> begin() { return sql::Transaction::begin(database_); }

  Status insert(const HeldRequest& request);
  Status add_vote(const HeldRequest& request, const Vote& vote);
  // Writes what a move changes (state, decided, finished, decided_by, reason, code, reply) if the row is still in
  // `from`. False when it is not.
  Result<bool> update(const HeldRequest& request, State from);
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

  Result<std::size_t> count_open(std::string_view agent);  // all agents when empty
  // Bytes of bodies that are still kept, of one agent or (empty) of all.
  Result<std::uint64_t> kept_bytes(std::string_view agent);
  // At most `limit` ids, oldest first.
  Result<std::vector<std::string>> due(TimeMs now, std::size_t limit);  // held or approved, and past their expiry
  Result<std::vector<std::string>> in_state(State state, std::size_t limit);
  Result<std::vector<std::string>> over_before(TimeMs time, std::size_t limit);  // over, not purged

 private:
  Store(sql::Database database, BodyFiles bodies) : database_(std::move(database)), bodies_(std::move(bodies)) {}
  Result<std::vector<HeldRequest>> read_all(sql::Statement& statement);
  Result<std::vector<Vote>> read_votes(std::string_view id);
  Result<std::vector<std::string>> read_ids(sql::Statement& statement);

  sql::Database database_;
  BodyFiles bodies_;
};

}  // namespace countersign::approvals
