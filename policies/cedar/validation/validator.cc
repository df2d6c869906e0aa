#include "policies/cedar/validator.h"

#include <array>
#include <utility>

#include "policies/cedar/validation/environments.h"
#include "policies/cedar/validation/names.h"
#include "policies/cedar/validation/policy_check.h"
#include "policies/cedar/validation/report.h"

namespace cedar {

std::string_view name_of(Finding finding) {
  switch (finding) {
    case Finding::unrecognized_entity_type:
      return "unrecognized-entity-type";
    case Finding::unrecognized_action:
      return "unrecognized-action";
    case Finding::invalid_action_application:
      return "invalid-action-application";
    case Finding::unexpected_type:
      return "unexpected-type";
    case Finding::incompatible_types:
      return "incompatible-types";
    case Finding::attribute_not_found:
      return "attribute-not-found";
    case Finding::unsafe_optional_attribute:
      return "unsafe-optional-attribute";
    case Finding::unsafe_tag:
      return "unsafe-tag";
    case Finding::no_tags_allowed:
      return "no-tags-allowed";
    case Finding::wrong_number_of_arguments:
      return "wrong-number-of-arguments";
    case Finding::function_argument:
      return "function-argument";
    case Finding::empty_set:
      return "empty-set";
    case Finding::non_literal_extension:
      return "non-literal-extension";
    case Finding::invalid_enum_entity:
      return "invalid-enum-entity";
    case Finding::limit_exceeded:
      return "limit-exceeded";
    case Finding::mixed_script_string:
      return "mixed-script-string";
    case Finding::bidi_string:
      return "bidi-string";
    case Finding::mixed_script_identifier:
      return "mixed-script-identifier";
    case Finding::bidi_identifier:
      return "bidi-identifier";
    case Finding::confusable_identifier:
      return "confusable-identifier";
    case Finding::impossible_policy:
      return "impossible-policy";
  }
  return "";
}

Validation validate(const PolicySet& policies, const Schema& schema, const ValidationLimits& limits) {
  validation::TypePool types(schema);
  validation::Environments environments(schema, types);
  validation::Budget budget{.environments = limits.environments, .steps = limits.steps};
  validation::Report report(limits);

  for (const Template& each : policies.templates()) {
    report.begin(each.id(), each.shared_source());
    validation::check_policy(each.syntax(), schema, environments, types, budget, report);
    report.end();
  }
  for (const Policy& each : policies.all()) {
    report.begin(each.id(), each.shared_source());
    if (each.link()) {
      // Its template has been checked for every value of its slots; what is left are these values.
      validation::check_link(each.link()->values, each.syntax(), schema, report);
      validation::check_application(each.syntax(), schema, environments, types, report);
    } else {
      validation::check_policy(each.syntax(), schema, environments, types, budget, report);
    }
    report.end();
  }
  return report.take();
}

}  // namespace cedar
