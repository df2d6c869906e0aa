// With stock git and ssh-keygen.
#include "policies/git_source.h"

#include <gtest/gtest.h>

#include <fstream>

#include "policies/run_git.h"
#include "policies_testing.h"
#include "tests/policies/signed_repository.h"

namespace countersign::policies {
namespace {

using test::SignedRepository;

constexpr std::string_view kPermit = "permit (principal, action, resource);\n";

class GitSourceTest : public testing::Test {
 protected:
  void SetUp() override {
    repository_.emplace(outer_.path() / "origin");
    for (const char* name : {"alice", "bob"}) repository_->add_person(name);
    repository_->add_person("mallory", SignedRepository::Listed::no);
    repository_->write("policies/a.cedar", kPermit);
    repository_->write("policies/README.md", "hello");
    repository_->write("elsewhere.cedar", "not ours");
    first_ = repository_->commit("alice", "first");
    options_.repository = repository_->path().string();
    options_.path = "policies";
    options_.allowed_signers = repository_->allowed_signers().string();
  }
  // The commit that may go into force, "" when nothing is new, or the code of the refusal.
  std::string fetch() {
    GitSource source(options_, outer_.path() / "state");
    auto found = source.fetch();
    last_.reset();
    message_.clear();
    if (!found) {
      message_ = found.error().message;
      return found.error().code;
    }
    if (!*found) return "";
    last_ = std::move(**found);
    return last_->commit;
  }
  void accept(const std::string& commit) {
    GitSource source(options_, outer_.path() / "state");
    ASSERT_TRUE(source.accept(commit));
  }
  void start() {
    ASSERT_EQ(fetch(), first_) << message_;
    accept(first_);
    ASSERT_EQ(fetch(), "");
  }

