// A schema in either syntax. What parses must translate to JSON and back to a schema that says the same, and to Cedar's
// syntax when that can say it; what does not parse must say why.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "policies/cedar/schema/print.h"
#include "policies/cedar/schema/schema.h"

namespace {

// Aborts, so that the fuzzer keeps the input.
void require(bool holds) {
  if (!holds) std::abort();
}

constexpr cedar::SchemaLimits kLimits = {.bytes = 1U << 16, .depth = 20, .declarations = 500, .edges = 20'000};
// A translation is longer than what it is made from.
constexpr cedar::SchemaLimits kAgain = {.bytes = 1U << 22, .depth = 20, .declarations = 5'000, .edges = 20'000};

void require_same(const cedar::Schema& a, const cedar::Schema& b) {
  require(a.entity_types().size() == b.entity_types().size());
  for (const auto& [name, left] : a.entity_types()) {
    const cedar::EntityTypeInfo* right = b.entity_type(name);
    require(right != nullptr && *left.attributes == *right->attributes && left.ids == right->ids);
    require(left.parents == right->parents && left.ancestors == right->ancestors);
    require((left.tags == nullptr) == (right->tags == nullptr) && (left.tags == nullptr || *left.tags == *right->tags));
  }
  require(a.actions().size() == b.actions().size());
  for (const cedar::ActionInfo& left : a.actions()) {
    const cedar::ActionInfo* right = b.action(left.uid);
    require(right != nullptr && left.ancestors == right->ancestors);
    if (left.principals.empty() || left.resources.empty()) continue;
    require(left.principals == right->principals && left.resources == right->resources);
    require(*left.context == *right->context);
  }
}

void require_told(const cedar::Schema::Problems& problems) {
  require(!problems.empty());
  for (const cedar::SourceDiagnostic& each : problems) require(!each.to_text().empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  auto schema = cedar::Schema::parse(input, kLimits);
  if (!schema) {
    require_told(schema.error());
    require(!cedar::schema_to_json(input, kLimits).has_value());
    return 0;
  }
  for (const auto& [name, info] : schema->entity_types()) require(info.attributes->to_text().size() < 500);
  auto json = cedar::schema_to_json(input, kLimits);
  if (json) {
    auto again = cedar::Schema::parse(*json, kAgain);
    require(again.has_value());
    require_same(*schema, *again);
  }
  auto text = cedar::schema_to_cedar(input, kLimits);
  if (text) {
    auto again = cedar::Schema::parse(*text, kAgain);
    require(again.has_value());
    require_same(*schema, *again);
  } else {
    require_told(text.error());
  }
  return 0;
}
