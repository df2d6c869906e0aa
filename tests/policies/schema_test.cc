#include "policies/schema.h"

#include <gtest/gtest.h>

#include <random>

#include "policies/cedar/conformance.h"
#include "policies/cedar_request.h"
#include "policies_testing.h"
#include "scopes/protocols.h"

namespace countersign::policies {
namespace {

constexpr const char* kPermit = "@allow(\"broad-permit\") permit (principal, action, resource);\n";

TEST(Declarations, TypesAreRead) {
  Problems problems;
  Declarations out =
      read_declarations("inputs.cedarschema",
                        "// what we read\n"
                        "type Money = { currency?: String, amount?: decimal };\n"
                        "@doc(\"of tools\") type Arguments = { price?: Money, \"content-type\"?: String };\n"
                        "type Labels = { pii?: String };\n",
                        problems);
  EXPECT_TRUE(problems.empty()) << format_problems(problems);
  ASSERT_TRUE(out.arguments->find("price"));
  EXPECT_TRUE(out.arguments->find("price")->type->find("amount"));
  EXPECT_TRUE(out.arguments->find("content-type"));
  EXPECT_TRUE(out.labels->find("pii"));
  EXPECT_TRUE(out.query->attributes().empty());
}

TEST(Declarations, WhatDoesNotBelongIsRefusedWithItsPlace) {
  auto said = [](std::string_view text) {
    Problems problems;
    static_cast<void>(read_declarations("i", text, problems));
    EXPECT_TRUE(has_errors(problems)) << text;
    return problems.empty() ? std::string() : format_problem(problems.front()) + " (" + problems.front().help + ")";
  };
  EXPECT_EQ(
      said("type Arguments = {\n  amount: Long };"),
      "i:2: `amount` must be optional: whoever sends a request may leave it out (write `amount?: …`; policies then "
      "ask `has` before they read it)");
  EXPECT_NE(said("type Arguments = { a?: { b: Long } };").find("`b` must be optional"), std::string::npos);
  EXPECT_NE(said("type Arguments = { \"x y\": Long };").find("`\"x y\"` must be optional"), std::string::npos);
  EXPECT_NE(said("type Argments = { a?: Long };").find("did you mean `Arguments`?"), std::string::npos);
  EXPECT_NE(said("entity File;").find("only `type` declarations"), std::string::npos);
  EXPECT_NE(said("type Query = {};\naction \"x\";").find("i:2: only `type`"), std::string::npos);
  EXPECT_NE(said("namespace N { type Arguments = {}; }").find("only `type`"), std::string::npos);
  EXPECT_NE(said("type Labels = { tier?: Long };").find("labels are text"), std::string::npos);
  EXPECT_NE(said("type AgentAttributes = { at?: datetime };").find("attributes of agents"), std::string::npos);
  EXPECT_NE(said("type Arguments = Long;").find("must be a record"), std::string::npos);
  EXPECT_NE(said("type Arguments = { a?: Lnog };").find("Lnog"), std::string::npos);
  EXPECT_NE(said("type Arguments = { a?: Long }").find("i:1"), std::string::npos);
}

TEST(PolicySchema, HoldsWhatTheConfigurationAndEntitiesName) {
  PolicyFolder folder;
  folder.upstream("files", "production", 1);
  folder.write("a.cedar", kPermit);
  folder.write("inputs.cedarschema", "type Arguments = { amount?: decimal }; type AgentAttributes = { tier?: Long };");
  folder.write("entities.yaml",
               "teams: [t]\nagents: [{ name: b, owner: t, purpose: ci, trusted: true, \"odd key\": 3 }]\n"
               "inventory: [{ match: 'files/**', pii: 'yes', \"data class\": x }]");
  std::string text = folder.load()->schema().text();
  for (const char* part : {"amount?: decimal", "purpose?: String", "trusted?: Bool", "\"odd key\"?: Long",
                           "tier?: Long", "pii?: String", "\"data class\"?: String", "entity File in [Upstream]",
                           "action \"mcp:call_tool\" in [\"mcp\", \"read\", \"write\"", "\"http:GET\""})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  auto schema = cedar::Schema::parse(text);
  ASSERT_TRUE(schema) << schema.error().front().to_text();
  Problems problems;
  auto alone = Snapshot::load_schema(folder.path(), folder.upstreams(), problems);
  ASSERT_TRUE(alone) << format_problems(problems);
  EXPECT_EQ(alone->text(), text);
  // It does not depend on policies that do not load.
  folder.write("a.cedar", "permit (");
  alone = Snapshot::load_schema(folder.path(), folder.upstreams(), problems);
  ASSERT_TRUE(alone);
  EXPECT_EQ(alone->text(), text);
}

TEST(PolicySchema, AgentsAttributesHaveOneType) {
  PolicyFolder folder;
  folder.write("a.cedar", kPermit);
  folder.write("entities.yaml",
               "teams: [t]\nagents: [{ name: a, owner: t, trust: 3 }, { name: b, owner: t, trust: high }]");
  EXPECT_EQ(folder.problems(), "entities.yaml: the agent `b` has a `trust` that is a String, elsewhere it is a Long\n");
  folder.write("entities.yaml", "teams: [t]\nagents: [{ name: a, owner: t, trust: 3 }]");
  folder.write("inputs.cedarschema", "type AgentAttributes = { trust?: String };");
  EXPECT_EQ(folder.problems(), "entities.yaml: the agent `a` has a `trust` that is a Long, elsewhere it is a String\n");
  folder.write("entities.yaml", "teams: [t]\nagents: [{ name: a, owner: t, team: x }]");
  EXPECT_NE(folder.problems().find("is set by the gateway"), std::string::npos);
}

TEST(PolicySchema, OperationsOfTheConfigurationAreActions) {
  PolicyFolder folder;
  folder.write("api.yaml", "openapi: 3.0.0\npaths: { /orders: { get: { operationId: listOrders } } }\n");
  config::Upstream shop;
  shop.name = "shop";
  shop.protocol = "http";
  shop.operations.push_back({"POST", "/refund", "refundOrder", std::nullopt});
  shop.openapi = (folder.path() / "api.yaml").string();
  auto load = [&](const std::string& policies) {
    folder.write("a.cedar", policies);
    Problems problems;
    static_cast<void>(Snapshot::load(folder.path(), {shop}, problems));
    return format_problems(problems);
  };
  EXPECT_EQ(
      load("permit (principal, action in [Action::\"http:refundOrder\", Action::\"http:listOrders\"], resource);"), "");
  EXPECT_NE(load("permit (principal, action == Action::\"http:refundOrders\", resource);").find("http:refundOrders"),
            std::string::npos);
  shop.openapi = "/nowhere.yaml";
  EXPECT_NE(load(kPermit).find("/nowhere.yaml"), std::string::npos);
}

TEST(PolicySchema, AFolderAloneIsTakenAtItsWord) {
  PolicyFolder folder;
  folder.write("a.cedar",
               "permit (principal, action, resource is Pod) when { resource.labels has pii || context.now > "
               "datetime(\"2020-01-01\") };\n"
               "permit (principal, action, resource == Bucket::\"x/y\");\n");
  EXPECT_EQ(folder.codes(), (std::vector<std::string>{"schema.assumed", "schema.assumed", "schema.assumed"}));
  EXPECT_TRUE(folder.load());
  folder.upstream("files", "production", 1);
  Problems problems;
  EXPECT_EQ(Snapshot::load(folder.path(), folder.upstreams(), problems), nullptr) << "a configuration knows better";
}

TEST(PolicySchema, ActionsAndTypesOfRequests) {
  PolicyFolder folder;
  folder.upstream("files", "production", 1);
  folder.write("a.cedar", kPermit);
  auto snapshot = folder.load();
  const PolicySchema& schema = snapshot->schema();
  auto find = [&](std::string_view protocol, std::string_view action) {
    return schema.find(protocol, cedar::EntityUid("Action", action));
  };
  EXPECT_TRUE(find("mcp", "mcp:call_tool"));
  EXPECT_TRUE(find("http", "http:GET"));
  EXPECT_TRUE(find("http", "http:anythingElse"));
  for (auto [protocol, action] : {std::pair("mcp", "mcp:other"), std::pair("http", "mcp:call_tool"),
                                  std::pair("mcp", "call_tool"), std::pair("http", "http:"), std::pair("http", "http"),
                                  std::pair("git", "git:push"), std::pair("", "mcp:call_tool")})
    EXPECT_FALSE(find(protocol, action)) << protocol << " " << action;
  EXPECT_FALSE(schema.find("mcp", cedar::EntityUid("Agent", "mcp:call_tool")));
  EXPECT_TRUE(schema.is_resource_type("HttpEndpoint"));
  EXPECT_TRUE(schema.is_resource_type("File"));
  for (const char* type : {"User", "Agent", "Upstream", "Action", "Approval", "Fil", "", "McpTool"})
    EXPECT_FALSE(schema.is_resource_type(type)) << type;
}

// --- whatever is asked fits the schema --------------------------------------------------------------------------

class Requests {
 public:
  explicit Requests(std::uint64_t seed) : random_(seed) {}

