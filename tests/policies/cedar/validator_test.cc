#include "policies/cedar/validator.h"

#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include <gtest/gtest.h>

#include "cases.h"

namespace cedar {
namespace {

std::string read_file(const std::string& name) {
  std::ifstream in(std::string(COUNTERSIGN_SOURCE_DIR) + "/tests/cases/cedar/" + name);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

Schema schema_of(std::string_view text) {
  auto parsed = Schema::parse(text);
  if (!parsed) {
    ADD_FAILURE() << parsed.error().front().to_text();
    return *Schema::parse("");
  }
  return std::move(*parsed);
}

PolicySet policies_of(std::string text) {
  std::vector<PolicySet::NamedText> texts;
  texts.push_back({"mistake.cedar", std::move(text)});
  auto parsed = PolicySet::parse(std::move(texts));
  if (!parsed) {
    ADD_FAILURE() << parsed.error().front().to_text();
    return {};
  }
  return std::move(*parsed);
}

std::string all_text(const Validation& found) {
  std::string out;
  for (const ValidationFinding& each : found.errors) out += "error: " + each.to_text();
  for (const ValidationFinding& each : found.warnings) out += "warning: " + each.to_text();
  return out;
}

std::string kinds_of(const Validation& found) {
  std::set<std::string_view> kinds;
  for (const ValidationFinding& each : found.errors) kinds.insert(name_of(each.kind));
  for (const ValidationFinding& each : found.warnings) kinds.insert(name_of(each.kind));
  std::string out;
  for (std::string_view each : kinds) out += (out.empty() ? "" : " ") + std::string(each);
  return out.empty() ? "ok" : out;
}

std::string kinds_of(std::string_view schema, std::string policies, const ValidationLimits& limits = {}) {
  return kinds_of(validate(policies_of(std::move(policies)), schema_of(schema), limits));
}

constexpr std::string_view kSmallSchema = R"(
  entity Team in [Team];
  entity User in [Team] { name: String, nick?: String } tags String;
  entity Doc { owner: User };
  action read appliesTo { principal: User, resource: Doc, context: { level: Long } };
)";

TEST(CedarValidator, SaysOfPoliciesWhatTheTableSays) {
  Schema schema = schema_of(read_file("validate.cedarschema"));
  for (const auto& each : test::read_cases("validate_policies.txt")) {
    bool whole = each.input.starts_with("permit") || each.input.starts_with("forbid");
    std::string policy =
        whole ? each.input
              : "permit(principal is User, action == Action::\"read\", resource is Doc) when { " + each.input + " };";
    Validation found = validate(policies_of(policy), schema);
    EXPECT_EQ(kinds_of(found), each.expected) << "line " << each.line << ": " << each.input << "\n" << all_text(found);
  }
}

TEST(CedarValidator, MessagesReadAsWritten) {
  Schema schema = schema_of(read_file("validate.cedarschema"));
  std::string table = read_file("validate_messages.txt");
  ASSERT_FALSE(table.empty());
  std::size_t blocks = 0;
  for (std::size_t at = 0; at < table.size(); ++blocks) {
    constexpr std::string_view kNext = "====\n";
    constexpr std::string_view kAnswer = "----\n";
    std::size_t end = std::min(table.find(kNext, at), table.size());
    std::string block = table.substr(at, end - at);
    at = end + kNext.size();
    std::size_t answer = block.find(kAnswer);
    ASSERT_NE(answer, std::string::npos) << block;
    std::string policy = block.substr(0, answer);
    EXPECT_EQ(all_text(validate(policies_of(policy), schema)), block.substr(answer + kAnswer.size())) << policy;
  }
  EXPECT_GE(blocks, 20U);
}

TEST(CedarValidator, EveryKindHasItsName) {
  std::set<std::string_view> names;
  int kinds = static_cast<int>(Finding::impossible_policy) + 1;
  for (int each = 0; each < kinds; ++each) {
    std::string_view name = name_of(static_cast<Finding>(each));
    EXPECT_FALSE(name.empty()) << each;
    names.insert(name);
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(kinds));
}

TEST(CedarValidator, FindingsComeInOrderAndEachOnce) {
  // Two kinds of principal find the same missing attribute of the resource: it is said once.
  Schema schema = schema_of(R"(
    entity A; entity B; entity Doc;
    action read appliesTo { principal: [A, B], resource: Doc };
  )");
  Validation found = validate(policies_of("permit(principal, action, resource) when { resource.b && resource.a };\n"
                                          "permit(principal, action, resource) when { resource.c };"),
                              schema);
  ASSERT_EQ(found.errors.size(), 3U) << all_text(found);
  EXPECT_EQ(found.errors[0].policy, "policy0");
  EXPECT_LT(found.errors[0].diagnostic.span.offset, found.errors[1].diagnostic.span.offset);
  EXPECT_EQ(found.errors[2].policy, "policy1");
  EXPECT_EQ(found.errors[2].diagnostic.position, (Position{2, 44, 10}));
  EXPECT_FALSE(found.is_valid());
}

TEST(CedarValidator, WarningsLeaveASetValid) {
  Validation found =
      validate(policies_of("permit(principal, action, resource) when { 1 == 2 };"), schema_of(kSmallSchema));
  EXPECT_TRUE(found.is_valid());
  ASSERT_EQ(found.warnings.size(), 1U);
  EXPECT_EQ(found.warnings[0].kind, Finding::impossible_policy);
}

TEST(CedarValidator, ASchemaWithoutActionsFitsNoPolicy) {
  EXPECT_EQ(kinds_of("entity User;", "permit(principal, action, resource);"),
            "impossible-policy invalid-action-application");
  EXPECT_EQ(kinds_of("", "permit(principal, action, resource);"), "impossible-policy invalid-action-application");
}

TEST(CedarValidator, TemplatesAreTypedForEveryValueOfTheirSlots) {
  EXPECT_EQ(kinds_of(kSmallSchema, "permit(principal in ?principal, action, resource == ?resource);"), "ok");
  EXPECT_EQ(kinds_of(kSmallSchema, "permit(principal is User in ?principal, action, resource);"), "ok");
  EXPECT_EQ(
      kinds_of(kSmallSchema, "permit(principal == ?principal, action, resource) when { principal.nick == \"\" };"),
      "unsafe-optional-attribute");
  EXPECT_EQ(kinds_of(kSmallSchema, "permit(principal is Doc in ?principal, action, resource);"),
            "impossible-policy invalid-action-application");
}

TEST(CedarValidator, LinksAreHeldToTheirValues) {
  Schema schema = schema_of(kSmallSchema);
  auto with_link = [&](std::string text, SlotValues values) {
    PolicySet set = policies_of(std::move(text));
    auto linked = set.link("policy0", "link", std::move(values));
    EXPECT_TRUE(linked.has_value());
    return validate(set, schema);
  };
  std::string equal = "permit(principal == ?principal, action, resource);";
  EXPECT_EQ(kinds_of(with_link(equal, {.principal = EntityUid("User", "a"), .resource = {}})), "ok");
  Validation unfit = with_link(equal, {.principal = EntityUid("Team", "a"), .resource = {}});
  ASSERT_EQ(unfit.errors.size(), 1U) << all_text(unfit);
  EXPECT_EQ(unfit.errors[0].kind, Finding::invalid_action_application);
  EXPECT_EQ(unfit.errors[0].policy, "link");

  std::string in = "permit(principal in ?principal, action, resource in ?resource);";
  EXPECT_EQ(kinds_of(with_link(in, {.principal = EntityUid("Team", "a"), .resource = EntityUid("Doc", "d")})), "ok");
  EXPECT_EQ(kinds_of(with_link(in, {.principal = EntityUid("Nope", "a"), .resource = EntityUid("Doc", "d")})),
            "invalid-action-application unrecognized-entity-type");
  EXPECT_EQ(kinds_of(with_link(in, {.principal = EntityUid("Team", "a"), .resource = EntityUid("Team", "d")})),
            "invalid-action-application");
}

TEST(CedarValidator, ALimitIsAnErrorOfThePolicyItStopped) {
  std::string policies =
      "permit(principal, action, resource) when { resource.owner == principal };\n"
      "permit(principal, action, resource) when { context.level == 1 };";
  EXPECT_EQ(kinds_of(kSmallSchema, policies, {.environments = 2}), "ok");
  Validation found = validate(policies_of(policies), schema_of(kSmallSchema), {.environments = 1});
  ASSERT_EQ(found.errors.size(), 1U);
  EXPECT_EQ(found.errors[0].kind, Finding::limit_exceeded);
  EXPECT_EQ(found.errors[0].policy, "policy1");
  EXPECT_TRUE(found.warnings.empty());
  EXPECT_EQ(kinds_of(kSmallSchema, policies, {.steps = 2}), "limit-exceeded");
}

TEST(CedarValidator, FindingsAreBoundedButNoPolicyLooksSound) {
  std::string policies;
  for (int i = 0; i < 10; ++i) policies += "permit(principal, action, resource) when { resource.a || resource.b };\n";
  Validation found = validate(policies_of(policies), schema_of(kSmallSchema), {.findings = 3});
  std::set<std::string> named;
  for (const ValidationFinding& each : found.errors) named.insert(each.policy);
  EXPECT_EQ(named.size(), 10U);
  EXPECT_LT(found.errors.size(), 13U);
}

TEST(CedarValidator, LongAndDeepPoliciesAreAnswered) {
  std::string chain = "principal has nick";
  for (int i = 0; i < 5'000; ++i) chain += " && principal.nick == \"a\" && principal has nick";
  EXPECT_EQ(kinds_of(kSmallSchema, "permit(principal, action, resource) when { " + chain + " };"), "ok");

  std::string deep = "true";
  for (int i = 0; i < 190; ++i) deep = "!(" + deep + ")";
  EXPECT_EQ(kinds_of(kSmallSchema, "permit(principal, action, resource) when { " + deep + " };"), "ok");

  std::string nested = "principal";
  for (int i = 0; i < 90; ++i) nested = "{a: " + nested + "}.a";
  EXPECT_EQ(kinds_of(kSmallSchema, "permit(principal, action, resource) when { " + nested + " has nick && " + nested +
                                       ".nick == \"a\" };"),
            "ok");
}

TEST(CedarValidator, ManyActionsCostLittleToPoliciesThatDoNotLookAtThem) {
  std::string schema;
  std::string types;
  for (int i = 0; i < 10; ++i) {
    schema += "entity T" + std::to_string(i) + " { a: Long };\n";
    types += (i == 0 ? "T" : ", T") + std::to_string(i);
  }
  for (int i = 0; i < 1'000; ++i) {
    schema +=
        "action a" + std::to_string(i) + " appliesTo { principal: [" + types + "], resource: [" + types + "] };\n";
  }
  // One hundred pairs of types, whatever the number of actions; ten, when only the principal counts.
  std::string both = "permit(principal, action, resource) when { principal.a == resource.a };";
  EXPECT_EQ(kinds_of(schema, both, {.environments = 100}), "ok");
  EXPECT_EQ(kinds_of(schema, both, {.environments = 99}), "limit-exceeded");
  std::string one = "permit(principal, action, resource) when { principal.a == 1 };";
  EXPECT_EQ(kinds_of(schema, one, {.environments = 10}), "ok");
  std::string of_action =
      "permit(principal, action == Action::\"a7\", resource) when { principal.a == 1 && "
      "action in [Action::\"a7\", Action::\"a8\"] };";
  EXPECT_EQ(kinds_of(schema, of_action, {.environments = 10}), "ok");
  // Two sorts of action: the one that is named, and all others.
  std::string but_one = "permit(principal, action, resource) when { principal.a == 1 && action != Action::\"a7\" };";
  EXPECT_EQ(kinds_of(schema, but_one, {.environments = 20}), "ok");
  EXPECT_EQ(kinds_of(schema, but_one, {.environments = 19}), "limit-exceeded");
}

TEST(CedarValidator, OneSchemaServesManyThreads) {
  Schema schema = schema_of(read_file("validate.cedarschema"));
  PolicySet set = policies_of("permit(principal, action, resource) when { resource.owner == principal };");
  std::string expected = all_text(validate(set, schema));
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] { EXPECT_EQ(all_text(validate(set, schema)), expected); });
  }
  for (std::thread& each : threads) each.join();
}

// A head of actions of one type is true for those it names, and costs no typing. One of several types is typed for
// every action, and that is counted.
TEST(CedarValidator, LongHeads) {
  std::string schema = "entity User; action a0";
  std::string head = "Action::\"a0\"";
  for (int i = 1; i < 300; ++i) {
    schema += ", a" + std::to_string(i);
    head += ", Action::\"a" + std::to_string(i) + "\"";
  }
  schema += " appliesTo { principal: User, resource: User };";
  schema += " namespace App { action x appliesTo { principal: User, resource: User }; }";
  EXPECT_EQ(kinds_of(schema, "permit(principal, action in [" + head + "], resource);", {.steps = 10'000}), "ok");
  std::string mixed = "permit(principal, action in [" + head + ", App::Action::\"x\"], resource);";
  EXPECT_EQ(kinds_of(schema, mixed, {.steps = 10'000}), "incompatible-types limit-exceeded");
}

}  // namespace
}  // namespace cedar
