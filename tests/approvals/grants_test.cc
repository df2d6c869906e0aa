#include "approvals/grants.h"

#include <gtest/gtest.h>

#include <functional>

#include "approvals/grant_index.h"
#include "tests/approvals/fixture.h"

namespace countersign::approvals {
namespace {

using test::code_of;
using test::kHour;
using test::kNow;

HeldRequest request() {
  HeldRequest out = test::draft("x");
  out.id = "req_1";
  out.environment = "staging";
  out.resources = {"File::docs/a.md"};
  out.input = R"({"path":"docs/a.md","mode":{"append":true,"n":1},"big":9007199254740993})";
  out.rules = {"pair", "solo"};
  return out;
}

GrantTerms terms() {
  return {.resources = {"File::docs/*"}, .arguments = {{"/mode/append", "true"}}, .max_uses = 5, .until = kNow + kHour};
}

GrantQuestion question() {
  return {.agent = "builder",
          .owner = "alice",
          .delegates = {"helper"},
          .root = "root-1",
          .upstream = "files",
          .action = "http:PUT",
          .effect = "write",
          .environment = "staging",
          .resources = {"File::docs/b.md"},
          .input = R"({"path":"docs/b.md","mode":{"append":true}})",
          .rules = {"solo"}};
}

TEST(Grants, CoverWhatIsEqualAndNothingElse) {
  Grant grant = *make_grant(request(), terms(), kNow);
  ASSERT_TRUE(covers(grant, question()));
  const std::vector<std::function<void(GrantQuestion&)>> others{
      [](GrantQuestion& q) { q.agent = "Builder"; },
      [](GrantQuestion& q) { q.owner = "bob"; },
      [](GrantQuestion& q) { q.delegates.clear(); },
      [](GrantQuestion& q) { q.delegates.push_back("bob"); },
      [](GrantQuestion& q) { q.root = "root-2"; },
      [](GrantQuestion& q) { q.root = ""; },
      [](GrantQuestion& q) { q.upstream = "files2"; },
      [](GrantQuestion& q) { q.action = "http:PUT2"; },
      [](GrantQuestion& q) { q.effect = "destroy"; },
      [](GrantQuestion& q) { q.environment = "production"; },
      [](GrantQuestion& q) { q.environment = ""; },
      [](GrantQuestion& q) { q.resources.clear(); },
      [](GrantQuestion& q) { q.resources.push_back("File::secret"); },
      [](GrantQuestion& q) { q.resources = {"Other::docs/b.md"}; },
      [](GrantQuestion& q) { q.rules = {"solo", "production-change"}; },
      [](GrantQuestion& q) { q.rules.clear(); },
      [](GrantQuestion& q) { q.input = R"({"mode":{"append":false}})"; },
      [](GrantQuestion& q) { q.input = R"({"mode":{"append":"true"}})"; },
      [](GrantQuestion& q) { q.input = R"({"mode":[true]})"; },
      [](GrantQuestion& q) { q.input = R"({})"; },
      [](GrantQuestion& q) { q.input = "true"; },
      [](GrantQuestion& q) { q.input = ""; },
      [](GrantQuestion& q) { q.input = R"({"mode":{"append":true,"append":true}})"; },
  };
  for (std::size_t i = 0; i < others.size(); ++i) {
    GrantQuestion other = question();
    others[i](other);
    EXPECT_FALSE(covers(grant, other)) << i;
  }
}

TEST(Grants, ArgumentsAreComparedExactly) {
  auto with = [](std::map<std::string, std::string> arguments, std::string_view input) {
    GrantTerms fixed = terms();
    fixed.arguments = std::move(arguments);
    Result<Grant> grant = make_grant(request(), fixed, kNow);
    EXPECT_TRUE(grant) << grant.error().message;
    GrantQuestion asked = question();
    asked.input = input;
    return grant && covers(*grant, asked);
  };
  EXPECT_TRUE(with({{"/big", "9007199254740993"}}, R"({"big":9007199254740993})"));
  EXPECT_FALSE(with({{"/big", "9007199254740993"}}, R"({"big":9007199254740992})"));
  EXPECT_FALSE(with({{"/mode/n", "1"}}, R"({"mode":{"n":1.0}})"));
  EXPECT_TRUE(with({{"/mode", R"({ "n":1, "append":true })"}}, R"({"mode":{"append":true,"n":1}})"));
  EXPECT_FALSE(with({{"/mode", R"({"n":1,"append":true})"}}, R"({"mode":{"append":true,"n":1,"more":0}})"));
  EXPECT_TRUE(with({{"", request().input}}, request().input)) << "the whole input";
  EXPECT_FALSE(with({{"", request().input}}, "{}"));
}

TEST(Grants, AStarIsOneNameAfterASlash) {
  EXPECT_TRUE(covers_resource("File::docs/a", "File::docs/a"));
  EXPECT_TRUE(covers_resource("File::docs/*", "File::docs/a"));
  EXPECT_TRUE(covers_resource("File::docs/*", "File::docs/.hidden"));
  for (std::string_view no : {"File::docs/", "File::docs", "File::docs2/a", "File::docs/a/b", "File::docs/..",
                              "File::docs/.", "File::docs/..\\a", "File::docs/%2e%2e", "File::docs/a?b",
                              "File::docs/a#b", "file::docs/a", "File::docs/a\n", "X::File::docs/a"}) {
    EXPECT_FALSE(covers_resource("File::docs/*", no)) << no;
  }
  EXPECT_FALSE(covers_resource("File::docs*", "File::docs2"));
  EXPECT_FALSE(covers_resource("File::*/a", "File::docs/a"));
  EXPECT_FALSE(covers_resource("File::docs", "File::docs/a")) << "no prefix of text";
}

TEST(Grants, ProductionTakesNoneForWhatCannotBeUndone) {
  for (std::string_view environment :
       {"production", "Production", " PROD ", "prod-eu", "", "unknown", "staging,production", "staging,", ",staging"}) {
    for (std::string_view effect : {"destroy", "administer", "mint", "execute", "erase", ""}) {
      EXPECT_FALSE(may_be_granted(effect, environment)) << effect << " " << environment;
    }
    EXPECT_TRUE(may_be_granted("write", environment));
  }
  EXPECT_TRUE(may_be_granted("destroy", "staging"));
  EXPECT_TRUE(may_be_granted("execute", "development,staging"));
  EXPECT_FALSE(may_be_granted("", "staging"));
  HeldRequest dangerous = request();
  dangerous.environment = "production";
  dangerous.effect = "destroy";
  EXPECT_EQ(code_of(make_grant(dangerous, terms(), kNow)), "grant.effect");
}

TEST(Grants, TermsHaveLimits) {
  auto code = [](const std::function<void(GrantTerms&)>& change) {
    GrantTerms changed = terms();
    change(changed);
    return code_of(make_grant(request(), changed, kNow));
  };
  EXPECT_EQ(code([](GrantTerms&) {}), "");
  EXPECT_EQ(code([](GrantTerms& t) { t.max_uses = 1'000; }), "");
  EXPECT_EQ(code([](GrantTerms& t) { t.max_uses = 1'001; }), "grant.terms");
  EXPECT_EQ(code([](GrantTerms& t) { t.max_uses = 0; }), "grant.terms");
  EXPECT_EQ(code([](GrantTerms& t) { t.max_uses = -1; }), "grant.terms");
  EXPECT_EQ(code([](GrantTerms& t) { t.until = kNow; }), "grant.terms");
  EXPECT_EQ(code([](GrantTerms& t) { t.until = kNow + Grant::kLongest; }), "");
  EXPECT_EQ(code([](GrantTerms& t) { t.until = kNow + Grant::kLongest + 1; }), "grant.terms");
  EXPECT_EQ(code([](GrantTerms& t) { t.resources.clear(); }), "grant.terms");
  EXPECT_EQ(code([](GrantTerms& t) { t.resources.assign(101, "File::docs/*"); }), "grant.terms");
  for (std::string_view bad : {"*", "File::*", "File::/*", "File::", "::x", "docs/*", "File::/x", ""}) {
    EXPECT_EQ(code([&](GrantTerms& t) { t.resources.emplace_back(bad); }), "grant.terms") << bad;
  }
  EXPECT_EQ(code([](GrantTerms& t) { t.resources = {"File::src/*"}; }), "grant.terms") << "not the request itself";
  EXPECT_EQ(code([](GrantTerms& t) { t.arguments = {{"/mode/append", "false"}}; }), "grant.terms");
  EXPECT_EQ(code([](GrantTerms& t) { t.arguments = {{"/mode/append", "tru"}}; }), "grant.terms");
  EXPECT_EQ(code([](GrantTerms& t) { t.arguments = {{"mode", "true"}}; }), "grant.terms") << "no JSON pointer";
  EXPECT_EQ(code([](GrantTerms& t) { t.arguments = {{"/~2", "true"}}; }), "grant.terms");
  EXPECT_EQ(code([](GrantTerms& t) { t.arguments = {{"/nothing", "null"}}; }), "grant.terms");
  EXPECT_EQ(code([](GrantTerms& t) { t.arguments = {{"/big", std::string(20'000, '1')}}; }), "grant.terms");
}

TEST(Grants, TheTextSaysEverythingAndIsRead) {
  Grant grant = *make_grant(request(), terms(), kNow);
  std::string text = *grant_text(grant);
  EXPECT_EQ(text,
            R"({"action":"http:PUT","agent":"builder","arguments":{"/mode/append":"true"},"delegates":["helper"],)"
            R"("effect":"write","environment":"staging","max_uses":5,"owner":"alice","request":"req_1",)"
            R"("resources":["File::docs/*"],"root":"root-1","rules":["pair","solo"],"type":"countersign/grant/v1",)"
            R"("until":1795003600000,"upstream":"files"})");
  Grant read = *parse_grant(text);
  EXPECT_EQ(*grant_text(read), text);
  EXPECT_EQ(read.digest, grant.digest);
  EXPECT_TRUE(covers(read, question()));
  GrantTerms wider = terms();
  wider.max_uses = 6;
  EXPECT_NE(make_grant(request(), wider, kNow)->digest, grant.digest);
  for (std::string_view bad : {"", "{}", "[]", R"({"type":"countersign/grant/v1"})"}) {
    EXPECT_EQ(code_of(parse_grant(bad)), "store.corrupt");
  }
}

TEST(GrantIndex, FindsTheActiveOnesOldestFirst) {
  GrantIndex index;
  EXPECT_TRUE(index.find(question(), kNow).empty());
  Grant one = *make_grant(request(), terms(), kNow);
  one.id = "grt_1";
  index.update(one);
  EXPECT_TRUE(index.find(question(), kNow).empty()) << "a proposal";
  one.activated = kNow + 1;
  Grant two = one;
  two.id = "grt_2";
  two.activated = kNow;
  index.update(one);
  index.update(two);
  auto found = [&] {
    std::vector<std::string> ids;
    for (const Grant& grant : index.find(question(), kNow)) ids.push_back(grant.id);
    return ids;
  };
  EXPECT_EQ(found(), (std::vector<std::string>{"grt_2", "grt_1"}));
  EXPECT_EQ(index.active_of("builder", kNow), 2U);
  EXPECT_TRUE(index.find(question(), one.terms.until).empty());
  GrantQuestion other = question();
  other.agent = "other";
  EXPECT_TRUE(index.find(other, kNow).empty());
  two.uses = two.terms.max_uses;
  index.update(two);
  EXPECT_EQ(found(), std::vector<std::string>{"grt_1"});
  one.revoked = kNow;
  index.update(one);
  EXPECT_TRUE(index.find(question(), kNow).empty());
  EXPECT_EQ(index.active_of("builder", kNow), 0U);
}

}  // namespace
}  // namespace countersign::approvals
