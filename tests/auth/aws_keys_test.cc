// The AWS form of tokens at the server: who signed, and what a signature with one token does not allow.
#include "auth/aws_keys.h"

#include <gtest/gtest.h>

#include <random>

#include "auth/authenticator.h"
#include "auth/sigv4_replays.h"
#include "sigv4_fixtures.h"

namespace countersign::auth {
namespace {

class AwsKeysTest : public ::testing::Test {
 protected:
  AwsKeysTest()
      : keyring_(*Keyring::open(folder_.path() / "keys", kNow)),
        revocations_(Revocations::open(folder_.path() / "revoked")),
        frozen_(FrozenAgents::open(folder_.path() / "frozen")),
        authenticator_(*keyring_, *revocations_, frozen_.get()),
        delegable_(issue(*keyring_->current(), test_claims())->expose()) {}

  std::string narrowed(Caveats caveats) const { return std::string(narrow(delegable_, std::move(caveats))->expose()); }

  static RequestHead signed_by(const AwsCredentials& credentials, TimeMs at = kNow) {
    RequestHead head = request("GET", "/aws/bucket/key", {{"Host", "127.0.0.1:8700"}});
    EXPECT_TRUE(sign_sigv4(head, credentials, "us-east-1", "s3", kEmptySha256, at));
    return head;
  }
  Result<SigV4Caller> identify(const RequestHead& head, TimeMs now = kNow) const {
    Result<SigV4Claim> claim = parse_sigv4(head);
    if (!claim) return fail(claim.error());
    return authenticator_.identify_sigv4(head, *claim, now);
  }
  std::string code(const RequestHead& head, TimeMs now = kNow) const { return code_of(identify(head, now)); }