  PolicyFolder outer_;
  std::optional<SignedRepository> repository_;
  config::PolicyRepository options_;
  std::string first_;
  std::optional<Candidate> last_;
  std::string message_;
};

TEST_F(GitSourceTest, TheFirstCommitIsTakenOnItsOwnSignature) {
  ASSERT_EQ(fetch(), first_) << message_;
  EXPECT_TRUE(last_->first);
  EXPECT_EQ(last_->signer, "alice@example.com");
  EXPECT_EQ(last_->subject, "first");
  ASSERT_EQ(last_->files.all().size(), 1U);
  EXPECT_EQ(last_->files.all()[0]->name, "a.cedar");
  EXPECT_EQ(last_->files.all()[0]->text, kPermit);
  // Not accepted yet, it is offered again.
  EXPECT_EQ(fetch(), first_);
  accept(first_);
  EXPECT_EQ(fetch(), "");
}

TEST_F(GitSourceTest, AnEditIsSignedByWhoWroteItAndMergedBySomebodyElse) {
  start();
  repository_->edit("alice", "bob", "policies/floor/b.cedar", "// b");
  std::string second = repository_->edit("bob", "alice", "policies/c.cedar", "// c");
  ASSERT_EQ(fetch(), second) << message_;  // two at once
  EXPECT_FALSE(last_->first);
  EXPECT_EQ(last_->signer, "alice@example.com");
  EXPECT_EQ(last_->proposed, (std::vector<std::string>{"alice@example.com", "bob@example.com"}));
  EXPECT_EQ(last_->files.policies.size(), 3U);
  accept(second);
  EXPECT_EQ(fetch(), "");
}

TEST_F(GitSourceTest, OnePersonAloneIsNotEnough) {
  start();
  repository_->write("policies/a.cedar", "// alone");
  repository_->commit("alice", "a plain commit, signed");
  EXPECT_EQ(fetch(), "policies.git_one_person");
  options_.two_people = false;
  EXPECT_NE(fetch(), "policies.git_one_person");
  EXPECT_TRUE(last_);
}

TEST_F(GitSourceTest, MergingOnesOwnEditIsOnePerson) {
  start();
  repository_->edit("alice", "alice", "policies/a.cedar", "// mine");
  EXPECT_EQ(fetch(), "policies.git_one_person");
  EXPECT_TRUE(message_.contains("both signed by alice@example.com")) << message_;
}

// The author's name is what anybody writes there.
TEST_F(GitSourceTest, AForgedAuthorIsNobody) {
  start();
  repository_->git({"checkout", "-q", "-b", "forged"});
  repository_->write("policies/a.cedar", "// forged");
  repository_->git({"add", "-A"}, "alice");
  repository_->git({"commit", "-q", "-m", "as if by bob", "--author=bob <bob@example.com>"}, "alice");
  repository_->git({"checkout", "-q", "main"});
  repository_->git({"merge", "-q", "--no-ff", "-m", "merge", "forged"}, "alice");
  EXPECT_EQ(fetch(), "policies.git_one_person");
}

TEST_F(GitSourceTest, UnsignedAndForeignSignaturesAreRefused) {
  start();
  repository_->edit("", "bob", "policies/a.cedar", "// by nobody");
  EXPECT_EQ(fetch(), "policies.git_unsigned");
  repository_->git({"reset", "-q", "--hard", first_});
  repository_->edit("mallory", "bob", "policies/a.cedar", "// by somebody who is not listed");
  EXPECT_EQ(fetch(), "policies.git_unsigned");
  repository_->git({"reset", "-q", "--hard", first_});
  repository_->edit("alice", "mallory", "policies/a.cedar", "// merged by mallory");
  EXPECT_EQ(fetch(), "policies.git_unsigned");
  // A good one on top mends nothing.
  repository_->edit("alice", "bob", "policies/c.cedar", "// c");
  EXPECT_EQ(fetch(), "policies.git_unsigned");
}

TEST_F(GitSourceTest, AFirstCommitThatNobodySignedIsNoStart) {
  repository_->write("policies/a.cedar", "// x");
  repository_->commit("mallory", "x");
  EXPECT_EQ(fetch(), "policies.git_unsigned");
}

TEST_F(GitSourceTest, AMergeThatSlipsSomethingInIsRefused) {
  start();
  repository_->git({"checkout", "-q", "-b", "side"});
  repository_->write("policies/c.cedar", "// c");
  repository_->commit("alice", "c");
  repository_->git({"checkout", "-q", "main"});
  repository_->git({"merge", "-q", "--no-ff", "--no-commit", "side"}, "bob");
  repository_->write("policies/a.cedar", "// slipped in");
  repository_->commit("bob", "merge");
  EXPECT_EQ(fetch(), "policies.git_one_person");
  EXPECT_TRUE(message_.contains("put together")) << message_;
}

TEST_F(GitSourceTest, RewrittenAndRewoundHistoriesAreRefused) {
  start();
  std::string second = repository_->edit("alice", "bob", "policies/b.cedar", "// b");
  ASSERT_EQ(fetch(), second) << message_;
  accept(second);
  repository_->git({"reset", "-q", "--hard", first_});
  EXPECT_EQ(fetch(), "policies.git_rewound");
  std::string other = repository_->edit("bob", "alice", "policies/c.cedar", "// c");
  EXPECT_EQ(fetch(), "policies.git_rewound");
  // The accepted commit merged in from the side is not the line that it was.
  repository_->git({"merge", "-q", "--no-ff", "-m", "both", second}, "bob");
  EXPECT_EQ(fetch(), "policies.git_rewound");
  repository_->git({"reset", "-q", "--hard", second});
  EXPECT_EQ(fetch(), "");
}

TEST_F(GitSourceTest, FilesThatAreNoPlainPolicyFiles) {
  start();
  repository_->git({"checkout", "-q", "-b", "links"});
  std::filesystem::create_symlink("/etc/passwd", repository_->path() / "policies" / "z.cedar");
  repository_->commit("alice", "a link");
  repository_->git({"checkout", "-q", "main"});
  repository_->git({"merge", "-q", "--no-ff", "-m", "merge", "links"}, "bob");
  EXPECT_EQ(fetch(), "policies.git_files");
  repository_->git({"reset", "-q", "--hard", first_});
  repository_->edit("alice", "bob", "policies/with blank.cedar", "// b");
  EXPECT_EQ(fetch(), "policies.git_files");
}

TEST_F(GitSourceTest, ARepositoryThatIsGone) {
  start();
  std::filesystem::rename(repository_->path(), outer_.path() / "gone");
  EXPECT_EQ(fetch(), "policies.git_unreachable");
  options_.branch = "nowhere";
  std::filesystem::rename(outer_.path() / "gone", repository_->path());
  EXPECT_EQ(fetch(), "policies.git_unreachable");
}

TEST_F(GitSourceTest, CommandsEndAndAreFed) {
  GitSource source(options_, outer_.path() / "state");
  ASSERT_TRUE(source.accepted());
  std::string mirror = (outer_.path() / "state" / "policies-git").string();
  std::string large(1U << 20, 'x');
  auto hashed = run_git({.arguments = {"hash-object", "--stdin"}, .git_dir = mirror, .input = large});
  ASSERT_TRUE(hashed);
  EXPECT_EQ(hashed->output.size(), 41U);
  // Whoever does not read what is written gets no signal raised here.
  auto version = run_git({.arguments = {"version"}, .git_dir = mirror, .input = large});
  ASSERT_TRUE(version);
  EXPECT_EQ(version->code, 0);
  auto chatty = run_git({.arguments = {"help", "-a"}, .git_dir = mirror, .output = 10});
  ASSERT_FALSE(chatty);
  EXPECT_EQ(chatty.error().code, "git.tool_output_too_large");
  auto slow = run_git(
      {.arguments = {"-c", "alias.wait=!sleep 60", "wait"}, .git_dir = mirror, .time = std::chrono::milliseconds(1)});
  ASSERT_FALSE(slow);
  EXPECT_EQ(slow.error().code, "git.tool_timeout");
}

}  // namespace
}  // namespace countersign::policies
