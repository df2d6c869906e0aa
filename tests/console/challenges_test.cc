// What the server asked to be signed, and what it takes back.
#include "console/challenges.h"

#include <gtest/gtest.h>

namespace countersign::console {
namespace {

constexpr TimeMs kStart = 1'795'253'400'000;
using Purpose = PendingChallenges::Purpose;

template <class T>
std::string code(const Result<T>& result) {
  return result ? "" : result.error().code;
}

TEST(PendingChallengesTest, OnePersonOnePurposeOnce) {
  PendingChallenges pending;
  std::string key = PendingChallenges::new_key();
  EXPECT_EQ(from_base64url(key)->size(), 32U);
  EXPECT_NE(key, PendingChallenges::new_key());
  pending.add(Purpose::vote, key, "sam", "text", kStart + 1000);
  EXPECT_EQ(code(pending.take(Purpose::vote, key, "pat", kStart)), "challenge.unknown");
  EXPECT_EQ(code(pending.take(Purpose::passkey, key, "sam", kStart)), "challenge.unknown");
  EXPECT_EQ(code(pending.take(Purpose::vote, key + "x", "sam", kStart)), "challenge.unknown");
  EXPECT_EQ(*pending.take(Purpose::vote, key, "sam", kStart), "text");
  EXPECT_EQ(code(pending.take(Purpose::vote, key, "sam", kStart)), "challenge.unknown");
}

TEST(PendingChallengesTest, TheyEndAndOnesOwnPushOutOnesOwnOnly) {
  PendingChallenges pending;
  pending.add(Purpose::vote, "late", "sam", "text", kStart);
  EXPECT_EQ(code(pending.take(Purpose::vote, "late", "sam", kStart)), "challenge.unknown");
  pending.add(Purpose::vote, "of pat", "pat", "text", kStart + 1000);
  for (std::size_t at = 0; at <= PendingChallenges::kMaxOfPerson; ++at)
    pending.add(Purpose::vote, std::to_string(at), "sam", "text", kStart + 1000);
  EXPECT_EQ(code(pending.take(Purpose::vote, "0", "sam", kStart)), "challenge.unknown");
  EXPECT_TRUE(pending.take(Purpose::vote, "1", "sam", kStart));
  EXPECT_TRUE(pending.take(Purpose::vote, "of pat", "pat", kStart));
}

TEST(SignInChallengesTest, OursOnceAndInTime) {
  SignInChallenges ours;
  SignInChallenges others;
  std::string made = ours.make(kStart);
  EXPECT_EQ(code(others.use(made, kStart)), "challenge.unknown");
  EXPECT_EQ(code(ours.use(made, kStart + kChallengeLife)), "challenge.unknown");
  EXPECT_EQ(code(ours.use(made, kStart + kChallengeLife - 1)), "");
  EXPECT_EQ(code(ours.use(made, kStart)), "challenge.unknown");
  auto bytes = *from_base64url(ours.make(kStart));
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    Bytes changed = bytes;
    changed[at] ^= 1;
    EXPECT_EQ(code(ours.use(to_base64url(changed), kStart)), "challenge.unknown") << at;
  }
  for (const char* nonsense : {"", "AAAA", "not base64!"})
    EXPECT_EQ(code(ours.use(nonsense, kStart)), "challenge.unknown");
}

TEST(SignInChallengesTest, ALookUsesNothingUpAndTakesNoRoom) {
  SignInChallenges ours;
  const std::string good = ours.make(kStart);
  for (std::size_t at = 0; at <= SignInChallenges::kMaxRemembered; ++at)
    ASSERT_TRUE(ours.check(ours.make(kStart), kStart));
  EXPECT_TRUE(ours.check(good, kStart));
  EXPECT_TRUE(ours.use(good, kStart));
  EXPECT_EQ(code(ours.use(good, kStart)), "challenge.unknown");
  EXPECT_EQ(code(ours.check(good, kStart + kChallengeLife)), "challenge.unknown");
  EXPECT_EQ(code(SignInChallenges().check(good, kStart)), "challenge.unknown");
}

TEST(SignInChallengesTest, WhatIsRememberedIsBounded) {
  SignInChallenges ours;
  for (std::size_t at = 0; at < SignInChallenges::kMaxRemembered; ++at)
    ASSERT_TRUE(ours.use(ours.make(kStart), kStart));
  EXPECT_EQ(code(ours.use(ours.make(kStart), kStart)), "challenge.busy");
  EXPECT_TRUE(ours.use(ours.make(kStart + kChallengeLife), kStart + kChallengeLife));
}

}  // namespace
}  // namespace countersign::console