  TemporaryFolder folder_;
  std::unique_ptr<Keyring> keyring_;
  std::unique_ptr<Revocations> revocations_;
  std::unique_ptr<FrozenAgents> frozen_;
  Authenticator authenticator_;
  std::string delegable_;
};

TEST_F(AwsKeysTest, ASignedRequestIsItsAgents) {
  std::string child = narrowed({.scope = {ScopeRule{.effects = {Effect::read}}}, .who = "reviewer"});
  Result<SigV4Caller> known = identify(signed_by(*aws_credentials(child)));
  ASSERT_TRUE(known.has_value()) << known.error().code;
  const Caller& caller = known->caller;
  EXPECT_EQ(caller.kind, CallerKind::agent);
  EXPECT_EQ(caller.agent, "builder");
  EXPECT_EQ(caller.owner, "alice");
  EXPECT_EQ(caller.delegates, std::vector<std::string>{"reviewer"});
  EXPECT_EQ(caller.scope.blocks().size(), 2U);
  // The same caller as with the bearer form.
  Result<Caller> bearer = authenticator_.identify_token(seal(child)->expose(), Audience::agents, kNow);
  ASSERT_TRUE(bearer.has_value());
  EXPECT_EQ(caller.chain, bearer->chain);
  EXPECT_EQ(caller.expires, bearer->expires);
}

TEST_F(AwsKeysTest, TheServerComputesWhatTheHolderHas) {
  for (const std::string& token : {delegable_, narrowed({.who = "a"}), narrowed({.expires = kNow + 1000})}) {
    AwsCredentials holder = *aws_credentials(token);
    Result<AwsCredentials> server = aws_session(holder.session_token, *keyring_->current());
    ASSERT_TRUE(server.has_value());
    EXPECT_EQ(server->key_id, holder.key_id);
    EXPECT_EQ(server->secret.expose(), holder.secret.expose());
    EXPECT_EQ(holder.key_id.size(), 20U);
    EXPECT_TRUE(open_session(holder.session_token, *keyring_->current()).has_value());
  }
}

// A child that the server makes is the one its holder would have made, and no other.
TEST_F(AwsKeysTest, TheServerNarrowsAsAHolderWould) {
  const Caveats caveats{.id = random_token_id(),
                        .scope = {ScopeRule{.upstreams = {"aws"}}},
                        .expires = kNow + 900'000,
                        .who = "session/ci"};
  const std::string parent = narrowed({.who = "reviewer"});
  auto child = narrow_session(aws_credentials(parent)->session_token, caveats, *keyring_->current());
  ASSERT_TRUE(child) << child.error().code;
  const std::string offline(narrow(parent, caveats)->expose());
  EXPECT_EQ(child->credentials.secret.expose(), aws_credentials(offline)->secret.expose());
  EXPECT_EQ(child->credentials.key_id, aws_credentials(offline)->key_id);
  EXPECT_EQ(child->credentials.session_token, aws_credentials(offline)->session_token);
  EXPECT_EQ(child->token.expires, kNow + 900'000);
  EXPECT_EQ(child->token.delegates, (std::vector<std::string>{"reviewer", "session/ci"}));
  auto known = identify(signed_by(child->credentials));
  ASSERT_TRUE(known) << known.error().code;
  EXPECT_EQ(known->caller.token(), to_hex(child->token.ids.back()));
  EXPECT_EQ(known->caller.chain.size(), 3U);
  // It ends with its parent, and with itself.
  EXPECT_EQ(code(signed_by(child->credentials, kNow + 900'000), kNow + 900'000), "token.expired");
  ASSERT_TRUE(revocations_->revoke(child->token.ids[1], "alice", "test", kNow));
  EXPECT_EQ(code(signed_by(child->credentials)), "token.revoked");
}

TEST_F(AwsKeysTest, NoChildOutlivesOrOutgrowsItsParent) {
  const KeySet& keys = *keyring_->current();
  const std::string session =
      aws_credentials(narrowed({.scope = {ScopeRule{.effects = {Effect::read}}}, .expires = kNow + 1000}))
          ->session_token;
  auto child = narrow_session(session, {.scope = {ScopeRule{}}, .expires = kNow + 9'000'000}, keys);
  ASSERT_TRUE(child);
  EXPECT_EQ(child->token.expires, kNow + 1000);
  Operation write;
  write.upstream = "aws";
  write.action = "aws:s3:PutObject";
  write.accesses = {{{"AwsResource", "aws/x", "x"}, Effect::write}};
  const std::vector<LabelledAccess> labelled = {{write.accesses.data(), "staging"}};
  EXPECT_TRUE(child->token.scope.refuses(write, labelled, kNow));
}

TEST_F(AwsKeysTest, AChainHasAnEnd) {
  const std::shared_ptr<const KeySet> keys = keyring_->current();
  std::string session = aws_credentials(delegable_)->session_token;
  int made = 0;
  std::string code = "ok";
  while (code == "ok" && made < 40) {
    auto child = narrow_session(session, {.who = "session/x"}, *keys);
    code = code_of(child);
    if (child) session = child->credentials.session_token;
    made += child ? 1 : 0;
  }
  EXPECT_EQ(made, 15);
  EXPECT_EQ(code, "token.too_large");
  const std::string shallow = aws_credentials(narrowed({.max_depth = 0}))->session_token;
  EXPECT_EQ(code_of(narrow_session(shallow, {.who = "session/x"}, *keys)), "token.too_deep");
  EXPECT_EQ(code_of(narrow_session(session.substr(0, 40), {.who = "session/x"}, *keys)), "token.malformed");
  EXPECT_EQ(code_of(narrow_session(aws_credentials(delegable_)->session_token, {.who = "no name"}, *keys)),
            "token.invalid_claims");
}

// Over random narrowings: each triple signs for its own body only, and no part of one goes with parts of another.
TEST_F(AwsKeysTest, ATripleSignsForItsOwnBodyOnly) {
  std::mt19937 random(7);
  std::vector<std::string> tokens{delegable_};
  for (int i = 0; i < 12; ++i) {
    const std::string& parent = tokens[random() % tokens.size()];
    Caveats caveats{.who = "sub-" + std::to_string(i)};
    if (random() % 2 == 0) caveats.expires = kNow + 1 + static_cast<TimeMs>(random() % 100'000);
    if (random() % 2 == 0) caveats.scope = {ScopeRule{.effects = {Effect::read}}};
    tokens.emplace_back(narrow(parent, caveats)->expose());
  }
  for (std::size_t a = 0; a < tokens.size(); ++a) {
    for (std::size_t b = 0; b < tokens.size(); ++b) {
      AwsCredentials own = *aws_credentials(tokens[a]);
      AwsCredentials other = *aws_credentials(tokens[b]);
      // The parent's secret with the child's token, the child's with the parent's, and siblings.
      RequestHead head = signed_by({other.key_id, own.secret.duplicate(), other.session_token});
      EXPECT_EQ(code(head), a == b ? "ok" : "sigv4.bad_signature");
      if (a == b) continue;
      EXPECT_EQ(code(signed_by({own.key_id, own.secret.duplicate(), other.session_token})), "sigv4.unknown_key");
      RequestHead swapped = signed_by(own);
      swapped.headers.set("X-Amz-Security-Token", other.session_token);
      EXPECT_EQ(code(swapped), "sigv4.unknown_key");
    }
  }
}

TEST_F(AwsKeysTest, OtherFormsAreNoSessionTokens) {
  AwsCredentials good = *aws_credentials(delegable_);
  auto with_token = [&](const std::string& token) {
    return code(signed_by({good.key_id, good.secret.duplicate(), token}));
  };
  EXPECT_EQ(with_token(delegable_), "token.delegable_on_data_plane");
  EXPECT_EQ(with_token(std::string(seal(delegable_)->expose())), "token.malformed");
  EXPECT_EQ(with_token(""), "sigv4.no_session_token");
  EXPECT_EQ(with_token("cs1_"), "token.malformed");
  EXPECT_EQ(with_token("cs1_!"), "token.malformed");
  EXPECT_EQ(with_token("CS1_" + good.session_token.substr(4)), "token.malformed");
  EXPECT_EQ(with_token(good.session_token + "="), "token.malformed");
  EXPECT_EQ(with_token("cs1_" + std::string(kMaxWireBytes, 'A')), "token.too_large");
  EXPECT_EQ(with_token("AQoDYXdzEPT//////////wEXAMPLE"), "token.malformed");
  // Proofs of other channels are no secrets.
  std::string bearer(seal(delegable_)->expose());
  for (std::string secret : {bearer.substr(bearer.find('.') + 1), delegable_.substr(delegable_.find('.') + 1)})
    EXPECT_EQ(code(signed_by({good.key_id, Secret(secret), good.session_token})), "sigv4.bad_signature");
}

TEST_F(AwsKeysTest, AChangedSessionTokenIsNobodys) {
  const AwsCredentials good = *aws_credentials(delegable_);
  const KeySet& keys = *keyring_->current();
  for (std::size_t i = 4; i < good.session_token.size(); ++i) {
    std::string token = good.session_token;
    token[i] = token[i] == 'A' ? 'B' : 'A';
    Result<AwsCredentials> other = aws_session(token, keys);
    if (!other) continue;  // no longer a token at all
    EXPECT_NE(other->key_id, good.key_id);
    EXPECT_NE(other->secret.expose(), good.secret.expose());
    EXPECT_EQ(code(signed_by({other->key_id, good.secret.duplicate(), token})), "sigv4.bad_signature") << i;
  }
  // A block that takes the narrowing away cannot be left out.
  AwsCredentials child = *aws_credentials(narrowed({.scope = {ScopeRule{.effects = {Effect::read}}}}));
  EXPECT_EQ(code(signed_by({good.key_id, child.secret.duplicate(), good.session_token})), "sigv4.bad_signature");
}

TEST_F(AwsKeysTest, TimesAndAudience) {
  AwsCredentials good = *aws_credentials(delegable_);
  const TimeMs end = kIssued + kHour;
  EXPECT_EQ(code(signed_by(good, end - 1000), end - 1), "ok");
  EXPECT_EQ(code(signed_by(good, end - 1000), end), "token.expired");
  EXPECT_EQ(code(signed_by(*aws_credentials(narrowed({.not_before = kNow + 2000}))), kNow), "token.not_yet_valid");
  Claims personal = test_claims();
  personal.audience = Audience::admin;
  personal.agent.clear();
  AwsCredentials human = *aws_credentials(issue(*keyring_->current(), personal)->expose());
  EXPECT_EQ(code(signed_by(human)), "token.audience");
}

TEST_F(AwsKeysTest, APresignedUrlEndsWithItsToken) {
  RequestHead head = request("GET", "/aws/bucket/key", {{"Host", "127.0.0.1:8700"}});
  ASSERT_TRUE(presign_sigv4(head, *aws_credentials(delegable_), "us-east-1", "s3", 24 * kHour, kNow));
  EXPECT_EQ(code(head, kNow), "ok");
  EXPECT_EQ(code(head, kIssued + kHour - 1), "ok");
  EXPECT_EQ(code(head, kIssued + kHour), "token.expired");
}

TEST_F(AwsKeysTest, RevokedAndFrozenAreRefusedThoughCached) {
  AwsCredentials parent = *aws_credentials(delegable_);
  AwsCredentials child = *aws_credentials(narrowed({.who = "reviewer"}));
  Result<SigV4Caller> known = identify(signed_by(child));
  ASSERT_TRUE(known.has_value());
  ASSERT_EQ(code(signed_by(child)), "ok");
  ASSERT_TRUE(revocations_->revoke(*token_id_from_hex(known->caller.chain.back()), "alice", "test", kNow));
  EXPECT_EQ(code(signed_by(child)), "token.revoked");
  EXPECT_EQ(code(signed_by(parent)), "ok");
  ASSERT_TRUE(revocations_->revoke(*token_id_from_hex(known->caller.chain.front()), "alice", "test", kNow));
  EXPECT_EQ(code(signed_by(parent)), "token.revoked");

  AwsCredentials other = *aws_credentials(issue(*keyring_->current(), test_claims())->expose());
  EXPECT_EQ(code(signed_by(other)), "ok");
  ASSERT_TRUE(frozen_->freeze("builder", "alice", "test", kNow));
  EXPECT_EQ(code(signed_by(other)), "agent.frozen");
}

TEST_F(AwsKeysTest, RefusedRequestsCanBeNamed) {
  AwsCredentials credentials = *aws_credentials(delegable_);
  RequestHead head = signed_by(credentials);
  SigV4Claim claim = *parse_sigv4(head);
  std::vector<std::string> chain = identify(head)->caller.chain;
  EXPECT_EQ(authenticator_.presented_chain(head, claim), chain);
  ASSERT_TRUE(revocations_->revoke(*token_id_from_hex(chain[0]), "alice", "test", kNow));
  EXPECT_EQ(authenticator_.presented_chain(head, claim), chain);
  head.method = "DELETE";  // a signature that is none names nobody
  EXPECT_TRUE(authenticator_.presented_chain(head, claim).empty());
  RequestHead leaked = signed_by({credentials.key_id, credentials.secret.duplicate(), delegable_});
  EXPECT_EQ(authenticator_.presented_chain(leaked, *parse_sigv4(leaked)), chain);
}

TEST_F(AwsKeysTest, KeysThatAreGoneVerifyNothing) {
  RequestHead head = signed_by(*aws_credentials(delegable_));
  EXPECT_EQ(code(head), "ok");
  ASSERT_TRUE(keyring_->rotate(kNow + 1000));
  EXPECT_EQ(code(head), "ok");
  for (const auto& file : std::filesystem::directory_iterator(folder_.path() / "keys")) {
    if (file.path().filename().string().find(keyring_->current()->newest) == std::string::npos)
      std::filesystem::remove(file.path());
  }
  ASSERT_TRUE(keyring_->reload());
  EXPECT_EQ(code(head), "token.unknown_key");  // the cache was of other keys
}

TEST_F(AwsKeysTest, TheCacheIsBoundedAndHoldsOnlyTheProven) {
  SignerCache cache(3);
  std::shared_ptr<const KeySet> keys = keyring_->current();
  auto verify = [&](const RequestHead& head) {
    SigV4Claim claim = *parse_sigv4(head);
    return code_of(verify_signer(head, claim, keys, kNow, SigV4Limits{}, kEmptySha256, &cache));
  };
  std::vector<RequestHead> heads;
  for (int i = 0; i < 5; ++i) heads.push_back(signed_by(*aws_credentials(narrowed({.who = "a"}))));
  RequestHead forged = heads[0];
  forged.method = "DELETE";
  EXPECT_EQ(verify(forged), "sigv4.bad_signature");
  EXPECT_EQ(cache.size(), 0U);
  EXPECT_EQ(verify(heads[0]), "ok");
  EXPECT_EQ(verify(forged), "sigv4.bad_signature");
  for (const RequestHead& head : heads) {
    EXPECT_EQ(verify(head), "ok");
    EXPECT_EQ(verify(heads[0]), "ok");  // used again and again, so it stays
  }
  EXPECT_EQ(cache.size(), 3U);
  EXPECT_NE(cache.find(*parse_sigv4(heads[0]), keys), nullptr);
  EXPECT_EQ(cache.find(*parse_sigv4(heads[1]), keys), nullptr);
  EXPECT_NE(cache.find(*parse_sigv4(heads[4]), keys), nullptr);
  // Another scope of the same token is another key; another set of keys empties the cache.
  SigV4Claim other = *parse_sigv4(heads[0]);
  other.region = "eu-west-1";
  EXPECT_EQ(cache.find(other, keys), nullptr);
  EXPECT_EQ(cache.find(*parse_sigv4(heads[0]), std::make_shared<KeySet>()), nullptr);
  EXPECT_EQ(cache.size(), 0U);
}

SigV4Claim claim_with(char digit, bool invocation_id = false) {
  SigV4Claim claim;
  claim.signature = std::string(64, digit);
  claim.signed_headers = {"host"};
  if (invocation_id) claim.signed_headers.insert(claim.signed_headers.begin(), "amz-sdk-invocation-id");
  return claim;
}

TEST(SigV4Replays, AChangeIsAcceptedOnce) {
  const SigV4Limits limits;
  SigV4Replays replays(limits);
  EXPECT_EQ(code_of(replays.admit(claim_with('a', true), kNow)), "ok");
  EXPECT_EQ(code_of(replays.admit(claim_with('a', true), kNow)), "sigv4.replayed");
  EXPECT_EQ(code_of(replays.admit(claim_with('b', true), kNow)), "ok");
  // For as long as its signature is accepted: from skew before its time to skew after it.
  EXPECT_EQ(code_of(replays.admit(claim_with('a', true), kNow + 2 * limits.skew)), "sigv4.replayed");
  EXPECT_EQ(code_of(replays.admit(claim_with('b', true), kNow + 2 * limits.skew)), "sigv4.replayed");
}

TEST(SigV4Replays, TwoEqualRequestsOfOneSecondAreNoReplay) {
  SigV4Replays replays{SigV4Limits{}};
  EXPECT_EQ(code_of(replays.admit(claim_with('a'), kNow)), "ok");
  EXPECT_EQ(code_of(replays.admit(claim_with('a'), kNow + 999)), "ok");
  EXPECT_EQ(code_of(replays.admit(claim_with('a'), kNow + 1000)), "sigv4.replayed");
  EXPECT_EQ(code_of(replays.admit(claim_with('a'), kNow + 1500)), "sigv4.replayed");
}

// A signature over UNSIGNED-PAYLOAD goes with any body.
TEST(SigV4Replays, AnotherBodyIsAReplayAtOnce) {
  SigV4Replays replays{SigV4Limits{}};
  const std::string one = to_hex(sha256("one"));
  EXPECT_EQ(code_of(replays.admit(claim_with('a'), kNow, one)), "ok");
  EXPECT_EQ(code_of(replays.admit(claim_with('a'), kNow, one)), "ok");
  EXPECT_EQ(code_of(replays.admit(claim_with('a'), kNow, to_hex(sha256("two")))), "sigv4.replayed");
  EXPECT_EQ(code_of(replays.admit(claim_with('a'), kNow)), "sigv4.replayed");
}

TEST(SigV4Replays, PresignedUrlsAreMadeToBeRepeated) {
  SigV4Replays replays{SigV4Limits{}};
  SigV4Claim claim = claim_with('a');
  claim.form = SigV4Form::query;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(code_of(replays.admit(claim, kNow + i * 5000)), "ok");
}

TEST(SigV4Replays, WhatIsAnsweredWithKeysPassesOnceAndNeverAsALink) {
  SigV4Replays replays{SigV4Limits{}};
  EXPECT_EQ(code_of(replays.admit_once(claim_with('a'), kNow)), "ok");
  EXPECT_EQ(code_of(replays.admit_once(claim_with('a'), kNow)), "sigv4.replayed");
  EXPECT_EQ(code_of(replays.admit_once(claim_with('b', true), kNow)), "ok");
  EXPECT_EQ(code_of(replays.admit_once(claim_with('b', true), kNow)), "sigv4.replayed");
  SigV4Claim link = claim_with('c');
  link.form = SigV4Form::query;
  EXPECT_EQ(code_of(replays.admit_once(link, kNow)), "sigv4.link");
}

TEST(SigV4Replays, MoreThanCanBeRememberedIsRefused) {
  const SigV4Limits limits;
  SigV4Replays replays(limits, 2);
  EXPECT_EQ(code_of(replays.admit(claim_with('a'), kNow)), "ok");
  EXPECT_EQ(code_of(replays.admit(claim_with('b'), kNow)), "ok");
  EXPECT_EQ(code_of(replays.admit(claim_with('c'), kNow)), "sigv4.replays_full");
  EXPECT_EQ(code_of(replays.admit(claim_with('c'), kNow + 2 * limits.skew)), "ok");
  EXPECT_EQ(code_of(replays.admit(claim_with('a'), kNow + 2 * limits.skew)), "sigv4.replayed");
  EXPECT_EQ(code_of(replays.admit(claim_with('a'), kNow + 8 * limits.skew)), "ok");
}

}  // namespace
}  // namespace countersign::auth
