#include "auth/token.h"

#include <gtest/gtest.h>

#include "fixtures.h"

namespace countersign::auth {
namespace {

std::string issued(const KeySet& keys, const Claims& claims = test_claims()) {
  return std::string(issue(keys, claims)->expose());
}
std::string narrowed(std::string_view parent, Caveats caveats) {
  return std::string(narrow(parent, std::move(caveats))->expose());
}
Result<VerifiedToken> use(std::string_view delegable, const KeySet& keys, TimeMs now = kNow) {
  Result<Secret> bearer = seal(delegable);
  if (!bearer) return fail(bearer.error());
  return verify(bearer->expose(), keys, Audience::agents, now);
}

TEST(Token, TheNewestKeySigns) {
  KeySet keys = test_keys();
  Result<VerifiedToken> token = use(issued(keys), keys);
  ASSERT_TRUE(token.has_value());
  EXPECT_EQ(token->kid, "k2");
  EXPECT_EQ(token->agent, "builder");
  EXPECT_EQ(token->owner, "alice");
  EXPECT_EQ(token->ids.size(), 1U);
}

TEST(Token, TwoTokensWithTheSameClaimsDiffer) {
  KeySet keys = test_keys();
  EXPECT_NE(issued(keys), issued(keys));
  std::string parent = issued(keys);
  EXPECT_NE(narrowed(parent, {.who = "x"}), narrowed(parent, {.who = "x"}));
}

TEST(Token, DeletingAKeyEndsItsTokens) {
  KeySet keys = test_keys();
  std::string text = issued(keys);
  keys.keys.erase("k2");
  EXPECT_EQ(code_of(use(text, keys)), "token.unknown_key");
}

TEST(Token, IssueRefusesWhatItCouldNotRead) {
  KeySet keys = test_keys();
  auto refused = [&](auto change) {
    Claims claims = test_claims();
    change(claims);
    Result<Secret> token = issue(keys, claims);
    EXPECT_FALSE(token.has_value());
    return token ? ErrorKind::internal : token.error().kind;
  };
  EXPECT_EQ(refused([](Claims& c) { c.scope.clear(); }), ErrorKind::invalid);
  EXPECT_EQ(refused([](Claims& c) { c.owner.clear(); }), ErrorKind::invalid);
  EXPECT_EQ(refused([](Claims& c) { c.owner = "a\nb"; }), ErrorKind::invalid);
  EXPECT_EQ(refused([](Claims& c) { c.agent.clear(); }), ErrorKind::invalid);
  EXPECT_EQ(refused([](Claims& c) { c.audience = Audience::admin; }), ErrorKind::invalid);
  EXPECT_EQ(refused([](Claims& c) { c.expires = c.issued; }), ErrorKind::invalid);
  EXPECT_EQ(refused([](Claims& c) { c.expires = kMaxTime + 1000; }), ErrorKind::invalid);
  EXPECT_EQ(refused([](Claims& c) { c.expires = -5; }), ErrorKind::invalid);
  EXPECT_EQ(refused([](Claims& c) { c.max_depth = 16; }), ErrorKind::invalid);
  EXPECT_EQ(refused([](Claims& c) { c.scope = {ScopeRule{.actions = {"\xff\xfe"}}}; }), ErrorKind::invalid);
  EXPECT_EQ(refused([](Claims& c) { c.scope.assign(33, ScopeRule{}); }), ErrorKind::invalid);
  EXPECT_EQ(refused([](Claims& c) {
              c.scope = {ScopeRule{.resources = std::vector<std::string>(9, std::string(500, 'x'))}};
            }),
            ErrorKind::invalid);
  EXPECT_EQ(code_of(issue(KeySet{}, test_claims())), "keys.none");
}

TEST(Token, RoundingNeverWidens) {
  KeySet keys = test_keys();
  Claims claims = test_claims();
  claims.expires += 999;
  claims.not_before = kIssued + 1;
  Result<VerifiedToken> token = use(issued(keys, claims), keys);
  ASSERT_TRUE(token.has_value());
  EXPECT_EQ(token->expires, kIssued + kHour);
  EXPECT_EQ(token->not_before, kIssued + 1000);
}

TEST(Token, TimesHoldToTheMillisecond) {
  KeySet keys = test_keys();
  std::string text = narrowed(issued(keys), {.not_before = kIssued + 5000, .expires = kIssued + 9000});
  EXPECT_EQ(code_of(use(text, keys, kIssued + 4999)), "token.not_yet_valid");
  EXPECT_EQ(code_of(use(text, keys, kIssued + 5000)), "ok");
  EXPECT_EQ(code_of(use(text, keys, kIssued + 8999)), "ok");
  EXPECT_EQ(code_of(use(text, keys, kIssued + 9000)), "token.expired");
}

TEST(Token, ABearerTokenCannotBeNarrowedOrSealed) {
  KeySet keys = test_keys();
  Result<Secret> bearer = seal(issued(keys));
  ASSERT_TRUE(bearer.has_value());
  EXPECT_EQ(code_of(narrow(bearer->expose(), {.who = "x"})), "token.sealed");
  EXPECT_EQ(code_of(seal(bearer->expose())), "token.sealed");
  EXPECT_EQ(code_of(aws_credentials(bearer->expose())), "token.sealed");
  // Renaming the form does not turn the bearer proof into a tail.
  std::string renamed = "csd1_" + std::string(bearer->expose().substr(5));
  Result<Secret> child = narrow(renamed, {.who = "x"});
  ASSERT_TRUE(child.has_value());  // offline, nobody can tell
  EXPECT_EQ(code_of(use(child->expose(), keys)), "token.bad_proof");
  EXPECT_EQ(code_of(trace(renamed, keys)), "token.bad_proof");
}

TEST(Token, NarrowKeepsTheLimits) {
  KeySet keys = test_keys();
  std::string text = issued(keys);
  for (std::size_t i = 1; i < kMaxBlocks; ++i) text = narrowed(text, {.who = "x"});
  EXPECT_EQ(code_of(narrow(text, {.who = "x"})), "token.too_large");
  EXPECT_EQ(code_of(use(text, keys)), "ok");
  EXPECT_EQ(use(text, keys)->delegates.size(), kMaxBlocks - 1);

  std::string shallow = narrowed(issued(keys), {.max_depth = 1});
  std::string last = narrowed(shallow, {.who = "x"});
  EXPECT_EQ(code_of(narrow(last, {.who = "y"})), "token.too_deep");
  EXPECT_EQ(code_of(narrow(shallow, {.max_depth = 99})), "token.invalid_claims");
  EXPECT_EQ(code_of(narrow(shallow, {.who = "not a name"})), "token.invalid_claims");
  EXPECT_EQ(code_of(narrow("csd1_", {.who = "x"})), "token.malformed");

  Caveats wide{.scope = {ScopeRule{.resources = std::vector<std::string>(9, std::string(500, 'x'))}}};
  EXPECT_EQ(code_of(narrow(issued(keys), wide)), "token.too_large");
}

TEST(Token, NarrowingFillsTheIdButKeepsAChosenOne) {
  KeySet keys = test_keys();
  TokenId chosen{};
  chosen.fill(7);
  Result<UnverifiedToken> a = inspect(narrowed(issued(keys), {.id = chosen}));
  Result<UnverifiedToken> b = inspect(narrowed(issued(keys), {.who = "x"}));
  ASSERT_TRUE(a.has_value() && b.has_value());
  EXPECT_EQ(a->caveats.at(0).id, chosen);
  EXPECT_TRUE(b->caveats.at(0).id.has_value());
}

TEST(Token, InspectChecksNothingButForm) {
  KeySet keys = test_keys();
  Result<Secret> bearer = seal(narrowed(issued(keys), {.who = "helper"}));
  std::string forged(bearer->expose().substr(0, bearer->expose().find('.') + 1));
  forged += std::string(43, 'A');
  Result<UnverifiedToken> seen = inspect(forged);
  ASSERT_TRUE(seen.has_value());
  EXPECT_EQ(seen->form, TokenForm::bearer);
  EXPECT_EQ(seen->claims.agent, "builder");
  EXPECT_EQ(seen->caveats.at(0).who, "helper");
  EXPECT_FALSE(seen->leaf.has_value());
  EXPECT_EQ(code_of(verify(forged, keys, Audience::agents, kNow)), "token.bad_proof");
  EXPECT_EQ(code_of(inspect("hello")), "token.malformed");
}

TEST(Token, TraceNamesExpiredAndDelegableTokensButNoForgedOnes) {
  KeySet keys = test_keys();
  Claims claims = test_claims();
  claims.expires = kIssued + 1000;
  std::string text = narrowed(issued(keys, claims), {.who = "x"});
  Result<std::vector<TokenId>> ids = trace(text, keys);
  ASSERT_TRUE(ids.has_value());
  EXPECT_EQ(ids->size(), 2U);
  EXPECT_EQ(*ids, *trace(seal(text)->expose(), keys));
  text.back() = text.back() == 'A' ? 'Q' : 'A';
  EXPECT_FALSE(trace(text, keys).has_value());
}

TEST(Token, ErrorsNeverRepeatTheToken) {
  KeySet keys = test_keys();
  std::string text = issued(keys);
  for (const std::string& bad :
       {text, "csb1_" + text.substr(5), text.substr(0, 60), std::string("csb1_hunter2.hunter2")}) {
    Result<VerifiedToken> token = verify(bad, keys, Audience::agents, kNow);
    ASSERT_FALSE(token.has_value());
    EXPECT_EQ(token.error().kind, ErrorKind::unauthenticated);
    EXPECT_FALSE(token.error().message.contains("hunter2"));
    EXPECT_FALSE(token.error().message.contains(bad.substr(5, 12)));
  }
}

}  // namespace
}  // namespace countersign::auth
