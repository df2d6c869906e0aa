// Pushes: several refs in one operation, each with an action and parameters of its own, and facts that nobody could
// find out.
#include <gtest/gtest.h>

#include "policies/check.h"
#include "policies/explain_json.h"
#include "policies/question.h"
#include "policies_testing.h"
#include "scopes/accesses.h"
#include "scopes/protocols.h"

namespace countersign::policies {
namespace {

constexpr TimeMs kNow = 1'700'000'000'000;
constexpr const char* kPermit = "@id(\"p\") @allow(\"broad-permit\") permit (principal, action, resource);\n";

// Everything that is known of a ref, but for `without`; `secrets` and `directories` as given.
std::string facts(std::string_view without = "", int secrets = 0, const std::string& directories = "[]") {
  std::string out = "{";
  auto add = [&](std::string_view name, const std::string& value) {
    if (name == without) return;
    out += (out.size() > 1 ? ",\"" : "\"") + std::string(name) + "\":" + value;
  };
  for (const char* name : {"ref", "old", "new", "ancestry"}) add(name, "\"x\"");
  for (const char* name : {"forced", "default_branch", "atomic", "assisted"}) add(name, "false");
  for (const char* name : {"refs", "commits", "unsigned_commits", "files", "additions", "deletions", "largest_file",
                           "binary_files", "symlinks", "submodules"})
    add(name, "1");
  add("ci_files", "0");
  for (const char* name : {"options", "authors", "assistants", "paths"}) add(name, "[]");
  add("directories", directories);
  add("secrets", std::to_string(secrets));
  return out + "}";
}

Access ref(std::string action, Effect effect, const std::string& name, std::string input = facts()) {
  Access out = access(effect, "Ref", "origin", name);
  out.action = std::move(action);
  out.input = std::move(input);
  return out;
}

Operation push(std::vector<Access> refs) {
  Operation out;
  out.protocol = "git";
  out.upstream = "origin";
  out.action = "git:push";
  out.accesses = std::move(refs);
  return out;
}

class GitTest : public testing::Test {
 protected:
  void SetUp() override {
    config::Upstream origin;
    origin.name = "origin";
    origin.protocol = "git";
    upstreams_ = {origin};
    folder_.write("entities.yaml", "teams: [platform]\nusers: [{ name: olivia, level: senior, teams: [platform] }]");
    folder_.write("floor/f.cedar",
                  "@id(\"floor\") forbid (principal, action in Action::\"mint\", resource) when { "
                  "resource.tier == 0 };");
  }
  std::shared_ptr<const Snapshot> load(const std::string& policies) {
    folder_.write("a.cedar", policies);
    Problems problems;
    auto snapshot = Snapshot::load(folder_.path(), upstreams_, problems);
    EXPECT_TRUE(snapshot) << format_problems(problems);
    return snapshot;
  }
  // What is said of policies that do not load, or load with a warning.
  Problems problems(const std::string& policies) {
    folder_.write("a.cedar", policies);
    Problems problems;
    auto snapshot = Snapshot::load(folder_.path(), upstreams_, problems);
    if (snapshot) check(*snapshot, problems);
    return problems;
  }
  Decision ask(const std::string& policies, const Operation& operation, std::vector<ApprovalFact> approvals = {}) {
    Subject subject{.agent = "builder", .owner = "olivia", .delegates = {}, .token = "t", .scope = &scope_};
    return decide(*load(policies), subject, operation, approvals, kNow);
  }
  PolicyFolder folder_;
  std::vector<config::Upstream> upstreams_;
  Scope scope_ = everything();
};

TEST_F(GitTest, TheSchemaHasTheGroup) {
  auto snapshot = load(kPermit);
  const std::string& text = snapshot->schema().text();
  EXPECT_NE(text.find("\"git\", \"git:push\", "), std::string::npos) << text;
  EXPECT_NE(text.find("action \"git:update_ref\" in [\"git\", \"git:push\", \"write\", \"change\"] appliesTo"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("action \"git:lfs_upload\" in [\"git\", \"write\", \"change\"] appliesTo"), std::string::npos);
  EXPECT_NE(text.find("action \"git:fetch\" in [\"git\", \"read\"] appliesTo"), std::string::npos);
  auto find = [&](std::string_view action) {
    return snapshot->schema().find("git", cedar::EntityUid("Action", action));
  };
  EXPECT_EQ(find("git:push"), nullptr) << "a group is no action";
  EXPECT_EQ(find("git:pull"), nullptr);
  ASSERT_NE(find("git:delete_tag"), nullptr);
  EXPECT_EQ(find("git:delete_tag")->group, cedar::EntityUid("Action", "git:push"));
  EXPECT_EQ(find("git:fetch")->group, std::nullopt);
  std::size_t in_push = 0;
  for (const ProtocolAction& action : find_protocol("git")->actions) in_push += action.group == "git:push" ? 1 : 0;
  EXPECT_EQ(in_push, 7U);
  EXPECT_TRUE(snapshot->schema().is_resource_type("Ref"));
  EXPECT_TRUE(snapshot->schema().is_resource_type("Repository"));
}

TEST_F(GitTest, PoliciesNameTheGroup) {
  std::string policies =
      std::string(kPermit) + "@id(\"f\") forbid (principal, action in Action::\"git:push\", resource);";
  for (const ProtocolAction& action : find_protocol("git")->actions) {
    Effect effect = action.effects.contains(Effect::read)    ? Effect::read
                    : action.effects.contains(Effect::write) ? Effect::write
                                                             : Effect::destroy;
    Operation operation = push({access(effect, std::string(action.resources.front()), "origin", "app")});
    operation.action = action.name;
    Verdict expected = action.group.empty() ? Verdict::allow : Verdict::deny;
    EXPECT_EQ(ask(policies, operation).verdict, expected) << action.name;
  }
  // Its input is shown where only policies of the group read it.
  policies = std::string(kPermit) +
             "@id(\"f\") forbid (principal, action in Action::\"git:push\", resource) when { "
             "context.input.secrets > 0 };";
  EXPECT_EQ(ask(policies, push({ref("git:create_ref", Effect::write, "a/refs/heads/x")})).verdict, Verdict::allow);
  EXPECT_EQ(ask(policies, push({ref("git:create_ref", Effect::write, "a/refs/heads/x", facts("", 2))})).code,
            "policy.forbidden");
}

TEST_F(GitTest, EachRefIsJudgedByItsOwnActionAndInput) {
  std::string policies =
      std::string(kPermit) +
      "@id(\"tags\") forbid (principal, action == Action::\"git:create_tag\", resource)\n"
      "when { context.input.directories.contains(\"infra\") };\n"
      "@id(\"infra\") @approval(\"x\") forbid (principal, action == Action::\"git:update_ref\", resource)\n"
      "when { context.input.directories.contains(\"infra\") };";
  std::string infra = facts("", 0, R"(["infra","infra/dns"])");
  auto tag = [](std::string input) {
    return ref("git:create_tag", Effect::write, "app/refs/tags/v1", std::move(input));
  };
  auto head = [](std::string input) {
    return ref("git:update_ref", Effect::write, "app/refs/heads/main", std::move(input));
  };
  EXPECT_EQ(ask(policies, push({tag(facts()), head(facts())})).verdict, Verdict::allow);
  EXPECT_EQ(ask(policies, push({head(facts()), tag(infra)})).policies, std::vector<std::string>{"tags"});
  Decision held = ask(policies, push({tag(facts()), head(infra)}));
  EXPECT_EQ(held.verdict, Verdict::hold);
  EXPECT_EQ(held.approvals, std::vector<std::string>{"x"});
  EXPECT_EQ(ask(policies, push({tag(infra), head(infra)})).policies, std::vector<std::string>{"tags"});
  EXPECT_EQ(ask(policies, push({tag(facts()), head(infra)}), {{"x", "sam", "vp", kNow}}).verdict, Verdict::allow);
}

TEST_F(GitTest, ReasonsNameTheRefsAction) {
  Decision decision = ask("permit (principal, action == Action::\"git:update_ref\", resource);",
                          push({ref("git:update_ref", Effect::write, "app/refs/heads/main"),
                                ref("git:delete_ref", Effect::destroy, "app/refs/heads/old")}));
  EXPECT_EQ(decision.code, "policy.no_permit");
  EXPECT_EQ(decision.reason, "no policy permits git:delete_ref (destroy) on origin/app/refs/heads/old");
}

TEST_F(GitTest, WhatIsNoProperAccessIsDenied) {
  std::string policies = kPermit;
  // The group is nothing that is done to a ref.
  EXPECT_EQ(ask(policies, push({access(Effect::write, "Ref", "origin", "a/refs/heads/x")})).code, "policy.error");
  EXPECT_EQ(ask(policies, push({ref("git:push", Effect::write, "a/refs/heads/x")})).code, "policy.error");
  EXPECT_EQ(ask(policies, push({ref("mcp:call_tool", Effect::write, "a/refs/heads/x")})).code, "policy.error");
  // Rewriting is destroying, whatever an adapter says.
  EXPECT_EQ(ask(policies, push({ref("git:force_update_ref", Effect::write, "a/refs/heads/x")})).code, "policy.error");
  EXPECT_EQ(ask(policies, push({ref("git:update_ref", Effect::write, "a/refs/heads/x"),
                                ref("git:update_ref", Effect::read, "a/refs/heads/y")}))
                .code,
            "policy.error");
  std::string reads = policies +
                      "forbid (principal, action in Action::\"git:push\", resource) when { "
                      "context.input.secrets > 0 };";
  EXPECT_EQ(ask(reads, push({ref("git:update_ref", Effect::write, "a/refs/heads/x"),
                             ref("git:update_ref", Effect::write, "a/refs/heads/y", "{\"secrets\":0,\"secrets\":0}")}))
                .code,
            "policy.error");
}

TEST_F(GitTest, AForbidThatReadsAnUnknownFactDenies) {
  const std::vector<std::pair<std::string, std::string>> conditions = {
      {"secrets", "context.input.secrets > 0"},
      {"ci_files", "context.input.ci_files > 0"},
      {"forced", "context.input.forced"},
      {"assisted", "context.input.assisted && resource.tier == 1"},
      {"ancestry", "context.input.ancestry == \"forced\""},
      {"directories", "context.input.directories.contains(\"infra\")"},
      {"authors", "context.input.authors.containsAny([\"root@localhost\"])"},
      {"additions", "context.input.additions + context.input.deletions > 1000"},
  };
  for (const auto& [fact, condition] : conditions) {
    std::string policies = std::string(kPermit) +
                           "@id(\"f\") forbid (principal, action in Action::\"git:push\", resource) when { " +
                           condition + " };";
    auto known = ref("git:update_ref", Effect::write, "app/refs/heads/main");
    auto unknown = ref("git:update_ref", Effect::write, "app/refs/heads/next", facts(fact));
    EXPECT_EQ(ask(policies, push({known})).verdict, Verdict::allow) << fact;
    Decision decision = ask(policies, push({known, unknown}));
    EXPECT_EQ(decision.code, "policy.error") << fact;
    EXPECT_EQ(decision.reason,
              "denied, because a forbidding policy could not be evaluated: f: context.input." + fact + " is not known");
    // Nor is anybody asked, and nobody's approval helps.
    std::string soft = std::string(kPermit) +
                       "@id(\"f\") @approval(\"x\") forbid (principal, action in "
                       "Action::\"git:push\", resource) when { " +
                       condition + " };";
    EXPECT_EQ(ask(soft, push({unknown})).code, "policy.error") << fact;
    EXPECT_EQ(ask(soft, push({unknown}), {{"x", "sam", "vp", kNow}}).code, "policy.error") << fact;
    // What reads another fact does not care.
    std::string other = std::string(kPermit) +
                        "forbid (principal, action in Action::\"git:push\", resource) when { "
                        "context.input.refs > 10 };";
    EXPECT_EQ(ask(other, push({unknown})).verdict, Verdict::allow) << fact;
  }
}

TEST_F(GitTest, APermitThatReadsAnUnknownFactDoesNotPermit) {
  std::string policies =
      "@id(\"small\") permit (principal, action in Action::\"git:push\", resource)\n"
      "when { context.input.files < 10 && !context.input.forced };";
  EXPECT_EQ(ask(policies, push({ref("git:update_ref", Effect::write, "a/refs/heads/x")})).verdict, Verdict::allow);
  Decision decision = ask(policies, push({ref("git:update_ref", Effect::write, "a/refs/heads/x", facts("files"))}));
  EXPECT_EQ(decision.code, "policy.no_permit");
  EXPECT_EQ(decision.reason,
            "no policy permits git:update_ref (write) on origin/a/refs/heads/x; could not be "
            "evaluated: small (context.input.files is not known)");
  // Everything unknown: the one that matters is still named.
  decision = ask(policies, push({ref("git:update_ref", Effect::write, "a/refs/heads/x", "{}")}));
  EXPECT_NE(decision.reason.find("context.input.files"), std::string::npos) << decision.reason;
}

TEST_F(GitTest, PoliciesAreCheckedAgainstTheFacts) {
  auto head = [](std::string_view condition) {
    return std::string(kPermit) + "forbid (principal, action in Action::\"git:push\", resource)\nwhen { " +
           std::string(condition) + " };";
  };
  EXPECT_TRUE(problems(head("context.input.secrets > 0 || context.input.forced || "
                            "context.input.directories.contains(\"infra\")"))
                  .empty());
  Problems misspelt = problems(head("context.input.secretz > 0"));
  ASSERT_EQ(misspelt.size(), 1U);
  EXPECT_EQ(misspelt[0].line, 3);
  EXPECT_EQ(misspelt[0].column, 8);
  EXPECT_EQ(misspelt[0].severity, Severity::error);
  EXPECT_NE(misspelt[0].message.find("secretz"), std::string::npos);
  EXPECT_EQ(misspelt[0].help, "did you mean `secrets`?");
  Problems typed = problems(head("context.input.secrets"));
  ASSERT_EQ(typed.size(), 1U);
  EXPECT_EQ(typed[0].severity, Severity::error);
  // What only pushes have is not read of everything.
  Problems wide =
      problems(std::string(kPermit) + "forbid (principal, action, resource) when { context.input.secrets > 0 };");
  ASSERT_EQ(wide.size(), 1U);
  EXPECT_NE(wide[0].help.find("test with `context.input has secrets && …` first, or narrow the head"),
            std::string::npos)
      << wide[0].help;
  EXPECT_TRUE(problems(std::string(kPermit) +
                       "forbid (principal, action, resource) when { context has input.secrets && "
                       "context.input.secrets > 0 };")
                  .empty());
}

TEST_F(GitTest, NoRequestHasTheGroupAsItsAction) {
  Problems said = problems(std::string(kPermit) + "forbid (principal, action == Action::\"git:push\", resource);");
  ASSERT_EQ(said.size(), 1U);
  EXPECT_EQ(said[0].severity, Severity::error);
  EXPECT_EQ(said[0].help, "`git:push` is a group of actions: write `action in Action::\"git:push\"`");
}

TEST_F(GitTest, AnApprovalUnderAGroupThatNeverLetsGoHelpsNobody) {
  std::string hard =
      "forbid (principal, action in Action::\"git:push\", resource) when { context.input.secrets > 0 };\n";
  std::string soft =
      "@approval(\"x\") forbid (principal, action == Action::\"git:update_ref\", resource) when { "
      "context.input.secrets > 0 };\n";
  Problems said = problems(kPermit + hard + soft);
  ASSERT_EQ(said.size(), 1U);
  EXPECT_EQ(said[0].code, "lint.approval-shadowed");
  std::string other = "@approval(\"x\") forbid (principal, action == Action::\"git:lfs_upload\", resource);\n";
  EXPECT_TRUE(problems(kPermit + hard + other).empty());
  EXPECT_EQ(problems(std::string(kPermit) +
                     "forbid (principal, action in Action::\"destroy\", resource);\n"
                     "@approval(\"x\") forbid (principal, action == Action::\"git:delete_ref\", resource);")
                .size(),
            1U);
}

TEST_F(GitTest, CountingIsNotTheAgentsArithmetic) {
  EXPECT_TRUE(problems(std::string(kPermit) + "forbid (principal, action in Action::\"git:push\", resource) when { "
                                              "context.input.additions + context.input.deletions > 1000 };")
                  .empty());
  // LFS sizes are what the request says.
  Problems said = problems(std::string(kPermit) +
                           "forbid (principal, action == Action::\"git:lfs_upload\", resource) "
                           "when { context.input.bytes * 2 > 1000 };");
  ASSERT_EQ(said.size(), 1U);
  EXPECT_EQ(said[0].code, "lint.forbid-may-err");
}

TEST_F(GitTest, ScopesNameTheActionsOfRefs) {
  Operation both = push({ref("git:update_ref", Effect::write, "app/refs/heads/main"),
                         ref("git:delete_ref", Effect::destroy, "app/refs/heads/old")});
  auto code = [&](std::vector<std::string> actions) {
    scope_ = Scope({ScopeBlock{{ScopeRule{.actions = std::move(actions)}}, std::nullopt, std::nullopt}});
    return ask(kPermit, both).code;
  };
  EXPECT_EQ(code({"git:push"}), "policy.allowed");
  EXPECT_EQ(code({"git:update_ref", "git:delete_ref"}), "policy.allowed");
  EXPECT_EQ(code({"git:update_ref"}), "scope.action");
  EXPECT_EQ(code({"git:fetch"}), "scope.action");
}

TEST_F(GitTest, ListingsJudgeEachAccess) {
  auto snapshot =
      load("permit (principal, action == Action::\"git:update_ref\", resource) when { !context.input.forced };");
  auto could = [&](const std::string& action, Effect effect) {
    Subject subject{.agent = "builder", .owner = "olivia", .delegates = {}, .token = "t", .scope = &scope_};
    Access any = ref(action, effect, "");
    any.resource.id = "origin/";
    return could_allow(*snapshot, subject, push({any}), kNow);
  };
  EXPECT_TRUE(could("git:update_ref", Effect::write));
  EXPECT_FALSE(could("git:delete_ref", Effect::destroy));
  scope_ = Scope({ScopeBlock{{ScopeRule{.actions = {"git:push"}}}, std::nullopt, std::nullopt}});
  EXPECT_TRUE(could("git:update_ref", Effect::write));
  scope_ = Scope({ScopeBlock{{ScopeRule{.actions = {"git:create_ref"}}}, std::nullopt, std::nullopt}});
  EXPECT_FALSE(could("git:update_ref", Effect::write));
}

// --- questions and explanations ---------------------------------------------------------------------------------

Json json(std::string_view text) {
  auto parsed = parse_json(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? *parsed : Json();
}

TEST_F(GitTest, AQuestionNamesWhatIsDoneToEachRef) {
  auto snapshot = load(std::string(kPermit) +
                       "@id(\"f\") forbid (principal, action in Action::\"git:push\", resource) when { "
                       "context.input.secrets > 0 };");
  Json asked = json(R"({"agent": "builder", "owner": "olivia", "accesses": [
      {"action": "git:update_ref", "effect": "write", "resource": "Ref::origin/app/refs/heads/main", "input": {"secrets": 0}},
      {"action": "Action::\"git:create_tag\"", "effect": "write", "resource": "Ref::origin/app/refs/tags/v1", "input": {}}]})");
  auto question = read_question(asked, snapshot->directory(), kNow);
  ASSERT_TRUE(question) << question.error().message;
  EXPECT_EQ(question->operation.action, "git:push");
  EXPECT_EQ(question->operation.protocol, "git");
  EXPECT_EQ(question->operation.accesses[1].action, "git:create_tag");
  Explanation explanation =
      explain(*snapshot, question->subject(), question->operation, question->approvals, question->now);
  EXPECT_EQ(explanation.decision.code, "policy.error");
  ASSERT_EQ(explanation.accesses.size(), 2U);
  EXPECT_TRUE(explanation.accesses[0].remedy.is_empty());
  EXPECT_EQ(explanation.accesses[1].remedy.failing.size(), 1U);
  EXPECT_EQ(explanation.misfits,
            std::vector<std::string>{"origin/app/refs/tags/v1: context.input.secrets is not known"})
      << "what else is absent, no policy asks for";
  Json shown = to_json(explanation, *question, Show::matching);
  EXPECT_EQ(shown["accesses"][0]["action"], "git:update_ref");
  EXPECT_EQ(shown["accesses"][1]["action"], "git:create_tag");

  asked["accesses"].erase(1);
  question = read_question(asked, snapshot->directory(), kNow);
  ASSERT_TRUE(question);
  EXPECT_EQ(question->operation.action, "git:update_ref") << "one action, one name";
  asked["accesses"][0].erase("action");
  question = read_question(asked, snapshot->directory(), kNow);
  ASSERT_FALSE(question);
  EXPECT_NE(question.error().message.find("`action` is missing"), std::string::npos);
}

TEST_F(GitTest, AHeldPushIsAskedAgainRefByRef) {
  auto snapshot = load(std::string(kPermit) +
                       "@id(\"f\") @approval(\"x\") forbid (principal, action == "
                       "Action::\"git:create_tag\", resource) when { context.input.secrets > 0 };");
  Operation operation = push({ref("git:update_ref", Effect::write, "app/refs/heads/main", facts("", 9)),
                              ref("git:create_tag", Effect::write, "app/refs/tags/v1", facts("", 1)),
                              ref("git:delete_ref", Effect::destroy, "app/refs/heads/old")});
  auto input = accesses_json(operation);
  ASSERT_TRUE(input) << input.error().message;
  Json held = json(R"({"id": "req_1", "state": "held", "fingerprint": "f", "created": "2023-11-14T22:13:20Z",
      "agent": "builder", "owner": "olivia", "delegates": [], "protocol": "git", "upstream": "origin", "action": "git:push",
      "effect": "destroy", "resources": ["Ref::origin/app/refs/heads/main", "Ref::origin/app/refs/tags/v1"],
      "code": "policy.held", "policy_digest": "x", "approvals": [], "votes": []})");
  held["input"] = json(*input);
  auto question = read_recorded(held);
  ASSERT_TRUE(question) << question.error().message;
  ASSERT_EQ(question->operation.accesses.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    const Access& was = operation.accesses[i];
    const Access& is = question->operation.accesses[i];
    EXPECT_EQ(is.action, was.action);
    EXPECT_EQ(is.effect, was.effect);
    EXPECT_EQ(is.resource.type, was.resource.type);
    EXPECT_EQ(is.resource.id, was.resource.id);
    EXPECT_EQ(is.resource.name, was.resource.name);
    EXPECT_EQ(json(is.input), json(was.input));
  }
  Explanation explanation = explain(*snapshot, question->subject(), question->operation, {}, question->now);
  EXPECT_EQ(explanation.decision.verdict, Verdict::hold);
  EXPECT_EQ(explanation.accesses[1].remedy.approvals.size(), 1U);
  // Other protocols' parameters are not looked into.
  held["protocol"] = "mcp";
  EXPECT_FALSE(read_recorded(held));
  held["protocol"] = "git";
  held["input"]["left_out"] = json(R"(["paths"])");
  EXPECT_EQ(read_recorded(held)->input, InputKnown::partly);
  held["input"]["refs"][1].erase("effect");
  auto broken = read_recorded(held);
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, "question.not_recorded");
  EXPECT_NE(broken.error().message.find("refs[1]"), std::string::npos) << broken.error().message;
}

