#include "scopes/scope.h"

#include <gtest/gtest.h>

#include "scopes/accesses.h"

namespace countersign {
namespace {

constexpr TimeMs kNow = 1'795'000'000'000;

Operation operation(std::vector<Access> accesses) {
  Operation out;
  out.protocol = "mcp";
  out.upstream = "files";
  out.action = "mcp:call_tool";
  out.accesses = std::move(accesses);
  return out;
}
Access access(std::string id, Effect effect) {
  return {{"File", std::move(id), ""}, effect};
}

// The code of the refusal, or "ok". Environments are given in the order of the accesses; production is the rest.
std::string judged(const Scope& scope, const Operation& op, std::vector<std::string> environments = {},
                   TimeMs now = kNow) {
  environments.resize(op.accesses.size(), "production");
  std::vector<LabelledAccess> labelled;
  for (std::size_t i = 0; i < op.accesses.size(); ++i) labelled.push_back({&op.accesses[i], environments[i]});
  auto refusal = scope.refuses(op, labelled, now);
  return refusal ? refusal->code : "ok";
}
Scope one_rule(ScopeRule rule) {
  return Scope({ScopeBlock{{std::move(rule)}, std::nullopt, std::nullopt}});
}

const Operation kRead = operation({access("files/staging/a", Effect::read)});

TEST(Effects, NamesGoBothWays) {
  for (std::size_t i = 0; i < kEffectCount; ++i) {
    auto effect = static_cast<Effect>(i);
    EXPECT_EQ(effect_from_name(effect_name(effect)), effect);
    EXPECT_EQ(is_change(effect), EffectSet::change().contains(effect));
  }
  for (std::string_view name : {"", "Read", "read ", "change", "reads"}) {
    EXPECT_FALSE(effect_from_name(name).has_value()) << name;
  }
  EXPECT_FALSE(EffectSet::change().contains(Effect::read));
  EXPECT_EQ(EffectSet::change().names().size(), 5U);
  EXPECT_TRUE(EffectSet().empty());
}

TEST(Effects, AnOperationIsAsDangerousAsItsWorstAccess) {
  EXPECT_EQ(operation({}).effect(), Effect::read);
  EXPECT_EQ(operation({access("a", Effect::destroy), access("b", Effect::write)}).effect(), Effect::destroy);
  EXPECT_EQ(operation({access("a", Effect::execute), access("b", Effect::mint)}).effect(), Effect::mint);
  // What an adapter forgets to say is the worst.
  EXPECT_EQ(operation({Access{}}).effect(), Effect::destroy);
}

TEST(Scope, AForgottenScopeRefuses) {
  EXPECT_EQ(judged(Scope(), kRead), "scope.empty");
  EXPECT_EQ(judged(Scope({ScopeBlock{}}), kRead), "scope.rule");
  EXPECT_FALSE(Scope().names_upstream("files", kNow));
  EXPECT_FALSE(Scope({ScopeBlock{}}).names_upstream("files", kNow));
}

TEST(Scope, AnEmptyRuleAdmitsEverything) {
  EXPECT_EQ(judged(one_rule({}), kRead), "ok");
  EXPECT_EQ(judged(one_rule({}), operation({access("x", Effect::destroy)})), "ok");
}

TEST(Scope, EachConditionRefusesByItsName) {
  EXPECT_EQ(judged(one_rule({.upstreams = {"wiki", "file"}}), kRead), "scope.upstream");
  EXPECT_EQ(judged(one_rule({.upstreams = {"files"}}), kRead), "ok");
  EXPECT_EQ(judged(one_rule({.upstreams = {"*"}}), kRead), "scope.upstream");  // names are exact
  EXPECT_EQ(judged(one_rule({.actions = {"http:*"}}), kRead), "scope.action");
  EXPECT_EQ(judged(one_rule({.actions = {"http:*", "mcp:*"}}), kRead), "ok");
  EXPECT_EQ(judged(one_rule({.resources = {"files/production/*"}}), kRead), "scope.resource");
  EXPECT_EQ(judged(one_rule({.resources = {"files/*/a"}}), kRead), "ok");
  EXPECT_EQ(judged(one_rule({.effects = {Effect::write}}), kRead), "scope.effect");
  EXPECT_EQ(judged(one_rule({.effects = {Effect::write, Effect::read}}), kRead), "ok");
  EXPECT_EQ(judged(one_rule({.environments = {"staging"}}), kRead), "scope.environment");
  EXPECT_EQ(judged(one_rule({.environments = {"staging"}}), kRead, {"staging"}), "ok");
  EXPECT_EQ(judged(one_rule({.environments = {"staging"}}), kRead, {"Staging"}), "scope.environment");
}

TEST(Scope, OneRuleMustAdmitAnAccessWhole) {
  // Each rule covers half of what a write in production needs; together they do not cover it.
  Scope halves({ScopeBlock{
      {ScopeRule{.environments = {"production"}, .effects = {Effect::read}}, ScopeRule{.environments = {"staging"}}},
      std::nullopt,
      std::nullopt}});
  Operation write = operation({access("files/a", Effect::write)});
  EXPECT_NE(judged(halves, write, {"production"}), "ok");
  EXPECT_EQ(judged(halves, write, {"staging"}), "ok");
  EXPECT_EQ(judged(halves, kRead, {"production"}), "ok");
}

TEST(Scope, EveryAccessOfAnOperationMustBeAdmitted) {
  // Moving a file: destroyed here, written there.
  Operation move = operation({access("files/staging/a", Effect::destroy), access("files/production/a", Effect::write)});
  Scope staging = one_rule({.resources = {"files/staging/*"}});
  EXPECT_EQ(judged(staging, move), "scope.resource");
  EXPECT_EQ(judged(staging, operation({move.accesses[0]})), "ok");
  Scope writes = one_rule({.effects = {Effect::read, Effect::write}});
  EXPECT_EQ(judged(writes, move), "scope.effect");
  EXPECT_EQ(judged(one_rule({.environments = {"staging"}}), move, {"staging", "production"}), "scope.environment");
  // Different rules may admit different accesses.
  Scope both({ScopeBlock{{ScopeRule{.resources = {"files/staging/*"}},
                          ScopeRule{.resources = {"files/production/*"}, .effects = {Effect::write}}},
                         std::nullopt,
                         std::nullopt}});
  EXPECT_EQ(judged(both, move), "ok");
  std::swap(move.accesses[0].effect, move.accesses[1].effect);
  EXPECT_EQ(judged(both, move), "scope.effect");
}

TEST(Scope, EachAccessIsAdmittedByItsOwnActionOrItsGroup) {
  auto ref = [](std::string action) {
    Access out{{"Ref", "origin/app/refs/heads/main", ""}, Effect::write};
    out.action = std::move(action);
    return out;
  };
  Operation push = operation({ref("git:update_ref"), ref("git:create_tag")});
  push.protocol = "git";
  push.action = "git:push";
  EXPECT_EQ(judged(one_rule({.actions = {"git:push"}}), push), "ok");
  EXPECT_EQ(judged(one_rule({.actions = {"git:*_ref", "git:*_tag"}}), push), "ok");
  EXPECT_EQ(judged(one_rule({.actions = {"git:update_ref"}}), push), "scope.action");
  // The operation's own name is not what is done.
  push.action = "git:update_ref";
  EXPECT_EQ(judged(one_rule({.actions = {"git:update_ref"}}), push), "scope.action");
  auto refusal = one_rule({.actions = {"git:update_ref"}})
                     .refuses(push, {{&push.accesses[0], "production"}, {&push.accesses[1], "production"}}, kNow);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->reason, "the token's scope does not cover git:create_tag (write) on origin/app/refs/heads/main");
  // Different rules may admit different accesses; every block must.
  Scope two({ScopeBlock{{ScopeRule{.actions = {"git:update_ref"}}, ScopeRule{.actions = {"git:create_tag"}}},
                        std::nullopt,
                        std::nullopt}});
  EXPECT_EQ(judged(two, push), "ok");
  // The group is of refs only, and of git only.
  for (const char* action : {"git:fetch", "git:lfs_upload", "git:lfs_force_unlock", "git:other", "http:push"})
    EXPECT_EQ(judged(one_rule({.actions = {"git:push"}}),
                     [&] {
                       Operation other = operation({ref(action)});
                       other.protocol = "git";
                       return other;
                     }()),
              "scope.action")
        << action;
  Operation tool = operation({ref("git:update_ref")});
  EXPECT_EQ(judged(one_rule({.actions = {"git:push"}}), tool), "scope.action") << "a tool call under git's name";
}

TEST(Accesses, AreStoredAndReadBack) {
  Operation push = operation({access("files/a", Effect::write), access("files/b", Effect::destroy)});
  push.upstream = "files";
  push.accesses[0].action = "git:update_ref";
  push.accesses[0].input = R"({"ref":"refs/heads/a","secrets":0})";
  push.accesses[1].action = "git:delete_ref";
  auto text = accesses_json(push);
  ASSERT_TRUE(text);
  EXPECT_EQ(
      *text,
      R"({"refs":[{"action":"git:update_ref","effect":"write","ref":"refs/heads/a","resource":"File::files/a","secrets":0},)"
      R"({"action":"git:delete_ref","effect":"destroy","resource":"File::files/b"}]})");
  auto json = parse_json(*text);
  ASSERT_TRUE(json);
  auto back = accesses_from_json(*json, "files");
  ASSERT_TRUE(back) << back.error().message;
  ASSERT_EQ(back->accesses.size(), 2U);
  EXPECT_TRUE(back->left_out.empty());
  EXPECT_EQ(back->accesses[0].input, push.accesses[0].input);
  EXPECT_EQ(back->accesses[0].resource.name, "a");
  EXPECT_EQ(back->accesses[1].effect, Effect::destroy);
  auto other = accesses_from_json(*json, "file");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, "accesses.malformed");
  for (const char* bad : {R"({"refs":1})", R"({"refs":[1]})", R"({"refs":[{}]})",
                          R"({"refs":[{"action":"a","effect":"x","resource":"File::files/a"}]})",
                          R"({"refs":[{"action":"a","effect":"write","resource":"files/a"}]})",
                          R"({"refs":[{"action":7,"effect":"write","resource":"File::files/a"}]})",
                          R"({"left_out":"all","refs":[]})", R"({"left_out":[1],"refs":[]})"})
    EXPECT_FALSE(accesses_from_json(*parse_json(bad), "files")) << bad;
  EXPECT_TRUE(accesses_from_json(*parse_json(R"({"tool":"t"})"), "files")->accesses.empty());
  push.accesses[1].input = "[1]";
  EXPECT_FALSE(accesses_json(push));
  push.accesses[1].input = "{";
  EXPECT_FALSE(accesses_json(push));
}

