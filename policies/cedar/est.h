// Policies in Cedar's JSON, both ways. (cedar-docs: JSON policy format; behaviour of record: cedar-policy 4.12)
//
// A policy is {effect, principal, action, resource, conditions, annotations?}; expressions are objects with one key:
// {"Value": …}, {"Var": …}, {"==": {left, right}}, {"ip": […]}, …. A policy set is {staticPolicies, templates,
// templateLinks}. What text spells shortly is spelled out here as the official export does: chains of one operator nest
// to the left, `has a.b` is a conjunction. Reading is as lenient as the official reader, but for calls that could only
// ever fail: `__extn` of a function that does not exist, a method without a receiver, and `unknown`, which belongs to
// partial evaluation, are errors. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/result.h"
#include "policies/cedar/ast.h"
#include "policies/cedar/policy_set.h"

namespace cedar {

struct EstLimits {
  std::size_t bytes = 64U << 20;   // of the JSON that is read, and of the JSON that is written
  std::size_t values = 2'000'000;  // JSON values read, and nodes they may become
  std::size_t depth = 200;         // height of one expression; at most 1 000. A chain of one operator counts once
  std::size_t policies = 50'000;   // in one set, templates and links counted too
};

// A static policy or a template, as its slots say. Places are empty. Errors: json.* of the JSON itself,
// cedar.est.invalid with the place ("conditions[0].body.==.left: …"), cedar.est.too_large.
Result<ast::Policy> read_policy_json(std::string_view text, const EstLimits& limits = {});

// Error: cedar.est.too_large. (`has` paths repeat what stands left of them: nested ones can explode.)
Result<std::string> write_policy_json(const ast::Policy& policy, const EstLimits& limits = {});

// {"staticPolicies": a map from id to policy, a list of policies, or text; "templates": a map; "templateLinks": […]},
// all optional; policies and templates may be JSON or Cedar text. Policies of lists and text get positional ids.
// Policies in JSON get places in a text printed from them, a source called `name`. Errors: those of read_policy_json;
// cedar.est.invalid also for text that does not parse; those of PolicySet::add and link.
Result<PolicySet> read_policy_set_json(std::string_view text, std::string_view name, const EstLimits& limits = {});

// Error: cedar.est.too_large.
Result<std::string> write_policy_set_json(const PolicySet& policies, const EstLimits& limits = {});

}  // namespace cedar
