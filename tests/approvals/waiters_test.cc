#include "approvals/waiters.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>
#include <vector>

namespace countersign::approvals {
namespace {

HeldRequest in_state(std::string id, State state) {
  HeldRequest request;
  request.id = std::move(id);
  request.state = state;
  return request;
}

TEST(Waiters, AreToldOnceOfTheEnd) {
  Waiters waiters;
  int told = 0;
  State seen = State::held;
  Waiters::Ticket ticket = waiters.wait("a", [&](const HeldRequest& request) {
    ++told;
    seen = request.state;
  });
  waiters.notify(in_state("a", State::held));
  waiters.notify(in_state("a", State::approved));
  waiters.notify(in_state("a", State::executing));
  waiters.notify(in_state("b", State::done));
  EXPECT_EQ(told, 0);
  EXPECT_EQ(waiters.size(), 1U);
  waiters.notify(in_state("a", State::failed));
  EXPECT_EQ(told, 1);
  EXPECT_EQ(seen, State::failed);
  waiters.notify(in_state("a", State::failed));
  EXPECT_EQ(told, 1);
  EXPECT_EQ(waiters.size(), 0U);
}

TEST(Waiters, EveryFinalStateWakes) {
  for (State state : {State::denied, State::expired, State::cancelled, State::done, State::failed, State::unknown}) {
    Waiters waiters;
    bool told = false;
    Waiters::Ticket ticket = waiters.wait("a", [&](const HeldRequest&) { told = true; });
    waiters.notify(in_state("a", state));
    EXPECT_TRUE(told) << state_name(state);
  }
}

TEST(Waiters, SeveralMayWaitForOneRequest) {
  Waiters waiters;
  int told = 0;
  auto count = [&](const HeldRequest&) { ++told; };
  Waiters::Ticket first = waiters.wait("a", count);
  Waiters::Ticket second = waiters.wait("a", count);
  Waiters::Ticket third = waiters.wait("a", count);
  second.cancel();
  waiters.notify(in_state("a", State::done));
  EXPECT_EQ(told, 2);
}

TEST(Waiters, TicketsEndTheWait) {
  Waiters waiters;
  bool told = false;
  auto tell = [&](const HeldRequest&) { told = true; };
  {
    Waiters::Ticket ticket = waiters.wait("a", tell);
  }
  EXPECT_EQ(waiters.size(), 0U);
  Waiters::Ticket ticket = waiters.wait("a", tell);
  Waiters::Ticket moved = std::move(ticket);
  EXPECT_EQ(waiters.size(), 1U);
  moved = Waiters::Ticket();
  EXPECT_EQ(waiters.size(), 0U);
  waiters.notify(in_state("a", State::done));
  EXPECT_FALSE(told);
}

TEST(Waiters, TicketMayDieInItsOwnCallbackOrAfterTheWaiters) {
  auto waiters = std::make_unique<Waiters>();
  Waiters::Ticket ticket;
  ticket = waiters->wait("a", [&](const HeldRequest&) { ticket = Waiters::Ticket(); });
  waiters->notify(in_state("a", State::done));
  EXPECT_EQ(waiters->size(), 0U);
  ticket = waiters->wait("b", [](const HeldRequest&) {});
  waiters.reset();
  ticket.cancel();
}

TEST(Waiters, ManyThreadsWakeEachOnce) {
  constexpr int kRounds = 200;
  Waiters waiters;
  for (int round = 0; round < kRounds; ++round) {
    std::array<std::atomic<int>, 4> told{};
    std::vector<Waiters::Ticket> tickets;
    for (std::atomic<int>& count : told) {
      tickets.push_back(waiters.wait("a", [&count](const HeldRequest&) { ++count; }));
    }
    std::vector<std::jthread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([&] { waiters.notify(in_state("a", State::done)); });
    }
    threads.clear();
    for (std::atomic<int>& count : told) ASSERT_EQ(count.load(), 1);
  }
  EXPECT_EQ(waiters.size(), 0U);
}

}  // namespace
}  // namespace countersign::approvals
