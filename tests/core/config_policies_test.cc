// The parts `policies:` and `journal:` of the configuration.
#include <gtest/gtest.h>

#include "core/config_load.h"

namespace countersign::config {
namespace {

Loaded read_with(const std::string& keys) {
  const std::string rest = "\nupstreams: [ { name: a, protocol: http, url: \"http://a/\" } ]\n";
  return read("/nowhere/countersign.yaml", keys + rest, {.files = Check::no, .secrets = Check::no});
}
std::string problem_in(const std::string& keys) {
  Loaded loaded = read_with(keys);
  return loaded.problems.empty() ? "" : loaded.problems[0].message;
}
std::string git_problem(const std::string& keys) {
  return problem_in("policies: { git: { allowed_signers: ./signers, " + keys + " } }");
}

TEST(ConfigPolicies, AFolderSaidInTwoWays) {
  EXPECT_EQ(read_with("").config.policies, "/nowhere/policies");
  EXPECT_EQ(read_with("policies: ./p").config.policies, "/nowhere/p");
  Loaded loaded = read_with("policies: { folder: ./p }");
  ASSERT_TRUE(loaded.ok()) << format_problems(loaded.problems);
  EXPECT_EQ(loaded.config.policies, "/nowhere/p");
  EXPECT_FALSE(loaded.config.policy_repository);
  EXPECT_NE(problem_in("policies: { folder: ./p, git: { repository: x, allowed_signers: y } }"), "");
  EXPECT_NE(problem_in("policies: { dir: ./p }"), "");
  EXPECT_NE(problem_in("policies: [a]"), "");
}

TEST(ConfigPolicies, ARepository) {
  Loaded loaded = read_with(
      "state: ./s\npolicies: { git: { repository: ./origin, path: a/b, allowed_signers: ./signers, every: 30s, "
      "two_people: false } }");
  ASSERT_TRUE(loaded.ok()) << format_problems(loaded.problems);
  ASSERT_TRUE(loaded.config.policy_repository);
  const PolicyRepository& repository = *loaded.config.policy_repository;
  EXPECT_EQ(repository.repository, "/nowhere/origin");
  EXPECT_EQ(repository.branch, "main");
  EXPECT_EQ(repository.path, "a/b");
  EXPECT_EQ(repository.allowed_signers, "/nowhere/signers");
  EXPECT_EQ(repository.every, 30'000);
  EXPECT_FALSE(repository.two_people);
  EXPECT_EQ(loaded.config.policies, "/nowhere/s/policies-from-git");
  loaded = read_with("policies: { git: { repository: \"https://git.example.com/p.git\", allowed_signers: s } }");
  EXPECT_EQ(loaded.config.policy_repository->repository, "https://git.example.com/p.git");
  EXPECT_TRUE(loaded.config.policy_repository->two_people);
  EXPECT_EQ(loaded.config.policy_repository->every, 60'000);
}

// Nothing of it reaches git as an option, or as an address that starts a program.
TEST(ConfigPolicies, WhatGitMustNotBeGiven) {
  for (const char* repository : {"-x", "ext::sh -c x", "user@host:path", "ftp://h/p", "https://", ""})
    EXPECT_NE(git_problem("repository: \"" + std::string(repository) + "\""), "") << repository;
  for (const char* branch : {"-x", "a..b", "/a", "a/", "a b", "a.lock", ".a", "a/.b", "a//b", "a~1", ""})
    EXPECT_NE(git_problem("repository: r, branch: \"" + std::string(branch) + "\""), "") << branch;
  for (const char* path : {"/a", "../a", "a/../b", "a//b", "a/", ".", ":(top)a", "-x", "a\\\\b", ""})
    EXPECT_NE(git_problem("repository: r, path: \"" + std::string(path) + "\""), "") << path;
  EXPECT_NE(problem_in("policies: { git: { repository: r } }"), "");
  EXPECT_NE(problem_in("policies: { git: { allowed_signers: s } }"), "");
  EXPECT_NE(git_problem("repository: r, every: 2d"), "");
}

TEST(ConfigPolicies, TheJournal) {
  EXPECT_EQ(read_with("").config.journal.days, 14);
  EXPECT_EQ(read_with("").config.journal.bytes, 1U << 30);
  Loaded loaded = read_with("journal: { days: 0, bytes: 64MiB }");
  ASSERT_TRUE(loaded.ok()) << format_problems(loaded.problems);
  EXPECT_EQ(loaded.config.journal.days, 0);
  EXPECT_EQ(loaded.config.journal.bytes, 64U << 20);
  for (const char* keys : {"days: -1", "days: 367", "bytes: 1KiB", "day: 3"})
    EXPECT_NE(problem_in("journal: { " + std::string(keys) + " }"), "") << keys;
}

}  // namespace
}  // namespace countersign::config
