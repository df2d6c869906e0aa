#include "policies/testing.h"

#include <algorithm>

#include "core/problem.h"
#include "core/words.h"

namespace countersign::policies {
namespace {

constexpr std::size_t kLargestEntities = 16U << 20;

std::unexpected<Error> invalid(std::string message) {
  return fail(ErrorKind::malformed, "test.invalid", std::move(message));
}

std::string named(const std::vector<std::string>& words) {
  return words.empty() ? "none" : joined(words);
}

Result<std::vector<std::string>> read_ids(const Json& json, std::string_view key) {
  std::vector<std::string> out;
  const Json* list = find_member(json, key);
  if (list == nullptr) return out;
  if (!list->is_array()) return invalid("`" + std::string(key) + "` must be a list of texts");
  for (const Json& item : *list) {
    if (!item.is_string()) return invalid("`" + std::string(key) + "` must be a list of texts");
    out.push_back(item.get<std::string>());
  }
  return out;
}

// A misspelt expectation would expect nothing. (The official format ignores members it does not know.)
Status check_members(const Json& json) {
  static const std::vector<std::string_view> kKnown = {"name",       "request", "decision",  "reason",
                                                       "num_errors", "errors",  "approvals", "code"};
  for (const auto& [key, value] : json.items()) {
    if (std::ranges::find(kKnown, key) != kKnown.end()) continue;
    std::string_view near = closest(key, kKnown);
    return invalid("a case has no member `" + bounded(key, 60) + "`" +
                   (near.empty() ? "" : "; did you mean `" + std::string(near) + "`?"));
  }
  return {};
}

Result<std::vector<config::Upstream>> read_upstreams(const Json& json) {
  std::vector<config::Upstream> out;
  if (!json.is_array()) return invalid("`upstreams` must be a list of {name, protocol, types, labels}");
  for (const Json& each : json) {
    config::Upstream upstream;
    upstream.name = string_or(each, "name", "");
    upstream.protocol = string_or(each, "protocol", "mcp");
    if (upstream.name.empty()) return invalid("an upstream needs its `name`");
    auto types = read_ids(each, "types");
    if (!types) return fail(types.error());
    for (std::string& type : *types)
      upstream.tools.push_back({.tool = "*",
                                .effect = {},
                                .resources = {{.pointer = "/path", .effect = {}}},
                                .resource_type = std::move(type)});
    const Json* labels = find_member(each, "labels");
    if (labels != nullptr && !labels->is_object()) return invalid("`labels` of an upstream must be an object");
    for (const auto& [key, value] : (labels != nullptr ? *labels : Json::object()).items()) {
      if (key == "tier" && value.is_number_integer()) {
        upstream.labels.tier = value.get<std::int64_t>();
      } else if (key == "tier" || !value.is_string()) {
        return invalid("label `" + bounded(key, 60) + "` must be " + (key == "tier" ? "a number" : "text"));
      } else if (key == "environment") {
        upstream.labels.environment = value.get<std::string>();
      } else if (key == "owner") {
        upstream.labels.owner = value.get<std::string>();
      } else {
        upstream.labels.free[key] = value.get<std::string>();
      }
    }
    out.push_back(std::move(upstream));
  }
  return out;
}

// The entities of a plain case: given, or in a file beside the test file.
Result<std::string> read_entities(const std::filesystem::path& test_file, const Json& entities) {
  if (!entities.is_string()) return entities.dump();
  std::error_code error;
  std::filesystem::path folder = std::filesystem::weakly_canonical(test_file.parent_path(), error);
  std::filesystem::path path =
      std::filesystem::weakly_canonical(test_file.parent_path() / entities.get_ref<const std::string&>(), error);
  auto inside = std::ranges::mismatch(folder, path);
  if (error || inside.in1 != folder.end())
    return invalid("the file of `entities` must be in the folder of the test file");
  return read_file(path.string(), kLargestEntities);
}

// Three-way, for plain Cedar: as the gateway would read the four sets if its approvals were not given.
struct PlainVerdict {
  std::string verdict;
  std::vector<std::string> approvals;
};
PlainVerdict three_way(const cedar::PolicySet& policies, const PlainExplanation& explanation) {
  if (explanation.response.decision == cedar::Decision::allow) return {"allow", {}};
  PlainVerdict out{"hold", {}};
  bool permitted = false;
  for (const PolicyExplanation& policy : explanation.policies) {
    bool permit = policy.effect == cedar::Effect::permit;
    if (permit) permitted = permitted || policy.standing == Standing::applies;
    if (!permit && policy.standing == Standing::failed) return {"deny", {}};
    if (permit || policy.standing != Standing::applies) continue;
    auto approval = policies[policy.ref].annotation("approval");
    if (!approval) return {"deny", {}};
    out.approvals.emplace_back(*approval);
  }
  if (!permitted) return {"deny", {}};
  sort_unique(out.approvals);
  return out;
}

}  // namespace

struct TestRunner::Expected {
  std::string decision;
  std::string code;
  std::vector<std::string> reason;
  std::optional<std::vector<std::string>> approvals;
  std::optional<std::vector<std::string>> errors;
  std::optional<std::size_t> num_errors;

