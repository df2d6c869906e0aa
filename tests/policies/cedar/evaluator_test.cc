#include "policies/cedar/evaluator.h"

#include <gtest/gtest.h>

#include "cases.h"
#include "policies/cedar/parser.h"
#include "world.h"

namespace cedar {
namespace {

std::expected<Value, EvaluationError> evaluate(std::string_view text, const test::World& world) {
  auto parsed = parse_expression(text);
  EXPECT_TRUE(parsed.has_value()) << text;
  if (!parsed) return Value();
  Program program;
  NodeId root = lower(parsed->exprs, parsed->root, program);
  EntityOverlay entities(world.entities);
  return Evaluator(world.request, entities).evaluate(program, root);
}

void run_table(const std::string& file) {
  test::World world;
  for (const auto& each : test::read_cases(file)) {
    auto result = evaluate(each.input, world);
    std::string place = file + ":" + std::to_string(each.line) + ": " + each.input;
    if (each.expected.starts_with("error ")) {
      ASSERT_FALSE(result.has_value()) << place << " is " << result->to_text();
      EXPECT_EQ("error " + test::name_of(result.error().cause), each.expected)
          << place << ": " << result.error().message();
      EXPECT_FALSE(result.error().message().empty()) << place;
      EXPECT_LE(result.error().span.end(), each.input.size()) << place;
    } else {
      ASSERT_TRUE(result.has_value()) << place << ": " << result.error().message();
      EXPECT_EQ(result->to_text(), evaluate(each.expected, world)->to_text()) << place;
    }
  }
}

TEST(CedarEvaluator, EvaluatesTheTable) {
  run_table("evaluate.txt");
}
TEST(CedarEvaluator, ExtensionEdges) {
  run_table("extensions.txt");
}

TEST(CedarEvaluator, ErrorsSayWhatAndWhere) {
  test::World world;
  struct Row {
    std::string text;
    std::string place;
    std::string message;
  };
  for (const Row& row :
       {Row{"true && context.nope", "context.nope", "the record has no attribute `nope`"},
        Row{"principal.nope == 1", "principal.nope", "`User::\"alice\"` has no attribute `nope`"},
        Row{"1 < User::\"z\".a", "User::\"z\".a", "the entity `User::\"z\"` does not exist"},
        Row{"context.max + 1 > 0", "context.max + 1", "integer overflow in 9223372036854775807 + 1"},
        Row{"true && context.s", "context.s", "expected a boolean, got a string"},
        Row{"!(\"rm\" in [\"rm\"])", "\"rm\" in [\"rm\"]", "expected an entity, got a string"},
        Row{"[decimal(\"x\")] == []", "decimal(\"x\")",
            "`decimal`: cannot read \"x\": a decimal is written like `12.34`, with digits on both sides of the "
            "point"}}) {
    auto result = evaluate(row.text, world);
    ASSERT_FALSE(result.has_value()) << row.text;
    EXPECT_EQ(row.text.substr(result.error().span.offset, result.error().span.length), row.place);
    EXPECT_EQ(result.error().message(), row.message);
  }
}

TEST(CedarEvaluator, LongChainsAnswer) {
  test::World world;
  std::string conjunction = "context.yes";
  std::string sum = "0";
  for (int i = 0; i < 20'000; ++i) {
    conjunction += " && context.yes";
    sum += " + context.n";
  }
  EXPECT_EQ(evaluate(conjunction, world).value(), Value::boolean(true));
  EXPECT_EQ(evaluate(conjunction + " && context.no", world).value(), Value::boolean(false));
  EXPECT_EQ(evaluate(sum, world).value(), Value::integer(100'000));
}

// Each level evaluates its target once: with twice, this would take 2^60 steps.
TEST(CedarEvaluator, NestedIsInCostsLinearTime) {
  test::World world;
  std::string text = "principal";
  for (int i = 0; i < 60; ++i) text = "(if " + text + " is User in Team::\"red\" then principal else resource)";
  EXPECT_EQ(evaluate(text, world).value(), Value::entity(EntityUid("User", "alice")));
}

TEST(CedarEvaluator, ResultsOutliveTheRequest) {
  Value kept;
  {
    test::World world;
    kept = evaluate("{a: principal.address, b: [context.rec, context.s]}", world).value();
  }
  EXPECT_EQ(
      kept.to_text(),
      R"({"a": {"city": "Bern", "zip": {"code": 3000}}, "b": ["hello", {"a": {"b": {"c": 1}}, "if": 2, "n": 3}]})");
}

}  // namespace
}  // namespace cedar
