// Narrowing only narrows: over random tokens, caveats, operations and times, whatever a child may do its parent may do.
#include <gtest/gtest.h>

#include <random>

#include "auth/aws_keys.h"
#include "auth/cbor.h"
#include "auth/revocation.h"
#include "core/sha256.h"
#include "fixtures.h"

namespace countersign::auth {
namespace {

// Fixed, so that a failure can be repeated; the trace names the round.
constexpr std::uint32_t kSeed = 20261121;

class Random {
 public:
  explicit Random(std::uint32_t seed) : engine_(seed) {}
  std::size_t below(std::size_t limit) { return engine_() % limit; }
  bool chance(std::size_t one_in) { return below(one_in) == 0; }
  std::string pick(const std::vector<std::string>& from) { return from[below(from.size())]; }
  std::vector<std::string> some(const std::vector<std::string>& from) {
    std::vector<std::string> out;
    if (chance(2)) return out;
    for (std::size_t n = 1 + below(3); n > 0; --n) out.push_back(pick(from));
    return out;
  }

 private:
  std::mt19937 engine_;
};

const std::vector<std::string> kUpstreams = {"files", "wiki", "origin"};
const std::vector<std::string> kActions = {"mcp:call_tool", "http:GET", "http:PUT", "git:push"};
const std::vector<std::string> kActionGlobs = {"*", "mcp:*", "http:*", "*:push", "http:GET", "m*l", "**"};
const std::vector<std::string> kResources = {"files/staging/a", "files/production/a", "wiki/page", "origin/refs/main"};
const std::vector<std::string> kResourceGlobs = {"*", "files/*", "*/staging/*", "*a", "wiki/page", "origin/*main"};
const std::vector<std::string> kEnvironments = {"staging", "production", "test"};

ScopeRule random_rule(Random& random) {
  ScopeRule rule;
  rule.upstreams = random.some(kUpstreams);
  rule.actions = random.some(kActionGlobs);
  rule.resources = random.some(kResourceGlobs);
  rule.environments = random.some(kEnvironments);
  if (random.chance(2)) {
    for (std::size_t n = 1 + random.below(3); n > 0; --n) rule.effects.add(static_cast<Effect>(random.below(6)));
  }
  return rule;
}

std::vector<ScopeRule> random_rules(Random& random) {
  std::vector<ScopeRule> rules;
  for (std::size_t n = 1 + random.below(3); n > 0; --n) rules.push_back(random_rule(random));
  return rules;
}

TimeMs random_time(Random& random) {
  return kIssued + static_cast<TimeMs>(random.below(10)) * 1000;
}

Caveats random_caveats(Random& random) {
  Caveats caveats;
  if (!random.chance(4)) caveats.scope = random_rules(random);
  if (random.chance(4)) caveats.not_before = random_time(random);
  if (random.chance(3)) caveats.expires = random_time(random);
  if (random.chance(3)) caveats.who = "helper";
  if (random.chance(6)) caveats.max_depth = 1 + random.below(5);
  return caveats;
}

struct Attempt {
  Operation operation;
  std::vector<std::string> environments;
  TimeMs now = 0;
};

Attempt random_attempt(Random& random) {
  Attempt attempt;
  attempt.operation.upstream = random.pick(kUpstreams);
  attempt.operation.action = random.pick(kActions);
  for (std::size_t n = 1 + random.below(3); n > 0; --n) {
    Resource resource{"File", random.pick(kResources), ""};
    attempt.operation.accesses.push_back({resource, static_cast<Effect>(random.below(6))});
    attempt.environments.push_back(random.pick(kEnvironments));
  }
  attempt.now = random_time(random) + static_cast<TimeMs>(random.below(3)) - 1;
  return attempt;
}

// Everything between a token's text and a yes: proof, audience, times, scope.
bool may(std::string_view delegable, const KeySet& keys, const Attempt& attempt) {
  Result<Secret> bearer = seal(delegable);
  if (!bearer) return false;
  Result<VerifiedToken> token = verify(bearer->expose(), keys, Audience::agents, attempt.now);
  if (!token) return false;
  std::vector<LabelledAccess> labelled;
  for (std::size_t i = 0; i < attempt.environments.size(); ++i) {
    labelled.push_back({&attempt.operation.accesses[i], attempt.environments[i]});
  }
  return !token->scope.refuses(attempt.operation, labelled, attempt.now);
}

TEST(Authority, AChildMayDoNothingItsParentMayNot) {
  RecordProperty("seed", static_cast<int>(kSeed));
  Random random(kSeed);
  KeySet keys = test_keys();
  int parent_yes = 0;
  int child_yes = 0;
  int narrowed_away = 0;
  for (int round = 0; round < 800; ++round) {
    Claims claims = test_claims();
    claims.scope = random_rules(random);
    claims.expires = kIssued + 1000 + static_cast<TimeMs>(random.below(10)) * 1000;
    std::vector<std::string> chain = {std::string(issue(keys, claims)->expose())};
    for (std::size_t depth = random.below(4); depth > 0; --depth) {
      Result<Secret> child = narrow(chain.back(), random_caveats(random));
      if (child) chain.emplace_back(child->expose());
    }
    for (int attempts = 0; attempts < 12; ++attempts) {
      Attempt attempt = random_attempt(random);
      bool parent = may(chain.front(), keys, attempt);
      for (std::size_t i = 1; i < chain.size(); ++i) {
        bool child = may(chain[i], keys, attempt);
        ASSERT_FALSE(child && !parent) << "seed " << kSeed << " round " << round << " depth " << i;
        parent_yes += parent;
        child_yes += child;
        narrowed_away += parent && !child;
        parent = child;
      }
    }
  }
  // The property would also hold if nothing were ever allowed, or nothing ever narrowed.
  EXPECT_GT(child_yes, 100);
  EXPECT_GT(parent_yes, child_yes);
  EXPECT_GT(narrowed_away, 100);
}

// The same of children that the server makes of the AWS form.
TEST(Authority, AChildThatTheServerMakesMayDoNothingItsParentMayNot) {
  RecordProperty("seed", static_cast<int>(kSeed));
  Random random(kSeed + 1);
  KeySet keys = test_keys();
  auto may_in = [&](const std::string& session, const Attempt& attempt) {
    Result<VerifiedToken> token = open_session(session, keys);
    if (!token || !check_validity(*token, Audience::agents, attempt.now)) return false;
    std::vector<LabelledAccess> labelled;
    for (std::size_t i = 0; i < attempt.environments.size(); ++i)
      labelled.push_back({&attempt.operation.accesses[i], attempt.environments[i]});
    return !token->scope.refuses(attempt.operation, labelled, attempt.now);
  };
  int child_yes = 0;
  int narrowed_away = 0;
  for (int round = 0; round < 400; ++round) {
    Claims claims = test_claims();
    claims.scope = random_rules(random);
    claims.expires = kIssued + 1000 + static_cast<TimeMs>(random.below(10)) * 1000;
    std::vector<std::string> chain = {aws_credentials(issue(keys, claims)->expose())->session_token};
    for (std::size_t depth = random.below(4); depth > 0; --depth) {
      Result<ChildSession> child = narrow_session(chain.back(), random_caveats(random), keys);
      if (child) chain.push_back(child->credentials.session_token);
    }
    for (int attempts = 0; attempts < 12; ++attempts) {
      Attempt attempt = random_attempt(random);
      bool parent = may_in(chain.front(), attempt);
      for (std::size_t i = 1; i < chain.size(); ++i) {
        bool child = may_in(chain[i], attempt);
        ASSERT_FALSE(child && !parent) << "seed " << kSeed << " round " << round << " depth " << i;
        child_yes += child;
        narrowed_away += parent && !child;
        parent = child;
      }
    }
  }
  EXPECT_GT(child_yes, 50);
  EXPECT_GT(narrowed_away, 50);
}

// A chain as its holder can make one: any bytes at all as the next block.
std::string with_raw_block(std::string_view delegable, ByteView block) {
  std::size_t dot = delegable.find('.');
  Bytes body = *from_base64url(delegable.substr(5, dot - 5));
  Bytes tail = *from_base64url(delegable.substr(dot + 1));
  body.push_back(static_cast<std::uint8_t>(block.size() >> 8));
  body.push_back(static_cast<std::uint8_t>(block.size()));
  body.insert(body.end(), block.begin(), block.end());
  Digest next = hmac_sha256(tail, {as_bytes("cs1/block"), block});
  return "csd1_" + to_base64url(body) + "." + to_base64url(next);
}

TEST(Authority, AnUnknownCaveatNeverWidens) {
  Random random(kSeed + 1);
  KeySet keys = test_keys();
  std::string parent(issue(keys, test_claims())->expose());
  Attempt attempt = random_attempt(random);
  attempt.now = kNow;
  for (std::string_view key : {"ip", "uses", "scope2", "Scope", "exp ", "", "v", "kid", "aud", "owner", "agent"}) {
    CborWriter block;
    block.map(1).text(key).uint(1);
    std::string child = with_raw_block(parent, block.written());
    Result<VerifiedToken> token = verify(seal(child)->expose(), keys, Audience::agents, kNow);
    EXPECT_EQ(code_of(token), "token.unknown_caveat") << key;
    EXPECT_FALSE(may(child, keys, attempt)) << key;
    // Nor does a known caveat after it help.
    Result<Secret> more = narrow(child, {.who = "x"});
    EXPECT_FALSE(more.has_value()) << key;
  }
}

TEST(Authority, RandomBytesAsABlockNeverWiden) {
  Random random(kSeed + 2);
  KeySet keys = test_keys();
  Claims claims = test_claims();
  claims.scope = {ScopeRule{.upstreams = {"wiki"}, .effects = {Effect::read}}};
  std::string parent(issue(keys, claims)->expose());
  Bytes seed_block = encode_block(Caveats{.scope = {ScopeRule{.effects = {Effect::read}}}, .who = "x"});
  int readable = 0;
  for (int round = 0; round < 4000; ++round) {
    Bytes block = seed_block;
    for (std::size_t n = 1 + random.below(4); n > 0; --n) {
      block[random.below(block.size())] = static_cast<std::uint8_t>(random.below(256));
    }
    std::string child = with_raw_block(parent, block);
    Attempt attempt = random_attempt(random);
    attempt.now = kNow;
    bool child_may = may(child, keys, attempt);
    readable += verify(seal(child)->expose(), keys, Audience::agents, kNow).has_value();
    ASSERT_FALSE(child_may && !may(parent, keys, attempt)) << "seed " << kSeed + 2 << " round " << round;
  }
  EXPECT_GT(readable, 10);
}

TEST(Authority, RevokingAnIdKillsItsSubtreeAndNoSibling) {
  TemporaryFolder folder;
  KeySet keys = test_keys();
  auto revocations = Revocations::open(folder.path() / "revoked");
  std::string root(issue(keys, test_claims())->expose());
  std::string left(narrow(root, {.who = "same"})->expose());
  std::string right(narrow(root, {.who = "same"})->expose());
  std::string grandchild(narrow(left, {.who = "deeper"})->expose());
  std::string other(issue(keys, test_claims())->expose());
  auto revoked = [&](std::string_view text) { return revocations->is_revoked(*trace(text, keys)); };

  ASSERT_TRUE(revocations->revoke(trace(left, keys)->back(), "alice", "lost", kNow).has_value());
  EXPECT_TRUE(revoked(left));
  EXPECT_TRUE(revoked(grandchild));
  EXPECT_FALSE(revoked(root));
  EXPECT_FALSE(revoked(right));
  EXPECT_FALSE(revoked(other));

  ASSERT_TRUE(revocations->revoke(trace(root, keys)->back(), "alice", "all of it", kNow).has_value());
  EXPECT_TRUE(revoked(root));
  EXPECT_TRUE(revoked(right));
  EXPECT_FALSE(revoked(other));
}

}  // namespace
}  // namespace countersign::auth
