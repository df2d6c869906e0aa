// Runs tests/cases/policies/decisions.txt.
#include <gtest/gtest.h>

#include <sstream>

#include "policies/decide.h"
#include "policies_testing.h"

namespace countersign::policies {
namespace {

struct Ask {
  int line = 0;
  Operation operation;
  std::string agent = "builder";
  std::string owner = "olivia";
  std::vector<std::string> delegates;
  std::vector<ApprovalFact> approvals;
  std::vector<std::pair<std::string, std::string>> expected;  // what, value
};

struct Case {
  std::string name;
  std::string upstreams;
  std::string policies;
  std::string floor;
  std::string entities;
  std::string inputs;
  std::vector<Ask> asks;
};

std::string word(std::string_view& rest) {
  std::size_t end = rest.find(' ');
  std::string out(rest.substr(0, end));
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return out;
}

Access read_access(std::string_view rest, Operation& operation) {
  Effect effect = effect_from_name(word(rest)).value();
  std::string type = word(rest);
  operation.upstream = word(rest);
  return access(effect, type, operation.upstream, word(rest));
}

void read_with(std::string_view rest, Ask& ask) {
  std::string what = word(rest);
  if (what == "input") {
    ask.operation.input = rest;
  } else if (what == "arguments") {
    ask.operation.input = tool_call(std::string(rest));
  } else if (what == "approval") {
    ApprovalFact fact;
    fact.rule = word(rest);
    fact.by = word(rest);
    fact.level = word(rest);
    fact.at = 1'700'000'000'000;
    ask.approvals.push_back(fact);
  } else if (what == "delegate") {
    ask.delegates.emplace_back(rest);
  } else if (what == "owner") {
    ask.owner = rest;
  } else if (what == "agent") {
    ask.agent = rest;
  } else if (what == "action") {
    ask.operation.action = rest;
  } else {
    FAIL() << "with what? " << what;
  }
}

std::vector<Case> read_cases() {
  std::ifstream file(std::string(COUNTERSIGN_SOURCE_DIR) + "/tests/cases/policies/decisions.txt");
  EXPECT_TRUE(file.is_open());
  std::vector<Case> cases;
  std::string* section = nullptr;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    std::string_view rest = line;
    if (line.starts_with("== ")) {
      cases.push_back({.name = line.substr(3)});
      section = nullptr;
    } else if (line.empty() || line[0] == '#') {
      continue;
    } else if (line.starts_with("  ") && section) {
      *section += line.substr(2) + "\n";
    } else if (line.starts_with("upstreams: ")) {
      cases.back().upstreams = line.substr(11);
    } else if (line == "policies:" || line == "floor:" || line == "entities:" || line == "inputs:") {
      Case& current = cases.back();
      section = line[0] == 'p'   ? &current.policies
                : line[0] == 'f' ? &current.floor
                : line[0] == 'e' ? &current.entities
                                 : &current.inputs;
    } else {
      std::string verb = word(rest);
      if (verb == "ask") {
        Ask& ask = cases.back().asks.emplace_back();
        ask.line = number;
        ask.operation.protocol = "mcp";
        ask.operation.action = "mcp:call_tool";
        ask.operation.input = tool_call("{}");
        ask.operation.accesses.push_back(read_access(rest, ask.operation));
      } else if (verb == "and") {
        Ask& ask = cases.back().asks.back();
        ask.operation.accesses.push_back(read_access(rest, ask.operation));
      } else if (verb == "with") {
        read_with(rest, cases.back().asks.back());
      } else if (verb == "then") {
        std::string what = word(rest);
        cases.back().asks.back().expected.emplace_back(what, rest);
      } else {
        ADD_FAILURE() << "line " << number << ": " << line;
      }
    }
  }
  return cases;
}

std::string join(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& text : words) out += (out.empty() ? "" : ",") + text;
  return out;
}

void check_ask(const Snapshot& snapshot, const Ask& ask, const std::string& name) {
  Scope scope = everything();
  Subject subject{ask.agent, ask.owner, ask.delegates, "00ff", &scope};
  Decision decision = decide(snapshot, subject, ask.operation, ask.approvals, 1'700'000'000'000);
  std::string where = name + ", line " + std::to_string(ask.line) + ": " + decision.reason;
  EXPECT_FALSE(ask.expected.empty()) << where;
  EXPECT_EQ(decision.policy_digest, snapshot.digest());
  EXPECT_FALSE(decision.reason.empty()) << where;
  EXPECT_EQ(decision.verdict == Verdict::hold, !decision.approvals.empty()) << where;
  for (const auto& [what, value] : ask.expected) {
    if (what == "policies") {
      EXPECT_EQ(join(decision.policies), value) << where;
    } else if (what == "approvals") {
      EXPECT_EQ(join(decision.approvals), value) << where;
    } else if (what == "reason") {
      EXPECT_NE(decision.reason.find(value), std::string::npos) << where;
    } else {
      EXPECT_EQ(std::string(verdict_name(decision.verdict)), what) << where;
      EXPECT_EQ(decision.code, value) << where;
    }
  }
  // Whatever is allowed or held must have been listed.
  if (decision.verdict != Verdict::deny && ask.approvals.empty())
    EXPECT_TRUE(could_allow(snapshot, subject, ask.operation, 1'700'000'000'000)) << where;
}

TEST(DecisionTable, EveryCase) {
  std::vector<Case> cases = read_cases();
  EXPECT_GE(cases.size(), 20U);
  for (const Case& current : cases) {
    PolicyFolder folder;
    folder.write("policies.cedar", current.policies);
    if (!current.floor.empty()) folder.write("floor/floor.cedar", current.floor);
    if (!current.entities.empty()) folder.write("entities.yaml", current.entities);
    if (!current.inputs.empty()) folder.write("inputs.cedarschema", current.inputs);
    std::string_view upstreams = current.upstreams;
    while (!upstreams.empty()) {
      std::string entry = word(upstreams);
      std::size_t equal = entry.find('=');
      std::size_t slash = entry.find('/');
      folder.upstream(entry.substr(0, equal), entry.substr(equal + 1, slash - equal - 1),
                      std::stoll(entry.substr(slash + 1)));
    }
    std::shared_ptr<const Snapshot> snapshot = folder.load();
    ASSERT_TRUE(snapshot) << current.name;
    for (const Ask& ask : current.asks) check_ask(*snapshot, ask, current.name);
  }
}

}  // namespace
}  // namespace countersign::policies
