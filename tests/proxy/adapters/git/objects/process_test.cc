#include "proxy/adapters/git/objects/process.h"

#include <dirent.h>

#include <chrono>

#include "fixture.h"
#include "proxy/adapters/git/objects/conversation.h"

namespace countersign::adapters::git {
namespace {

std::size_t open_descriptors() {
  std::size_t count = 0;
  DIR* folder = ::opendir("/proc/self/fd");
  while (::readdir(folder) != nullptr) ++count;
  ::closedir(folder);
  return count;
}

GitCommand command(std::vector<std::string> arguments) {
  GitCommand out;
  out.arguments = std::move(arguments);
  return out;
}

TEST(GitProcess, GivesOutputAndCode) {
  GitCommand hash = command({"hash-object", "--stdin"});
  hash.input = "hello\n";
  Result<GitOutcome> outcome = run_git(hash);
  ASSERT_TRUE(outcome) << problem(outcome);
  EXPECT_EQ(outcome->exit_code, 0);
  EXPECT_EQ(outcome->output, "ce013625030ba8dba906f756967f9e9ca394464a\n");

  outcome = run_git(command({"no-such-command"}));
  ASSERT_TRUE(outcome) << problem(outcome);
  EXPECT_EQ(outcome->exit_code, 1);
  EXPECT_TRUE(outcome->errors.contains("no-such-command"));
  EXPECT_EQ(tool_failed("trying", *outcome).error().code, "git.tool_failed");
}

TEST(GitProcess, ReadsAFileFromAnOffsetAndWritesAFile) {
  Folder folder;
  std::ofstream(folder.path() / "in") << "skipped:hello\n";
  GitCommand strip = command({"stripspace"});
  strip.input = FileInput{(folder.path() / "in").string(), 8};
  strip.output_file = (folder.path() / "out").string();
  Result<GitOutcome> outcome = run_git(strip);
  ASSERT_TRUE(outcome) << problem(outcome);
  EXPECT_EQ(outcome->output, "");
  EXPECT_EQ(read_file(folder.path() / "out"), "hello\n");
}

TEST(GitProcess, OutputIsBounded) {
  ToolLimits limits;
  limits.output = 10;
  Result<GitOutcome> outcome = run_git(command({"help", "-a"}), limits);
  EXPECT_EQ(code_of(outcome), "git.tool_output_too_large");

  Folder folder;
  GitCommand large = command({"help", "-a"});
  large.output_file = (folder.path() / "out").string();
  limits.file_size = 16;
  outcome = run_git(large, limits);
  // Depending on when and who writes, git is ended by a signal, says that it cannot write, or is found to have.
  if (outcome) {
    EXPECT_NE(outcome->exit_code, 0);
    EXPECT_LE(std::filesystem::file_size(folder.path() / "out"), 16U);
  } else {
    EXPECT_EQ(code_of(outcome), "git.tool_output_too_large");
  }
}

TEST(GitProcess, IsKilledWithItsGroupAtTheTimeLimit) {
  Folder folder;
  ToolLimits limits;
  limits.time = std::chrono::milliseconds(200);
  // A shell alias: git waits for a grandchild here.
  Result<GitOutcome> outcome = run_git(command({"-c", "alias.slow=!sleep 1000; echo", "slow"}), limits);
  EXPECT_EQ(code_of(outcome), "git.tool_timeout");
}

TEST(GitProcess, MemoryIsBounded) {
  Folder folder;
  std::ofstream(folder.path() / "in") << std::string(64U << 20, 'x');
  ToolLimits limits;
  limits.memory = 32U << 20;
  GitCommand strip = command({"stripspace"});
  strip.input = FileInput{(folder.path() / "in").string(), 0};
  Result<GitOutcome> outcome = run_git(strip, limits);
  ASSERT_TRUE(outcome) << problem(outcome);
  EXPECT_NE(outcome->exit_code, 0);
}

TEST(GitProcess, LeaksNothingAndInheritsNothing) {
  std::size_t before = open_descriptors();
  ::setenv("GIT_DIR", "/nonexistent/trap", 1);
  ::setenv("GIT_CONFIG_PARAMETERS", "'core.abbrev=4'", 1);
  for (int i = 0; i < 5; ++i) {
    Result<GitOutcome> outcome = run_git(command({"-c", "alias.env=!env; ls /proc/self/fd", "env"}));
    ASSERT_TRUE(outcome) << problem(outcome);
    EXPECT_FALSE(outcome->output.contains("trap"));
    EXPECT_FALSE(outcome->output.contains("abbrev"));
    EXPECT_TRUE(outcome->output.contains("GIT_CONFIG_GLOBAL=/dev/null"));
    EXPECT_TRUE(outcome->output.contains("protocol.allow"));
    EXPECT_FALSE(outcome->output.contains("\n5\n"));  // 0 1 2 and the one ls itself opens
  }
  ::unsetenv("GIT_DIR");
  ::unsetenv("GIT_CONFIG_PARAMETERS");
  EXPECT_EQ(open_descriptors(), before);
}

TEST(GitProcess, AMissingGitIsNamed) {
  std::string path = ::getenv("PATH");
  ::setenv("PATH", "/nonexistent", 1);
  Result<GitOutcome> outcome = run_git(command({"version"}));
  ::setenv("PATH", path.c_str(), 1);
  EXPECT_EQ(code_of(outcome), "git.tool_missing");
}

TEST(GitConversation, AnswersUntilItEnds) {
  Folder folder;
  Repository repository(folder.path() / "r");
  repository.write("f", "hello\n");
  repository.commit("one");
  ChildCommand command{
      .arguments = {"cat-file", "--batch"}, .git_dir = (repository.folder() / ".git").string(), .environment = {}};
  Result<Conversation> talk = Conversation::start(command, {});
  ASSERT_TRUE(talk) << problem(talk);
  ASSERT_TRUE(talk->send("HEAD:f\n"));
  Result<std::string> line = talk->read_line();
  ASSERT_TRUE(line) << problem(line);
  EXPECT_EQ(*line, "ce013625030ba8dba906f756967f9e9ca394464a blob 6");
  std::string content;
  ASSERT_TRUE(talk->read_exactly(6, content));
  EXPECT_EQ(content, "hello\n");

  command.arguments = {"version"};
  talk = Conversation::start(command, {});
  ASSERT_TRUE(talk) << problem(talk);
  EXPECT_TRUE(talk->read_line());
  EXPECT_EQ(code_of(talk->read_line()), "git.tool_failed");
  EXPECT_EQ(code_of(talk->send(std::string(1 << 20, 'x'))), "git.tool_failed");
}

TEST(GitConversation, EndsAtItsTimeLimit) {
  ChildCommand command{.arguments = {"-c", "alias.slow=!sleep 1000; echo", "slow"}, .git_dir = {}, .environment = {}};
  Result<Conversation> talk = Conversation::start(command, {.time = std::chrono::milliseconds(100)});
  ASSERT_TRUE(talk) << problem(talk);
  EXPECT_EQ(code_of(talk->read_line()), "git.tool_timeout");
}

}  // namespace
}  // namespace countersign::adapters::git
