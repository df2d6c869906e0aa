#include "proxy/adapters/git_memory.h"

#include <gtest/gtest.h>

#include <thread>

#include "fakes.h"
#include "proxy/adapters/git/pkt_line.h"

namespace countersign::adapters::test {
namespace {

using git::Service;

const std::string kOne(40, '1');
const std::string kTwo(40, '2');

GitMemory::Place place(int number) {
  return {"origin", "/team/app" + std::to_string(number) + ".git"};
}

GitRefs some_refs() {
  return {git::ObjectFormat::sha1,
          {{"refs/tags/v1", kTwo, "", ""}, {"refs/heads/main", kOne, "", ""}, {"refs/pull/1/head", kTwo, "", ""}},
          "refs/heads/main"};
}

git::Advertisement advertisement() {
  git::Advertisement out;
  out.capabilities = {"report-status", "atomic"};
  out.refs = some_refs().refs;
  return out;
}

TEST(GitMemory, KeepsBranchesAndTagsForAMinute) {
  ManualClock clock(10);
  GitMemory memory(clock);
  EXPECT_EQ(memory.refs(place(1)), nullptr);
  memory.saw_refs(place(1), some_refs());
  clock.advance(60'000);
  std::shared_ptr<const GitRefs> refs = memory.refs(place(1));
  ASSERT_NE(refs, nullptr);
  ASSERT_EQ(refs->refs.size(), 2U);
  EXPECT_EQ(refs->refs[0].name, "refs/heads/main");
  EXPECT_EQ(refs->tips(), (std::vector{kOne, kTwo}));
  EXPECT_EQ(memory.refs(place(2)), nullptr);
  EXPECT_EQ(memory.refs({"other", place(1).path}), nullptr);
  clock.advance(1);
  EXPECT_EQ(memory.refs(place(1)), nullptr);
  EXPECT_EQ(memory.default_branch(place(1)), "refs/heads/main");
  clock.advance(540'000);
  EXPECT_EQ(memory.default_branch(place(1)), std::nullopt);
}

TEST(GitMemory, AClockThatGoesBackMakesNothingFresh) {
  ManualClock clock(1'000'000);
  GitMemory memory(clock);
  memory.saw_push_advertisement(place(1), advertisement());
  clock.advance(-1);
  EXPECT_EQ(memory.refs(place(1)), nullptr);
  EXPECT_EQ(memory.capabilities(place(1), Service::receive_pack), nullptr);
}

TEST(GitMemory, AnAdvertisementGivesRefsAndCapabilities) {
  ManualClock clock(10);
  GitMemory memory(clock);
  memory.saw_default_branch(place(1), "refs/heads/main");
  memory.saw_push_advertisement(place(1), advertisement());
  ASSERT_NE(memory.capabilities(place(1), Service::receive_pack), nullptr);
  EXPECT_TRUE(memory.capabilities(place(1), Service::receive_pack)->has("atomic"));
  EXPECT_TRUE(memory.capabilities(place(1), Service::receive_pack)->refs.empty());
  EXPECT_EQ(memory.capabilities(place(1), Service::upload_pack), nullptr);
  ASSERT_NE(memory.refs(place(1)), nullptr);
  EXPECT_EQ(memory.refs(place(1))->default_branch, "refs/heads/main");
  EXPECT_EQ(memory.refs(place(1))->tips().front(), kOne);
  // The default branch is learnt later as well.
  memory.saw_default_branch(place(1), "refs/heads/other");
  EXPECT_EQ(memory.refs(place(1))->default_branch, "refs/heads/other");

  memory.forget_refs(place(1));
  EXPECT_EQ(memory.refs(place(1)), nullptr);
  EXPECT_NE(memory.capabilities(place(1), Service::receive_pack), nullptr);
  memory.forget(place(1));
  EXPECT_EQ(memory.capabilities(place(1), Service::receive_pack), nullptr);
  EXPECT_EQ(memory.entries(), 0U);
  EXPECT_EQ(memory.bytes(), 0U);
}

TEST(GitMemory, IsBoundedInEntriesAndBytes) {
  ManualClock clock(10);
  GitMemory few(clock, {.entries = 3});
  for (int i = 0; i < 3; ++i) few.saw_refs(place(i), some_refs());
  EXPECT_NE(few.refs(place(0)), nullptr);  // used: place(1) is the oldest now
  few.saw_refs(place(3), some_refs());
  EXPECT_EQ(few.entries(), 3U);
  EXPECT_NE(few.refs(place(0)), nullptr);
  EXPECT_EQ(few.refs(place(1)), nullptr);

  GitMemory small(clock, {.bytes = 10'000});
  for (int i = 0; i < 100; ++i) {
    small.saw_refs(place(i), some_refs());
    EXPECT_LE(small.bytes(), 10'000U);
  }
  EXPECT_GT(small.entries(), 2U);
  EXPECT_LT(small.entries(), 20U);
  EXPECT_NE(small.refs(place(99)), nullptr);

  GitMemory tiny(clock, {.refs_bytes = 100});
  tiny.saw_push_advertisement(place(1), advertisement());
  EXPECT_EQ(tiny.refs(place(1)), nullptr);
  EXPECT_NE(tiny.capabilities(place(1), Service::receive_pack), nullptr);

  GitMemory none(clock, {.bytes = 1});
  none.saw_refs(place(1), some_refs());
  EXPECT_EQ(none.entries(), 0U);
  EXPECT_EQ(none.bytes(), 0U);
}

TEST(GitMemory, AnyThread) {
  ManualClock clock(10);
  GitMemory memory(clock, {.entries = 5});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&memory, t] {
      for (int i = 0; i < 300; ++i) {
        memory.saw_push_advertisement(place((i + t) % 9), advertisement());
        if (auto refs = memory.refs(place(i % 9))) EXPECT_EQ(refs->refs.size(), 2U);
        memory.saw_default_branch(place(i % 7), "refs/heads/main");
        if (i % 11 == 0) memory.forget(place(i % 9));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(memory.entries(), 5U);
}

// What passes is what came, whatever is made of it.
TEST(WatchedAdvertisement, PassesEverythingOnAndRemembersWhatIsSound) {
  std::string sound;
  git::write_pkt(sound, "# service=git-receive-pack\n");
  git::write_flush(sound);
  git::write_pkt(sound, kOne + " refs/heads/main" + std::string(1, '\0') + "report-status\n");
  git::write_pkt(sound, kTwo + " .have\n");
  git::write_flush(sound);
  struct Case {
    std::string body;
    std::optional<Error> breaks;
    bool remembered;
  };
  const Error broken{ErrorKind::unavailable, "upstream.broken", "gone"};
  for (const Case& each :
       {Case{sound, {}, true}, Case{sound, broken, false}, Case{sound + "0000", {}, false},
        Case{sound.substr(0, sound.size() - 2), {}, false}, Case{"nonsense", {}, false}, Case{"", {}, false}}) {
    ManualClock clock(10);
    GitMemory memory(clock);
    std::vector<std::string> pieces;
    for (std::size_t at = 0; at < each.body.size(); at += 7) pieces.push_back(each.body.substr(at, 7));
    FakeReply reply({200, {}}, pieces, each.breaks);
    WatchedAdvertisement watched(reply, memory, place(1));
    EXPECT_EQ(watched.head().status, 200);
    std::string passed;
    Result<ByteView> piece;
    while (true) {
      piece = run(watched.read());
      if (!piece || piece->empty()) break;
      passed += as_text(*piece);
    }
    EXPECT_EQ(passed, each.body);
    EXPECT_EQ(piece.has_value(), !each.breaks);
    EXPECT_EQ(memory.refs(place(1)) != nullptr, each.remembered);
    if (each.remembered) EXPECT_EQ(memory.refs(place(1))->refs.size(), 1U);
  }
}

}  // namespace
}  // namespace countersign::adapters::test
