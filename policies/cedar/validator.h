// Whether policies fit a schema (strict mode of the Cedar validator), found without running them.
//
// A set that validates cannot fail at run time with a type error, a missing attribute or an unknown entity type, for
// requests and entities that fit the schema too; only overflow and entities that are not there remain. Each policy is
// typed once for each (principal type, action, resource type) the schema allows, with `has` and `hasTag` remembered as
// capabilities. Behaviour of record: cedar-policy 4.12 (language 4.5), cedar-spec Cedar/Validation. Pure functions, any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policies/cedar/policy_set.h"
#include "policies/cedar/schema/schema.h"
#include "policies/cedar/source.h"

namespace cedar {

enum class Finding : std::uint8_t {
  // Errors.
  unrecognized_entity_type,
  unrecognized_action,
  invalid_action_application,  // no action could ever match this head
  unexpected_type,
  incompatible_types,
  attribute_not_found,
  unsafe_optional_attribute,
  unsafe_tag,
  no_tags_allowed,
  wrong_number_of_arguments,
  function_argument,  // a literal that an extension function refuses
  empty_set,
  non_literal_extension,
  invalid_enum_entity,
  limit_exceeded,  // this policy was not looked at to the end
  // Warnings.
  mixed_script_string,
  bidi_string,
  mixed_script_identifier,
  bidi_identifier,
  confusable_identifier,
  impossible_policy,
};

// "unsafe-optional-attribute", …: stable names for machines.
std::string_view name_of(Finding finding);

struct ValidationFinding {
  Finding kind = Finding::unexpected_type;
  std::string policy;  // id
  std::shared_ptr<const Source> source;
  Diagnostic diagnostic;
  std::string to_text() const { return render(diagnostic, *source); }
};

struct Validation {
  std::vector<ValidationFinding> errors;  // in order of policy, then place; each said once
  std::vector<ValidationFinding> warnings;
  bool is_valid() const { return errors.empty(); }
};

struct ValidationLimits {
  std::size_t environments = 10'000'000;  // kinds of request that policies are typed for, over the whole set
  std::size_t steps = 200'000'000;        // expressions typed, over the whole set
  std::size_t findings = 1'000;           // reported; of the rest only the first of each policy
};

// Static policies, templates (with their slots of any type that fits) and links. Past a limit a policy has the error
// `limit_exceeded`.
Validation validate(const PolicySet& policies, const Schema& schema, const ValidationLimits& limits = {});

}  // namespace cedar
