#include "policies/links.h"

#include <gtest/gtest.h>

#include "policies/decide.h"
#include "policies_testing.h"

namespace countersign::policies {
namespace {

class LinksTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_.upstream("files", "production", 1).upstream("web", "production", 1);
    folder_.write("a.cedar",
                  "@id(\"team-upstream\") permit (principal in ?principal, action, resource in ?resource);\n"
                  "@id(\"frozen\") @approval(\"thaw\") forbid (principal, action in Action::\"change\", resource == "
                  "?resource);\n");
    folder_.write("entities.yaml",
                  "teams: [platform, web]\nusers: [{ name: olivia, level: senior, teams: [platform] }]");
  }
  Decision ask(const std::string& upstream, const std::string& name) {
    Operation operation;
    operation.protocol = "mcp";
    operation.upstream = upstream;
    operation.action = "mcp:call_tool";
    operation.input = tool_call("{}");
    operation.accesses = {access(Effect::write, "File", upstream, name)};
    Scope scope = everything();
    return decide(*folder_.load(), {.agent = "b", .owner = "olivia", .scope = &scope}, operation, {}, 1);
  }
  std::string problems(const std::string& links) { return folder_.write("links.yaml", links).problems(); }
  PolicyFolder folder_;
};

TEST_F(LinksTest, ALinkDecidesUnderItsOwnName) {
  folder_.write("links.yaml",
                "- { template: team-upstream, id: platform-files, principal: 'Team::\"platform\"', resource: "
                "'Upstream::\"files\"' }\n"
                "- { template: frozen, id: frozen-config, resource: 'File::\"files/config\"' }\n");
  EXPECT_EQ(ask("files", "a").policies, std::vector<std::string>{"platform-files"});
  EXPECT_EQ(ask("web", "a").code, "policy.no_permit");
  Decision held = ask("files", "config");
  EXPECT_EQ(held.verdict, Verdict::hold);
  EXPECT_EQ(held.policies, std::vector<std::string>{"frozen-config"});
  EXPECT_EQ(held.approvals, std::vector<std::string>{"thaw"});
  std::string before = folder_.load()->digest();
  folder_.write(
      "links.yaml",
      "- { template: team-upstream, id: platform-files, principal: 'Team::\"web\"', resource: 'Upstream::\"files\"' }\n"
      "- { template: frozen, id: frozen-config, resource: 'File::\"files/config\"' }\n");
  EXPECT_NE(folder_.load()->digest(), before);
  EXPECT_EQ(ask("files", "a").code, "policy.no_permit");
}

TEST_F(LinksTest, TwoTemplatesOfOneNameDoNotLoad) {
  folder_.write("z.cedar", "@id(\"frozen\") forbid (principal, action, resource == ?resource) when { true };");
  EXPECT_NE(problems("").find("z.cedar:1: another policy has the id `frozen`, at "), std::string::npos);
}

TEST_F(LinksTest, WhatIsWrongIsSaidWithItsPlace) {
  auto first = [&](const std::string& links) {
    std::string all = problems(links);
    std::size_t at = all.find("links.yaml:");
    return at == std::string::npos ? all : all.substr(at, all.find('\n', at) - at);
  };
  EXPECT_EQ(first("\n- { template: team-upstraem, id: x }"), "links.yaml:2: no template has the @id `team-upstraem`");
  EXPECT_EQ(first("- { template: frozen }").substr(0, 13), "links.yaml:1:");
  EXPECT_NE(first("- { template: frozen, id: x }").find("links.yaml:1: "), std::string::npos) << "a slot is missing";
  EXPECT_NE(first("- { template: frozen, id: x, principal: 'User::\"a\"', resource: 'File::\"files/a\"' }")
                .find("links.yaml:1: "),
            std::string::npos)
      << "one slot too many";
  for (const char* entity :
       {"File", "File::files/a", "File::\\\"x", "'User::\"a\", action, resource); permit(principal'",
        "'File::\"a\" || true'", "'::\"a\"'", "'File::\"\\q\"'", "'if::\"a\"'", "''"})
    EXPECT_NE(first(std::string("- { template: frozen, id: x, resource: ") + entity + " }")
                  .find("an entity as Cedar writes it"),
              std::string::npos)
        << entity;
  EXPECT_NE(first("- { template: frozen, id: 'a b', resource: 'File::\"files/a\"' }").find("`id` has 1 to 100"),
            std::string::npos);
  EXPECT_NE(first("- { template: frozen, id: policy7, resource: 'File::\"files/a\"' }").find("ids like policy7"),
            std::string::npos);
  EXPECT_NE(first("- { template: frozen, id: x, resource: 'File::\"files/a\"' }\n"
                  "- { template: frozen, id: x, resource: 'File::\"files/b\"' }")
                .find("links.yaml:2: "),
            std::string::npos)
      << "ids are unique";
  EXPECT_NE(first("links: []").find("is a list of links"), std::string::npos);
  EXPECT_NE(first("- { template: frozen, id: x, resource: 'File::\"files/a\"', when: now }").find("unknown key `when`"),
            std::string::npos);
}

TEST_F(LinksTest, LinksAreValidatedAndLinted) {
  EXPECT_NE(
      problems("- { template: frozen, id: x, resource: 'Fiel::\"files/a\"' }\n"
               "- { template: team-upstream, id: y, principal: 'Team::\"web\"', resource: 'Upstream::\"files\"' }")
          .find("Fiel"),
      std::string::npos);
  EXPECT_NE(
      problems("- { template: frozen, id: x, resource: 'File::\"fils/a\"' }\n"
               "- { template: team-upstream, id: y, principal: 'Team::\"web\"', resource: 'Upstream::\"files\"' }")
          .find("there is no upstream `fils`"),
      std::string::npos);
}

}  // namespace
}  // namespace countersign::policies