TEST(Accesses, WhatThereIsNoRoomForIsNamed) {
  Operation push = operation({access("files/a", Effect::write), access("files/b", Effect::write)});
  std::string many = "[\"x\"";
  for (int i = 0; i < 100; ++i) many += ",\"directory/number/" + std::to_string(i) + "\"";
  push.accesses[0].input = R"({"new":"1","ref":"r","secrets":0,"paths":)" + many + "]}";
  push.accesses[1].input = R"({"ref":"s","secrets":1,"authors":["a@b"]})";
  auto read = [&](std::size_t bytes) {
    auto text = accesses_json(push, bytes);
    EXPECT_TRUE(text);
    auto back = accesses_from_json(*parse_json(*text), "files");
    EXPECT_TRUE(back);
    return back.value_or(StoredAccesses{});
  };
  EXPECT_TRUE(read(1U << 20).left_out.empty());
  StoredAccesses fewer = read(500);
  EXPECT_EQ(fewer.left_out, (std::vector<std::string>{"authors", "paths"}));
  EXPECT_EQ(fewer.accesses.at(0).input, R"({"new":"1","ref":"r","secrets":0})");
  StoredAccesses fewest = read(10);
  EXPECT_EQ(fewest.left_out, (std::vector<std::string>{"authors", "paths", "secrets"}));
  EXPECT_EQ(fewest.accesses.at(1).input, R"({"ref":"s"})");
  EXPECT_EQ(fewest.accesses.at(1).resource.id, "files/b");
}

