// The door to SQLite: the only file pair that includes sqlite3.h.
//
// A Database is one connection, used by one thread at a time (its owner locks). It is opened so that a commit that has
// returned survives a crash of the process and of the machine: write-ahead log, synchronous=FULL (sqlite.org/wal.html,
// sqlite.org/pragma.html#pragma_synchronous). Foreign keys are enforced, the file is readable by its owner only.
//
//   Result<sql::Database> database = sql::Database::open(path);
//   Result<sql::Transaction> transaction = sql::Transaction::begin(*database);
//   Result<sql::Statement> insert = database->prepare("INSERT INTO t VALUES (?, ?)");
//   Status inserted = insert->bind(name, count).run();
//   Status committed = transaction->commit();
//
// Errors, all with a code beginning "store.": cannot_open, busy (another process holds the lock past the busy timeout),
// full (disk or page limit), io, read_only, corrupt, constraint (kind conflict), too_large, newer (written by a later
// version of the program), error (anything else: a bug). Messages are SQLite's and never contain bound values.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace countersign::sql {

struct Options {
  TimeMs busy_timeout = 5'000;
  std::int64_t max_pages = 0;  // upper bound of the file in pages of 4 KiB; 0: none but the disk's
};

enum class Step : std::uint8_t { row, done };

// Bytes that are not text, for bind().
struct Blob {
  std::string_view bytes;
};

class Connection;

// A prepared statement. Goes back to its database's cache when it is destroyed, so preparing the same text again costs
// a look-up. Must not outlive its Database.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement();

  // Sets the parameters from left to right; call again only after reset(). Values are copied. What goes wrong here is
  // told by the next step().
  template <class... Values>
  Statement& bind(const Values&... values) {
    (bind_next(values), ...);
    return *this;
  }

  Result<Step> step();
  // Steps to the end, passing over rows.
  Status run();
  // Makes the statement ready to be bound and run again.
  void reset();

  // Columns of the current row, counted from 0. A NULL reads as 0 or "".
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::string text(int column) const;  // TEXT or BLOB, every byte of it
  [[nodiscard]] bool is_null(int column) const;

 private:
  friend class Database;
  Statement(Connection* connection, std::string_view sql, sqlite3_stmt* handle)
      : connection_(connection), sql_(sql), handle_(handle) {}
  void bind_next(std::integral auto value) { bind_integer(static_cast<std::int64_t>(value)); }
  void bind_next(std::string_view value);
  void bind_next(Blob value);
  void bind_next(std::nullopt_t);
  void bind_integer(std::int64_t value);
  void note(int code);
  void give_back();

  Connection* connection_;
  std::string sql_;
  sqlite3_stmt* handle_;
  int bound_ = 0;
  int bind_error_ = 0;
};

class Database {
 public:
  // Creates the file (mode 0600) when it does not exist; its folder must.
  static Result<Database> open(const std::filesystem::path& file, const Options& options = {});

  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  ~Database();

  Result<Statement> prepare(std::string_view sql);
  // Runs a script of statements without parameters (schema, pragmas).
  Status execute(std::string_view script);
  // Rows changed by the last INSERT, UPDATE or DELETE: what a compare-and-set looks at.
  [[nodiscard]] std::int64_t changes() const;

 private:
  friend class Transaction;
  explicit Database(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> connection_;
};

// A write transaction (BEGIN IMMEDIATE: what was read inside cannot change before the commit). Rolls back when it is
// destroyed without a commit. Must not outlive its Database; one at a time.
class Transaction {
 public:
  static Result<Transaction> begin(Database& database);
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();

  // Durable when it returns without error. After an error nothing of the transaction is visible.
  Status commit();

 private:
  explicit Transaction(Connection* connection) : connection_(connection) {}
  Connection* connection_;
};

// Brings the tables of one component up to date: `steps` are scripts, applied in order and each once, in one
// transaction; the number applied is kept in the table `schema_versions`. A published step never changes; new ones are
// appended. store.newer when the file knows more steps than the program.
Status apply_schema(Database& database, std::string_view component, std::span<const std::string_view> steps);

}  // namespace countersign::sql
