// Entities in JSON, or (when the first byte is a zero) a context, read with a schema that has a bit of everything. What
// is accepted must be valid when it is checked again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "policies/cedar/conformance.h"

namespace {

// Aborts, so that the fuzzer keeps the input.
void require(bool holds) {
  if (!holds) std::abort();
}

constexpr std::string_view kSchema = R"(
  type Place = { at: Long, from?: ipaddr };
  entity A in [G] = { l: Long, b?: Bool, s?: Set<String>, p?: Place, e?: E, es?: Set<E>, d?: datetime, n?: decimal,
    u?: duration, act?: Action, deep?: Set<Set<{ q?: Long }>>, "": { "type": String, id: String } } tags Set<Long>;
  entity G in [H, G];
  entity H;
  entity E enum ["a", "b"];
  action all;
  action some in all;
  action one in some appliesTo { principal: [A, E], resource: [A, E],
    context: { x: Long, e?: E, i?: ipaddr, a?: A, s?: Set<Long>, p?: Place } };)";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const cedar::Schema schema = cedar::Schema::parse(kSchema).value();
  constexpr cedar::JsonLimits kLimits = {.bytes = 1U << 16, .depth = 30, .values = 2000};
  std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.starts_with('\0')) {
    cedar::EntityUid action("Action", "one");
    std::string_view json = input.substr(1);
    auto read = cedar::read_context_json(json, schema, action, kLimits);
    auto parsed = cedar::parse_context_json(json, schema, action, kLimits);
    require(read.has_value() || !parsed.has_value());
    if (!read) return 0;
    cedar::Request request(cedar::EntityUid("A", "a"), action, cedar::EntityUid("E", "b"), *read);
    require(cedar::validate_request(schema, request).has_value() == parsed.has_value());
    return 0;
  }
  auto entities = cedar::parse_entities_json(input, schema, kLimits);
  if (!entities) {
    require(!entities.error().message.empty());
    return 0;
  }
  for (const cedar::Entity& each : *entities) require(cedar::validate_entity(schema, each).has_value());
  auto stored = cedar::Entities::make(std::move(*entities));
  require(stored.has_value() || !stored.error().message.empty());
  return 0;
}
