#include "policies/roles.h"

#include <gtest/gtest.h>

#include "policies/folder.h"
#include "policies_testing.h"

namespace countersign::policies {
namespace {

constexpr std::string_view kPeople =
    "teams: [platform, { name: sre, parents: [platform] }]\n"
    "users:\n"
    "  - { name: jun, level: junior, teams: [] }\n"
    "  - { name: sam, level: senior, teams: [sre] }\n"
    "  - { name: dana, level: director, teams: [] }\n";

Directory directory_of(std::string_view text) {
  Problems problems;
  auto root = yaml::parse("entities.yaml", text, problems);
  yaml::Map map("entities.yaml", *root, "the file", problems);
  Directory out = Directory::read("entities.yaml", map, problems);
  EXPECT_FALSE(has_errors(problems)) << format_problems(problems);
  return out;
}

std::shared_ptr<const Roles> roles_of(std::string_view text, Problems& problems) {
  SnapshotSource source;
  source.roles.push_back({"roles/a.cedar", "roles/a.cedar", std::string(text)});
  return Roles::load(source, problems);
}

std::string codes_of(std::string_view text) {
  Problems problems;
  auto roles = roles_of(text, problems);
  EXPECT_EQ(roles == nullptr, has_errors(problems));
  if (roles) roles->check(directory_of(kPeople), problems);
  std::string out;
  for (const Problem& problem : problems) {
    EXPECT_TRUE(problem.line > 0 || problem.code == "lint.nobody-may") << format_problem(problem);
    out += (out.empty() ? "" : " ") + problem.code;
  }
  return out;
}

TEST(RolesTest, TheShippedFileIsTheBuiltInOne) {
  auto shipped = read_file(COUNTERSIGN_SOURCE_DIR "/policies/default/roles/default.cedar", kFileBytes);
  ASSERT_TRUE(shipped);
  EXPECT_EQ(*shipped, default_roles_text());
  Problems problems;
  auto roles = roles_of(*shipped, problems);
  ASSERT_TRUE(roles) << format_problems(problems);
  roles->check(directory_of(kPeople), problems);
  EXPECT_TRUE(problems.empty()) << format_problems(problems);
}

TEST(RolesTest, WhoMayDoWhatByDefault) {
  auto roles = Roles::built_in();
  ASSERT_TRUE(roles);
  Directory people = directory_of(kPeople);
  auto may = [&](std::string_view user) {
    std::string out;
    for (Permission each : roles->permissions_of(people, user)) out += " " + std::string(permission_name(each));
    return out;
  };
  EXPECT_EQ(may("jun"), " read_requests vote read_audit read_policies");
  EXPECT_EQ(may("sam"), " read_requests vote read_audit read_policies edit_policies activate_policies freeze_agents");
  EXPECT_EQ(may("dana"),
            " read_requests vote read_audit read_policies edit_policies activate_policies manage_tokens freeze_agents "
            "manage_people");
  for (std::string_view nobody : {"", "nobody", "SAM", "user:sam", "team:sre", "platform"}) EXPECT_EQ(may(nobody), "");
}

TEST(RolesTest, PoliciesSeeTeamsAlsoThroughOthersAndForbidsTakeAway) {
  Problems problems;
  auto roles = roles_of(
      "permit (principal in Team::\"platform\", action in Console::Action::\"change\", resource);\n"
      "permit (principal == User::\"jun\", action == Console::Action::\"read_audit\", resource);\n"
      "forbid (principal, action == Console::Action::\"manage_people\", resource) when { principal.rank < 5 };\n"
      "forbid (principal, action == Console::Action::\"vote\", resource)\n"
      "when { principal.rank * 9223372036854775807 > 0 };\n",
      problems);
  ASSERT_TRUE(roles) << format_problems(problems);
  Directory people = directory_of(kPeople);
  EXPECT_TRUE(roles->may(people, "sam", Permission::manage_tokens));  // sre is in platform
  EXPECT_FALSE(roles->may(people, "dana", Permission::manage_tokens));
  EXPECT_FALSE(roles->may(people, "sam", Permission::manage_people));
  EXPECT_TRUE(roles->may(people, "jun", Permission::read_audit));
  EXPECT_FALSE(roles->may(people, "jun", Permission::read_requests));
  EXPECT_FALSE(roles->may(people, "sam", Permission::vote));  // the forbid overflows: denied
}

TEST(RolesTest, WhatDoesNotValidateIsRefused) {
  EXPECT_EQ(codes_of("permit (principal, action == Console::Action::\"vot\", resource);"), "cedar.unrecognized-action");
  EXPECT_EQ(codes_of("permit (principal is Agent, action, resource);"), "cedar.unrecognized-entity-type");
  EXPECT_EQ(codes_of("permit (principal, action, resource) when { principal.team == \"x\" };"),
            "cedar.attribute-not-found");
  EXPECT_EQ(codes_of("permit (principal, action, resource) when { context.now == 1 };"), "cedar.attribute-not-found");
  EXPECT_EQ(codes_of("permit (principal, action, resource"), "cedar.syntax");
  EXPECT_EQ(codes_of("permit (principal == ?principal, action, resource);"), "roles.template");
  EXPECT_EQ(codes_of("@approval(\"x\") forbid (principal, action, resource);"), "roles.annotation");
  EXPECT_EQ(codes_of("@shadow forbid (principal, action, resource);"), "roles.annotation");
  EXPECT_EQ(codes_of("permit (principal, action, resource); forbid (principal, action, resource) when { false };"),
            "cedar.impossible-policy");
}

TEST(RolesTest, NamesThatAreNobodysAndTooFewPeople) {
  std::string all = "permit (principal, action, resource);\n";
  EXPECT_EQ(codes_of(all), "");
  EXPECT_EQ(codes_of(all + "forbid (principal in Team::\"platfrom\", action, resource);"), "lint.unknown-entity");
  EXPECT_EQ(codes_of(all + "forbid (principal, action, resource) when { principal == User::\"sm\" };"),
            "lint.unknown-entity");
  EXPECT_EQ(codes_of(all + "@allow(\"unknown-entity\") forbid (principal == User::\"sm\", action, resource);"), "");
  EXPECT_EQ(codes_of("permit (principal, action == Console::Action::\"vote\", resource);"), "lint.nobody-may");
  // One person alone could never get an edit through.
  EXPECT_EQ(codes_of("permit (principal == User::\"dana\", action, resource);"), "lint.nobody-may");
}

TEST(RolesTest, AFileThatCannotBeReadIsNotNoFile) {
  PolicyFolder folder;
  folder.write("a.cedar", "permit (principal, action, resource);");
  std::filesystem::create_directories(folder.path() / "roles");
  std::filesystem::create_directories(folder.path() / "roles" / "x.cedar");
  Problems problems;
  EXPECT_EQ(Roles::load(folder.path(), problems), nullptr);
  EXPECT_TRUE(has_errors(problems));
}

TEST(RolesTest, RolesAreInTheDigestAndTestsAreNot) {
  PolicyFolder folder;
  folder.write("a.cedar", "permit (principal, action, resource);");
  std::string first = folder.load()->digest();
  std::filesystem::create_directories(folder.path() / "tests");
  folder.write("tests/a.json", "[]");
  EXPECT_EQ(folder.load()->digest(), first);
  std::filesystem::create_directories(folder.path() / "roles");
  folder.write("roles/a.cedar", "permit (principal, action, resource);");
  std::string second = folder.load()->digest();
  EXPECT_NE(second, first);
  folder.write("approvals.yaml", "rules: {}\n");
  EXPECT_NE(folder.load()->digest(), second);
}

TEST(DraftTest, OnlyFilesOfAPolicySetGetIn) {
  for (std::string_view good : {"a.cedar", "10-x_y.cedar", "floor/a.cedar", "roles/a.cedar", "tests/a.json",
                                "entities.yaml", "approvals.yaml", "links.yaml", "inputs.cedarschema"})
    EXPECT_TRUE(is_policy_file(good)) << good;
  for (std::string_view bad : {"",
                               "a",
                               ".cedar",
                               ".a.cedar",
                               "floor/.cedar",
                               "floor/",
                               "/a.cedar",
                               "../a.cedar",
                               "floor/../a.cedar",
                               "floor//a.cedar",
                               "a/b.cedar",
                               "floor/floor/a.cedar",
                               "a.cedar/",
                               "a\\b.cedar",
                               "a b.cedar",
                               "tests/a.cedar",
                               "a.json",
                               "roles/entities.yaml",
                               "Entities.yaml",
                               "countersign.yaml",
                               "a.cedar.bak",
                               "\xC3\xA4.cedar"})
    EXPECT_FALSE(is_policy_file(bad)) << bad;
  EXPECT_FALSE(is_policy_file(std::string(95, 'a') + ".cedar"));
  EXPECT_FALSE(is_policy_file(std::string_view("a\0.cedar", 8)));
}

TEST(DraftTest, LimitsAndWhatIsNoText) {
  auto codes = [](const std::vector<DraftFile>& files) {
    Problems problems;
    static_cast<void>(read_draft(files, problems));
    std::string out;
    for (const Problem& problem : problems) out += problem.code + " ";
    return out;
  };
  EXPECT_EQ(codes({{"a.cedar", "x"}, {"b.cedar", ""}}), "");
  EXPECT_EQ(codes({{"a.cedar", "x"}, {"A.cedar", "x"}}), "draft.file_twice ");
  EXPECT_EQ(codes({{"../a.cedar", "x"}}), "draft.file_name ");
  EXPECT_EQ(codes({{"a.cedar", std::string(kFileBytes + 1, ' ')}}), "draft.too_large ");
  EXPECT_EQ(codes({{"a.cedar", "\xFF"}}), "draft.not_text ");
  EXPECT_EQ(codes({{"a.cedar", std::string("a\0b", 3)}}), "draft.not_text ");
  std::vector<DraftFile> many;
  for (std::size_t i = 0; i <= kMostFiles; ++i) many.push_back({std::to_string(i) + ".cedar", ""});
  EXPECT_EQ(codes(many), "draft.too_many_files ");
  many.clear();
  for (int i = 0; i < 9; ++i) many.push_back({std::to_string(i) + ".cedar", std::string(kFileBytes, ' ')});
  EXPECT_EQ(codes(many), "draft.too_large ");
}

// What is in memory and what is on disk make the same set.
TEST(DraftTest, ADraftLoadsAsTheFolderDoes) {
  PolicyFolder folder;
  std::vector<DraftFile> files = {{"entities.yaml", std::string(kPeople)},
                                  {"a.cedar", "permit (principal, action, resource);"},
                                  {"floor/b.cedar", "forbid (principal, action, resource in Upstream::\"x\");"}};
  for (const DraftFile& file : files) folder.write(file.path, file.text);
  Problems problems;
  SnapshotSource draft = read_draft(files, problems);
  auto loaded = Snapshot::load(draft, folder.upstreams(), problems);
  ASSERT_TRUE(loaded) << format_problems(problems);
  EXPECT_EQ(loaded->digest(), folder.load()->digest());
  EXPECT_EQ(draft.all().size(), 3U);
  EXPECT_EQ(draft.all().front()->name, "a.cedar");
}

}  // namespace
}  // namespace countersign::policies
