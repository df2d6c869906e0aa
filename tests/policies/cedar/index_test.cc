#include "policies/cedar/index.h"

#include <gtest/gtest.h>

#include "answers.h"
#include "policies/cedar/authorizer.h"
#include "random_set.h"

namespace cedar {
namespace {

using test::describe;
using test::parse;

void add_links(PolicySet& set, test::Generator& generate, std::size_t count) {
  auto source = std::make_shared<const Source>("templates", generate.template_policy());
  auto syntax = parse_policies(source->text());
  ASSERT_TRUE(syntax.has_value()) << source->text();
  ASSERT_TRUE(set.add("shared", source, syntax->front()).has_value());
  for (std::size_t i = 0; i < count; ++i) {
    auto linked = set.link("shared", "link" + std::to_string(i),
                           {.principal = generate.slot_value("User"), .resource = generate.slot_value("Doc")});
    ASSERT_TRUE(linked.has_value());
  }
}

std::size_t found(const PolicySet& set, const Request& request, const EntityOverlay& entities) {
  Evaluator evaluator(request, entities);
  PolicyIndex::Search search;
  set.index().find(request, evaluator, search);
  return search.found().size();
}

// Heads, conditions that begin alike, links, errors and unknowns: the index leaves out nothing that has a say.
TEST(CedarIndex, AnswersAsTheDefinitionDoes) {
  constexpr std::uint64_t kSeed = 77'001;
  std::size_t said = 0;
  std::size_t failed = 0;
  std::size_t unsettled = 0;
  for (std::uint64_t round = 0; round < 100; ++round) {
    test::Generator generate(kSeed + round);
    PolicySet set = parse(generate.conditional_policies(1 + (round * 7) % 150));
    if (round % 2 == 0) add_links(set, generate, 40);
    Entities base = Entities::make(generate.entities()).value();
    EntityOverlay entities(base);
    Answer reused;
    for (int i = 0; i < 15; ++i) {
      Request request = generate.request();
      authorize(set, request, entities, reused);
      ASSERT_EQ(describe(set, reused), describe(set, authorize_by_scan(set, request, entities)))
          << "seed " << kSeed + round;
      said += reused.satisfied_permits.size() + reused.satisfied_forbids.size();
      failed += reused.errored_permits.size() + reused.errored_forbids.size();
      unsettled += reused.maybe_permits.size() + reused.maybe_forbids.size();
    }
  }
  EXPECT_GT(said, 2000U);
  EXPECT_GT(failed, 2000U);
  EXPECT_GT(unsettled, 2000U);
}

TEST(CedarIndex, LooksOnlyAtPoliciesThatMayApply) {
  Entities base =
      Entities::make({{.uid = EntityUid("User", "u7"), .parents = {EntityUid("Team", "t7")}},
                      {.uid = EntityUid("Action", "a"), .parents = {EntityUid("Action", "g7")}},
                      {.uid = EntityUid("Doc", "d7"),
                       .parents = {EntityUid("Folder", "f7")},
                       .attributes = RecordBuilder()
                                         .set("env", Value::string("e7"))
                                         .set("on", Value::boolean(false))
                                         .set("words", Value::set({Value::string("w7"), Value::string("w8")}))
                                         .build()}})
          .value();
  EntityOverlay entities(base);
  Request request(EntityUid("User", "u7"), EntityUid("Action", "a"), EntityUid("Doc", "d7"));
  for (const auto& [policy, expected] :
       {std::pair<std::string, std::size_t>{"permit (principal == User::\"u#\", action, resource);", 1},
        {"permit (principal in Team::\"t#\", action, resource);", 1},
        {"permit (principal is User in Team::\"t#\", action, resource);", 1},
        {"permit (principal, action in Action::\"g#\", resource);", 1},
        {"permit (principal, action in [Action::\"g#\", Action::\"h#\"], resource);", 1},
        {"permit (principal, action, resource == Doc::\"d#\");", 1},
        {"permit (principal, action, resource is T#);", 0},
        {"permit (principal, action, resource) when { resource.env == \"e#\" };", 1},
        {"permit (principal, action, resource) when { resource has env && resource.env == \"e#\" };", 1},
        {"permit (principal, action, resource) when { resource.words.contains(\"w#\") };", 2},
        {"permit (principal, action, resource) when { [\"e#\"].contains(resource.env) };", 1},
        {"permit (principal, action, resource) when { principal in Team::\"t#\" };", 1},
        {"permit (principal, action, resource) when { resource in [Folder::\"f#\"] };", 1},
        {"permit (principal, action, resource) when { resource.on && context.n == # };", 0},
        // Missing: each of them fails, and must be said to.
        {"permit (principal, action, resource) when { resource.nope == \"e#\" };", 100},
        {"permit (principal, action, resource) when { resource has nope && resource.nope == \"e#\" };", 0}}) {
    std::string text;
    for (int i = 0; i < 100; ++i) {
      for (char c : policy) text += c == '#' ? std::to_string(i) : std::string(1, c);
      text += "\n";
    }
    PolicySet set = parse(text);
    EXPECT_EQ(found(set, request, entities), expected) << policy;
  }
}

// Policies that many answers suit stand in the tree more than once, but not in all combinations.
TEST(CedarIndex, ManyAnswersDoNotMultiply) {
  std::string text;
  for (int i = 0; i < 60; ++i) {
    auto list = [i](const std::string& open, const std::string& close, int step) {
      std::string out;
      for (int k = 0; k < 60; ++k) {
        if ((k * step + i) % 7 == 0) out += (out.empty() ? "" : ", ") + open + std::to_string(k) + close;
      }
      return out;
    };
    text += "permit (principal, action in [" + list("Action::\"a", "\"", 1) + "], resource) when {";
    for (int k = 1; k <= 4; ++k) {
      text += std::string(k == 1 ? "" : " && ") + "[" + list("\"w", "\"", k) + "].contains(context.c" +
              std::to_string(k) + ")";
    }
    text += " };\n";
  }
  PolicySet set = parse(text);
  EXPECT_LT(set.index().nodes(), 60U * 17);
  Entities base;
  EntityOverlay entities(base);
  for (int i = 0; i < 60; ++i) {
    RecordBuilder context;
    for (int k = 1; k <= 4; ++k)
      context.set("c" + std::to_string(k), Value::string("w" + std::to_string((i * k) % 60)));
    Request request(EntityUid("User", "u"), EntityUid("Action", "a" + std::to_string(i)), EntityUid("Doc", "d"),
                    context.build());
    EXPECT_EQ(describe(set, authorize(set, request, entities)),
              describe(set, authorize_by_scan(set, request, entities)));
  }
}

// Where a principal is not known, what its conditions settle is still left out.
TEST(CedarIndex, UnknownHeadsAreFollowedEverywhere) {
  std::string text;
  for (int i = 0; i < 100; ++i) {
    std::string number = std::to_string(i);
    text += "permit (principal == User::\"u" + number + "\", action, resource) when { context.n == " + number + " };\n";
  }
  PolicySet set = parse(text);
  Entities base;
  EntityOverlay entities(base);
  Request request(Value::unknown("who"), EntityUid("Action", "a"), Value::entity(EntityUid("Doc", "d")),
                  RecordBuilder().set("n", Value::integer(7)).build());
  Answer answer = authorize(set, request, entities);
  ASSERT_EQ(answer.maybe_permits.size(), 1U);
  EXPECT_EQ(position(answer.maybe_permits.front().policy), 7U);
  EXPECT_EQ(answer.maybe_permits.front().error.message(), "`who` is not known yet");
}

TEST(CedarIndex, FollowsChangesOfTheSet) {
  PolicySet set = parse("permit (principal, action, resource);");
  Entities base;
  EntityOverlay entities(base);
  Request request(EntityUid("User", "u"), EntityUid("Action", "a"), EntityUid("Doc", "d"));
  EXPECT_EQ(authorize(set, request, entities).satisfied_permits.size(), 1U);
  auto source = std::make_shared<const Source>("more", "forbid (principal, action, resource);");
  ASSERT_TRUE(set.add("more", source, parse_policies(source->text())->front()).has_value());
  EXPECT_EQ(authorize(set, request, entities).satisfied_forbids.size(), 1U);
  PolicySet moved = std::move(set);
  EXPECT_EQ(authorize(moved, request, entities).satisfied_forbids.size(), 1U);
  EXPECT_TRUE(authorize(PolicySet(), request, entities).satisfied_permits.empty());
}

}  // namespace
}  // namespace cedar
