#include "approvals/fingerprint.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "tests/approvals/fixture.h"

namespace countersign::approvals {
namespace {

enum class Flips { fingerprint_only, both, neither };

struct Case {
  const char* name;
  Flips flips;
  std::function<void(HeldRequest&)> change;
};

HeldRequest sample() {
  HeldRequest request = test::draft("identity");
  request.frozen.body_file = "/spool/1";
  request.frozen.body_sha256 = std::string(64, 'a');
  request.frozen.body_size = 10;
  request.requester.issuer = "ivan";
  return request;
}

const std::vector<Case>& cases() {
  static const std::vector<Case> all{
      {"agent", Flips::both, [](HeldRequest& r) { r.requester.agent += "x"; }},
      {"owner", Flips::both, [](HeldRequest& r) { r.requester.owner += "x"; }},
      {"issuer", Flips::fingerprint_only, [](HeldRequest& r) { r.requester.issuer += "x"; }},
      {"delegates, another", Flips::both, [](HeldRequest& r) { r.requester.delegates.emplace_back("x"); }},
      {"delegates, renamed", Flips::both, [](HeldRequest& r) { r.requester.delegates[0] += "x"; }},
      {"delegates, empty one", Flips::both, [](HeldRequest& r) { r.requester.delegates.emplace_back(); }},
      {"root token", Flips::both, [](HeldRequest& r) { r.requester.chain[0] += "x"; }},
      {"leaf token", Flips::fingerprint_only, [](HeldRequest& r) { r.requester.chain[1] += "x"; }},
      {"scope", Flips::fingerprint_only, [](HeldRequest& r) { r.requester.scope += "x"; }},
      {"protocol", Flips::both, [](HeldRequest& r) { r.frozen.protocol += "x"; }},
      {"upstream", Flips::both, [](HeldRequest& r) { r.frozen.upstream += "x"; }},
      {"head", Flips::fingerprint_only, [](HeldRequest& r) { r.frozen.head += " "; }},
      {"identity", Flips::both, [](HeldRequest& r) { r.frozen.identity.back() ^= 1; }},
      {"body digest", Flips::both, [](HeldRequest& r) { r.frozen.body_sha256[0] = 'b'; }},
      {"body size", Flips::both, [](HeldRequest& r) { r.frozen.body_size = 11; }},
      {"retry identity", Flips::both, [](HeldRequest& r) { r.frozen.retry_identity = RetryIdentity::identity; }},
      {"preconditions", Flips::fingerprint_only, [](HeldRequest& r) { r.frozen.preconditions += "x"; }},
      {"shown", Flips::fingerprint_only, [](HeldRequest& r) { r.frozen.shown += "x"; }},
      {"action", Flips::fingerprint_only, [](HeldRequest& r) { r.action += "x"; }},
      {"effect", Flips::fingerprint_only, [](HeldRequest& r) { r.effect = "destroy"; }},
      {"environment", Flips::fingerprint_only, [](HeldRequest& r) { r.environment = "staging"; }},
      {"resource", Flips::fingerprint_only, [](HeldRequest& r) { r.resources[0] += "x"; }},
      {"one more resource", Flips::fingerprint_only, [](HeldRequest& r) { r.resources.emplace_back("T::x"); }},
      {"summary", Flips::fingerprint_only, [](HeldRequest& r) { r.summary += "x"; }},
      {"input", Flips::fingerprint_only, [](HeldRequest& r) { r.input += "x"; }},
      {"policies", Flips::fingerprint_only, [](HeldRequest& r) { r.policies.clear(); }},
      {"rules", Flips::fingerprint_only, [](HeldRequest& r) { r.rules.emplace_back("pair"); }},
      {"policy digest", Flips::fingerprint_only, [](HeldRequest& r) { r.policy_digest += "x"; }},
      {"shifted between fields", Flips::both,
       [](HeldRequest& r) { r.requester.agent += r.requester.owner[0], r.requester.owner.erase(0, 1); }},
      {"id", Flips::neither, [](HeldRequest& r) { r.id = "req_x"; }},
      {"state", Flips::neither, [](HeldRequest& r) { r.state = State::approved; }},
      {"votes", Flips::neither, [](HeldRequest& r) { r.votes.emplace_back(); }},
      {"where the body lies", Flips::neither, [](HeldRequest& r) { r.frozen.body_file = "/elsewhere"; }},
      {"times", Flips::neither, [](HeldRequest& r) { r.created = r.expires = 1; }},
  };
  return all;
}

TEST(Fingerprint, EveryFieldOfTheRequestFlipsIt) {
  std::string original = fingerprint(sample());
  EXPECT_EQ(original.size(), 64U);
  std::set<std::string> seen{original};
  for (const Case& one : cases()) {
    HeldRequest changed = sample();
    one.change(changed);
    if (one.flips == Flips::neither) {
      EXPECT_EQ(fingerprint(changed), original) << one.name;
    } else {
      EXPECT_TRUE(seen.insert(fingerprint(changed)).second) << one.name;
    }
  }
}

TEST(RetryKey, IsFlippedByWhatARetryMustShare) {
  std::string original = retry_key(sample().frozen, sample().requester);
  std::set<std::string> seen{original};
  for (const Case& one : cases()) {
    HeldRequest changed = sample();
    one.change(changed);
    std::string key = retry_key(changed.frozen, changed.requester);
    if (one.flips == Flips::both) {
      EXPECT_TRUE(seen.insert(key).second) << one.name;
    } else {
      EXPECT_EQ(key, original) << one.name;
    }
  }
}

TEST(RetryKey, LeavesTheBodyToTheIdentityWhenThatStandsAlone) {
  HeldRequest a = sample();
  a.frozen.retry_identity = RetryIdentity::identity;
  HeldRequest b = a;
  b.frozen.body_sha256 = std::string(64, 'c');
  b.frozen.body_size = 99;
  EXPECT_EQ(retry_key(a.frozen, a.requester), retry_key(b.frozen, b.requester));
  EXPECT_NE(fingerprint(a), fingerprint(b));
  b.frozen.identity += "x";
  EXPECT_NE(retry_key(a.frozen, a.requester), retry_key(b.frozen, b.requester));
}

// The values themselves are a contract: they are stored, and approvals are bound to them. Computed from the header's
// description with another implementation (Python's hashlib).
TEST(Fingerprint, AndRetryKeyNeverChangeTheirMeaning) {
  EXPECT_EQ(fingerprint(sample()), "a7fd1927a2a1c97cb9153f7764f30f37093014d28acf4b87bbacd79561b05de9");
  EXPECT_EQ(retry_key(sample().frozen, sample().requester),
            "bc2f6689cd169cc13ebb7e4bd609c6a718ae7d280e1f64204a34097b7cf70b5a");
}

TEST(Lineage, IsAgentOwnerDelegatesAndRoot) {
  Requester a = sample().requester;
  Requester b = a;
  b.chain = {"root-1", "refreshed"};
  EXPECT_TRUE(same_lineage(a, b));
  b.chain = {"root-2", "leaf-1"};
  EXPECT_FALSE(same_lineage(a, b));
  b = a;
  b.agent = "other";
  EXPECT_FALSE(same_lineage(a, b));
  b = a;
  b.delegates.clear();
  EXPECT_FALSE(same_lineage(a, b));
  a.chain.clear();
  b = a;
  EXPECT_FALSE(same_lineage(a, b));
}

}  // namespace
}  // namespace countersign::approvals