  std::size_t below(std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_); }
  template <class T>
  const T& pick(const std::vector<T>& from) {
    return from[below(from.size())];
  }

  std::string json(int depth) {
    switch (below(depth > 0 ? 9 : 7)) {
      case 0:
        return "null";
      case 1:
        return below(2) == 0 ? "true" : "false";
      case 2:
        return std::to_string(below(2000));
      case 3:
        return pick<std::string>({"1.5", "-0.25", "1e300", "0.00001", "18446744073709551615", "7.0"});
      case 4:
        return pick<std::string>({"\"10.0.0.1\"", "\"2024-01-01\"", "\"1h\"", "\"1.5\"", "\"7\""});
      case 5:
      case 6:
        return "\"text\"";
      case 7: {
        std::string out = "[";
        for (std::size_t i = below(4); i > 0; --i) out += json(depth - 1) + (i > 1 ? "," : "");
        return out + "]";
      }
      default:
        return object(depth - 1);
    }
  }
  std::string object(int depth) {
    std::string out = "{";
    for (const char* name : {"a", "b", "c", "d", "e", "f", "g", "h", "other"}) {
      if (below(2) == 0) continue;
      out += (out.size() > 1 ? ",\"" : "\"") + std::string(name) + "\":" + json(depth);
    }
    return out + "}";
  }

