// Which sessions end when an identity provider says so.
#include "people_fixture.h"

namespace countersign::auth::test {
namespace {

constexpr const char* kIssuer = "https://login.example.com";

class ProviderLogoutTest : public PeopleTest {
 protected:
  std::string begin(const std::string& user, const std::string& subject, const std::string& sid, TimeMs now = kNow) {
    auto in = people_->start_session({user, SignInMethod::oidc, now, std::string(kPeer), {kIssuer, subject, sid}}, now);
    EXPECT_TRUE(in) << in.error().message;
    return in ? std::string(in->cookie.expose()) : std::string();
  }
  Result<LoggedOut> logout(const std::string& subject, const std::string& sid, TimeMs now = kNow,
                           const std::string& issuer = kIssuer) {
    return people_->end_provider_sessions(
        {{issuer, subject, sid}, "token-" + std::to_string(++tokens_), now + 10 * kMinute}, now);
  }
  std::size_t ended(const std::string& subject, const std::string& sid, const std::string& issuer = kIssuer) {
    auto out = logout(subject, sid, kNow, issuer);
    EXPECT_TRUE(out) << out.error().message;
    return out ? out->sessions.size() : 99;
  }
  bool lives(const std::string& cookie) { return people_->find_session(cookie, kNow).has_value(); }