  static Result<Expected> read(const Json& json) {
    Expected out;
    out.decision = string_or(json, "decision", "");
    if (out.decision != "allow" && out.decision != "deny" && out.decision != "hold")
      return invalid("`decision` must be \"allow\", \"hold\" or \"deny\"");
    out.code = string_or(json, "code", "");
    auto reason = read_ids(json, "reason");
    if (!reason) return fail(reason.error());
    out.reason = std::move(*reason);
    for (auto [key, list] : {std::pair("approvals", &out.approvals), std::pair("errors", &out.errors)}) {
      if (find_member(json, key) == nullptr) continue;
      auto ids = read_ids(json, key);
      if (!ids) return fail(ids.error());
      *list = std::move(*ids);
      sort_unique(**list);
    }
    if (const Json* count = find_member(json, "num_errors")) {
      if (!count->is_number_unsigned()) return invalid("`num_errors` must be a number");
      out.num_errors = count->get<std::size_t>();
    }
    return out;
  }
};

Result<TestFile> read_test_file(const std::filesystem::path& path, const Json& json) {
  TestFile out;
  out.path = path;
  auto about = [&](std::string message) { return invalid(path.string() + ": " + std::move(message)); };
  const Json* cases = &json;
  if (json.is_object()) {
    cases = find_member(json, "cases");
    if (cases == nullptr) return about("`cases` is missing");
    for (const auto& [key, value] : json.items()) {
      if (key != "cases" && key != "upstreams" && key != "defaults")
        return about("a test file has no member `" + bounded(key, 60) + "`");
    }
    if (const Json* upstreams = find_member(json, "upstreams")) {
      auto read = read_upstreams(*upstreams);
      if (!read) return about(read.error().message);
      out.upstreams = std::move(*read);
    }
    if (const Json* defaults = find_member(json, "defaults")) {
      if (!defaults->is_object()) return about("`defaults` must be an object");
      out.defaults = *defaults;
    }
  }
  if (!cases->is_array()) return about("a test file is a list of cases");
  for (const Json& each : *cases) {
    if (!each.is_object()) return about("a case must be an object");
    out.cases.push_back(each);
  }
  return out;
}

bool TestRunner::names(const std::string& written, const std::string& id) const {
  if (written == id) return true;
  for (std::size_t i = 0; i < policies_.size(); ++i) {
    cedar::PolicyRef ref{static_cast<std::uint32_t>(i)};
    const cedar::Policy& policy = policies_[ref];
    if (policy.id() != written) continue;
    return id == (snapshot_ != nullptr ? snapshot_->facts(ref).id
                                       : std::string(policy.annotation("id").value_or(policy.id())));
  }
  return false;
}

void TestRunner::compare(const Expected& expected, const std::string& code, TestOutcome& outcome) const {
  std::vector<std::string>& found = outcome.differences;
  if (!expected.code.empty() && expected.code != code)
    found.push_back("expected code " + expected.code + ", got " + code);
  for (const std::string& wanted : expected.reason) {
    bool there = std::ranges::any_of(outcome.policies, [&](const std::string& id) { return names(wanted, id); });
    if (!there) found.push_back("expected " + wanted + " to decide, got " + named(outcome.policies));
  }
  if (expected.approvals && *expected.approvals != outcome.approvals)
    found.push_back("expected approvals " + named(*expected.approvals) + ", got " + named(outcome.approvals));
  if (expected.errors) {
    bool same = expected.errors->size() == outcome.errors.size() &&
                std::ranges::all_of(*expected.errors, [&](const std::string& wanted) {
                  return std::ranges::any_of(outcome.errors, [&](const std::string& id) { return names(wanted, id); });
                });
    if (!same) found.push_back("expected errors in " + named(*expected.errors) + ", got " + named(outcome.errors));
  }
  if (expected.num_errors && *expected.num_errors != outcome.errors.size()) {
    found.push_back("expected " + std::to_string(*expected.num_errors) + " errors, got " +
                    std::to_string(outcome.errors.size()) +
                    (outcome.errors.empty() ? "" : ": " + named(outcome.errors)));
  }
}

Result<TestOutcome> TestRunner::run(const TestFile& file, std::size_t number, Coverage& coverage) const {
  const Json& json = file.cases[number];
  std::string name = string_or(json, "name", "");
  if (name.empty()) name = "case " + std::to_string(number + 1);
  auto about = [&](Error error) {
    error.message = file.path.string() + ": " + bounded(name) + ": " + error.message;
    return fail(std::move(error));
  };
  auto expected = Expected::read(json);
  if (!expected) return about(expected.error());
  const Json* request = find_member(json, "request");
  if (request == nullptr || !request->is_object())
    return about({ErrorKind::malformed, "test.invalid", "`request` must be an object"});
  bool plain = find_member(json, "entities") != nullptr;
  if (!plain && snapshot_ == nullptr)
    return about({ErrorKind::malformed, "test.invalid", "a plain Cedar case needs `entities`"});
  if (!plain) {
    if (auto known = check_members(json); !known) return about(known.error());
  }
  auto outcome = plain ? run_plain(file, json, *expected, coverage) : run_gateway(file, json, coverage);
  if (!outcome) return about(outcome.error());
  outcome->name = std::move(name);
  outcome->expected = expected->decision;
  std::string code;
  if (const auto* explanation = std::get_if<Explanation>(&outcome->explanation)) code = explanation->decision.code;
  if (outcome->got != expected->decision)
    outcome->differences.push_back("expected " + expected->decision + ", got " + outcome->got +
                                   (code.empty() ? "" : " (" + code + ")"));
  compare(*expected, code, *outcome);
  return outcome;
}

Result<TestOutcome> TestRunner::run_plain(const TestFile& file, const Json& json, const Expected& expected,
                                          Coverage& coverage) const {
  const Json& request = *find_member(json, "request");
  auto entities = read_entities(file.path, *find_member(json, "entities"));
  if (!entities) return fail(entities.error());
  const Json* context = find_member(request, "context");
  auto question = read_plain({.principal = string_or(request, "principal", ""),
                              .action = string_or(request, "action", ""),
                              .resource = string_or(request, "resource", ""),
                              .context = context != nullptr && !context->is_null() ? context->dump() : std::string(),
                              .entities = std::move(*entities)},
                             schema_);
  if (!question) return fail(question.error());
  PlainExplanation explanation = explain_plain(policies_, question->request, cedar::EntityOverlay(question->entities));
  coverage.add(explanation.policies);
  TestOutcome out;
  PlainVerdict verdict = three_way(policies_, explanation);
  // Cedar's own answer knows two; the third is for those who ask for it.
  out.got = expected.decision == "hold" || verdict.verdict != "hold" ? verdict.verdict : "deny";
  out.approvals = std::move(verdict.approvals);
  out.policies = explanation.response.reason;
  out.errors = explanation.response.errors;
  sort_unique(out.errors);
  out.explanation = std::move(explanation);
  return out;
}

Result<TestOutcome> TestRunner::run_gateway(const TestFile& file, const Json& json, Coverage& coverage) const {
  Json asked = file.defaults;
  asked.merge_patch(*find_member(json, "request"));
  auto question = read_question(asked, snapshot_->directory(), now_);
  if (!question) return fail(question.error());
  Explanation explanation =
      explain(*snapshot_, question->subject(), question->operation, question->approvals, question->now);
  TestOutcome out;
  for (const AccessExplanation& access : explanation.accesses) {
    coverage.add(access.policies);
    for (const PolicyExplanation& policy : access.policies) {
      if (policy.standing == Standing::failed || policy.standing == Standing::unknown) out.errors.push_back(policy.id);
    }
  }
  sort_unique(out.errors);
  out.got = verdict_name(explanation.decision.verdict);
  out.policies = explanation.decision.policies;
  out.approvals = explanation.decision.approvals;
  out.question = std::move(*question);
  out.explanation = std::move(explanation);
  return out;
}

}  // namespace countersign::policies
