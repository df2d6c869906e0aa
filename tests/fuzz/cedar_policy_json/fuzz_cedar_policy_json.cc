// A policy or a policy set in JSON. What reads is printed and written: text and JSON must read back as the same policy.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "policies/cedar/est.h"
#include "policies/cedar/printer.h"

namespace {

// Aborts, so that the fuzzer keeps the input.
void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  cedar::EstLimits limits{.bytes = 1U << 16, .values = 10'000, .depth = 60};
  if (auto policy = cedar::read_policy_json(text, limits)) {
    auto parsed = cedar::parse_policies(cedar::print(*policy));
    require(parsed.has_value() && parsed->size() == 1);
    require(cedar::same_structure(parsed->front(), *policy));
    if (auto json = cedar::write_policy_json(*policy)) {
      auto again = cedar::read_policy_json(*json);
      require(again.has_value());
      require(cedar::write_policy_json(*again).value() == *json);
    }
  }
  if (auto set = cedar::read_policy_set_json(text, "fuzz", limits)) {
    for (const cedar::Policy& each : set->all()) require(each.span().end() <= each.source().text().size());
    if (auto json = cedar::write_policy_set_json(*set)) {
      auto again = cedar::read_policy_set_json(*json, "again");
      require(again.has_value() && again->size() == set->size());
    }
  }
  return 0;
}
