// kill -9 in the middle of the work, again and again on one store: what was acknowledged is there, nothing is lost, and
// nothing runs twice.
//
// A child process works through requests and writes a line to a pipe after each step has returned. The parent kills it
// after a random number of lines; the child is then somewhere in the steps that follow.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <map>
#include <random>
#include <sstream>

#include "approvals/queue.h"
#include "tests/approvals/fixture.h"

namespace countersign::approvals {
namespace {

using test::kNow;

void say(int pipe, const std::string& id, State state) {
  std::string line = id + " " + state_name(state) + "\n";
  if (::write(pipe, line.data(), line.size()) != static_cast<ssize_t>(line.size())) ::_exit(3);
}

[[noreturn]] void give_up(const Error& error) {
  std::fprintf(stderr, "the child cannot go on: %s: %s\n", error.code.c_str(), error.message.c_str());
  ::_exit(3);
}

// Never returns: works until it is killed.
[[noreturn]] void work(const std::filesystem::path& folder, int pipe, std::uint64_t seed) {
  std::unique_ptr<Queue> queue = test::open_queue(
      folder, {.retention = test::kHour, .max_open = 1'000'000, .max_open_of_agent = 1'000'000, .store = {}});
  if (!queue) ::_exit(3);
  Rules rules = test::house_rules();
  std::mt19937_64 random(seed);
  for (std::uint64_t i = 0;; ++i) {
    HeldRequest draft = test::draft(std::to_string(seed) + "/" + std::to_string(i));
    test::add_body(draft, folder, "body of " + draft.frozen.identity);
    Result<Holding> held = queue->hold(draft, kNow);
    if (!held) give_up(held.error());
    const std::string& id = held->request.id;
    say(pipe, id, State::held);
    std::uint64_t fate = random() % 8;
    if (fate == 0) continue;
    Result<HeldRequest> voted =
        queue->vote(id, fate == 1 ? test::no(test::bob()) : test::yes(test::bob()), rules, kNow);
    if (!voted) give_up(voted.error());
    say(pipe, id, fate == 1 ? State::denied : State::approved);
    if (fate <= 2) continue;
    if (Result<HeldRequest> begun = queue->begin_execution(id, kNow); !begun) give_up(begun.error());
    say(pipe, id, State::executing);
    Ending ending{.state = fate == 3 ? State::failed : State::done,
                  .reply = StoredReply{.status = 200, .head = "{}", .body = id, .truncated = false},
                  .code = "",
                  .reason = ""};
    if (Result<HeldRequest> finished = queue->finish(id, ending, kNow); !finished) give_up(finished.error());
    say(pipe, id, ending.state);
  }
}

// Runs a child until it has acknowledged `lines` steps, kills it, and returns the last acknowledged state of each id.
std::map<std::string, State> run_and_kill(const std::filesystem::path& folder, std::uint64_t seed,
                                          std::uint64_t lines) {
  int ends[2];
  EXPECT_EQ(::pipe(ends), 0);
  pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    work(folder, ends[1], seed);
  }
  ::close(ends[1]);
  std::string text;
  char c = 0;
  for (std::uint64_t seen = 0; ::read(ends[0], &c, 1) == 1;) {
    text += c;
    if (c == '\n' && ++seen == lines) ::kill(child, SIGKILL);
  }
  ::close(ends[0]);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
      << "the child ended by itself: " << WEXITSTATUS(status);

  std::map<std::string, State> acknowledged;
  std::istringstream stream(text.substr(0, text.rfind('\n') + 1));
  std::string id;
  std::string state;
  while (stream >> id >> state) acknowledged[id] = state_from_name(state).value_or(State::unknown);
  return acknowledged;
}

TEST(QueueCrash, WhatWasAcknowledgedSurvivesKill9) {
  std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  RecordProperty("seed", std::to_string(seed));
  std::mt19937_64 random(seed);
  test::TempFolder folder;
  std::map<std::string, State> settled;
  for (std::uint64_t round = 0; round < 15; ++round) {
    std::map<std::string, State> acknowledged = run_and_kill(folder.path(), random(), 1 + random() % 60);

    std::unique_ptr<Queue> queue = test::open_queue(folder.path());
    ASSERT_TRUE(queue);
    std::map<std::string, State> found;
    for (const auto& [id, state] : acknowledged) {
      Result<HeldRequest> got = queue->get(id);
      ASSERT_TRUE(got) << id << " was acknowledged as " << state_name(state) << " and is lost";
      // The child may have been killed between a step and its line.
      EXPECT_TRUE(got->state == state || may_move(state, got->state))
          << id << " was " << state_name(state) << ", is " << state_name(got->state);
      EXPECT_TRUE(check_body(got->frozen.body_file, got->frozen.body_sha256, got->frozen.body_size)) << id;
      if (got->state == State::done) EXPECT_EQ(got->reply->body, id);
      found[id] = got->state;
    }
    Result<Recovered> recovered = queue->recover(kNow);
    ASSERT_TRUE(recovered) << recovered.error().message;
    for (const auto& [id, before] : found) {
      State after = queue->get(id)->state;
      EXPECT_EQ(after, before == State::executing ? State::unknown : before) << id;
      if (after == State::unknown) {
        EXPECT_FALSE(queue->begin_execution(id, kNow)) << "ran twice";
      }
      settled[id] = after;
    }
    for (const auto& [id, state] : settled) EXPECT_EQ(queue->get(id)->state, state) << id;
    EXPECT_TRUE(queue->list({.states = {State::executing}, .agent = "", .owner = "", .before = ""})->empty());
  }
  EXPECT_FALSE(settled.empty());
}

}  // namespace
}  // namespace countersign::approvals
