// Which kinds of request a schema allows, and which of them a policy has to be typed for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "policies/cedar/schema/schema.h"
#include "policies/cedar/validation/checker.h"
#include "policies/cedar/validation/conditions.h"
#include "policies/cedar/validation/types.h"

namespace cedar::validation {

// An action with its principals and resources as types.
struct ActionTypes {
  const ActionInfo* info = nullptr;
  std::vector<TypeId> principals;
  std::vector<TypeId> resources;
  TypeId context = kUnknown;
};

class Environments {
 public:
  Environments(const Schema& schema, TypePool& types);

  std::span<const ActionTypes> actions() const { return actions_; }

  // One action of each sort: actions with the same principals, resources and context type are alike for whoever does
  // not look at the action itself.
  std::span<const std::uint32_t> sorts() const { return sorts_; }

  // The actions a head `action == …` or `action in …` is true for; none when it names one that is not declared.
  std::vector<std::uint32_t> satisfying(const ast::Scope& action) const;

  // Whether a head is true for exactly the actions that satisfy it, and surely sound: it names declared actions of one
  // type only.
  bool is_exact(const ast::Scope& action) const;

  // The actions a head has to be typed for: all where it may itself be unsound, as an expression would be.
  std::vector<std::uint32_t> candidates(const ast::Scope& action) const;

 private:
  const Schema* schema_;
  std::vector<ActionTypes> actions_;
  std::vector<std::uint32_t> sorts_;
  std::vector<std::uint32_t> all_;
};

}  // namespace cedar::validation
