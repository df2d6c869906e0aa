#include "auth/scope_json.h"

#include <gtest/gtest.h>

#include "fixtures.h"

namespace countersign::auth {
namespace {

Result<ScopeRule> rule(std::string_view text) {
  return rule_from_json(*parse_json(text));
}

TEST(ScopeJson, ReadsEveryMember) {
  Result<ScopeRule> read = rule(R"({"upstreams":["files"],"actions":["mcp:*"],"resources":["files/*"],
                                    "environments":["staging"],"effects":["read","change"]})");
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->upstreams, std::vector<std::string>{"files"});
  EXPECT_EQ(read->actions, std::vector<std::string>{"mcp:*"});
  EXPECT_EQ(read->resources, std::vector<std::string>{"files/*"});
  EXPECT_EQ(read->environments, std::vector<std::string>{"staging"});
  EXPECT_EQ(read->effects.names().size(), kEffectCount);
  EXPECT_TRUE(rule("{}").has_value());
}

TEST(ScopeJson, RefusesWhatWouldBeReadAsWider) {
  for (std::string_view text :
       {R"({"effect":["read"]})", R"({"effects":[]})", R"({"effects":"read"})", R"({"effects":["reed"]})",
        R"({"effects":null})", R"({"upstreams":[]})", R"({"upstreams":[""]})", R"({"actions":[1]})",
        R"({"resources":["a\nb"]})", R"([])", R"("x")", R"({"Upstreams":["files"]})"}) {
    EXPECT_EQ(code_of(rule(text)), "scope.malformed") << text;
  }
  EXPECT_EQ(code_of(rules_from_json(Json::array())), "scope.malformed");
  EXPECT_EQ(code_of(rules_from_json(Json(std::vector<Json>(33, Json::object())))), "scope.malformed");
  EXPECT_EQ(code_of(scope_from_json(*parse_json(R"([{"exp":"2026-01-01T00:00:00Z"}])"))), "scope.malformed");
  EXPECT_EQ(code_of(scope_from_json(*parse_json(R"([{"rules":[{}],"exp":5}])"))), "scope.malformed");
  EXPECT_EQ(code_of(scope_from_json(*parse_json(R"([{"rules":[{}],"expires":"2026-01-01T00:00:00Z"}])"))),
            "scope.malformed");
}

TEST(ScopeJson, AStoredScopeIsTheSameScope) {
  ScopeBlock first{{ScopeRule{.upstreams = {"files"}, .effects = EffectSet{Effect::read, Effect::mint}}, ScopeRule{}},
                   kNow - 1000,
                   kNow + 1234};
  ScopeBlock second{{ScopeRule{.resources = {"a*", "b"}}}, std::nullopt, std::nullopt};
  Scope scope({first, second});
  Result<Scope> back = scope_from_json(scope_to_json(scope));
  ASSERT_TRUE(back.has_value());
  ASSERT_EQ(back->blocks().size(), 2U);
  EXPECT_EQ(back->blocks()[0].not_before, kNow - 1000);
  EXPECT_EQ(back->blocks()[0].expires, kNow + 1234);
  EXPECT_EQ(scope_to_json(*back), scope_to_json(scope));
  // A scope that admits nothing stays one.
  Result<Scope> empty = scope_from_json(scope_to_json(Scope()));
  ASSERT_TRUE(empty.has_value());
  EXPECT_TRUE(empty->blocks().empty());
}

TEST(ScopeJson, SummaryIsOneReadableLine) {
  EXPECT_EQ(scope_summary({ScopeRule{}}), "any operation on any upstream");
  EXPECT_EQ(scope_summary({ScopeRule{.upstreams = {"files", "wiki"},
                                     .resources = {"files/staging/*"},
                                     .environments = {"staging"},
                                     .effects = {Effect::read}},
                           ScopeRule{.actions = {"git:*"}, .effects = EffectSet::change()}}),
            "read on files, wiki at files/staging/* in staging; change (git:*) on any upstream");
}

}  // namespace
}  // namespace countersign::auth
