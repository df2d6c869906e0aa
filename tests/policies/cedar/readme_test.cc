// The example of policies/cedar/README.md, kept the same: the program between the marks is compared with the README's
// text.
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

// BEGIN
#include "policies/cedar/authorizer.h"
#include "policies/cedar/entity.h"
#include "policies/cedar/policy_set.h"

std::string may_push(const cedar::PolicySet& policies, const cedar::Entities& people, cedar::Answer& answer) {
  // The request brings its own entities: the repository with its labels, the action in its groups.
  cedar::EntityOverlay entities(people);
  cedar::Entity repository{.uid = cedar::EntityUid("Repository", "payments")};
  repository.attributes = cedar::RecordBuilder().set("environment", cedar::Value::string("production")).build();
  cedar::Entity push{.uid = cedar::EntityUid("Action", "git:push"), .parents = {cedar::EntityUid("Action", "change")}};
  if (auto added = entities.add(repository); !added) return added.error().message;
  if (auto added = entities.add(push); !added) return added.error().message;

  cedar::Request request(cedar::EntityUid("Agent", "builder"), push.uid, repository.uid,
                         cedar::RecordBuilder().set("force", cedar::Value::boolean(false)).build());
  cedar::authorize(policies, request, entities, answer);

  if (!answer.errored_forbids.empty()) return cedar::to_text(policies, answer.errored_forbids.front());
  if (!answer.satisfied_forbids.empty()) return "forbidden by " + policies[answer.satisfied_forbids.front()].id();
  return answer.satisfied_permits.empty() ? "not permitted" : "allowed";
}
// END

namespace {

TEST(CedarReadme, ExampleWorks) {
  auto people = cedar::Entities::make(
      {{.uid = cedar::EntityUid("Agent", "builder"), .parents = {cedar::EntityUid("Team", "ci")}}});
  ASSERT_TRUE(people.has_value());
  cedar::Answer answer;
  auto ask = [&](std::string text) {
    auto policies = cedar::PolicySet::parse({{"team.cedar", std::move(text)}});
    return policies ? may_push(*policies, *people, answer) : policies.error().front().to_text();
  };
  const std::string permit = "permit (principal in Team::\"ci\", action in Action::\"change\", resource);\n";
  EXPECT_EQ(ask(permit), "allowed");
  EXPECT_EQ(ask(""), "not permitted");
  EXPECT_EQ(ask(permit + "forbid (principal, action, resource) when { resource.environment == \"production\" };"),
            "forbidden by policy1");
  EXPECT_EQ(ask(permit + "forbid (principal, action, resource) when { context.size > 3 };"),
            "team.cedar:2:45: the record has no attribute `size`");
}

TEST(CedarReadme, ShowsThisVeryProgram) {
  auto read = [](const char* file) {
    std::ifstream in(std::string(COUNTERSIGN_SOURCE_DIR) + file);
    return std::string{std::istreambuf_iterator<char>(in), {}};
  };
  std::string here = read("/tests/policies/cedar/readme_test.cc");
  std::size_t begin = here.find("// BEGIN\n") + 9;
  std::string example = here.substr(begin, here.find("// END\n") - begin);
  ASSERT_GT(example.size(), 500U);
  EXPECT_NE(read("/policies/cedar/README.md").find(example), std::string::npos);
}

}  // namespace