TEST_F(GitTest, OfAHeldPushThatKeptOnlyItsCommandsTheRestIsUnknown) {
  auto snapshot =
      load(std::string(kPermit) +
           "@id(\"s\") forbid (principal, action in Action::\"git:push\", resource) when { "
           "context.input.secrets > 0 };\n"
           "@id(\"m\") @approval(\"x\") forbid (principal, action == Action::\"git:update_ref\", resource);");
  Json held = json(R"({"id": "req_1", "state": "held", "fingerprint": "f", "created": "2023-11-14T22:13:20Z",
      "agent": "builder", "owner": "olivia", "delegates": [], "protocol": "git", "upstream": "origin", "action": "git:push",
      "effect": "destroy", "code": "policy.held", "policy_digest": "x", "approvals": [], "votes": [],
      "resources": ["Ref::origin/App/refs/heads/main", "Ref::origin/app/refs/heads/main", "Ref::origin/App/refs/heads/old"],
      "input": {"refs": [{"action": "git:update_ref", "ref": "refs/heads/main", "old": "1", "new": "2"},
                         {"action": "git:delete_ref", "ref": "refs/heads/old", "old": "1", "new": ""}]}})");
  auto question = read_recorded(held);
  ASSERT_TRUE(question) << question.error().message;
  EXPECT_EQ(question->input, InputKnown::partly);
  EXPECT_EQ(question->recorded->missing.size(), 3U);
  ASSERT_EQ(question->operation.accesses.size(), 3U);
  EXPECT_EQ(question->operation.accesses[1].resource.name, "app/refs/heads/main");
  EXPECT_EQ(question->operation.accesses[2].effect, Effect::destroy);
  Explanation explanation =
      explain(*snapshot, question->subject(), question->operation, {}, question->now, question->input);
  EXPECT_TRUE(explanation.problem.empty()) << explanation.problem;
  EXPECT_TRUE(explanation.decision.policies.empty()) << "no verdict";
  EXPECT_EQ(explanation.accesses.at(0).remedy.approvals.size(), 1U);
  EXPECT_EQ(explanation.accesses.at(0).remedy.failing.size(), 1U);
  EXPECT_TRUE(explanation.accesses.at(2).remedy.approvals.empty());
  EXPECT_FALSE(to_json(explanation, *question, Show::matching).contains("decision"));
  for (auto [pointer, value] : {std::pair("/input/refs/0/action", "git:push"), std::pair("/input/refs/0/ref", ""),
                                std::pair("/input/refs/1/ref", "refs/heads/other"),
                                std::pair("/resources/2", "Ref::elsewhere/App/refs/heads/old")}) {
    Json broken = held;
    broken[Json::json_pointer(pointer)] = value;
    auto answer = read_recorded(broken);
    ASSERT_FALSE(answer) << pointer;
    EXPECT_EQ(answer.error().code, "question.not_recorded");
  }
}