  Operation operation() {
    Operation out;
    const Protocol& protocol = protocols()[below(protocols().size())];
    const ProtocolAction& action = protocol.actions[below(protocol.actions.size())];
    out.protocol = protocol.name;
    out.action = action.name;
    out.upstream = pick<std::string>({"files", "web", "nowhere"});
    std::vector<Effect> effects;
    for (std::size_t i = 0; i < kEffectCount; ++i) {
      if (action.effects.contains(static_cast<Effect>(i))) effects.push_back(static_cast<Effect>(i));
    }
    std::string type(action.resources[below(action.resources.size())]);
    out.accesses = {access(pick(effects), type, out.upstream, pick<std::string>({"a", "data/secret/x", "data"}))};
    std::string method = R"("method":"GET","path":"/x","query":)" + object(2);
    if (out.protocol == "http") out.input = "{" + method + "}";
    if (out.action == "mcp:call_tool") out.input = tool_call(object(3));
    if (out.action == "mcp:read_resource") out.input = R"({"uri":"file:///x"})";
    if (out.action == "mcp:get_prompt") out.input = R"({"prompt":"p"})";
    if (out.protocol == "git" && below(2) == 0) out.input = R"({"secrets":0,"ref":"refs/heads/a","paths":["a"]})";
    if (below(3) == 0) {  // said of the access itself; the operation has another name
      std::swap(out.accesses.front().action, out.action);
      std::swap(out.accesses.front().input, out.input);
      out.action = out.protocol + ":something";
    }
    return out;
  }

