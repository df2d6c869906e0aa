// A question to the policies as people and programs write it down: "may this agent do this?" in JSON.
//
//   { "agent": "builder", "owner": "olivia", "delegates": ["reviewer"],
//     "operation": { "upstream": "files", "action": "mcp:call_tool", "effect": "write",
//                    "resource": "File::files/production/config.json", "input": { "tool": "write_file" } },
//     "approvals": [ { "rule": "production-change", "by": "sam", "level": "senior", "at": "2026-11-21T09:30:00Z" } ],
//     "now": "2026-11-21T09:30:00Z" }
//
// The members of `operation` may also stand beside `agent`. `accesses`: [{resource, effect}] instead of both, for what
// touches several things; each may have its own `action` and `input`, as the refs of a push have.
// docs/formats/explain.md has every member. Pure functions, any thread.
#pragma once

#include <string>
#include <vector>

#include "core/json.h"
#include "policies/explain.h"

namespace countersign::policies {

// What was said when a recorded question was asked.
struct Recorded {
  std::string what;  // "record 42 of the audit log", "request req_…"
  std::string decision;
  std::string code;
  std::string policy_digest;
  std::vector<std::string> missing;  // what it does not say and is taken as not known, a sentence each
  bool delegates_known = true;
  std::string environment;  // of what was touched, as it was labelled then; several stand between commas
};

struct Question {
  std::string agent;
  std::string owner;
  std::vector<std::string> delegates;
  std::string token;
  Scope scope;  // everything, unless said otherwise
  Operation operation;
  std::vector<ApprovalFact> approvals;
  TimeMs now = 0;
  Session session;  // nothing was done before, unless said otherwise
  InputKnown input = InputKnown::yes;

  std::optional<Recorded> recorded;  // only of what was recorded

  [[nodiscard]] Subject subject() const { return {agent, owner, delegates, token, &scope, &session}; }
};

// `directory` gives the owner of a listed agent and the level of a listed user when the question does not. `now`: what
// counts when the question does not say. Errors: question.invalid (invalid) with the member's name.
[[nodiscard]] Result<Question> read_question(const Json& json, const Directory& directory, TimeMs now);

// What was recorded: a record of the audit log (`countersign audit show N --output json`) or a held request
// (`countersign request show ID --output json`). Its time counts as now. Errors: question.not_recorded (unsupported)
// when it does not say enough to ask the policies again, and why. (policies/recorded.cc)
[[nodiscard]] bool is_recorded(const Json& json);
[[nodiscard]] Result<Question> read_recorded(const Json& json);
// What tags said is not recorded, but for the environment that came of them: an access of an `aws` upstream that would
// be labelled otherwise today has that one again, and `missing` says so.
void recall_labels(Question& question, const Snapshot& snapshot);

// Whether a policy reads something the record does not hold and that cannot be left unknown: question.not_recorded.
[[nodiscard]] Status check_answerable(const Question& question, const Snapshot& snapshot);

// `Type::"id"` as in Cedar, or `Type::id` as the log writes it; the id begins with the upstream's name and a slash.
[[nodiscard]] Result<Resource> read_resource(std::string_view text);

}  // namespace countersign::policies