TEST(Scope, EveryBlockMustAdmit) {
  ScopeBlock wide{{ScopeRule{}}, std::nullopt, std::nullopt};
  ScopeBlock narrow{{ScopeRule{.effects = {Effect::read}}}, std::nullopt, std::nullopt};
  Operation write = operation({access("files/a", Effect::write)});
  EXPECT_EQ(judged(Scope({wide, narrow}), write), "scope.effect");
  EXPECT_EQ(judged(Scope({narrow, wide}), write), "scope.effect");
  EXPECT_EQ(judged(Scope({narrow, wide}), kRead), "ok");
}

TEST(Scope, TimesHoldToTheMillisecond) {
  Scope scope({ScopeBlock{{ScopeRule{}}, kNow, kNow + 10}});
  EXPECT_EQ(judged(scope, kRead, {}, kNow - 1), "scope.not_yet_valid");
  EXPECT_EQ(judged(scope, kRead, {}, kNow), "ok");
  EXPECT_EQ(judged(scope, kRead, {}, kNow + 9), "ok");
  EXPECT_EQ(judged(scope, kRead, {}, kNow + 10), "scope.expired");
  EXPECT_TRUE(scope.names_upstream("files", kNow));
  EXPECT_FALSE(scope.names_upstream("files", kNow - 1));
  EXPECT_FALSE(scope.names_upstream("files", kNow + 10));
  // A later block cannot lift an earlier one's times.
  Scope lifted({ScopeBlock{{ScopeRule{}}, std::nullopt, kNow}, ScopeBlock{{ScopeRule{}}, std::nullopt, kNow + 99}});
  EXPECT_EQ(judged(lifted, kRead), "scope.expired");
}

