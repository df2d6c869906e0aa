#include <gtest/gtest.h>

#include "policies/cedar/authorizer.h"

namespace cedar {
namespace {

// "permit", "maybe: what", "error: what" or "no" for `permit … when { condition }`.
std::string ask(const std::string& head, const std::string& condition, const Request& request) {
  auto set = PolicySet::parse("permit(" + head + ") when { " + condition + " };");
  EXPECT_TRUE(set.has_value()) << condition;
  if (!set) return "unparsed";
  Entity alice{.uid = EntityUid("User", "alice")};
  alice.attributes =
      RecordBuilder().set("level", Value::unknown("alice's level")).set("name", Value::string("alice")).build();
  alice.tags = RecordBuilder()
                   .set("t", Value::unknown("tag t"))
                   .set("m", Value::unknown("tag m", Presence::maybe_absent))
                   .build();
  Entities base = Entities::make({alice}).value();
  EntityOverlay entities(base);
  Answer answer = authorize(*set, request, entities);
  EXPECT_TRUE(answer.satisfied_forbids.empty() && answer.maybe_forbids.empty() && answer.errored_forbids.empty());
  if (!answer.satisfied_permits.empty()) return "permit";
  if (!answer.maybe_permits.empty()) {
    EXPECT_EQ(answer.maybe_permits.front().error.cause, ErrorCause::unknown);
    return "maybe: " + answer.maybe_permits.front().error.message();
  }
  return answer.errored_permits.empty() ? "no" : "error: " + answer.errored_permits.front().error.message();
}

Value context() {
  Value partly = RecordBuilder().set("known", Value::integer(1)).set("path", Value::unknown("input.path")).build();
  return RecordBuilder()
      .set("input", partly)
      .set("all", Value::unknown("all"))
      .set("maybe", Value::unknown("maybe", Presence::maybe_absent))
      .set("set", Value::set({Value::integer(1), Value::unknown("element")}))
      .build();
}

TEST(CedarUnknown, OnlyWhatNeedsItIsUnknown) {
  Request request(EntityUid("User", "alice"), EntityUid("Action", "a"), EntityUid("Doc", "d"), context());
  auto maybe = [](const std::string& name) { return "maybe: `" + name + "` is not known yet"; };
  for (const auto& [condition, expected] :
       {std::pair<std::string, std::string>{"context.all", maybe("all")},
        {"false && context.all", "no"},
        {"true || context.all", "permit"},
        {"true && context.all", maybe("all")},
        {"context.all && false", maybe("all")},
        {"context.all || true", maybe("all")},
        {"!context.all", maybe("all")},
        {"if context.all then true else true", maybe("all")},
        {"if true then true else context.all", "permit"},
        {"context.all == 1", maybe("all")},
        {"context.all == context.all", maybe("all")},
        {"context.all.deeper.still == 1", maybe("all")},
        {"context.input.known == 1", "permit"},
        {"context.input.path == 1", maybe("input.path")},
        {"context.input.nope == 1", "error: the record has no attribute `nope`"},
        {"context has all", "permit"},
        {"context has nope", "no"},
        {"context has maybe", maybe("maybe")},
        {"context has input.path", "permit"},
        {"context has all.deeper", maybe("all")},
        {"context has maybe.deeper", maybe("maybe")},
        {"context.maybe == 1", maybe("maybe")},
        {"context.input == {known: 1, path: 2}", maybe("input.path")},
        {"context.input != 1", "permit"},
        {"{a: context.input}.a.known == 1", "permit"},
        {"[context.input].isEmpty()", maybe("input.path")},
        {"[1, context.all].contains(1)", maybe("all")},
        {"context.set.contains(1)", maybe("element")},
        {"context.set.containsAny([2])", maybe("element")},
        {"[1].containsAll(context.set)", maybe("element")},
        {"principal in context.set", maybe("element")},
        {"context.all in principal", maybe("all")},
        {"context.all is User", maybe("all")},
        {"context.all like \"*\"", maybe("all")},
        {"context.all + 1 > 0", maybe("all")},
        {"ip(context.all).isIpv4()", maybe("all")},
        {"principal.level > 1", maybe("alice's level")},
        {"principal has level", "permit"},
        {"principal.name == \"alice\"", "permit"},
        {"principal.getTag(\"t\") == 1", maybe("tag t")},
        {"principal.hasTag(\"t\")", "permit"},
        {"principal.hasTag(\"m\")", maybe("tag m")},
        {"principal.hasTag(\"n\")", "no"},
        {"1 + true == 2 && context.all", "error: expected an integer, got a boolean"}}) {
    EXPECT_EQ(ask("principal, action, resource", condition, request), expected) << condition;
  }
}

TEST(CedarUnknown, UnknownPrincipalsAndResources) {
  Value alice = Value::entity(EntityUid("User", "alice"));
  EntityUid action("Action", "a");
  Request untyped(alice, action, Value::unknown("resource"), Value::record({}));
  Request typed(alice, action, Value::unknown("resource", Presence::present, "Doc"), Value::record({}));
  std::string maybe = "maybe: `resource` is not known yet";
  struct Row {
    const char* head;
    std::string untyped;
    std::string typed;
  };
  for (const Row& row :
       {Row{"resource", "permit", "permit"}, Row{"resource == Doc::\"d\"", maybe, maybe},
        Row{"resource == Tool::\"t\"", maybe, "no"}, Row{"resource in Folder::\"f\"", maybe, maybe},
        Row{"resource is Doc", maybe, "permit"}, Row{"resource is Tool", maybe, "no"},
        Row{"resource is Doc in Folder::\"f\"", maybe, maybe}, Row{"resource is Tool in Folder::\"f\"", maybe, "no"}}) {
    EXPECT_EQ(ask("principal, action, " + std::string(row.head), "true", untyped), row.untyped) << row.head;
    EXPECT_EQ(ask("principal, action, " + std::string(row.head), "true", typed), row.typed) << row.head;
  }
  EXPECT_EQ(ask("principal, action, resource", "resource.x == 1", typed), maybe);
  EXPECT_EQ(ask("principal, action, resource", "principal.name == \"alice\"", typed), "permit");
  Request nobody_yet(Value::unknown("principal"), action, Value::entity(EntityUid("Doc", "d")),
                     Value::unknown("context"));
  EXPECT_EQ(ask("principal == User::\"bob\", action, resource == Doc::\"e\"", "true", nobody_yet), "no");
  EXPECT_EQ(ask("principal, action, resource", "context has x", nobody_yet), "maybe: `context` is not known yet");
}

TEST(CedarUnknown, MaybeForbidsAreKeptApartFromErrors) {
  auto set = PolicySet::parse(
      "permit(principal, action, resource);"
      "forbid(principal, action, resource) when { context.all };"
      "forbid(principal, action, resource) when { context.nope };");
  ASSERT_TRUE(set.has_value());
  Request request(EntityUid("User", "alice"), EntityUid("Action", "a"), EntityUid("Doc", "d"), context());
  Entities base;
  EntityOverlay entities(base);
  Answer answer = authorize(*set, request, entities);
  ASSERT_EQ(answer.maybe_forbids.size(), 1U);
  EXPECT_EQ(position(answer.maybe_forbids.front().policy), 1U);
  ASSERT_EQ(answer.errored_forbids.size(), 1U);
  EXPECT_EQ(position(answer.errored_forbids.front().policy), 2U);
  EXPECT_EQ(answer.satisfied_permits.size(), 1U);
}

}  // namespace
}  // namespace cedar
