// <state>/people.db: its tables, and how the parts of People (people.cc, sessions.cc, invitations.cc, passkeys.cc,
// attempts.cc) reach them. Nobody else includes this.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>

#include "core/result.h"
#include "core/sha256.h"
#include "core/sql.h"

namespace countersign::auth {

class PeopleStore {
 public:
  static Result<std::unique_ptr<PeopleStore>> open(const std::filesystem::path& file);

  // Runs `work` in a write transaction with the lock held: committed when it returns a value, rolled back when it
  // returns an error. Results only; must not call this again.
  template <class Work>
  auto transact(Work work) -> decltype(work()) {
    std::lock_guard guard(lock_);
    Result<sql::Transaction> transaction = sql::Transaction::begin(database_);
    if (!transaction) return fail(transaction.error());
    auto done = work();
    if (!done) return done;
    if (Status committed = transaction->commit(); !committed) return fail(committed.error());
    return done;
  }

  // A write that is one statement. Like the two below: inside transact() only.
  template <class... Values>
  Status run(std::string_view sql, const Values&... values) {
    Result<sql::Statement> statement = database_.prepare(sql);
    if (!statement) return fail(statement.error());
    return statement->bind(values...).run();
  }
  template <class... Values>
  Result<sql::Statement> select(std::string_view sql, const Values&... values) {
    Result<sql::Statement> statement = database_.prepare(sql);
    if (statement) statement->bind(values...);
    return statement;
  }
  // Rows the last run() changed.
  [[nodiscard]] std::int64_t changes() const { return database_.changes(); }

 private:
  explicit PeopleStore(sql::Database database) : database_(std::move(database)) {}

  std::mutex lock_;
  sql::Database database_;  // under lock_
};

// What stands for a secret in the tables.
class StoredHash {
 public:
  explicit StoredHash(std::string_view secret) : digest_(sha256(secret)) {}
  [[nodiscard]] sql::Blob blob() const { return {as_text(ByteView(digest_))}; }

 private:
  Digest digest_;
};

// Times further in the future than this mean that the clock went back.
inline constexpr TimeMs kClockSlack = 5LL * 60'000;

}  // namespace countersign::auth
