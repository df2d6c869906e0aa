#include "answers.h"

#include <gtest/gtest.h>

namespace cedar::test {

PolicySet parse(std::string_view text) {
  auto set = PolicySet::parse(text);
  EXPECT_TRUE(set.has_value()) << set.error().front().to_text();
  return set ? std::move(*set) : PolicySet();
}

std::string describe(const PolicySet& set, const Answer& answer) {
  std::string out;
  auto refs = [&](const char* name, const std::vector<PolicyRef>& all) {
    for (PolicyRef ref : all) out += std::string(name) + " " + set[ref].id() + "\n";
  };
  auto failures = [&](const char* name, const std::vector<PolicyFailure>& all) {
    for (const PolicyFailure& each : all)
      out += std::string(name) + " " + set[each.policy].id() + " " + to_text(set, each) + "\n";
  };
  refs("permit", answer.satisfied_permits);
  refs("forbid", answer.satisfied_forbids);
  failures("errored permit", answer.errored_permits);
  failures("errored forbid", answer.errored_forbids);
  failures("maybe permit", answer.maybe_permits);
  failures("maybe forbid", answer.maybe_forbids);
  return out;
}

}  // namespace cedar::test
