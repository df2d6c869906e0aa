// Passwords, invitations, passkeys, bindings and resets of people.
#include <atomic>
#include <fstream>
#include <thread>

#include "people_fixture.h"

namespace countersign::auth::test {
namespace {

constexpr const char* kGood = "correct horse battery";

TEST(PeopleOptions, WithoutADirectoryNobodyIsLetIn) {
  auto opened = People::open(testing::TempDir(), {.is_listed = nullptr});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, "people.options");
}

TEST_F(PeopleTest, APasswordLetsItsPersonIn) {
  enrol("alice", kGood);
  auto signed_in = people_->sign_in_with_password("alice", Secret(kGood), kPeer, kNow);
  ASSERT_TRUE(signed_in) << signed_in.error().message;
  EXPECT_EQ(signed_in->session.user, "alice");
  EXPECT_EQ(signed_in->session.how, SignInMethod::password);
  EXPECT_TRUE(people_->find_session(signed_in->cookie.expose(), kNow));
  ASSERT_EQ(signed_in->events.size(), 1U);
  EXPECT_EQ(signed_in->events[0].action, "person:sign-in");
}

TEST_F(PeopleTest, EveryFailureLooksTheSame) {
  enrol("alice", kGood);
  auto answer = [&](std::string_view user, std::string password) {
    auto signed_in = people_->sign_in_with_password(user, Secret(std::move(password)), kPeer, kNow);
    EXPECT_FALSE(signed_in);
    return signed_in ? Error{} : signed_in.error();
  };
  const Error wrong = answer("alice", "correct horse batterz");
  EXPECT_EQ(wrong.code, "sign_in.failed");
  EXPECT_EQ(wrong.kind, ErrorKind::unauthenticated);
  // Nobody, no password yet, no password given, another's case, and a name of a hundred thousand characters.
  for (const Error& other : {answer("mallory", kGood), answer("bob", kGood), answer("alice", ""),
                             answer("Alice", kGood), answer(std::string(100'000, 'a'), kGood),
                             answer("bob", std::string(257, 'x')), answer("", ""), answer("alice\n", kGood)}) {
    EXPECT_EQ(other.code, wrong.code);
    EXPECT_EQ(other.message, wrong.message);
  }
}

TEST_F(PeopleTest, WhoIsNotListedCannotSignIn) {
  enrol("alice", kGood);
  unlist("alice");
  EXPECT_EQ(sign_in("alice", kGood, kNow), "sign_in.failed");
  list("alice");
  EXPECT_EQ(sign_in("alice", kGood, kNow), "");
}

TEST_F(PeopleTest, AFailureAsAnEventNamesOnlyPeopleWhoAreListed) {
  const Error error{ErrorKind::unauthenticated, "sign_in.failed", "the name or the password is wrong"};
  PersonEvent known = people_->failed_sign_in("alice", SignInMethod::password, error);
  EXPECT_EQ(known.action, "person:sign-in-failed");
  EXPECT_EQ(known.user, "alice");
  EXPECT_EQ(known.code, "sign_in.failed");
  PersonEvent typed = people_->failed_sign_in("hunter2 hunter2", SignInMethod::password, error);
  EXPECT_TRUE(typed.user.empty());
  EXPECT_EQ(typed.detail.find("hunter2"), std::string::npos);
}

// --- guessing ---

TEST_F(PeopleTest, FiveMistakesAreFreeThenOneWaitsLongerAndLonger) {
  enrol("alice", kGood);
  for (int i = 0; i < 5; ++i) ASSERT_EQ(sign_in("alice", "wrong password", kNow), "sign_in.failed") << i;
  TimeMs now = kNow;
  for (TimeMs wait :
       {1'000, 2'000, 4'000, 8'000, 16'000, 32'000, 64'000, 128'000, 256'000, 512'000, 900'000, 900'000}) {
    EXPECT_EQ(sign_in("alice", kGood, now), "sign_in.too_many");
    EXPECT_EQ(sign_in("alice", kGood, now + wait - 1), "sign_in.too_many") << wait;
    now += wait;
    ASSERT_EQ(sign_in("alice", "wrong password", now, "198.51.100.1:1"), "sign_in.failed") << wait;
  }
  EXPECT_EQ(people_->list(now)->at(0).locked_until, now + 900'000);
  EXPECT_EQ(sign_in("alice", kGood, now + 900'000, "198.51.100.1:1"), "");
  EXPECT_EQ(people_->list(now + 900'000)->at(0).locked_until, 0);
  EXPECT_EQ(sign_in("alice", "wrong password", now + 900'000, "198.51.100.1:1"), "sign_in.failed") << "counted anew";
}

TEST_F(PeopleTest, CountsSurviveARestartAndAreForgottenAfterADay) {
  enrol("alice", kGood);
  for (int i = 0; i < 5; ++i) ASSERT_EQ(sign_in("alice", "wrong password", kNow), "sign_in.failed");
  open();
  EXPECT_EQ(sign_in("alice", kGood, kNow), "sign_in.too_many");
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(sign_in("alice", "wrong password", kNow + kDay), "sign_in.failed") << "from the beginning: " << i;
  EXPECT_EQ(sign_in("alice", kGood, kNow + kDay), "sign_in.too_many");
}

TEST_F(PeopleTest, WaitingTellsNothingAboutWhoExists) {
  for (int i = 0; i < 5; ++i) ASSERT_EQ(sign_in("mallory", "wrong password", kNow), "sign_in.failed");
  EXPECT_EQ(sign_in("mallory", "wrong password", kNow), "sign_in.too_many");
  EXPECT_EQ(sign_in("mallory", "wrong password", kNow + 1'000), "sign_in.failed");
}

TEST_F(PeopleTest, AClockThatGoesBackKeepsNobodyOutForLonger) {
  enrol("alice", kGood);
  for (int i = 0; i < 5; ++i) ASSERT_EQ(sign_in("alice", "wrong password", kNow + 365 * kDay), "sign_in.failed");
  EXPECT_EQ(sign_in("alice", kGood, kNow), "sign_in.too_many");
  EXPECT_EQ(sign_in("alice", kGood, kNow + 1'000), "");
}

TEST_F(PeopleTest, ALockedNameKeepsNoPasskeyAndNoInvitationOut) {
  enrol("alice", kGood);
  for (int i = 0; i < 5; ++i) ASSERT_EQ(sign_in("alice", "wrong password", kNow), "sign_in.failed");
  ASSERT_EQ(sign_in("alice", kGood, kNow), "sign_in.too_many");
  EXPECT_FALSE(start("alice").empty());
  enrol("alice", "another good password");
  EXPECT_EQ(sign_in("alice", "another good password", kNow), "");
}

TEST_F(PeopleTest, ANetworkThatTriesManyNamesWaits) {
  enrol("alice", kGood);
  for (int i = 0; i < 20; ++i) {
    const std::string peer = "203.0.113." + std::to_string(i) + ":1";
    ASSERT_EQ(sign_in("name" + std::to_string(i), "wrong password", kNow, peer), "sign_in.failed") << i;
  }
  EXPECT_EQ(sign_in("alice", kGood, kNow, "203.0.113.99:1"), "sign_in.too_many");
  EXPECT_EQ(sign_in("alice", kGood, kNow, "203.0.114.1:1"), "") << "another network";
  EXPECT_EQ(sign_in("alice", kGood, kNow + 1'000, "203.0.113.99:1"), "");
  // Signing in well does not wash a network clean: somebody there may have an account.
  EXPECT_EQ(sign_in("alice", "wrong password", kNow + 2'000, "203.0.113.99:1"), "sign_in.failed");
  EXPECT_EQ(sign_in("bob", "wrong password", kNow + 2'000, "203.0.113.99:1"), "sign_in.too_many");
  EXPECT_EQ(sign_in("bob", "wrong password", kNow + 2'000 + kMinute, "203.0.113.99:1"), "sign_in.failed");
  EXPECT_EQ(sign_in("bob", "wrong password", kNow + 2'000 + 3 * kHour, "203.0.113.99:1"), "sign_in.failed");
}

TEST_F(PeopleTest, ManyGuessesAtOnceAreCountedEachBeforeItIsMade) {
  enrol("alice", kGood);
  std::atomic<int> looked_at = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&] {
      if (sign_in("alice", "wrong password", kNow) == "sign_in.failed") ++looked_at;
    });
  }
  threads.clear();
  EXPECT_EQ(looked_at, 5);
}

TEST_F(PeopleTest, AResetWhileAPasswordIsCheckedWins) {
  for (int round = 0; round < 5; ++round) {
    enrol("alice", kGood);
    std::string result;
    std::jthread guess([&] { result = sign_in("alice", kGood, kNow); });
    ASSERT_TRUE(people_->reset("alice", kNow));
    guess.join();
    // Either it was in time and the reset ended the session, or it came too late.
    EXPECT_TRUE(people_->sessions_of("alice", kNow)->empty()) << result;
  }
}

// --- invitations ---

TEST_F(PeopleTest, AnInvitationWorksOnce) {
  auto invitation = people_->invite("alice", kNow);
  ASSERT_TRUE(invitation);
  EXPECT_EQ(invitation->code.expose().size(), 22U);
  EXPECT_EQ(invitation->expires, kNow + kDay);
  EXPECT_EQ(invitation->events.at(0).action, "person:invite");
  EXPECT_EQ(invitation->events.at(0).detail.find(invitation->code.expose()), std::string::npos);
  auto accepted = people_->accept_invitation(invitation->code, Secret(kGood), kPeer, kNow + kDay - 1);
  ASSERT_TRUE(accepted) << accepted.error().message;
  EXPECT_EQ(accepted->session.user, "alice");
  ASSERT_EQ(accepted->events.size(), 2U);
  EXPECT_EQ(accepted->events[0].action, "person:accept-invitation");
  EXPECT_EQ(accepted->events[1].action, "person:sign-in");
  EXPECT_EQ(code_of(people_->accept_invitation(invitation->code, Secret("another password"), kPeer, kNow)),
            "invitation.invalid");
  EXPECT_EQ(sign_in("alice", kGood, kNow), "");
}

TEST_F(PeopleTest, InvitationsExpireAreReplacedAndNeedAListedPerson) {
  EXPECT_EQ(code_of(people_->invite("mallory", kNow)), "sign_in.not_listed");
  auto accept = [&](const Secret& code, TimeMs now) {
    return code_of(people_->accept_invitation(code, Secret(kGood), kPeer, now));
  };
  auto old = people_->invite("alice", kNow);
  EXPECT_EQ(accept(old->code, kNow + kDay), "invitation.invalid");
  EXPECT_EQ(accept(old->code, kNow), "invitation.invalid") << "seen expired once";
  auto first = people_->invite("alice", kNow);
  auto second = people_->invite("alice", kNow);
  EXPECT_EQ(accept(first->code, kNow), "invitation.invalid");
  unlist("alice");
  EXPECT_EQ(accept(second->code, kNow), "invitation.invalid");
  list("alice");
  auto third = people_->invite("alice", kNow);
  EXPECT_EQ(accept(Secret(std::string(22, 'A')), kNow), "invitation.invalid");
  EXPECT_EQ(accept(Secret(std::string()), kNow), "invitation.invalid");
  EXPECT_EQ(accept(third->code, kNow - kDay), "invitation.invalid") << "made in the future";
}

TEST_F(PeopleTest, ABadPasswordDoesNotUseAnInvitationUp) {
  auto invitation = people_->invite("alice", kNow);
  EXPECT_EQ(code_of(people_->accept_invitation(invitation->code, Secret("short"), kPeer, kNow)), "password.too_short");
  EXPECT_EQ(code_of(people_->accept_invitation(invitation->code, Secret(kGood), kPeer, kNow)), "");
}

TEST_F(PeopleTest, AcceptingEndsEverySessionThereWas) {
  std::string before = start("alice");
  auto invitation = people_->invite("alice", kNow);
  ASSERT_TRUE(people_->accept_invitation(invitation->code, Secret(kGood), kPeer, kNow));
  EXPECT_EQ(code_of(people_->find_session(before, kNow)), "session.none");
}

TEST_F(PeopleTest, OfManyWhoAcceptAtOnceOneDoes) {
  auto invitation = people_->invite("alice", kNow);
  std::atomic<int> accepted = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&, i] {
      const Secret password("a password of thread " + std::to_string(i));
      if (people_->accept_invitation(invitation->code, password, kPeer, kNow)) ++accepted;
    });
  }
  threads.clear();
  EXPECT_EQ(accepted, 1);
  EXPECT_EQ(people_->sessions_of("alice", kNow)->size(), 1U);
}

TEST_F(PeopleTest, NoSecretIsOnDisk) {
  auto used = people_->invite("alice", kNow);
  auto open_one = people_->invite("bob", kNow);
  ASSERT_TRUE(people_->accept_invitation(used->code, Secret(kGood), kPeer, kNow));
  for (const auto& file : std::filesystem::directory_iterator(folder_)) {
    std::ifstream stream(file.path(), std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(stream), {});
    for (std::string_view secret : {std::string_view(kGood), used->code.expose(), open_one->code.expose()})
      EXPECT_EQ(bytes.find(secret), std::string::npos) << file.path();
  }
}

// --- passkeys ---

TEST_F(PeopleTest, PasskeysAreKeptListedAndRemoved) {
  ASSERT_TRUE(people_->add_passkey("alice", passkey("one", 7), "laptop", kNow));
  ASSERT_TRUE(people_->add_passkey("alice", passkey("two"), "phone", kNow + 1));
  ASSERT_TRUE(people_->add_passkey("bob", passkey("three"), "key", kNow));
  open();
  auto mine = people_->passkeys_of("alice");
  ASSERT_EQ(mine->size(), 2U);
  EXPECT_EQ(mine->at(0).key.id, "one");
  EXPECT_EQ(mine->at(0).key.sign_count, 7U);
  EXPECT_EQ(mine->at(0).key.public_key, "key-of-one");
  EXPECT_EQ(mine->at(0).name, "laptop");
  EXPECT_EQ(mine->at(0).last_used, 0);
  EXPECT_EQ(people_->find_passkey("three")->user, "bob");
  EXPECT_EQ(code_of(people_->find_passkey("four")), "passkey.unknown");
  EXPECT_EQ(code_of(people_->remove_passkey("alice", "three")), "passkey.unknown");
  EXPECT_EQ(people_->remove_passkey("alice", "one")->key.public_key, "key-of-one");
  EXPECT_EQ(code_of(people_->remove_passkey("alice", "one")), "passkey.unknown");
  EXPECT_EQ(people_->passkeys_of("alice")->size(), 1U);
}

TEST_F(PeopleTest, ACredentialBelongsToOnePerson) {
  ASSERT_TRUE(people_->add_passkey("alice", passkey("one"), "laptop", kNow));
  EXPECT_EQ(code_of(people_->add_passkey("bob", passkey("one"), "stolen", kNow)), "passkey.known");
  EXPECT_EQ(code_of(people_->add_passkey("alice", passkey("one"), "again", kNow)), "passkey.known");
  EXPECT_EQ(code_of(people_->add_passkey("mallory", passkey("two"), "x", kNow)), "sign_in.not_listed");
  for (const std::string& name : {std::string(), std::string("  "), std::string(101, 'x'), std::string("a\x1b[2J"),
                                  std::string("\xff"), std::string("a\xe2\x80\xae b")})
    EXPECT_EQ(code_of(people_->add_passkey("alice", passkey("two"), name, kNow)), "passkey.name") << name;
  EXPECT_TRUE(people_->add_passkey("alice", passkey("two"), "Änne's Schlüssel 🔑", kNow));
}

TEST_F(PeopleTest, PasskeysAreBounded) {
  for (std::size_t i = 0; i < kMaxPasskeys; ++i)
    ASSERT_TRUE(people_->add_passkey("alice", passkey(std::to_string(i)), "key", kNow));
  EXPECT_EQ(code_of(people_->add_passkey("alice", passkey("more"), "key", kNow)), "passkey.too_many");
}

TEST_F(PeopleTest, ACounterIsTakenOverOnceOnly) {
  ASSERT_TRUE(people_->add_passkey("alice", passkey("one", 7), "laptop", kNow));
  const StoredPasskey before = *people_->find_passkey("one");
  std::atomic<int> taken = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&] {
      if (people_->use_passkey(before, {.sign_count = 8, .backed_up = true, .origin = {}}, kNow + 5)) ++taken;
    });
  }
  threads.clear();
  EXPECT_EQ(taken, 1);
  const StoredPasskey after = *people_->find_passkey("one");
  EXPECT_EQ(after.key.sign_count, 8U);
  EXPECT_TRUE(after.key.backed_up);
  EXPECT_EQ(after.last_used, kNow + 5);
  ASSERT_TRUE(people_->remove_passkey("alice", "one"));
  EXPECT_EQ(code_of(people_->use_passkey(after, {.sign_count = 9, .backed_up = false, .origin = {}}, kNow)),
            "passkey.used");
}

// --- identity providers ---

constexpr std::string_view kIssuer = "https://login.example.com";

TEST_F(PeopleTest, TheFirstSignInBindsASubject) {
  auto first = people_->bind_subject(kIssuer, "sub-1", "alice", kNow);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->binding.user, "alice");
  ASSERT_EQ(first->events.size(), 1U);
  EXPECT_EQ(first->events[0].action, "person:bind");
  open();
  auto again = people_->bind_subject(kIssuer, "sub-1", "alice", kNow + 1);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->events.empty());
  EXPECT_EQ(again->binding.bound, kNow);
}

TEST_F(PeopleTest, ASubjectStaysWhoItIsWhateverItIsCalled) {
  ASSERT_TRUE(people_->bind_subject(kIssuer, "sub-1", "alice", kNow));
  EXPECT_EQ(people_->bind_subject(kIssuer, "sub-1", "bob", kNow)->binding.user, "alice");
  EXPECT_EQ(people_->bind_subject(kIssuer, "sub-1", "nobody", kNow)->binding.user, "alice");
  // Somebody who has taken over the name at the provider is not alice.
  EXPECT_EQ(code_of(people_->bind_subject(kIssuer, "sub-2", "alice", kNow)), "sign_in.bound_to_other");
  EXPECT_EQ(people_->bind_subject("https://other.example.com", "sub-1", "bob", kNow)->binding.user, "bob");
}

TEST_F(PeopleTest, OnlyListedPeopleAreBound) {
  EXPECT_EQ(code_of(people_->bind_subject(kIssuer, "sub-1", "mallory", kNow)), "sign_in.not_listed");
  ASSERT_TRUE(people_->bind_subject(kIssuer, "sub-1", "alice", kNow));
  unlist("alice");
  EXPECT_EQ(code_of(people_->bind_subject(kIssuer, "sub-1", "bob", kNow)), "sign_in.not_listed");
  for (std::string_view subject : {std::string_view(), std::string_view("a\nb"), std::string_view("\xc3\xa4")})
    EXPECT_EQ(code_of(people_->bind_subject(kIssuer, subject, "bob", kNow)), "sign_in.bad_subject");
  EXPECT_EQ(code_of(people_->bind_subject(kIssuer, std::string(256, 'x'), "bob", kNow)), "sign_in.bad_subject");
}

// --- reset and list ---

TEST_F(PeopleTest, AResetTakesEverythingAway) {
  enrol("alice", kGood);
  std::string cookie = start("alice");
  ASSERT_TRUE(people_->add_passkey("alice", passkey("one"), "laptop", kNow));
  ASSERT_TRUE(people_->bind_subject(kIssuer, "sub-1", "alice", kNow));
  auto invitation = people_->invite("alice", kNow);
  std::string bobs = start("bob");
  auto done = people_->reset("alice", kNow);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->sessions, 1U);
  ASSERT_EQ(done->passkeys.size(), 1U);
  EXPECT_EQ(done->passkeys[0].key.id, "one");
  EXPECT_EQ(done->passkeys[0].key.public_key, "key-of-one");
  EXPECT_EQ(done->events.at(0).action, "person:reset");
  EXPECT_EQ(code_of(people_->find_session(cookie, kNow)), "session.none");
  EXPECT_EQ(code_of(people_->accept_invitation(invitation->code, Secret(kGood), kPeer, kNow)), "invitation.invalid");
  EXPECT_EQ(code_of(people_->find_passkey("one")), "passkey.unknown");
  EXPECT_EQ(sign_in("alice", kGood, kNow), "sign_in.failed");
  EXPECT_TRUE(people_->bind_subject(kIssuer, "sub-2", "alice", kNow));
  EXPECT_TRUE(people_->find_session(bobs, kNow));
}

TEST_F(PeopleTest, AResetIsForPeopleWhoAreOrWere) {
  EXPECT_TRUE(people_->reset("alice", kNow)) << "listed, with nothing";
  start("bob");
  unlist("bob");
  EXPECT_TRUE(people_->reset("bob", kNow)) << "not listed any more";
  EXPECT_EQ(code_of(people_->reset("bob", kNow)), "person.unknown");
  EXPECT_EQ(code_of(people_->reset("mallory", kNow)), "person.unknown");
}

TEST_F(PeopleTest, TheListSaysWhatThereIs) {
  enrol("alice", kGood);
  start("alice", kNow + 5);
  ASSERT_TRUE(people_->add_passkey("alice", passkey("one"), "laptop", kNow));
  ASSERT_TRUE(people_->bind_subject(kIssuer, "sub-1", "alice", kNow));
  ASSERT_TRUE(people_->invite("bob", kNow));
  start("carol");
  unlist("carol");
  auto list = people_->list(kNow + 10);
  ASSERT_EQ(list->size(), 3U);
  const PersonSummary& alice = list->at(0);
  EXPECT_EQ(alice.user, "alice");
  EXPECT_TRUE(alice.listed && alice.has_password);
  EXPECT_EQ(alice.passkeys, 1U);
  EXPECT_EQ(alice.sessions, 1U);
  EXPECT_EQ(alice.issuers, std::vector<std::string>{std::string(kIssuer)});
  EXPECT_EQ(alice.last_signed_in, kNow + 5);
  EXPECT_EQ(alice.invited_until, 0);
  const PersonSummary& bob = list->at(1);
  EXPECT_FALSE(bob.has_password);
  EXPECT_EQ(bob.invited_until, kNow + kDay);
  EXPECT_EQ(people_->list(kNow + kDay)->at(1).invited_until, 0);
  EXPECT_FALSE(list->at(2).listed);
  EXPECT_EQ(list->at(2).sessions, 0U);
}

}  // namespace
}  // namespace countersign::auth::test
