// Gives an expression its type for one kind of request: principal and resource of given types, one action with its
// context.
//
// Rules: cedar-spec Cedar/Validation/Typechecker.lean; where a failing part leaves the type of the whole in doubt, what
// is reported further follows cedar-policy 4.12.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "policies/cedar/schema/schema.h"
#include "policies/cedar/validation/capabilities.h"
#include "policies/cedar/validation/conditions.h"
#include "policies/cedar/validation/report.h"
#include "policies/cedar/validation/types.h"

namespace cedar::validation {

// One kind of request.
struct Environment {
  TypeId principal = kUnknown;
  TypeId resource = kUnknown;
  TypeId context = kUnknown;
  const ActionInfo* action = nullptr;
  TypeId principal_slot = kUnknown;  // of a template
  TypeId resource_slot = kUnknown;
};

enum class Verdict : std::uint8_t { sound, unsound };

struct Outcome {
  TypeId type = kUnknown;
  Verdict verdict = Verdict::sound;
  Capabilities capabilities{};  // what exists when the expression is true

  bool is_sound() const { return verdict == Verdict::sound; }
};

class Checker {
 public:
  // All must outlive the checker. `fixed`: a set of Use, the variables that are of one type wherever the policy
  // applies.
  Checker(const Schema& schema, TypePool& types, Conditions& conditions, Report& report, std::uint8_t fixed);

  // The type of an expression that must be a boolean: one of the three, or kUnknown.
  Outcome check(NodeId id, const Environment& environment);

  std::size_t steps() const { return steps_; }  // expressions typed so far

 private:
  // A family of types that an operand must be one of.
  enum class Wanted : std::uint8_t { boolean, integer, string, entity, any_set, entity_or_record, entity_or_set };

  Outcome type_of(NodeId id);
  // The type of an operand that must be one of `wanted`; otherwise says so (with `help`) and answers kUnknown.
  using Help = std::string_view (*)(Kind found);
  Outcome expect(NodeId id, Wanted wanted, Help help = nullptr);
  bool fits(TypeId type, Wanted wanted) const;

  Outcome variable(const Node& node);
  Outcome slot(const Node& node);
  Outcome entity(const Node& node);
  Outcome conditional(const Node& node);
  Outcome all(const Node& node);
  Outcome any(const Node& node);
  Outcome negated(const Node& node);
  Outcome equal(const Node& node);
  Outcome compare(const Node& node);
  Outcome arithmetic(const Node& node);
  Outcome membership(const Node& node);
  Outcome is(const Node& node);
  Outcome has(const Node& node);
  Outcome attribute(const Node& node);
  Outcome contains(const Node& node);
  Outcome contains_sets(const Node& node);
  Outcome is_empty(const Node& node);
  Outcome has_tag(const Node& node);
  Outcome get_tag(const Node& node);
  Outcome like(const Node& node);
  Outcome extension(const Node& node);
  Outcome set(const Node& node);
  Outcome record(const Node& node);

  // The `action` of this environment where it stands for itself, or a literal.
  struct Literal {
    Form form = Form::boolean;
    std::int64_t number = 0;
    std::string_view text;
    std::string_view text2;
    friend bool operator==(const Literal&, const Literal&) = default;
  };
  std::optional<Literal> literal(NodeId id) const;
  bool is_action_in(const Literal& action, const Literal& group) const;
  bool may_be_in(TypeId member, TypeId group) const;
  // The types must have one in common; otherwise says so.
  Outcome require_join(const Node& node, TypeId a, TypeId b, TypeId type, Verdict verdict, std::string_view what,
                       std::string_view help);
  Capability attribute_capability(NodeId target, std::string_view name);

  void unexpected(NodeId id, TypeId found, std::string_view expected, std::string_view help);
  void incompatible(Span span, TypeId a, TypeId b, Mismatch why, std::string_view what, std::string_view help);
  void unknown_attribute(const Node& node, TypeId target);
  void optional_attribute(const Node& node, TypeId target);
  // Where an attribute would be: "on `User`", "in the context of `Action::"view"`".
  std::string place_of(NodeId target, TypeId type) const;
  // How to write what a string literal seems to mean as a value of `type`; empty when nothing is to be said.
  std::string conversion_help(NodeId literal, TypeId type) const;
  std::string text_of(NodeId id) const;  // as a person would write it

  const Schema* schema_;
  TypePool* types_;
  Conditions* conditions_;
  Report* report_;
  std::uint8_t fixed_;
  const Environment* environment_ = nullptr;
  KnownCapabilities known_;
  std::unordered_map<std::string_view, std::uint32_t> attributes_;  // numbers of names
  std::size_t steps_ = 0;
};

}  // namespace cedar::validation
