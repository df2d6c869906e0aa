// Who holds which lock (proxy/adapters/terraform_locks.h).
#include "proxy/adapters/terraform_locks.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "loop.h"

namespace countersign::adapters::test {
namespace {

namespace fs = std::filesystem;

class Locks : public ::testing::Test {
 protected:
  Locks() : folder_(mcp::test::fresh_folder()), file_(folder_ / "terraform" / "tf.locks") {}
  ~Locks() override { fs::remove_all(folder_); }

  std::unique_ptr<TerraformLocks> open() { return std::move(TerraformLocks::open(file_).value()); }
  std::size_t lines() {
    std::ifstream file(file_);
    return static_cast<std::size_t>(std::count(std::istreambuf_iterator<char>(file), {}, '\n'));
  }

  fs::path folder_;
  fs::path file_;
};

TEST_F(Locks, AreKnownByStateIdAndLineage) {
  auto locks = open();
  ASSERT_TRUE(locks->taken("prod/a", {"id-1", "root-a", "OperationTypeApply"}));
  EXPECT_TRUE(locks->is_own("prod/a", "id-1", "root-a"));
  EXPECT_FALSE(locks->is_own("prod/a", "id-1", "root-b"));
  EXPECT_FALSE(locks->is_own("prod/a", "id-2", "root-a"));
  EXPECT_FALSE(locks->is_own("prod/b", "id-1", "root-a"));
  EXPECT_FALSE(locks->is_own("prod/a", "", "root-a"));
  ASSERT_TRUE(locks->taken("prod/b", {"id-9", "", "OperationTypeApply"}));
  EXPECT_FALSE(locks->is_own("prod/b", "id-9", ""));
  ASSERT_TRUE(locks->taken("prod/a", {"id-2", "root-b", "taint"}));
  EXPECT_FALSE(locks->is_own("prod/a", "id-1", "root-a"));
  ASSERT_TRUE(locks->released("prod/a"));
  EXPECT_FALSE(locks->find("prod/a"));
}

TEST_F(Locks, OutlastTheProcess) {
  {
    auto locks = open();
    ASSERT_TRUE(locks->taken("prod/a", {"id-1", "root-a", "OperationTypeApply"}));
    ASSERT_TRUE(locks->taken("prod/b", {"id-2", "root-a", "OperationTypeApply"}));
    ASSERT_TRUE(locks->released("prod/b"));
  }
  auto locks = open();
  EXPECT_EQ(locks->find("prod/a"), (KnownLock{"id-1", "root-a", "OperationTypeApply"}));
  EXPECT_FALSE(locks->find("prod/b"));
  EXPECT_EQ(fs::status(file_).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(Locks, ALineThatWasNotFinishedIsNone) {
  {
    auto locks = open();
    ASSERT_TRUE(locks->taken("prod/a", {"id-1", "root-a", "OperationTypeApply"}));
  }
  std::ofstream(file_, std::ios::app) << R"({"id":"id-2","lineage":"root-b","opera)";
  EXPECT_TRUE(open()->is_own("prod/a", "id-1", "root-a"));
}

TEST_F(Locks, AFileThatCannotBeReadIsSaid) {
  fs::create_directories(file_.parent_path());
  std::ofstream(file_) << "something else\n";
  EXPECT_EQ(TerraformLocks::open(file_).error().code, "terraform.locks_unreadable");
}

TEST_F(Locks, TheFileDoesNotGrowForEver) {
  {
    auto locks = open();
    ASSERT_TRUE(locks->taken("prod/a", {"id-1", "root-a", "OperationTypeApply"}));
    for (int i = 0; i < 600; ++i) {
      ASSERT_TRUE(locks->taken("prod/b", {"id-" + std::to_string(i), "root-a", "taint"}));
      ASSERT_TRUE(locks->released("prod/b"));
    }
  }
  EXPECT_GT(lines(), 1'000U);
  {
    auto locks = open();
    EXPECT_EQ(lines(), 1U);
    EXPECT_TRUE(locks->is_own("prod/a", "id-1", "root-a"));
    ASSERT_TRUE(locks->taken("prod/c", {"id-2", "root-a", "taint"}));
  }
  EXPECT_TRUE(open()->is_own("prod/c", "id-2", "root-a"));
}

TEST(LocksInMemory, AreBounded) {
  TerraformLocks locks;
  for (std::size_t i = 0; i <= kMostLocks; ++i)
    ASSERT_TRUE(locks.taken("state-" + std::to_string(i), {"id", "root-a", "taint"}));
  EXPECT_FALSE(locks.find("state-0"));
  EXPECT_TRUE(locks.is_own("state-1", "id", "root-a"));
  EXPECT_TRUE(locks.is_own("state-" + std::to_string(kMostLocks), "id", "root-a"));
}

TEST(LockAskersTest, AskForAsLongAsTheyLive) {
  LockAskers askers;
  const auto later = std::chrono::steady_clock::now() + std::chrono::hours(1);
  auto asking = askers.ask("key", {"id-1", std::nullopt, "body", later});
  ASSERT_TRUE(asking);
  EXPECT_EQ(askers.find("key")->id, "id-1");
  EXPECT_FALSE(askers.ask("key", {"id-2", std::nullopt, "body", later}));
  EXPECT_TRUE(askers.ask("another", {"id-2", std::nullopt, "body", later}));
  EXPECT_FALSE(askers.find("another"));  // it went at once
  asking.reset();
  EXPECT_FALSE(askers.find("key"));
  auto leaving = askers.ask("key", {"id-3", std::nullopt, "body", std::chrono::steady_clock::now()});
  EXPECT_FALSE(askers.find("key"));  // a lock is not worth taking for it any more
}

}  // namespace
}  // namespace countersign::adapters::test
