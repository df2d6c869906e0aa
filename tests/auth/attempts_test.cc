// Counting of failed attempts: the tables stay bounded, and which peers are one network.
#include "auth/attempts.h"

#include "people_fixture.h"

namespace countersign::auth::test {
namespace {

TEST(NetworkOf, IsAPrefix) {
  EXPECT_EQ(network_of("192.0.2.7:5000"), "192.0.2.0/24");
  EXPECT_EQ(network_of("192.0.2.7"), network_of("192.0.2.7"));
  EXPECT_EQ(network_of("[2001:db8:1:2:3:4:5:6]:5000"), "2001:db8:1::/56");
  EXPECT_EQ(network_of("[2001:db8:1:ff::1]:5000"), "2001:db8:1::/56");
  EXPECT_EQ(network_of("[2001:db8:1:1ff::1]:5000"), "2001:db8:1:100::/56");
  EXPECT_EQ(network_of("[::ffff:192.0.2.7]:5000"), "192.0.2.0/24");
  EXPECT_EQ(network_of("[fe80::1%eth0]:5000"), "fe80::/56");
  EXPECT_EQ(network_of("unix uid 1000"), "unix uid 1000");
  EXPECT_EQ(network_of(std::string(1000, 'x')).size(), 64U);
  EXPECT_EQ(network_of(""), "");
}

class AttemptsTest : public PeopleTest {
 protected:
  void SetUp() override {
    PeopleTest::SetUp();
    auto opened = PeopleStore::open(folder_ / "attempts.db");
    ASSERT_TRUE(opened);
    store_ = std::move(*opened);
  }
  // Until when, in one transaction for many.
  template <class Peer, class Name>
  void attempt(int count, Name name, Peer peer, TimeMs now) {
    auto done = store_->transact([&]() -> Status {
      for (int i = 0; i < count; ++i) {
        auto until = begin_attempt(*store_, name(i), NameKind::unknown, peer(i), now);
        if (!until) return fail(until.error());
        EXPECT_EQ(*until, 0) << i;
      }
      return {};
    });
    ASSERT_TRUE(done) << done.error().message;
  }
  std::int64_t rows(std::int64_t kind) {
    std::int64_t out = -1;
    auto counted = store_->transact([&]() -> Status {
      auto row = store_->select("SELECT count(*) FROM attempts WHERE kind = ?", kind);
      if (!row || !row->step()) return fail(ErrorKind::internal, "test", "no count");
      out = row->integer(0);
      return {};
    });
    EXPECT_TRUE(counted);
    return out;
  }
  TimeMs until(const std::string& name, const std::string& peer, TimeMs now) {
    auto out = store_->transact([&] { return begin_attempt(*store_, name, NameKind::unknown, peer, now); });
    EXPECT_TRUE(out);
    return out ? *out : -1;
  }

  std::unique_ptr<PeopleStore> store_;
};

TEST_F(AttemptsTest, AFloodOfNamesNeitherGrowsTheTablesNorWashesAwayWhoHasMoreFailures) {
  attempt(5, [](int) { return "guessed"; }, [](int i) { return "10.0." + std::to_string(i) + ".1:1"; }, kNow);
  const int flood = static_cast<int>(kMaxUnknownNames) + 500;
  attempt(
      flood, [](int i) { return "n" + std::to_string(i); },
      [](int i) { return "11." + std::to_string(i / 250) + "." + std::to_string(i % 250) + ".1:1"; }, kNow);
  EXPECT_EQ(rows(1), static_cast<std::int64_t>(kMaxUnknownNames));
  EXPECT_LE(rows(2), static_cast<std::int64_t>(kMaxNetworks));
  EXPECT_EQ(until("guessed", "12.0.0.1:1", kNow), kNow + 1'000);
  EXPECT_EQ(until("n0", "12.0.1.1:1", kNow), 0);
}

TEST_F(AttemptsTest, CleaningUpForgetsInTime) {
  attempt(3, [](int i) { return "n" + std::to_string(i); }, [](int) { return "10.0.0.1:1"; }, kNow);
  auto clean = [&](TimeMs now) { EXPECT_TRUE(store_->transact([&] { return clean_up_attempts(*store_, now); })); };
  clean(kNow + kHour - 1);
  EXPECT_EQ(rows(2), 1);
  clean(kNow + kHour);
  EXPECT_EQ(rows(2), 0);
  EXPECT_EQ(rows(1), 3);
  clean(kNow + kDay);
  EXPECT_EQ(rows(1), 0);
}

}  // namespace
}  // namespace countersign::auth::test
