#include "core/sql.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>

namespace countersign::sql {
namespace {

class SqlTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "sql-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder); }
  Database open(const Options& options = {}) {
    Result<Database> database = Database::open(folder / "test.db", options);
    EXPECT_TRUE(database) << database.error().message;
    return std::move(*database);
  }
  static std::int64_t number(Database& database, std::string_view sql) {
    Result<Statement> statement = database.prepare(sql);
    EXPECT_TRUE(statement);
    Result<Step> step = statement->step();
    EXPECT_TRUE(step && *step == Step::row);
    return statement->integer(0);
  }
  static std::string word(Database& database, std::string_view sql) {
    Result<Statement> statement = database.prepare(sql);
    EXPECT_TRUE(statement);
    EXPECT_TRUE(statement->step());
    return statement->text(0);
  }

  std::filesystem::path folder;
};

template <class T>
std::string code_of(const Result<T>& result) {
  return result ? "" : result.error().code;
}

TEST_F(SqlTest, IsDurablePrivateAndStrict) {
  Database database = open();
  EXPECT_EQ(word(database, "PRAGMA journal_mode"), "wal");
  EXPECT_EQ(number(database, "PRAGMA synchronous"), 2);
  EXPECT_EQ(number(database, "PRAGMA foreign_keys"), 1);
  struct stat info{};
  ASSERT_EQ(::stat((folder / "test.db").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  ASSERT_TRUE(database.execute("CREATE TABLE a (x INTEGER PRIMARY KEY) STRICT"));
  ASSERT_TRUE(database.execute("CREATE TABLE b (x INTEGER REFERENCES a(x)) STRICT"));
  ASSERT_EQ(::stat((folder / "test.db-wal").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  EXPECT_EQ(code_of(database.execute("INSERT INTO b VALUES (1)")), "store.constraint");
}

TEST_F(SqlTest, ValuesComeBackAsTheyWere) {
  Database database = open();
  ASSERT_TRUE(database.execute("CREATE TABLE t (n INTEGER, s TEXT, b BLOB) STRICT"));
  std::string odd("a\0'\xff;--", 7);
  Result<Statement> insert = database.prepare("INSERT INTO t VALUES (?, ?, ?)");
  ASSERT_TRUE(insert);
  ASSERT_TRUE(insert->bind(INT64_MIN, odd, Blob{odd}).run());
  insert->reset();
  ASSERT_TRUE(insert->bind(true, "", Blob{{}}).run());
  insert->reset();
  ASSERT_TRUE(insert->bind(std::nullopt, std::nullopt, std::nullopt).run());

  Result<Statement> read = database.prepare("SELECT n, s, b FROM t ORDER BY rowid");
  ASSERT_TRUE(read);
  ASSERT_EQ(*read->step(), Step::row);
  EXPECT_EQ(read->integer(0), INT64_MIN);
  EXPECT_EQ(read->text(1), odd);
  EXPECT_EQ(read->text(2), odd);
  ASSERT_EQ(*read->step(), Step::row);
  EXPECT_EQ(read->integer(0), 1);
  EXPECT_FALSE(read->is_null(1));
  EXPECT_FALSE(read->is_null(2));
  EXPECT_EQ(read->text(1), "");
  ASSERT_EQ(*read->step(), Step::row);
  EXPECT_TRUE(read->is_null(0) && read->is_null(1) && read->is_null(2));
  EXPECT_EQ(*read->step(), Step::done);
}

TEST_F(SqlTest, StatementsAreReusedAndMayBeOpenTwice) {
  Database database = open();
  ASSERT_TRUE(database.execute("CREATE TABLE t (n INTEGER) STRICT; INSERT INTO t VALUES (1), (2)"));
  constexpr std::string_view kRead = "SELECT n FROM t WHERE n >= ? ORDER BY n";
  {
    Result<Statement> one = database.prepare(kRead);
    Result<Statement> two = database.prepare(kRead);
    ASSERT_TRUE(one && two);
    one->bind(1);
    two->bind(2);
    ASSERT_EQ(*one->step(), Step::row);
    ASSERT_EQ(*two->step(), Step::row);
    EXPECT_EQ(one->integer(0), 1);
    EXPECT_EQ(two->integer(0), 2);
  }
  // Back from the cache without the old binding and position.
  Result<Statement> again = database.prepare(kRead);
  ASSERT_TRUE(again);
  EXPECT_EQ(*again->step(), Step::done) << "n >= NULL";
  Statement moved = std::move(*again);
  moved.reset();
  EXPECT_EQ(*moved.bind(2).step(), Step::row);
}

TEST_F(SqlTest, BindingTooMuchIsAnErrorOfTheNextStep) {
  Database database = open();
  Result<Statement> statement = database.prepare("SELECT ?");
  ASSERT_TRUE(statement);
  EXPECT_EQ(code_of(statement->bind(1, 2).step()), "store.error");
  statement->reset();
  EXPECT_TRUE(statement->bind(1).step());
}

TEST_F(SqlTest, PrepareTakesOneStatement) {
  Database database = open();
  EXPECT_EQ(code_of(database.prepare("SELECT 1; SELECT 2")), "store.error");
  EXPECT_EQ(code_of(database.prepare("")), "store.error");
  EXPECT_EQ(code_of(database.prepare("SELEKT")), "store.error");
}

TEST_F(SqlTest, TransactionsAreAllOrNothing) {
  Database database = open();
  ASSERT_TRUE(database.execute("CREATE TABLE t (n INTEGER UNIQUE) STRICT"));
  {
    Result<Transaction> transaction = Transaction::begin(database);
    ASSERT_TRUE(transaction);
    ASSERT_TRUE(database.execute("INSERT INTO t VALUES (1)"));
  }
  EXPECT_EQ(number(database, "SELECT count(*) FROM t"), 0);
  {
    Result<Transaction> transaction = Transaction::begin(database);
    ASSERT_TRUE(transaction);
    ASSERT_TRUE(database.execute("INSERT INTO t VALUES (1)"));
    EXPECT_EQ(code_of(database.execute("INSERT INTO t VALUES (1)")), "store.constraint");
    EXPECT_EQ(code_of(Transaction::begin(database)), "store.error") << "one at a time";
    ASSERT_TRUE(transaction->commit());
  }
  EXPECT_EQ(number(database, "SELECT count(*) FROM t"), 1);
  ASSERT_TRUE(database.execute("UPDATE t SET n = 5 WHERE n = 1"));
  EXPECT_EQ(database.changes(), 1);
  ASSERT_TRUE(database.execute("UPDATE t SET n = 6 WHERE n = 1"));
  EXPECT_EQ(database.changes(), 0);
}

TEST_F(SqlTest, AnotherWriterIsWaitedForAndThenReported) {
  Database one = open();
  Database two = open({.busy_timeout = 1, .max_pages = 0});
  ASSERT_TRUE(one.execute("CREATE TABLE t (n INTEGER) STRICT"));
  Result<Transaction> writing = Transaction::begin(one);
  ASSERT_TRUE(writing);
  Result<Transaction> refused = Transaction::begin(two);
  EXPECT_EQ(code_of(refused), "store.busy");
  EXPECT_EQ(refused.error().kind, ErrorKind::unavailable);
  EXPECT_EQ(number(two, "SELECT count(*) FROM t"), 0) << "readers do not wait";
  ASSERT_TRUE(writing->commit());
  EXPECT_TRUE(Transaction::begin(two));
}

TEST_F(SqlTest, AFullDiskChangesNothing) {
  Database database = open({.busy_timeout = 1, .max_pages = 8});
  ASSERT_TRUE(database.execute("CREATE TABLE t (s TEXT) STRICT"));
  {
    Result<Transaction> transaction = Transaction::begin(database);
    ASSERT_TRUE(transaction);
    ASSERT_TRUE(database.execute("INSERT INTO t VALUES ('small')"));
    Result<Statement> insert = database.prepare("INSERT INTO t VALUES (?)");
    ASSERT_TRUE(insert);
    Status full = insert->bind(std::string(100'000, 'x')).run();
    EXPECT_EQ(code_of(full), "store.full");
    EXPECT_EQ(full.error().kind, ErrorKind::unavailable);
  }
  EXPECT_EQ(number(database, "SELECT count(*) FROM t"), 0);
  EXPECT_TRUE(database.execute("INSERT INTO t VALUES ('small')"));
}

TEST_F(SqlTest, WhatIsNoDatabaseIsRefused) {
  EXPECT_EQ(code_of(Database::open(folder / "none" / "test.db")), "store.cannot_open");
  std::ofstream(folder / "test.db") << std::string(4096, 'x');
  EXPECT_EQ(code_of(Database::open(folder / "test.db")), "store.corrupt");
}

TEST_F(SqlTest, SchemaStepsAreAppliedOnceAndInOrder) {
  constexpr std::array<std::string_view, 2> kSteps{"CREATE TABLE t (n INTEGER) STRICT; INSERT INTO t VALUES (1);",
                                                   "ALTER TABLE t ADD COLUMN s TEXT;"};
  Database database = open();
  ASSERT_TRUE(apply_schema(database, "test", std::span(kSteps).first(1)));
  ASSERT_TRUE(apply_schema(database, "test", std::span(kSteps).first(1)));
  EXPECT_EQ(number(database, "SELECT count(*) FROM t"), 1);
  ASSERT_TRUE(apply_schema(database, "test", kSteps));
  EXPECT_EQ(number(database, "SELECT count(*) FROM t WHERE s IS NULL"), 1);
  EXPECT_EQ(code_of(apply_schema(database, "test", std::span(kSteps).first(1))), "store.newer");

  constexpr std::array<std::string_view, 2> kBroken{"CREATE TABLE u (n INTEGER) STRICT;", "CREATE NONSENSE;"};
  EXPECT_EQ(code_of(apply_schema(database, "other", kBroken)), "store.error");
  EXPECT_EQ(number(database, "SELECT count(*) FROM sqlite_schema WHERE name = 'u'"), 0) << "all steps or none";
}

}  // namespace
}  // namespace countersign::sql
