// Argon2id and the rules for passwords.
#include "auth/passwords.h"

#include <argon2.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>
#include <vector>

namespace countersign::auth {
namespace {

constexpr Argon2Parameters kLight{.memory_kib = 1024, .passes = 1, .lanes = 1};
using Verdict = PasswordHasher::Verdict;

std::string rule_of(std::string_view user, std::string password) {
  Status status = check_password(user, Secret(std::move(password)));
  return status ? "" : status.error().code;
}

TEST(Passwords, RulesAreLengthAndNotTheName) {
  EXPECT_EQ(rule_of("alice", "elevenchars"), "password.too_short");
  EXPECT_EQ(rule_of("alice", "twelve chars"), "");
  EXPECT_EQ(rule_of("alice", ""), "password.too_short");
  EXPECT_EQ(rule_of("alice", std::string(256, 'x')), "");
  EXPECT_EQ(rule_of("alice", std::string(257, 'x')), "password.too_long");
  EXPECT_EQ(rule_of("alice", "correct\nhorse"), "password.control");
  EXPECT_EQ(rule_of("alice", std::string("correct\0horse", 13)), "password.control");
  EXPECT_EQ(rule_of("alice", "käsekuchen!!"), "");
  EXPECT_EQ(rule_of("bartholomew-jones", "Bartholomew.Jones"), "password.is_name");
  EXPECT_EQ(rule_of("alice", "alice-ALICE-Alice"), "password.is_name");
  EXPECT_EQ(rule_of("alice", "alice in wonderland"), "");
  EXPECT_EQ(rule_of("---", "------------"), "");
}

TEST(Passwords, AHashIsArgon2idWithItsParametersAndANewSalt) {
  PasswordHasher hasher;
  const Secret password("correct horse battery");
  auto one = hasher.hash(password);
  auto two = hasher.hash(password);
  ASSERT_TRUE(one && two);
  EXPECT_TRUE(one->starts_with("$argon2id$v=19$m=19456,t=2,p=1$")) << *one;
  EXPECT_NE(*one, *two);
  EXPECT_EQ(*hasher.verify(password, *one), Verdict::right);
  EXPECT_EQ(*hasher.verify(Secret("correct horse batterz"), *one), Verdict::wrong);
  EXPECT_EQ(*hasher.verify(Secret(""), *one), Verdict::wrong);
}

TEST(Passwords, NobodysPasswordIsWrong) {
  PasswordHasher hasher(kLight);
  EXPECT_EQ(*hasher.verify(Secret("whatever it is"), ""), Verdict::wrong);
  EXPECT_EQ(*hasher.verify(Secret(""), ""), Verdict::wrong);
}

TEST(Passwords, WhatWasMadeWithLessIsTakenAndToldApart) {
  PasswordHasher light(kLight);
  PasswordHasher now({.memory_kib = 2048, .passes = 1, .lanes = 1});
  PasswordHasher more_passes({.memory_kib = 1024, .passes = 2, .lanes = 1});
  const Secret password("correct horse battery");
  auto old = light.hash(password);
  auto strong = now.hash(password);
  ASSERT_TRUE(old && strong);
  EXPECT_EQ(*now.verify(password, *old), Verdict::right_but_old);
  EXPECT_EQ(*more_passes.verify(password, *old), Verdict::right_but_old);
  EXPECT_EQ(*now.verify(Secret("wrong"), *old), Verdict::wrong);
  EXPECT_EQ(*light.verify(password, *strong), Verdict::right);
}

TEST(Passwords, ABrokenStoredValueIsAnErrorAndTakesNoMemory) {
  PasswordHasher hasher(kLight);
  const Secret password("correct horse battery");
  for (const char* stored :
       {"x", "$argon2id$v=19$m=4294967295,t=2,p=1$c2FsdHNhbHQ$aGFzaA", "$argon2id$v=19$m=1024,t=4000000000,p=1$YQ$YQ",
        "$argon2i$v=19$m=1024,t=1,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA", "$argon2id$v=19$m=1024,t=1,p=1$",
        "$argon2id$v=16$m=1024,t=1,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA"}) {
    auto verdict = hasher.verify(password, stored);
    ASSERT_FALSE(verdict) << stored;
    EXPECT_EQ(verdict.error().code, "password.failed") << stored;
  }
}

// The reference implementation's own test vector, so that what is stored can be read by every other program.
TEST(Passwords, ReadsTheReferenceImplementationsHashes) {
  std::array<char, 256> encoded{};
  ASSERT_EQ(argon2id_hash_encoded(2, 1024, 1, "password", 8, "somesalt", 8, 32, encoded.data(), encoded.size()),
            ARGON2_OK);
  PasswordHasher hasher(kLight);
  EXPECT_EQ(*hasher.verify(Secret("password"), encoded.data()), Verdict::right);
  // From argon2's test.c: t=2, m=2^16, p=1.
  constexpr const char* kVector =
      "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
  EXPECT_EQ(*hasher.verify(Secret("password"), kVector), Verdict::right);
}

TEST(Passwords, ManyAtOnceAreAnsweredOrTurnedAway) {
  PasswordHasher hasher(kLight);
  auto stored = hasher.hash(Secret("correct horse battery"));
  ASSERT_TRUE(stored);
  std::atomic<int> right = 0;
  std::atomic<int> busy = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 40; ++i) {
    threads.emplace_back([&] {
      auto verdict = hasher.verify(Secret("correct horse battery"), *stored);
      if (verdict && *verdict == Verdict::right) ++right;
      if (!verdict && verdict.error().code == "sign_in.busy") ++busy;
    });
  }
  threads.clear();
  EXPECT_EQ(right + busy, 40);
  EXPECT_GE(right, PasswordHasher::kMaxAtOnce);
  EXPECT_EQ(*hasher.verify(Secret("correct horse battery"), *stored), Verdict::right);
}

}  // namespace
}  // namespace countersign::auth
