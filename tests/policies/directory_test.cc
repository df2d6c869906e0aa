#include "policies/directory.h"

#include <gtest/gtest.h>

namespace countersign::policies {
namespace {

struct Read {
  Directory directory;
  std::string problems;
};

Read read(std::string_view text) {
  Problems problems;
  std::optional<yaml::Node> root = yaml::parse("e", text, problems);
  if (!root) return {{}, format_problems(problems)};
  yaml::Map map("e", *root, "entities.yaml", problems);
  Directory directory = Directory::read("e", map, problems);
  map.finish();
  sort_problems(problems);
  return {std::move(directory), format_problems(problems)};
}

TEST(DirectoryTest, PeopleTeamsAndAgents) {
  auto [directory, problems] = read(R"(
teams: [platform, { name: sre, parents: [platform] }, { name: db, parents: [sre] }]
users:
  - { name: alice@example.com, level: vp, teams: [db] }
  - { name: bob, level: junior }
agents:
  - { name: builder, owner: sre, purpose: ci, trust: 3, beta: true, quoted: "7" }
)");
  EXPECT_EQ(problems, "");
  EXPECT_EQ(directory.find_user("alice@example.com")->level, Level::vp);
  EXPECT_EQ(directory.teams_of("alice@example.com"), (std::vector<std::string>{"db", "platform", "sre"}));
  EXPECT_TRUE(directory.is_member("alice@example.com", "platform"));
  EXPECT_FALSE(directory.is_member("bob", "platform"));
  EXPECT_FALSE(directory.is_member("nobody", "platform"));
  EXPECT_TRUE(directory.teams_of("nobody").empty());
  const Agent& agent = *directory.find_agent("builder");
  EXPECT_EQ(agent.owner, "sre");
  EXPECT_EQ(std::get<std::int64_t>(agent.attributes.at("trust")), 3);
  EXPECT_EQ(std::get<bool>(agent.attributes.at("beta")), true);
  EXPECT_EQ(std::get<std::string>(agent.attributes.at("quoted")), "7");
  EXPECT_EQ(directory.owner("sre").kind, OwnerKind::team);
  EXPECT_EQ(directory.owner("bob").kind, OwnerKind::user);
  EXPECT_EQ(directory.owner("nobody").kind, OwnerKind::user);
  EXPECT_EQ(directory.owner("team:x").kind, OwnerKind::team);
  EXPECT_EQ(directory.owner("team:x").name, "x");
  EXPECT_EQ(directory.owner("user:sre").kind, OwnerKind::user);
}

TEST(DirectoryTest, TeamsInACircleEnd) {
  Directory directory =
      read("teams: [{name: a, parents: [b]}, {name: b, parents: [a]}]\nusers: [{name: u, level: mid, teams: [a]}]")
          .directory;
  EXPECT_EQ(directory.teams_of("u"), (std::vector<std::string>{"a", "b"}));
}

TEST(DirectoryTest, EverythingWrongIsSaidAtOnce) {
  EXPECT_EQ(read(R"(users:
  - { name: a, level: expert }
  - { name: "b c", level: mid }
  - { name: "user:d", level: mid }
  - { name: A, level: mid }
  - { name: e, level: mid, teams: [nowhere], email: x }
  - { level: mid }
  - { name: f }
  - text
agents:
  - { name: x, owner: nobody }
  - { name: y }
  - { name: z, owner: e, delegates: all, list: [x] }
teams: [e, { name: t, parents: [gone] }]
people: []
)")
                .problems,
            "e:2: `level` must be one of junior, mid, senior, principal, director, vp, not `expert`\n"
            "e:3: the name of a user has 1 to 200 characters, without spaces and colons\n"
            "e:4: the name of a user has 1 to 200 characters, without spaces and colons\n"
            "e:5: there is another entry named `A`\n"
            "e:6: there is another entry named `e`\n"
            "e:6: there is no team `nowhere`\n"
            "e:6: unknown key `email` in a user\n"
            "e:7: a user needs `name`\n"
            "e:8: a user needs `level`\n"
            "e:9: a user must be a map, not a single value\n"
            "e:11: there is no user or team `nobody`\n"
            "e:12: an agent needs `owner`\n"
            "e:13: an agent's `delegates` is set by the gateway\n"
            "e:13: `list` must be text, a number, true or false\n"
            "e:14: there is no team `gone`\n"
            "e:15: unknown key `people` in entities.yaml\n");
}

TEST(Levels, HaveNamesAndRanks) {
  EXPECT_EQ(rank_of(Level::junior), 1);
  EXPECT_EQ(rank_of(Level::vp), 6);
  for (Level level : {Level::junior, Level::mid, Level::senior, Level::principal, Level::director, Level::vp})
    EXPECT_EQ(level_from_name(level_name(level)), level);
  EXPECT_EQ(level_from_name("Senior"), std::nullopt);
}

}  // namespace
}  // namespace countersign::policies
