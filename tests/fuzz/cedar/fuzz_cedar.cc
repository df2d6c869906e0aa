// Policy text, then (behind a zero byte) a context in JSON. Whatever parses is evaluated, indexed and by scan, which
// must agree; whatever a value is written as must read back as that value.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "policies/cedar/authorizer.h"
#include "policies/cedar/json.h"
#include "policies/cedar/policy_set.h"

namespace {

// Aborts, so that the fuzzer keeps the input.
void require(bool holds) {
  if (!holds) std::abort();
}

std::vector<cedar::PolicyRef> policies_of(const std::vector<cedar::PolicyFailure>& failures) {
  std::vector<cedar::PolicyRef> out;
  for (const cedar::PolicyFailure& failure : failures) out.push_back(failure.policy);
  return out;
}

void check_round_trip(const cedar::Value& value) {
  if (value.has_unknown()) return;
  auto parsed = cedar::parse_expression(value.to_text());
  require(parsed.has_value());
  cedar::Program program;
  cedar::NodeId root = cedar::lower(parsed->exprs, parsed->root, program);
  cedar::Request request(cedar::EntityUid("A", ""), cedar::EntityUid("Action", ""), cedar::EntityUid("A", ""));
  cedar::Entities base;
  cedar::EntityOverlay entities(base);
  auto again = cedar::Evaluator(request, entities).evaluate(program, root);
  require(again.has_value() && *again == value);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  std::size_t zero = input.find('\0');
  std::string_view json = zero == std::string_view::npos ? std::string_view("{}") : input.substr(zero + 1);
  auto context = cedar::parse_context_json(json, {.bytes = 1U << 16, .depth = 30, .values = 1000});
  if (context) check_round_trip(*context);

  auto set = cedar::PolicySet::parse(input.substr(0, zero), {.bytes = 1U << 16});
  if (!set) {
    require(!set.error().empty());
    for (const cedar::SourceDiagnostic& each : set.error()) require(!each.to_text().empty());
    return 0;
  }
  auto uid = [](const char* type) { return cedar::EntityUid(type, "a"); };
  cedar::Entities base = cedar::Entities::make({{.uid = uid("User"), .parents = {uid("Team")}}}).value();
  cedar::EntityOverlay entities(base);
  cedar::Request request(uid("User"), uid("Action"), uid("Doc"), context ? *context : cedar::Value::unknown("context"));
  cedar::Answer indexed = cedar::authorize(*set, request, entities);
  cedar::Answer scanned = cedar::authorize_by_scan(*set, request, entities);
  require(indexed.satisfied_permits == scanned.satisfied_permits);
  require(indexed.satisfied_forbids == scanned.satisfied_forbids);
  require(policies_of(indexed.errored_permits) == policies_of(scanned.errored_permits));
  require(policies_of(indexed.errored_forbids) == policies_of(scanned.errored_forbids));
  require(policies_of(indexed.maybe_permits) == policies_of(scanned.maybe_permits));
  require(policies_of(indexed.maybe_forbids) == policies_of(scanned.maybe_forbids));
  return 0;
}
