// A schema, resolved: every name is fully qualified, every common type is replaced by what it stands for, every
// hierarchy is closed transitively. Made from Cedar schema text, from JSON, or from several fragments of either.
//
// Language: cedar-docs "Schema", language version 4.5; names are resolved as RFC 24 and RFC 70 say (a common type
// before an entity type before a primitive; a namespace may not shadow a declaration of the empty one). Immutable, any
// thread.
#pragma once

#include <expected>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "policies/cedar/entity.h"
#include "policies/cedar/policy_set.h"
#include "policies/cedar/schema/type.h"
#include "policies/cedar/source.h"
#include "policies/cedar/value.h"

namespace cedar {

struct EntityTypeInfo {
  std::string name;                  // "App::User"
  std::vector<std::string> parents;  // entity types its entities may directly be in; sorted
  std::vector<std::string>
      ancestors;                 // those, transitively; sorted. Holds the type itself only where it may be in itself
  TypePtr attributes;            // a record
  TypePtr tags;                  // the type of every tag; nullptr: may have none
  std::vector<std::string> ids;  // of an enumerated type: its only ids, in order; else empty
  bool is_enumerated() const { return !ids.empty(); }
};

struct ActionInfo {
  EntityUid uid;
  std::vector<EntityUid> parents;       // groups it is directly in
  std::vector<EntityUid> ancestors;     // groups, transitively
  std::vector<std::string> principals;  // entity types it applies to; one empty: applies to nothing (a group)
  std::vector<std::string> resources;
  TypePtr context;  // a record
};

struct SchemaLimits {
  std::size_t bytes = 4U << 20;
  std::size_t depth = 64;              // nesting of types, as written and through common types
  std::size_t declarations = 100'000;  // in one text
  std::size_t edges = 1'000'000;       // parents, ancestors, principals, resources and ids of enumerations, in all
  std::size_t diagnostics = 100;
};

class Schema {
 public:
  using Problems = std::vector<SourceDiagnostic>;

  // One fragment. The syntax is Cedar's own, or JSON when the first character that is not white space is `{`.
  static std::expected<Schema, Problems> parse(std::string_view text, const SchemaLimits& limits = {});
  // Several fragments with their names, which may refer to one another. A namespace may be in several fragments, each
  // declaration only in one.
  static std::expected<Schema, Problems> parse(std::vector<PolicySet::NamedText> fragments,
                                               const SchemaLimits& limits = {});

  const EntityTypeInfo* entity_type(std::string_view name) const;  // nullptr: not declared. Action types are not here
  const ActionInfo* action(const EntityUid& uid) const;            // nullptr: not declared
  const std::map<std::string, EntityTypeInfo, std::less<>>& entity_types() const { return entity_types_; }
  const std::vector<ActionInfo>& actions() const { return actions_; }  // in order of their type, then id
  bool is_action_type(std::string_view name) const;  // "Action" or "…::Action" of some declared action

  // The actions as entities, in their groups: what a request's entities must hold besides its own.
  const std::vector<Entity>& action_entities() const { return action_entities_; }

 private:
  friend class SchemaResolver;
  Schema() = default;

  std::map<std::string, EntityTypeInfo, std::less<>> entity_types_;
  std::vector<ActionInfo> actions_;
  std::unordered_map<EntityUid, std::size_t> action_positions_;
  std::set<std::string, std::less<>> action_types_;
  std::vector<Entity> action_entities_;
};

}  // namespace cedar
