// What parts of a request a policy reads, found in its text once, at load: what no policy reads need not be made.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "policies/cedar/policy_set.h"

namespace countersign::policies {

struct Mentions {
  bool input = false;            // context.input, or the context as a whole
  bool approval = false;         // context.approval, or the context as a whole
  bool session = false;          // context.session, or the context as a whole
  bool resource_itself = false;  // the resource other than by its attributes: `resource == …`, a head with `==`
  bool resource_name = false;    // resource.name

  void add(const Mentions& other) {
    input = input || other.input;
    approval = approval || other.approval;
    session = session || other.session;
    resource_itself = resource_itself || other.resource_itself;
    resource_name = resource_name || other.resource_name;
  }
};

[[nodiscard]] Mentions mentions_of(const cedar::Policy& policy);

// The names of actions and their groups in the heads and conditions of all policies and templates.
[[nodiscard]] std::set<std::string, std::less<>> named_actions(const cedar::PolicySet& policies);

}  // namespace countersign::policies