  int tokens_ = 0;
};

TEST_F(ProviderLogoutTest, ASessionBySidOrAllOfASubject) {
  const std::string one = begin("alice", "sub-a", "sid-1");
  const std::string two = begin("alice", "sub-a", "sid-2");
  const std::string bob = begin("bob", "sub-b", "sid-3");
  EXPECT_EQ(ended("sub-a", "sid-3"), 0U) << "somebody else's session is not meant";
  auto out = logout("", "sid-1");
  ASSERT_TRUE(out) << out.error().message;
  ASSERT_EQ(out->sessions.size(), 1U);
  ASSERT_EQ(out->events.size(), 1U);
  EXPECT_EQ(out->events[0].action, "person:sign-out");
  EXPECT_EQ(out->events[0].user, "alice");
  EXPECT_NE(out->events[0].detail.find(out->sessions[0].id), std::string::npos);
  EXPECT_FALSE(lives(one));
  EXPECT_TRUE(lives(two));
  const std::string three = begin("alice", "sub-a", "sid-4");
  EXPECT_EQ(ended("sub-a", "sid-2"), 1U);
  EXPECT_TRUE(lives(three));
  EXPECT_EQ(ended("sub-a", ""), 1U);
  EXPECT_FALSE(lives(three));
  EXPECT_TRUE(lives(bob));
  EXPECT_EQ(ended("sub-b", "", "https://other.example.com"), 0U) << "the same name at another provider";
  EXPECT_EQ(ended("sub-unknown", ""), 0U);
}

TEST_F(ProviderLogoutTest, WhatDidNotBeginThereGoesOn) {
  auto passkey = people_->start_session({"alice", SignInMethod::passkey, kNow, std::string(kPeer)}, kNow);
  ASSERT_TRUE(passkey);
  begin("alice", "sub-a", "sid-1");
  EXPECT_EQ(ended("sub-a", ""), 1U);
  EXPECT_TRUE(lives(std::string(passkey->cookie.expose())));
}

TEST_F(ProviderLogoutTest, ASessionThatAPasskeyHasSteppedUpStillBeganThere) {
  const std::string before = begin("alice", "sub-a", "sid-1");
  auto stepped =
      people_->touch_authentication(before, {"alice", SignInMethod::passkey, kNow, std::string(kPeer)}, kNow);
  ASSERT_TRUE(stepped) << stepped.error().message;
  const std::string now(stepped->cookie.expose());
  EXPECT_EQ(people_->find_session(now, kNow)->provider.sid, "sid-1");
  EXPECT_EQ(ended("", "sid-1"), 1U);
  EXPECT_FALSE(lives(now));
}

TEST_F(ProviderLogoutTest, ASessionWhoseSidWasNeverSaidEndsWithAnyOfItsSubject) {
  const std::string nameless = begin("alice", "sub-a", "");
  EXPECT_EQ(ended("", "sid-9"), 0U);
  EXPECT_TRUE(lives(nameless));
  EXPECT_EQ(ended("sub-a", "sid-8"), 1U);
}

TEST_F(ProviderLogoutTest, ATokenWorksOnceAlsoAfterARestart) {
  begin("alice", "sub-a", "sid-1");
  const ProviderLogout token{{kIssuer, "sub-a", ""}, "the-token", kNow + 10 * kMinute};
  EXPECT_EQ(people_->end_provider_sessions(token, kNow)->sessions.size(), 1U);
  open();
  const std::string again = begin("alice", "sub-a", "sid-2");
  EXPECT_EQ(code_of(people_->end_provider_sessions(token, kNow + kMinute)), "session.logout_used");
  EXPECT_TRUE(lives(again)) << "nobody is signed out by what was sent before";
  ProviderLogout other = token;
  other.session.issuer = "https://other.example.com";
  EXPECT_TRUE(people_->end_provider_sessions(other, kNow)) << "another provider's tokens have names of their own";
  ASSERT_TRUE(people_->clean_up(kNow + 10 * kMinute));
  EXPECT_TRUE(people_->end_provider_sessions(token, kNow + 10 * kMinute)) << "forgotten once it is refused for its age";
}

TEST_F(ProviderLogoutTest, WhatIsOverStaysSoWhateverTheClockDoes) {
  const std::string cookie = begin("alice", "sub-a", "sid-1");
  auto out = logout("sub-a", "", kNow + 31 * kMinute);
  ASSERT_TRUE(out) << out.error().message;
  EXPECT_TRUE(out->sessions.empty()) << "it was over already";
  EXPECT_TRUE(out->events.empty());
  EXPECT_FALSE(lives(cookie)) << "half an hour earlier";
}

TEST_F(ProviderLogoutTest, AnEndedSidBeginsNothing) {
  EXPECT_EQ(ended("sub-a", "sid-1"), 0U) << "the person is on the way";
  auto late = people_->start_session(
      {"alice", SignInMethod::oidc, kNow, std::string(kPeer), {kIssuer, "sub-a", "sid-1"}}, kNow + kMinute);
  EXPECT_EQ(code_of(late), "session.logged_out");
  begin("alice", "sub-a", "sid-2");
  const std::string old = begin("bob", "sub-b", "sid-3");
  auto stepped = people_->touch_authentication(
      old, {"bob", SignInMethod::oidc, kNow, std::string(kPeer), {kIssuer, "sub-b", "sid-1"}}, kNow + kMinute);
  EXPECT_EQ(code_of(stepped), "session.logged_out");
  EXPECT_TRUE(lives(old)) << "nothing was changed";
}

TEST_F(ProviderLogoutTest, WouldBindSaysItAndDoesNothing) {
  auto would = people_->would_bind(kIssuer, "sub-1", "alice", kNow);
  ASSERT_TRUE(would) << would.error().message;
  ASSERT_EQ(would->events.size(), 1U);
  EXPECT_EQ(would->events[0].action, "person:bind");
  EXPECT_EQ(people_->would_bind(kIssuer, "sub-2", "alice", kNow)->events.size(), 1U) << "nothing is bound yet";
  ASSERT_TRUE(people_->bind_subject(kIssuer, "sub-1", "alice", kNow));
  EXPECT_TRUE(people_->would_bind(kIssuer, "sub-1", "bob", kNow)->events.empty());
  EXPECT_EQ(code_of(people_->would_bind(kIssuer, "sub-2", "alice", kNow)), "sign_in.bound_to_other");
}

}  // namespace
}  // namespace countersign::auth::test
