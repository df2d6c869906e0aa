#include "proxy/adapters/git/object_id.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cstdio>
#include <string>
#include <vector>

namespace countersign::adapters::git {
namespace {

TEST(ObjectId, IsLowerCaseHexOfTheFormatsLength) {
  const std::string sha1(40, 'a');
  const std::string sha256(64, '0');
  EXPECT_TRUE(is_object_id(sha1, ObjectFormat::sha1));
  EXPECT_FALSE(is_object_id(sha1, ObjectFormat::sha256));
  EXPECT_TRUE(is_object_id(sha256, ObjectFormat::sha256));
  EXPECT_TRUE(is_null_id(sha256));
  EXPECT_FALSE(is_null_id(sha1));
  EXPECT_FALSE(is_null_id(""));
  EXPECT_FALSE(is_object_id(std::string(40, 'A'), ObjectFormat::sha1));
  EXPECT_FALSE(is_object_id(std::string(39, 'a') + "g", ObjectFormat::sha1));
}

const std::vector<std::string>& names() {
  static const std::vector<std::string> all = {
      "refs/heads/main", "refs/tags/v1.0", "refs/notes/commits", "refs/heads/a/b/c", "refs/heads/ü", "refs/heads/@",
      "refs/heads/a@b", "refs/heads/-x", "refs/heads/a.b", "refs/x", "refs/heads/a.lock.b", "refs/heads/{x}",
      // refused
      "refs/heads/", "refs//heads", "refs/heads/a..b", "refs/heads/.a", "refs/heads/a.", "refs/heads/a.lock",
      "refs/heads/a.lock/b", "refs/heads/a b", "refs/heads/a~1", "refs/heads/a^", "refs/heads/a:b", "refs/heads/a?",
      "refs/heads/a*", "refs/heads/a[", "refs/heads/a\\b", "refs/heads/a@{1}", "refs/heads/a\tb", "refs/heads/a\x7f",
      "refs/../heads", "refs/./x", "refs/heads/a/"};
  return all;
}

// git itself, asked about one name.
bool git_accepts(const std::string& name) {
  pid_t child = fork();
  if (child == 0) {
    execlp("git", "git", "check-ref-format", name.c_str(), nullptr);
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(RefName, AgreesWithGit) {
  int accepted = 0;
  for (const std::string& name : names()) {
    EXPECT_EQ(is_ref_name(name), git_accepts(name)) << name;
    accepted += is_ref_name(name) ? 1 : 0;
  }
  EXPECT_EQ(accepted, 12);
}

TEST(RefName, OnlyBelowRefs) {
  for (std::string_view name : {"HEAD", "heads/main", "main", "", "refs", "refs/", "Refs/heads/x"}) {
    EXPECT_FALSE(is_ref_name(name)) << name;
  }
  EXPECT_FALSE(is_ref_name("refs/heads/" + std::string(kMaxRefName, 'a')));
  using namespace std::string_view_literals;
  EXPECT_FALSE(is_ref_name("refs/heads/a\0b"sv));
}

}  // namespace
}  // namespace countersign::adapters::git
