#include <gtest/gtest.h>

#include "policies/cedar/authorizer.h"
#include "policies/cedar/parser.h"
#include "policies/cedar/policy_set.h"

namespace cedar {
namespace {

constexpr std::string_view kText =
    "permit(principal == A::\"x\", action, resource);\n"
    "@id(\"t\") @quiet\n"
    "permit(principal in ?principal, action == Action::\"read\", resource == ?resource) unless { context.stop };\n"
    "forbid(principal, action, resource) when { context.locked };\n"
    "forbid(principal is T in ?principal, action, resource);\n";

PolicySet parsed(std::string_view text) {
  auto set = PolicySet::parse(text);
  EXPECT_TRUE(set.has_value()) << (set ? "" : set.error().front().to_text());
  return set ? std::move(*set) : PolicySet();
}

std::string code(const Result<PolicyRef>& result) {
  return result ? "done" : result.error().code;
}

Response decide(const PolicySet& set, std::string_view principal, std::string_view resource, bool locked) {
  static const Entities people = [] {
    std::vector<Entity> all;
    all.push_back({.uid = EntityUid("A", "x"), .parents = {EntityUid("Team", "red")}});
    auto made = Entities::make(std::move(all));
    EXPECT_TRUE(made.has_value());
    return std::move(*made);
  }();
  EntityOverlay entities(people);
  Request request(EntityUid("A", principal), EntityUid("Action", "read"), EntityUid("R", resource),
                  RecordBuilder().set("stop", Value::boolean(false)).set("locked", Value::boolean(locked)).build());
  return respond(set, authorize(set, request, entities));
}

TEST(CedarTemplates, StandApartAndShareTheNumbering) {
  PolicySet set = parsed(kText);
  ASSERT_EQ(set.size(), 2U);
  EXPECT_EQ(set.all()[0].id(), "policy0");
  EXPECT_EQ(set.all()[1].id(), "policy2");
  ASSERT_EQ(set.templates().size(), 2U);
  const Template& first = set.templates()[0];
  EXPECT_EQ(first.id(), "policy1");
  EXPECT_EQ(first.annotation("id"), "t");
  EXPECT_EQ(first.position().line, 2U);
  EXPECT_TRUE(first.syntax().principal.slot);
  EXPECT_EQ(first.syntax().principal.kind, ast::ScopeKind::in);
  EXPECT_EQ(set.templates()[1].id(), "policy3");
  EXPECT_EQ(set.templates()[1].syntax().principal.kind, ast::ScopeKind::is_in);
  EXPECT_FALSE(set.templates()[1].syntax().resource.slot);
  EXPECT_EQ(set.find("policy2"), PolicyRef{1});
  EXPECT_EQ(set.find("policy1"), std::nullopt);
  EXPECT_EQ(set.find_template("policy1"), &first);
  EXPECT_EQ(set.find_template("policy2"), nullptr);
}

TEST(CedarTemplates, DecideNothingUntilLinked) {
  PolicySet set = parsed(kText);
  EXPECT_EQ(decide(set, "y", "r", false).decision, Decision::deny);
  ASSERT_EQ(code(set.link("policy1", "link1", {EntityUid("A", "y"), EntityUid("R", "r")})), "done");
  Response response = decide(set, "y", "r", false);
  EXPECT_EQ(response.decision, Decision::allow);
  EXPECT_EQ(response.reason, (std::vector<std::string>{"link1"}));
  EXPECT_EQ(decide(set, "y", "other", false).decision, Decision::deny);
  EXPECT_EQ(decide(set, "y", "r", true).decision, Decision::deny);

  // `in` follows the hierarchy, and both policies that apply are named.
  ASSERT_EQ(code(set.link("policy1", "link2", {EntityUid("Team", "red"), EntityUid("R", "r")})), "done");
  EXPECT_EQ(decide(set, "x", "r", false).reason, (std::vector<std::string>{"policy0", "link2"}));
}

TEST(CedarTemplates, ALinkKeepsWhatItsTemplateSays) {
  PolicySet set = parsed(kText);
  auto ref = set.link("policy1", "link1", {EntityUid("A", "y"), EntityUid("R", "r")});
  ASSERT_TRUE(ref.has_value());
  const Policy& link = set[*ref];
  EXPECT_EQ(set.find("link1"), *ref);
  EXPECT_EQ(link.annotation("id"), "t");
  EXPECT_EQ(link.annotation("quiet"), "");
  EXPECT_EQ(link.span(), set.templates()[0].span());
  EXPECT_EQ(&link.source(), &set.templates()[0].source());
  EXPECT_EQ(link.principal().entities.front(), EntityUid("A", "y"));
  EXPECT_FALSE(link.syntax().is_template());
  EXPECT_EQ(link.syntax().resource.entities.front().id, "r");
  ASSERT_TRUE(link.link().has_value());
  EXPECT_EQ(link.link()->template_id, "policy1");
  EXPECT_EQ(link.link()->values.resource, EntityUid("R", "r"));
  EXPECT_FALSE(set.all()[0].link().has_value());
}

TEST(CedarTemplates, LinksAreRefusedAsTheOfficialLibraryRefusesThem) {
  PolicySet set = parsed(kText);
  EntityUid a("A", "a");
  EXPECT_EQ(code(set.link("policy9", "l", {a, a})), "cedar.link.unknown_template");
  EXPECT_EQ(code(set.link("policy0", "l", {})), "cedar.link.unknown_template");
  EXPECT_EQ(code(set.link("policy1", "l", {a, {}})), "cedar.link.missing_slot");
  EXPECT_EQ(code(set.link("policy1", "l", {{}, a})), "cedar.link.missing_slot");
  EXPECT_EQ(code(set.link("policy3", "l", {a, a})), "cedar.link.superfluous_slot");
  EXPECT_EQ(code(set.link("policy3", "policy0", {a, {}})), "cedar.policy_set.duplicate_id");
  EXPECT_EQ(code(set.link("policy3", "policy1", {a, {}})), "cedar.policy_set.duplicate_id");
  EXPECT_EQ(set.size(), 2U);
  EXPECT_EQ(code(set.link("policy3", "l", {a, {}})), "done");
  EXPECT_EQ(code(set.link("policy3", "l", {a, {}})), "cedar.policy_set.duplicate_id");
  EXPECT_EQ(code(set.link("l", "m", {a, {}})), "cedar.link.unknown_template");
  EXPECT_EQ(set.size(), 3U);
}

TEST(CedarTemplates, PoliciesCanBringTheirOwnIds) {
  auto source = std::make_shared<const Source>(
      "own", "permit(principal, action, resource);permit(principal == ?principal, action, resource);");
  auto policies = parse_policies(source->text());
  ASSERT_TRUE(policies.has_value());
  PolicySet set;
  ASSERT_TRUE(set.add("a", source, (*policies)[0]).has_value());
  ASSERT_TRUE(set.add("b", source, (*policies)[1]).has_value());
  for (const char* id : {"a", "b"}) {
    for (const ast::Policy& each : *policies) {
      auto again = set.add(id, source, each);
      ASSERT_FALSE(again.has_value());
      EXPECT_EQ(again.error().code, "cedar.policy_set.duplicate_id");
    }
  }
  EXPECT_EQ(set.size(), 1U);
  EXPECT_EQ(set.templates().size(), 1U);
  EXPECT_EQ(decide(set, "anyone", "r", false).reason, (std::vector<std::string>{"a"}));
}

}  // namespace
}  // namespace cedar