 private:
  std::mt19937_64 random_;
};

TEST(PolicySchema, EveryRequestThatIsMadeFitsIt) {
  PolicyFolder folder;
  folder.upstream("files", "production", 1).upstream("web", "staging", 3);
  folder.write(
      "a.cedar",
      "permit (principal, action, resource) when { context has input.arguments.a && context.approval.hasTag(\"r\") };\n"
      "permit (principal, action, resource) when { context has input.query.a };\n"
      "permit (principal, action, resource) when { context has input.uri || context has input.prompt };\n"
      "permit (principal, action, resource) when { context.session.denied && context.session.minutes.reads > 3 };\n");
  folder.write(
      "inputs.cedarschema",
      "type Arguments = { a?: Long, b?: decimal, c?: String, d?: Set<Long>, e?: { a?: Long, b?: Set<String> },\n"
      "  f?: ipaddr, g?: datetime, h?: Bool };\n"
      "type Query = { a?: String, b?: Set<String>, c?: Long, d?: duration };");
  folder.write("entities.yaml",
               "teams: [platform]\nusers: [{ name: olivia, level: senior, teams: [platform] }]\n"
               "agents: [{ name: builder, owner: olivia, purpose: ci, trust: 3 }]\n"
               "inventory: [{ match: 'files/data/secret/**', pii: 'yes', owner: legal }]");
  auto snapshot = folder.load();
  ASSERT_TRUE(snapshot);
  std::array<std::optional<cedar::Schema>, kEffectCount> schemas;
  for (std::size_t i = 0; i < kEffectCount; ++i) {
    auto schema = cedar::Schema::parse(schema_text(snapshot->schema().parts(), {static_cast<Effect>(i), nullptr}));
    ASSERT_TRUE(schema) << schema.error().front().to_text();
    schemas[i] = std::move(*schema);
  }
  for (const cedar::StoredEntity& entity : snapshot->entities().all()) {
    cedar::Entity made{entity.uid(), entity.parents(), entity.attributes(), entity.tags()};
    Status fits = cedar::validate_entity(*schemas[0], made);
    EXPECT_TRUE(fits) << fits.error().message;
  }
  Scope scope = everything();
  std::vector<std::string> delegates = {"sub"};
  Requests random(20261121);
  std::size_t unknown = 0;
  for (int i = 0; i < 3000; ++i) {
    Operation operation = random.operation();
    const Session session{.hour = {3, 2, 1, 0, 0}, .things = {{.listed = true}}};
    Subject subject{
        .agent = random.pick<std::string_view>({"builder", "other"}),
        .owner = random.pick<std::string_view>({"olivia", "platform", "nobody", "team:x", "user:platform"}),
        .delegates = random.below(2) == 0 ? std::span<const std::string>(delegates) : std::span<const std::string>(),
        .token = "00",
        .scope = &scope,
        .session = random.below(2) == 0 ? &session : nullptr};
    std::vector<ApprovalFact> facts;
    if (random.below(2) == 0) facts.push_back({"r", "olivia", "senior", 1'700'000'000'000});
    std::vector<std::string> supposed;
    if (random.below(2) == 0) supposed.push_back("s");
    RequestMaker maker(*snapshot, subject, operation, facts, supposed, 1'700'000'000'000, RequestMaker::Input::known);
    const Access& touched = operation.accesses.front();
    RequestMaker::Made made =
        maker.make(touched, snapshot->inventory().classify(operation.upstream, touched.resource.name));
    ASSERT_FALSE(maker.problem()) << *maker.problem() << " " << operation.action << " " << operation.input;
    unknown += maker.misfits().empty() ? 0 : 1;
    const cedar::Schema& schema = *schemas[static_cast<std::size_t>(touched.effect)];
    Status fits = cedar::validate_request(schema, made.request);
    ASSERT_TRUE(fits) << fits.error().message << "\n" << operation.action << " " << operation.input;
    for (const cedar::StoredEntity& entity : made.entities.added()) {
      Status is_valid =
          cedar::validate_entity(schema, {entity.uid(), entity.parents(), entity.attributes(), entity.tags()});
      ASSERT_TRUE(is_valid) << is_valid.error().message << " " << entity.uid().to_text();
    }
  }
  EXPECT_GT(unknown, 500U) << "values of other types than declared were among them";
  EXPECT_LT(unknown, 2500U);
}

}  // namespace
}  // namespace countersign::policies
