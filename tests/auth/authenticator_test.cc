#include "auth/authenticator.h"

#include <gtest/gtest.h>

#include "fixtures.h"

namespace countersign::auth {
namespace {

class AuthenticatorTest : public ::testing::Test {
 protected:
  AuthenticatorTest()
      : keyring_(*Keyring::open(folder_.path() / "keys", kNow)),
        revocations_(Revocations::open(folder_.path() / "revoked")),
        authenticator_(*keyring_, *revocations_),
        delegable_(issue(*keyring_->current(), test_claims())->expose()),
        bearer_(seal(delegable_)->expose()) {}

  static RequestHead with(std::initializer_list<HeaderField> fields) {
    RequestHead head;
    head.method = "GET";
    head.target = "/files/mcp";
    for (const HeaderField& field : fields) head.headers.add(field.name, field.value);
    return head;
  }
  Result<Caller> identify(std::string_view authorization) {
    return authenticator_.identify(with({{"authorization", std::string(authorization)}}), Audience::agents, kNow);
  }
  static std::string basic(const std::string& pair) { return "Basic " + to_base64(as_bytes(pair)); }

  TemporaryFolder folder_;
  std::unique_ptr<Keyring> keyring_;
  std::unique_ptr<Revocations> revocations_;
  Authenticator authenticator_;
  std::string delegable_;
  std::string bearer_;
};

TEST_F(AuthenticatorTest, AcceptsTheThreeSchemes) {
  for (const std::string& value : {"Bearer " + bearer_, "bearer " + bearer_, "token " + bearer_, "TOKEN " + bearer_,
                                   basic("anyone:" + bearer_), basic(":" + bearer_)}) {
    Result<Caller> caller = identify(value);
    ASSERT_TRUE(caller.has_value()) << caller.error().code;
    EXPECT_EQ(caller->kind, CallerKind::agent);
    EXPECT_EQ(caller->agent, "builder");
    EXPECT_EQ(caller->owner, "alice");
    EXPECT_EQ(caller->expires, kIssued + kHour);
    ASSERT_EQ(caller->chain.size(), 1U);
    EXPECT_EQ(caller->token().size(), 32U);
  }
}

TEST_F(AuthenticatorTest, NarrowedTokensCarryTheirChain) {
  std::string child(narrow(delegable_, {.who = "reviewer"})->expose());
  Result<Caller> caller = identify("Bearer " + std::string(seal(child)->expose()));
  ASSERT_TRUE(caller.has_value());
  EXPECT_EQ(caller->delegates, std::vector<std::string>{"reviewer"});
  EXPECT_EQ(caller->chain.size(), 2U);
  EXPECT_EQ(caller->chain[0], identify("Bearer " + bearer_)->chain[0]);
  EXPECT_EQ(caller->scope.blocks().size(), 2U);
}

TEST_F(AuthenticatorTest, RefusesEverythingElse) {
  struct Case {
    std::string value;
    std::string code;
  };
  for (const Case& c : {
           Case{"", "token.malformed"},
           Case{"Bearer", "token.malformed"},
           Case{"Bearer ", "token.malformed"},
           Case{"Bearer  " + bearer_, "token.malformed"},
           Case{"Bearer " + bearer_ + ", Bearer " + bearer_, "token.malformed"},
           Case{bearer_, "token.malformed"},
           Case{"Digest " + bearer_, "token.malformed"},
           Case{"AWS4-HMAC-SHA256 Credential=x", "token.malformed"},
           Case{"Bearer " + delegable_, "token.delegable_on_data_plane"},
           Case{basic("x:" + delegable_), "token.delegable_on_data_plane"},
           Case{basic(bearer_), "token.malformed"},
           Case{basic(bearer_ + ":"), "token.malformed"},
           Case{"Basic " + bearer_, "token.malformed"},
           Case{"Basic " + std::string(20000, 'A'), "token.malformed"},
           Case{"Bearer " + std::string(20000, 'A'), "token.too_large"},
           Case{"Bearer ghp_0123456789", "token.malformed"},
       }) {
    Result<Caller> caller = identify(c.value);
    EXPECT_EQ(code_of(caller), c.code) << c.value.substr(0, 40);
    if (!caller) {
      EXPECT_EQ(caller.error().kind, ErrorKind::unauthenticated);
    }
  }
}

TEST_F(AuthenticatorTest, TakesExactlyOneAuthorizationField) {
  RequestHead none = with({{"Cookie", "token=" + bearer_}, {"X-Api-Key", bearer_}});
  none.target = "/files/mcp?access_token=" + bearer_;
  Result<Caller> missing = authenticator_.identify(none, Audience::agents, kNow);
  EXPECT_EQ(code_of(missing), "token.missing");
  EXPECT_EQ(http_status(missing.error().kind), 401);

  RequestHead two = with({{"Authorization", "Bearer " + bearer_}, {"AUTHORIZATION", "Bearer " + bearer_}});
  Result<Caller> ambiguous = authenticator_.identify(two, Audience::agents, kNow);
  EXPECT_EQ(code_of(ambiguous), "token.ambiguous");
  EXPECT_EQ(http_status(ambiguous.error().kind), 400);
}

TEST_F(AuthenticatorTest, PersonalTokensAreForTheOtherListener) {
  Claims claims = test_claims();
  claims.audience = Audience::admin;
  claims.agent.clear();
  claims.scope = {ScopeRule{}};
  std::string personal(seal(issue(*keyring_->current(), claims)->expose())->expose());
  EXPECT_EQ(code_of(authenticator_.identify_token(personal, Audience::agents, kNow)), "token.audience");
  EXPECT_EQ(code_of(authenticator_.identify_token(bearer_, Audience::admin, kNow)), "token.audience");
  Result<Caller> caller = authenticator_.identify_token(personal, Audience::admin, kNow);
  ASSERT_TRUE(caller.has_value());
  EXPECT_EQ(caller->kind, CallerKind::user);
  EXPECT_EQ(caller->agent, "");
  EXPECT_EQ(caller->owner, "alice");
}

TEST_F(AuthenticatorTest, RevocationTakesEffectAtOnce) {
  Result<Caller> before = identify("Bearer " + bearer_);
  ASSERT_TRUE(before.has_value());
  EXPECT_TRUE(authenticator_.check_chain(before->chain).has_value());
  ASSERT_TRUE(revocations_->revoke(*token_id_from_hex(before->token()), "alice", "leaked", kNow).has_value());
  EXPECT_EQ(code_of(identify("Bearer " + bearer_)), "token.revoked");
  EXPECT_EQ(code_of(authenticator_.check_chain(before->chain)), "token.revoked");
  EXPECT_EQ(code_of(authenticator_.check_chain({})), "token.id_malformed");
  EXPECT_EQ(code_of(authenticator_.check_chain({"zz"})), "token.id_malformed");
}

TEST_F(AuthenticatorTest, PresentedChainNamesWhatWasRefused) {
  auto chain = [&](const std::string& token) {
    return authenticator_.presented_chain(with({{"Authorization", "Bearer " + token}}));
  };
  std::vector<std::string> expected = identify("Bearer " + bearer_)->chain;
  EXPECT_EQ(chain(bearer_), expected);
  EXPECT_EQ(chain(delegable_), expected);
  EXPECT_TRUE(chain(bearer_.substr(0, bearer_.size() - 4) + "AAAA").empty());
  EXPECT_TRUE(chain("nonsense").empty());
  EXPECT_TRUE(authenticator_.presented_chain(with({})).empty());
}

TEST_F(AuthenticatorTest, ChangesStopWhenRevocationsAreLost) {
  EXPECT_TRUE(authenticator_.may_change().has_value());
  std::filesystem::remove(folder_.path() / "revoked");
  EXPECT_EQ(code_of(authenticator_.may_change()), "token.revocation_unavailable");
  EXPECT_TRUE(identify("Bearer " + bearer_).has_value());  // reads go on
}

TEST_F(AuthenticatorTest, DeletingTheKeysRevokesEverything) {
  std::filesystem::remove_all(folder_.path() / "keys");
  std::filesystem::create_directory(folder_.path() / "keys");
  std::filesystem::permissions(folder_.path() / "keys", std::filesystem::perms::owner_all);
  EXPECT_EQ(code_of(keyring_->reload()), "keys.none");
  EXPECT_EQ(code_of(identify("Bearer " + bearer_)), "token.unknown_key");
}

TEST(Challenge, SaysWhyToWhoeverSentACredential) {
  Error missing{ErrorKind::unauthenticated, "token.missing", "the request has no token"};
  EXPECT_EQ(challenge(missing, ChallengeScheme::bearer), "Bearer realm=\"countersign\"");
  Error expired{ErrorKind::unauthenticated, "token.expired", "the token \"expired\"\r\nSet-Cookie: x"};
  EXPECT_EQ(challenge(expired, ChallengeScheme::bearer),
            "Bearer realm=\"countersign\", error=\"invalid_token\", error_description=\"token.expired: the token "
            "?expired???Set-Cookie: x\"");
  Error ambiguous{ErrorKind::malformed, "token.ambiguous", "two"};
  EXPECT_TRUE(challenge(ambiguous, ChallengeScheme::bearer).contains("error=\"invalid_request\""));
  EXPECT_EQ(challenge(missing, ChallengeScheme::basic), "Basic realm=\"countersign\", charset=\"UTF-8\"");
  EXPECT_EQ(challenge(missing, ChallengeScheme::basic, "push"), "Basic realm=\"countersign push\", charset=\"UTF-8\"");
  EXPECT_EQ(challenge(missing, ChallengeScheme::bearer, "push"), "Bearer realm=\"countersign push\"");
}

}  // namespace
}  // namespace countersign::auth
