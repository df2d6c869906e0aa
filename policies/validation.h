// Strict validation of a policy set against the generated schema (docs/decisions/0007).
//
// The set is validated once for each effect, each action being in exactly the groups that a request of that effect has:
// Cedar's validator takes the groups of a schema's action as facts about every request. An error under any effect is an
// error; that a policy can never apply is said only when it is so under all. Pure function, any thread.
#pragma once

#include "core/problem.h"
#include "policies/cedar/policy_set.h"
#include "policies/schema.h"

namespace countersign::policies {

// Problems have the codes cedar.<finding> (cedar::name_of), with the place, what is wrong, and what to write instead.
// A forbid that can never apply protects nothing: lint.never-applies, an error unless it carries
// @allow("never-applies"); a permit like that is a warning.
void validate_policies(const cedar::PolicySet& policies, const SchemaParts& parts, Problems& problems);

// The names in the value of an @allow: several stand with spaces or commas between, each with or without `lint.`.
[[nodiscard]] std::vector<std::string_view> allowed_words(std::string_view value);
// Whether the policy says @allow("name").
[[nodiscard]] bool allows(const std::vector<cedar::ast::Annotation>& annotations, std::string_view lint);

}  // namespace countersign::policies