TEST(Scope, NamesUpstreamNeedsEveryBlock) {
  ScopeBlock files{{ScopeRule{.upstreams = {"files"}}}, std::nullopt, std::nullopt};
  ScopeBlock wiki{{ScopeRule{.upstreams = {"wiki"}}}, std::nullopt, std::nullopt};
  ScopeBlock any{{ScopeRule{}}, std::nullopt, std::nullopt};
  EXPECT_TRUE(Scope({files, any}).names_upstream("files", kNow));
  EXPECT_FALSE(Scope({files, any}).names_upstream("wiki", kNow));
  EXPECT_FALSE(Scope({files, wiki}).names_upstream("files", kNow));
}

TEST(Glob, Table) {
  struct Case {
    std::string_view pattern;
    std::string_view text;
    bool matches;
  };
  for (const Case& c : {
           Case{"", "", true},
           Case{"", "a", false},
           Case{"*", "", true},
           Case{"*", "a/b", true},
           Case{"**", "", true},
           Case{"a", "a", true},
           Case{"a", "A", false},
           Case{"a", "aa", false},
           Case{"a*", "a", true},
           Case{"*a", "ba", true},
           Case{"*a", "ab", false},
           Case{"a*b*c", "abc", true},
           Case{"a*b*c", "aXbYc", true},
           Case{"a*b*c", "acb", false},
           Case{"*abab", "ababab", true},
           Case{"*.json", "x.json.bak", false},
           Case{"?", "a", false},
           Case{"[a]", "a", false},
           Case{"\\*", "*", false},
           Case{"\\*", "\\*", true},
           Case{"files/*", "files", false},
           Case{"files/*", "files/", true},
           Case{"files/staging/*", "files/staging/../production/x", true},  // names are resolved before they get here
           Case{"a*a", "a", false},
           Case{"*\xc3\xbc*", "gr\xc3\xbcn", true},
       }) {
    EXPECT_EQ(glob_matches(c.pattern, c.text), c.matches) << c.pattern << " on " << c.text;
  }
}

TEST(Glob, PathologicalPatternsStayCheap) {
  // With backtracking by recursion these would take longer than the universe; a test that ends shows they do not.
  std::string text(20'000, 'a');
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "*a";
  EXPECT_TRUE(glob_matches(pattern, text));
  EXPECT_FALSE(glob_matches(pattern + "b", text));
  std::string stars(512, '*');
  EXPECT_TRUE(glob_matches(stars, text));
  EXPECT_FALSE(glob_matches(stars + "b", text));
  std::string halves;
  for (int i = 0; i < 100; ++i) halves += "*aaab";
  EXPECT_FALSE(glob_matches(halves, text));
}

}  // namespace
}  // namespace countersign
