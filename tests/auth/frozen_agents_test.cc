// Freezing agents: in force at once, kept over a restart, and refused everywhere an agent's name is looked at.
#include "auth/frozen_agents.h"

#include <gtest/gtest.h>

#include <fstream>

#include "auth/authenticator.h"
#include "fixtures.h"

namespace countersign::auth {
namespace {

template <class T>
std::string code(const Result<T>& result) {
  return result ? "" : result.error().code;
}

TEST(FrozenAgents, AreFrozenUntilTheyAreThawedAlsoAcrossARestart) {
  TemporaryFolder folder;
  const auto path = folder.path() / "frozen_agents.jsonl";
  auto agents = FrozenAgents::open(path);
  EXPECT_TRUE(agents->healthy());
  EXPECT_FALSE(agents->is_frozen("builder"));
  EXPECT_EQ(code(agents->thaw("builder", "olivia", "none", kNow)), "agent.not_frozen");
  ASSERT_TRUE(agents->freeze("builder", "sam", "deletes too much\n\"now\"", kNow));
  ASSERT_TRUE(agents->freeze("builder", "pat", "again", kNow + 1));
  EXPECT_TRUE(agents->is_frozen("builder"));
  EXPECT_TRUE(agents->is_frozen("BUILDER"));
  EXPECT_FALSE(agents->is_frozen("builder2"));
  EXPECT_EQ(agents->find("builder")->by, "sam");

  auto again = FrozenAgents::open(path);
  ASSERT_EQ(again->list().size(), 1U);
  EXPECT_EQ(again->list()[0].reason, "deletes too much\n\"now\"");
  EXPECT_EQ(again->list()[0].at, kNow);
  ASSERT_TRUE(again->thaw("Builder", "sam", "mended", kNow + 2));
  EXPECT_FALSE(again->is_frozen("builder"));
  EXPECT_FALSE(FrozenAgents::open(path)->is_frozen("builder"));
}

TEST(FrozenAgents, NamesHaveBounds) {
  TemporaryFolder folder;
  auto agents = FrozenAgents::open(folder.path() / "frozen_agents.jsonl");
  for (const std::string& name : {std::string(), std::string(201, 'x'), std::string("\xff")})
    EXPECT_EQ(code(agents->freeze(name, "sam", "why", kNow)), "agent.bad_name");
  EXPECT_TRUE(agents->list().empty());
  ASSERT_TRUE(agents->freeze("a\nb", "sam", std::string(9'999, 'r'), kNow));
  EXPECT_EQ(FrozenAgents::open(folder.path() / "frozen_agents.jsonl")->find("a\nb")->reason.size(),
            FrozenAgents::kMaxReasonBytes);
}

TEST(FrozenAgents, ADamagedOrMissingFileLeavesWhatIsKnownInForceAndRefusesChanges) {
  TemporaryFolder folder;
  const auto path = folder.path() / "frozen_agents.jsonl";
  ASSERT_TRUE(FrozenAgents::open(path)->freeze("builder", "sam", "why", kNow));
  std::ofstream(path, std::ios::app) << "nonsense\n";
  auto agents = FrozenAgents::open(path);
  EXPECT_FALSE(agents->healthy());
  EXPECT_FALSE(agents->problem().empty());
  EXPECT_TRUE(agents->is_frozen("builder"));

  auto fresh = FrozenAgents::open(folder.path() / "other.jsonl");
  std::filesystem::remove(folder.path() / "other.jsonl");
  EXPECT_EQ(code(fresh->freeze("builder", "sam", "why", kNow)), "agent.freeze_unavailable");
  EXPECT_TRUE(fresh->is_frozen("builder"));  // in force here all the same
  EXPECT_EQ(code(fresh->thaw("builder", "sam", "why", kNow)), "agent.freeze_unavailable");
  EXPECT_TRUE(fresh->is_frozen("builder"));
}

TEST(FrozenAgents, TheAuthenticatorRefusesWhateverTokenTheyUse) {
  TemporaryFolder folder;
  auto keyring = Keyring::open(folder.path() / "keys", kNow);
  ASSERT_TRUE(keyring);
  auto revocations = Revocations::open(folder.path() / "revoked");
  auto frozen = FrozenAgents::open(folder.path() / "frozen_agents.jsonl");
  Authenticator authenticator(**keyring, *revocations, frozen.get());
  Claims claims = test_claims();
  std::string bearer(seal(issue(*(*keyring)->current(), claims)->expose())->expose());
  auto caller = authenticator.identify_token(bearer, Audience::agents, kNow);
  ASSERT_TRUE(caller);
  EXPECT_TRUE(authenticator.check_stored(caller->agent, caller->chain));
  ASSERT_TRUE(frozen->freeze(claims.agent, "sam", "why", kNow));
  auto refused = authenticator.identify_token(bearer, Audience::agents, kNow);
  EXPECT_EQ(code(refused), "agent.frozen");
  EXPECT_EQ(http_status(refused.error().kind), 403);
  EXPECT_EQ(code(authenticator.check_stored(caller->agent, caller->chain)), "agent.frozen");
  ASSERT_TRUE(frozen->thaw(claims.agent, "sam", "mended", kNow));
  EXPECT_TRUE(authenticator.identify_token(bearer, Audience::agents, kNow));

  // A token that another agent narrowed for it, and one that went on from there.
  auto handed_on = narrow(issue(*(*keyring)->current(), claims)->expose(), {.who = "Helper"});
  ASSERT_TRUE(handed_on);
  auto further = narrow(handed_on->expose(), {.who = "errand-boy"});
  ASSERT_TRUE(further);
  ASSERT_TRUE(frozen->freeze("helper", "sam", "why", kNow));
  for (const Secret* token : {&*handed_on, &*further}) {
    EXPECT_EQ(code(authenticator.identify_token(seal(token->expose())->expose(), Audience::agents, kNow)),
              "agent.frozen");
  }
  EXPECT_TRUE(authenticator.identify_token(bearer, Audience::agents, kNow)) << "who handed it on is not frozen";
  EXPECT_EQ(code(authenticator.check_stored(caller->agent, caller->chain, {"helper"})), "agent.frozen");
  EXPECT_TRUE(authenticator.check_stored(caller->agent, caller->chain, {"errand-boy"}));
  EXPECT_TRUE(authenticator.may_change());
  std::filesystem::remove(folder.path() / "frozen_agents.jsonl");
  EXPECT_EQ(code(authenticator.may_change()), "agent.freeze_unavailable");
}

}  // namespace
}  // namespace countersign::auth
