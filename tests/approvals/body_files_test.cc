#include "approvals/body_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "core/sha256.h"
#include "tests/approvals/fixture.h"

namespace countersign::approvals {
namespace {

using test::code_of;

std::filesystem::path write(const std::filesystem::path& file, std::string_view bytes) {
  std::ofstream(file, std::ios::binary) << bytes;
  return file;
}

TEST(BodyFiles, KeepsBytesUnderTheRequestsName) {
  test::TempFolder folder;
  Result<BodyFiles> files = BodyFiles::open(folder.path() / "requests");
  ASSERT_TRUE(files);
  std::filesystem::path spool = write(folder.path() / "spool", std::string("a\0b", 3));
  ASSERT_TRUE(files->keep("req_1", spool));
  EXPECT_EQ(test::slurp(files->path_of("req_1")), std::string("a\0b", 3));
  struct stat info{};
  ASSERT_EQ(::stat(files->path_of("req_1").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0400U);
  ASSERT_EQ(::stat((folder.path() / "requests").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0700U);

  EXPECT_EQ(code_of(files->keep("req_1", write(folder.path() / "other", "x"))), "store.io");
  EXPECT_EQ(test::slurp(files->path_of("req_1")), std::string("a\0b", 3));
  EXPECT_EQ(code_of(files->keep("req_2", folder.path() / "missing")), "store.io");
}

TEST(BodyFiles, RemovesWhatNobodyKnows) {
  test::TempFolder folder;
  Result<BodyFiles> files = BodyFiles::open(folder.path());
  ASSERT_TRUE(files);
  write(files->path_of("req_known"), "a");
  write(files->path_of("req_orphan"), "b");
  write(folder.path() / "note.txt", "c");
  ASSERT_TRUE(files->remove_unknown([](std::string_view id) { return id == "req_known"; }));
  EXPECT_TRUE(std::filesystem::exists(files->path_of("req_known")));
  EXPECT_FALSE(std::filesystem::exists(files->path_of("req_orphan")));
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "note.txt"));
}

TEST(BodyCheck, NoticesEveryDifference) {
  test::TempFolder folder;
  std::string bytes(200'000, 'x');
  std::filesystem::path file = write(folder.path() / "body", bytes);
  std::string digest = to_hex(sha256(bytes));
  EXPECT_TRUE(check_body(file, digest, bytes.size()));
  EXPECT_EQ(code_of(check_body(file, digest, bytes.size() + 1)), "approval.body_changed");
  EXPECT_EQ(code_of(check_body(file, digest, 5)), "approval.body_changed");
  EXPECT_EQ(code_of(check_body(file, std::string(64, '0'), bytes.size())), "approval.body_changed");
  EXPECT_EQ(code_of(check_body(folder.path() / "missing", digest, bytes.size())), "approval.body_changed");
  bytes[100'000] = 'y';
  write(file, bytes);
  EXPECT_EQ(code_of(check_body(file, digest, bytes.size())), "approval.body_changed");
  std::filesystem::create_symlink(file, folder.path() / "link");
  EXPECT_EQ(code_of(check_body(folder.path() / "link", to_hex(sha256(bytes)), bytes.size())), "approval.body_changed");
}

}  // namespace
}  // namespace countersign::approvals