// --- labels --------------------------------------------------------------------------------------------------------

TEST_F(GitTest, AFewLinesLabelEveryBranch) {
  folder_.write("entities.yaml", R"(
inventory:
  - { match: "origin/**", environment: staging, tier: 3 }
  - { match: "origin/**/refs/heads/release/*", environment: production, tier: 1 }
  - { match: "origin/**/refs/heads/main", environment: production, tier: 1 }
  - { match: "origin/team/ledger/refs/heads/main", environment: production, tier: 0 }
)");
  auto snapshot = load(kPermit);
  auto at = [&](std::string_view name) {
    Labels labels = snapshot->inventory().classify("origin", name);
    return labels.environment + "/" + std::to_string(labels.tier);
  };
  EXPECT_EQ(at("team/app/refs/heads/main"), "production/1");
  EXPECT_EQ(at("app/refs/heads/main"), "production/1");
  EXPECT_EQ(at("team/deep/er/app/refs/heads/main"), "production/1");
  EXPECT_EQ(at("team/ledger/refs/heads/main"), "production/0");
  EXPECT_EQ(at("team/app/refs/heads/release/1.2"), "production/1");
  EXPECT_EQ(at("team/app/refs/heads/release/1.2/fix"), "staging/3") << "`*` stays within a segment";
  EXPECT_EQ(at("team/app/refs/heads/topic/main"), "staging/3");
  EXPECT_EQ(at("team/app/refs/tags/v1"), "staging/3");
  EXPECT_EQ(at("team/app"), "staging/3");
  // Where case is lost, as on some servers' disks, this is main; and a % might be decoded by somebody.
  EXPECT_EQ(at("team/app/refs/heads/Main"), "production/1");
  EXPECT_EQ(at("team/app/refs/heads/50%"), "production/0");
  // A repository stands above the branches that are named in full.
  EXPECT_EQ(at("team/ledger"), "production/0");
}

TEST_F(GitTest, WhatNobodyLabelledIsProduction) {
  auto snapshot = load(kPermit);
  for (std::string_view name : {"team/app/refs/heads/main", "team/app/refs/heads/topic", "team/app"}) {
    Labels labels = snapshot->inventory().classify("origin", name);
    EXPECT_EQ(labels.environment, "production") << name;
    EXPECT_EQ(labels.tier, 1) << name;
  }
}

}  // namespace
}  // namespace countersign::policies
