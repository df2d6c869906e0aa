// Sessions: which cookies work, and that a dead one never does again.
#include <fstream>
#include <map>
#include <random>
#include <thread>

#include "core/bytes.h"
#include "core/sha256.h"
#include "people_fixture.h"

namespace countersign::auth::test {
namespace {

class SessionsTest : public PeopleTest {};

TEST_F(SessionsTest, ACookieIsFoundWithItsPerson) {
  auto signed_in = people_->start_session({"alice", SignInMethod::passkey, kNow, std::string(kPeer)}, kNow);
  ASSERT_TRUE(signed_in);
  const std::string cookie(signed_in->cookie.expose());
  EXPECT_EQ(cookie.size(), 43U);
  EXPECT_EQ(from_base64url(cookie)->size(), 32U);
  auto session = people_->find_session(cookie, kNow + 1);
  ASSERT_TRUE(session);
  EXPECT_EQ(session->user, "alice");
  EXPECT_EQ(session->how, SignInMethod::passkey);
  EXPECT_EQ(session->signed_in, kNow);
  EXPECT_EQ(session->expires, kNow + 12 * kHour);
  EXPECT_EQ(session->idle_expires, kNow + 30 * kMinute);
  EXPECT_EQ(session->csrf, signed_in->session.csrf);
  EXPECT_EQ(session->csrf.size(), 43U);
  EXPECT_NE(session->csrf, cookie);
  EXPECT_EQ(session->peer, kPeer);
  ASSERT_EQ(signed_in->events.size(), 1U);
  EXPECT_EQ(signed_in->events[0].action, "person:sign-in");
  EXPECT_EQ(signed_in->events[0].user, "alice");
  EXPECT_EQ(signed_in->events[0].detail.find(cookie), std::string::npos);
}

TEST_F(SessionsTest, NonsenseIsNoSession) {
  start("alice");
  for (const std::string& cookie : {std::string(), std::string("x"), std::string(43, 'A'), std::string(1'000'000, 'A'),
                                    std::string(42, 'A') + "\n", std::string("' OR 1=1 --")}) {
    EXPECT_EQ(code_of(people_->find_session(cookie, kNow)), "session.none");
    EXPECT_EQ(code_of(people_->end_session(cookie, kNow)), "session.none");
  }
}

TEST_F(SessionsTest, IdleAndAbsoluteLimits) {
  std::string idle = start("alice");
  EXPECT_TRUE(people_->find_session(idle, kNow + 30 * kMinute - 1));
  std::string unused = start("alice");
  EXPECT_EQ(code_of(people_->find_session(unused, kNow + 30 * kMinute)), "session.expired");
  EXPECT_EQ(code_of(people_->find_session(unused, kNow)), "session.none") << "the clock going back revives nothing";

  std::string busy = start("bob");
  TimeMs now = kNow;
  for (; now < kNow + 12 * kHour; now += 29 * kMinute) ASSERT_TRUE(people_->find_session(busy, now)) << now - kNow;
  EXPECT_EQ(code_of(people_->find_session(busy, kNow + 12 * kHour)), "session.expired");
}

TEST_F(SessionsTest, AShortIdleLimitIsKeptToAsWell) {
  open(kMinute, kHour);
  std::string cookie = start("alice");
  for (TimeMs now = kNow; now < kNow + 30 * kMinute; now += 50'000) ASSERT_TRUE(people_->find_session(cookie, now));
}

TEST_F(SessionsTest, SurvivesARestart) {
  std::string cookie = start("alice");
  std::string csrf = people_->find_session(cookie, kNow)->csrf;
  open();
  auto session = people_->find_session(cookie, kNow + kMinute);
  ASSERT_TRUE(session);
  EXPECT_EQ(session->csrf, csrf);
}

TEST_F(SessionsTest, TheCookieIsNowhereOnDisk) {
  std::string cookie = start("alice");
  const Bytes raw = *from_base64url(cookie);
  std::string csrf = people_->find_session(cookie, kNow)->csrf;
  for (const auto& file : std::filesystem::directory_iterator(folder_)) {
    std::ifstream stream(file.path(), std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(stream), {});
    EXPECT_EQ(bytes.find(cookie), std::string::npos) << file.path();
    EXPECT_EQ(bytes.find(as_text(raw)), std::string::npos) << file.path();
    EXPECT_EQ(bytes.find(csrf), std::string::npos) << file.path();
    EXPECT_EQ(std::filesystem::status(file.path()).permissions() & std::filesystem::perms(0777),
              std::filesystem::perms(0600));
  }
}

TEST_F(SessionsTest, SigningInAgainRotates) {
  std::string first = start("alice");
  std::string second = start("alice", kNow, first);
  EXPECT_NE(first, second);
  EXPECT_EQ(code_of(people_->find_session(first, kNow)), "session.none");
  EXPECT_TRUE(people_->find_session(second, kNow));
  // A session that somebody planted in the browser dies, whoever it belongs to.
  std::string planted = start("bob");
  start("alice", kNow, planted);
  EXPECT_EQ(code_of(people_->find_session(planted, kNow)), "session.none");
}

TEST_F(SessionsTest, SteppingUpRotatesAndBeginsTheLimitsAnew) {
  std::string before = start("alice");
  const Session was = *people_->find_session(before, kNow);
  const TimeMs later = kNow + 20 * kMinute;
  auto stepped = people_->touch_authentication(before, {"alice", SignInMethod::oidc, later, "198.51.100.1:1"}, later);
  ASSERT_TRUE(stepped) << stepped.error().message;
  EXPECT_EQ(code_of(people_->find_session(before, later)), "session.none");
  auto session = people_->find_session(stepped->cookie.expose(), later);
  ASSERT_TRUE(session);
  EXPECT_EQ(session->id, was.id);
  EXPECT_EQ(session->created, kNow);
  EXPECT_EQ(session->signed_in, later);
  EXPECT_EQ(session->how, SignInMethod::oidc);
  EXPECT_EQ(session->expires, later + 12 * kHour);
  EXPECT_NE(session->csrf, was.csrf);
  ASSERT_EQ(stepped->events.size(), 1U);
  EXPECT_EQ(stepped->events[0].action, "person:step-up");
  EXPECT_EQ(people_->sessions_of("alice", later)->size(), 1U);
}

TEST_F(SessionsTest, SteppingUpIsForThePersonOfALiveSession) {
  std::string cookie = start("alice");
  const Authenticated bob{"bob", SignInMethod::passkey, kNow, std::string(kPeer)};
  EXPECT_EQ(code_of(people_->touch_authentication(cookie, bob, kNow)), "session.other_person");
  EXPECT_TRUE(people_->find_session(cookie, kNow)) << "and the session is as it was";
  const Authenticated alice{"alice", SignInMethod::passkey, kNow, std::string(kPeer)};
  const TimeMs late = kNow + kHour;
  EXPECT_EQ(code_of(people_->touch_authentication(cookie, alice, late)), "session.expired");
  EXPECT_EQ(code_of(people_->touch_authentication(cookie, alice, kNow)), "session.none");
  EXPECT_EQ(code_of(people_->touch_authentication("", alice, kNow)), "session.none");
}

TEST_F(SessionsTest, AnAuthenticationTimeIsNeverInTheFuture) {
  auto late = people_->start_session({"alice", SignInMethod::oidc, kNow + kHour, std::string(kPeer)}, kNow);
  ASSERT_TRUE(late);
  EXPECT_EQ(late->session.signed_in, kNow);
  auto early = people_->start_session({"alice", SignInMethod::oidc, kNow - kHour, std::string(kPeer)}, kNow);
  ASSERT_TRUE(early);
  EXPECT_EQ(people_->find_session(early->cookie.expose(), kNow)->signed_in, kNow - kHour);
  EXPECT_EQ(early->session.expires, kNow + 12 * kHour);
}

TEST_F(SessionsTest, EndingOneOrAll) {
  std::string one = start("alice");
  std::string two = start("alice", kNow + 1000);
  std::string other = start("bob");
  auto listed = people_->sessions_of("alice", kNow + 2000);
  ASSERT_EQ(listed->size(), 2U);
  EXPECT_EQ(listed->at(0).created, kNow + 1000);
  EXPECT_TRUE(listed->at(0).csrf.empty());
  EXPECT_EQ(code_of(people_->end_session_of("bob", listed->at(0).id, kNow + 2000)), "session.none");
  auto ended = people_->end_session_of("alice", listed->at(0).id, kNow + 2000);
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->at(0).action, "person:sign-out");
  EXPECT_EQ(ended->at(0).user, "alice");
  EXPECT_EQ(code_of(people_->find_session(two, kNow + 2000)), "session.none");
  auto left = people_->end_session(one, kNow + 2000);
  ASSERT_TRUE(left);
  EXPECT_EQ(left->at(0).action, "person:sign-out");
  EXPECT_EQ(code_of(people_->end_session(one, kNow + 2000)), "session.none");
  std::string three = start("alice", kNow + 3000);
  EXPECT_EQ(people_->end_sessions_of("alice", kNow + 3000)->size(), 1U);
  EXPECT_TRUE(people_->end_sessions_of("alice", kNow + 3000)->empty());
  EXPECT_EQ(code_of(people_->find_session(three, kNow + 3000)), "session.none");
  EXPECT_TRUE(people_->find_session(other, kNow + 3000));
}

TEST_F(SessionsTest, WhoIsTakenOffTheListIsSignedOut) {
  std::string cookie = start("alice");
  unlist("alice");
  EXPECT_EQ(code_of(people_->start_session({"alice", SignInMethod::passkey, kNow, ""}, kNow)), "sign_in.not_listed");
  EXPECT_TRUE(people_->sessions_of("alice", kNow)->empty());
  EXPECT_EQ(code_of(people_->find_session(cookie, kNow)), "session.none");
  list("alice");
  EXPECT_EQ(code_of(people_->find_session(cookie, kNow)), "session.none") << "seen once without, it is gone";
}

TEST_F(SessionsTest, OneMoreThanTheMostEndsTheOneUnusedForLongest) {
  std::string first = start("alice", kNow);
  std::string second = start("alice", kNow + 1);
  for (std::size_t i = 2; i < kMaxSessions; ++i) start("alice", kNow + static_cast<TimeMs>(i));
  EXPECT_EQ(people_->sessions_of("alice", kNow + kMinute)->size(), kMaxSessions);
  start("alice", kNow + kMinute);
  EXPECT_EQ(people_->sessions_of("alice", kNow + kMinute)->size(), kMaxSessions);
  EXPECT_EQ(code_of(people_->find_session(first, kNow + kMinute)), "session.none");
  EXPECT_TRUE(people_->find_session(second, kNow + kMinute));
}

TEST_F(SessionsTest, AClockThatGoesBackFarEndsWhatItFinds) {
  std::string a_little = start("alice");
  EXPECT_TRUE(people_->find_session(a_little, kNow - 4 * kMinute));
  EXPECT_EQ(people_->find_session(a_little, kNow)->last_seen, kNow);
  std::string far = start("alice");
  EXPECT_EQ(code_of(people_->find_session(far, kNow - kDay)), "session.expired");
  EXPECT_EQ(code_of(people_->find_session(far, kNow)), "session.none");
}

TEST_F(SessionsTest, CleaningUpRemovesOnlyWhatIsOver) {
  std::string old = start("alice");
  std::string live = start("alice", kNow + kHour);
  ASSERT_TRUE(people_->clean_up(kNow + kHour));
  EXPECT_EQ(code_of(people_->find_session(old, kNow)), "session.none");
  EXPECT_TRUE(people_->find_session(live, kNow + kHour));
}

// A model beside the real thing: random steps of people and time; afterwards exactly the cookies that the model thinks
// alive work, and no dead one ever does.
TEST_F(SessionsTest, NoDeadCookieEverWorks) {
  struct Alive {
    std::string user;
    TimeMs begun;
    TimeMs seen;  // as exactly as it is kept
  };
  const TimeMs idle = 10 * kMinute;
  const TimeMs absolute = kHour;
  for (unsigned seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE(seed);
    open(idle, absolute);
    std::mt19937 random(seed);
    auto pick = [&](std::size_t below) { return static_cast<std::size_t>(random()) % below; };
    const std::vector<std::string> users = {"alice", "bob", "carol"};
    std::map<std::string, Alive> alive;
    std::vector<std::string> dead;
    TimeMs now = kNow + static_cast<TimeMs>(seed) * kDay;
    auto over = [&](const Alive& a) { return now >= a.seen + idle || now >= a.begun + absolute; };
    auto kill = [&](std::string cookie) {  // a copy: it may be the key that goes
      alive.erase(cookie);
      dead.push_back(std::move(cookie));
    };
    for (int step = 0; step < 150; ++step) {
      now += static_cast<TimeMs>(pick(4 * kMinute));
      const std::string user = users[pick(users.size())];
      auto some =
          alive.empty() ? alive.end() : std::next(alive.begin(), static_cast<std::ptrdiff_t>(pick(alive.size())));
      switch (pick(6)) {
        case 0:
        case 1: {
          std::string old = some == alive.end() || pick(2) == 0 ? "" : some->first;
          std::string cookie = start(user, now, old);
          if (!old.empty()) kill(old);
          alive[cookie] = {user, now, now};
          break;
        }
        case 2: {
          if (some == alive.end()) break;
          const std::string cookie = some->first;
          const Alive before = some->second;
          auto stepped = people_->touch_authentication(cookie, {before.user, SignInMethod::passkey, now, ""}, now);
          ASSERT_EQ(stepped.has_value(), !over(before));
          kill(cookie);
          if (stepped) alive[std::string(stepped->cookie.expose())] = {before.user, now, now};
          break;
        }
        case 3: {
          if (some == alive.end()) break;
          const std::string cookie = some->first;
          ASSERT_EQ(people_->end_session(cookie, now).has_value(), !over(some->second));
          kill(cookie);
          break;
        }
        case 4: {
          if (pick(4) != 0) break;
          ASSERT_TRUE(people_->end_sessions_of(user, now));
          std::erase_if(alive, [&](const auto& one) {
            if (one.second.user == user) dead.push_back(one.first);
            return one.second.user == user;
          });
          break;
        }
        default: {
          if (some == alive.end()) break;
          auto found = people_->find_session(some->first, now);
          ASSERT_EQ(found.has_value(), !over(some->second)) << code_of(found);
          if (found) {
            some->second.seen = found->last_seen;
            ASSERT_LE(now - found->last_seen, kMinute);
            ASSERT_EQ(found->user, some->second.user);
          } else {
            kill(some->first);
          }
        }
      }
      if (dead.empty()) continue;
      const TimeMs any_time = now - static_cast<TimeMs>(pick(kHour));
      ASSERT_EQ(code_of(people_->find_session(dead[pick(dead.size())], any_time)), "session.none");
    }
    for (const std::string& cookie : dead) EXPECT_EQ(code_of(people_->find_session(cookie, now)), "session.none");
  }
}

TEST_F(SessionsTest, OfManyWhoStepUpAtOnceOneDoes) {
  for (int round = 0; round < 10; ++round) {
    std::string cookie = start("alice");
    std::atomic<int> done = 0;
    std::atomic<int> none = 0;
    std::vector<std::jthread> threads;
    for (int i = 0; i < 6; ++i) {
      threads.emplace_back([&] {
        auto stepped = people_->touch_authentication(cookie, {"alice", SignInMethod::passkey, kNow, ""}, kNow);
        if (stepped) ++done;
        if (code_of(stepped) == "session.none") ++none;
      });
    }
    threads.clear();
    EXPECT_EQ(done, 1);
    EXPECT_EQ(none, 5);
    EXPECT_EQ(people_->sessions_of("alice", kNow)->size(), 1U);
    ASSERT_TRUE(people_->end_sessions_of("alice", kNow));
  }
}

}  // namespace
}  // namespace countersign::auth::test
