#include "policies/cedar/schema/schema.h"

#include <gtest/gtest.h>

#include "cases.h"

namespace cedar {
namespace {

using test::Case;
using test::read_cases;

std::string first_problem(const Schema::Problems& problems) {
  const Diagnostic& first = problems.front().diagnostic;
  return std::to_string(first.position.line) + ":" + std::to_string(first.position.column) + " " + first.message;
}

Schema parse(std::string_view text) {
  auto schema = Schema::parse(text);
  if (!schema) ADD_FAILURE() << text << "\n" << schema.error().front().to_text();
  return schema ? std::move(*schema) : std::move(*Schema::parse(""));
}

std::string attributes(const Schema& schema, std::string_view entity) {
  const EntityTypeInfo* info = schema.entity_type(entity);
  return info == nullptr ? "none" : info->attributes->to_text();
}

TEST(CedarSchema, AcceptsWhatIsValid) {
  for (const Case& each : read_cases("schema_accept.txt")) {
    auto schema = Schema::parse(each.input);
    EXPECT_TRUE(schema.has_value()) << each.line << ": " << each.input << "\n"
                                    << (schema ? "" : schema.error().front().to_text());
  }
}

TEST(CedarSchema, RefusesWhatIsNot) {
  for (const Case& each : read_cases("schema_reject.txt")) {
    auto schema = Schema::parse(each.input);
    ASSERT_FALSE(schema.has_value()) << each.line << ": " << each.input;
    EXPECT_EQ(first_problem(schema.error()), each.expected) << each.line << ": " << each.input;
  }
}

TEST(CedarSchema, ResolvesEntityTypes) {
  Schema schema = parse(R"(
    type Name = String;
    entity User in [Team, Org] = { name: Name, "job title"?: Set<Name>, boss?: User, home: { ip: ipaddr } } tags Set<Org>;
    entity Team in Org;
    entity Org;
    entity Color enum ["red", "green", "red"];
    namespace App { entity Doc, Page in [Doc] { owner: User, of: Doc, since?: __cedar::datetime }; })");
  EXPECT_EQ(attributes(schema, "User"),
            "{ boss?: User, home: { ip: ipaddr }, \"job title\"?: Set<String>, name: String }");
  const EntityTypeInfo* user = schema.entity_type("User");
  EXPECT_EQ(user->parents, (std::vector<std::string>{"Org", "Team"}));
  EXPECT_EQ(user->ancestors, (std::vector<std::string>{"Org", "Team"}));
  EXPECT_EQ(user->tags->to_text(), "Set<Org>");
  EXPECT_EQ(schema.entity_type("Org")->tags, nullptr);
  EXPECT_EQ(attributes(schema, "App::Page"), "{ of: App::Doc, owner: User, since?: datetime }");
  // Both were declared together, `in` included: a type may be in itself.
  EXPECT_EQ(schema.entity_type("App::Doc")->ancestors, (std::vector<std::string>{"App::Doc"}));
  EXPECT_TRUE(schema.entity_type("Color")->is_enumerated());
  EXPECT_EQ(schema.entity_type("Color")->ids, (std::vector<std::string>{"red", "green"}));
  EXPECT_EQ(schema.entity_type("Doc"), nullptr);
  EXPECT_EQ(schema.entity_type("Action"), nullptr);
  EXPECT_EQ(schema.entity_types().size(), 6U);
}

TEST(CedarSchema, ResolvesActions) {
  Schema schema = parse(R"(
    entity User; entity Doc;
    type Where = { ip: ipaddr };
    action change;
    action write, "re name" in change appliesTo { principal: [User, User], resource: [Doc, User], context: Where };
    namespace App { action push in [Action::"write", pull] appliesTo { resource: Doc, principal: User }; action pull; })");
  ASSERT_EQ(schema.actions().size(), 5U);
  EXPECT_EQ(schema.actions().front().uid.to_text(), "Action::\"change\"");
  EXPECT_EQ(schema.actions().back().uid.to_text(), "App::Action::\"push\"");
  const ActionInfo* write = schema.action(EntityUid("Action", "write"));
  ASSERT_NE(write, nullptr);
  EXPECT_EQ(write->principals, (std::vector<std::string>{"User"}));
  EXPECT_EQ(write->resources, (std::vector<std::string>{"Doc", "User"}));
  EXPECT_EQ(write->context->to_text(), "{ ip: ipaddr }");
  EXPECT_TRUE(schema.action(EntityUid("Action", "change"))->principals.empty());
  const ActionInfo* push = schema.action(EntityUid("App::Action", "push"));
  ASSERT_NE(push, nullptr);
  EXPECT_EQ(push->parents.size(), 2U);
  EXPECT_EQ(push->ancestors,
            (std::vector<EntityUid>{{"Action", "change"}, {"Action", "write"}, {"App::Action", "pull"}}));
  EXPECT_EQ(push->context->to_text(), "{}");
  EXPECT_EQ(schema.action(EntityUid("Action", "pull")), nullptr);
  EXPECT_TRUE(schema.is_action_type("App::Action"));
  EXPECT_TRUE(schema.is_action_type("Action"));
  EXPECT_FALSE(schema.is_action_type("Other::Action"));
  EXPECT_TRUE(Entities::make(schema.action_entities()).has_value());
}

TEST(CedarSchema, NearerNamesWin) {
  EXPECT_EQ(attributes(parse("type T = Long; entity T; entity A = { x: T };"), "A"), "{ x: Long }");
  EXPECT_EQ(attributes(parse("entity Long; entity A = { x: Long, y: __cedar::Long };"), "A"), "{ x: Long, y: Long }");
  Schema hidden = parse("entity Long; entity A = { x: Long, y: __cedar::Long };");
  EXPECT_TRUE(hidden.entity_type("A")->attributes->find("x")->type->is(TypeKind::entity));
  EXPECT_TRUE(hidden.entity_type("A")->attributes->find("y")->type->is(TypeKind::integer));
  EXPECT_EQ(attributes(parse("namespace N { entity B; type S = B; entity A = { x: S, y: N::B }; }"), "N::A"),
            "{ x: N::B, y: N::B }");
  // Of two attributes with one name the later counts, and what the earlier said is not even looked up.
  EXPECT_EQ(attributes(parse("entity A = { x: Nowhere, \"x\"?: Long };"), "A"), "{ x?: Long }");
}

TEST(CedarSchema, SeveralFragmentsReferToOneAnother) {
  auto both = Schema::parse({{"a.cedarschema", "namespace N { entity A in B; action v in Action::\"w\"; }"},
                             {"b.json", R"({"N": {"entityTypes": {"B": {}}, "actions": {"w": {}}}})"}});
  ASSERT_TRUE(both.has_value());
  EXPECT_EQ(both->entity_type("N::A")->parents, (std::vector<std::string>{"N::B"}));
  auto twice = Schema::parse({{"a.cedarschema", "entity A;\nentity B;"}, {"b.cedarschema", "entity B;"}});
  ASSERT_FALSE(twice.has_value());
  EXPECT_EQ(twice.error().front().to_text(),
            "b.cedarschema:1:8: the entity type `B` is declared twice\n"
            "  entity B;\n"
            "         ^\n"
            "  help: the first is at 2:8 of a.cedarschema\n");
  auto none = Schema::parse(std::vector<PolicySet::NamedText>{});
  ASSERT_TRUE(none.has_value());
  EXPECT_TRUE(none->entity_types().empty());
}

TEST(CedarSchema, SaysEverythingThatIsWrongAndHelps) {
  auto schema =
      Schema::parse("entity User in Tem = { a: Strng };\nentity Team;\naction a in b\nappliesTo { principal: User };");
  ASSERT_FALSE(schema.has_value());
  EXPECT_EQ(schema.error().size(), 1U);  // syntax first
  EXPECT_EQ(first_problem(schema.error()), "4:1 `resource` is missing");
  auto names = Schema::parse(
      "entity User in Tem = { a: Strng, b: Boolean };\nentity Team;\naction veiw in view;\naction views;");
  ASSERT_FALSE(names.has_value());
  std::vector<std::string> said;
  for (const SourceDiagnostic& each : names.error())
    said.push_back(first_problem({each}) + " | " + each.diagnostic.help);
  EXPECT_EQ(said, (std::vector<std::string>{"1:16 there is no entity type `Tem` | did you mean `Team`?",
                                            "1:27 there is no type `Strng` | did you mean `String`?",
                                            "1:37 there is no type `Boolean` | did you mean `Bool`?",
                                            "3:16 there is no action `Action::\"view\"` | did you mean `views`?"}));
}

TEST(CedarSchema, SyntaxErrorsDoNotHideOneAnother) {
  auto schema = Schema::parse("entity 1;\nentity B = { a: };\n@a @a entity C;\nentity if;");
  ASSERT_FALSE(schema.has_value());
  std::vector<std::string> said;
  for (const SourceDiagnostic& each : schema.error()) said.push_back(first_problem({each}));
  EXPECT_EQ(said, (std::vector<std::string>{"1:8 expected the name of an entity type, found `1`",
                                            "2:17 expected a name, found `}`", "3:4 the annotation `@a` is given twice",
                                            "4:8 `if` is a reserved word and cannot be used as a name"}));
}

TEST(CedarSchemaType, EqualityIsOfStructure) {
  auto record = [](Requirement requirement, TypePtr type) {
    return Type::record({{"a", std::move(type), requirement}});
  };
  TypePtr number = Type::primitive(TypeKind::integer);
  EXPECT_TRUE(*Type::set(number) == *Type::set(Type::primitive(TypeKind::integer)));
  EXPECT_TRUE(*record(Requirement::required, number) == *record(Requirement::required, number));
  EXPECT_FALSE(*record(Requirement::required, number) == *record(Requirement::optional, number));
  EXPECT_FALSE(*Type::entity("A") == *Type::entity("B"));
  EXPECT_FALSE(*Type::set(number) == *number);
  EXPECT_FALSE(*Type::record({}) == *record(Requirement::optional, number));
  EXPECT_EQ(Type::set(record(Requirement::optional, number))->depth(), 2U);
  EXPECT_EQ(record(Requirement::optional, number)->find("b"), nullptr);
}

}  // namespace
}  // namespace cedar
