// Internal to resolving: what is declared where in all fragments, and what a name means in a place.
//
// A name without `::` means the declaration of its own namespace, else the one of the empty namespace, else a built-in
// type; one with `::` only what it says. In each namespace a common type is preferred to an entity type (RFC 24). No
// declaration may hide one of the empty namespace (RFC 70).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policies/cedar/schema/resolve.h"
#include "policies/cedar/schema/schema.h"
#include "policies/cedar/schema/schema_ast.h"

namespace cedar::schema_detail {

// Where a declaration stands.
struct Place {
  const std::shared_ptr<const Source>* source = nullptr;
  std::string_view space;  // "": the empty namespace
};

template <class Decl>
struct Declared {
  const Decl* decl = nullptr;
  Place place;
  Span name;
};

// What a name means; nothing at all when it is not declared.
struct Reference {
  const std::string* common = nullptr;
  const std::string* entity = nullptr;
  std::optional<TypeKind> built_in;
};

struct UidOrder {
  bool operator()(const EntityUid& a, const EntityUid& b) const {
    return std::pair(a.type_name(), a.id()) < std::pair(b.type_name(), b.id());
  }
};

class Declarations {
 public:
  // Reports duplicates, reserved names and what hides something. The fragments must outlive this.
  Declarations(const std::vector<SourcedFragment>& fragments, const SchemaLimits& limits);

  using Entities = std::map<std::string, Declared<schema_ast::EntityDecl>, std::less<>>;
  using CommonTypes = std::map<std::string, Declared<schema_ast::CommonTypeDecl>, std::less<>>;
  using Actions = std::map<EntityUid, Declared<schema_ast::ActionDecl>, UidOrder>;
  const Entities& entities() const { return entities_; }
  const CommonTypes& common_types() const { return common_types_; }
  const Actions& actions() const { return actions_; }

  // Of a named type expression.
  Reference look_up(const schema_ast::TypeExpr& expr, const Place& place) const;
  void report_unknown(const schema_ast::TypeExpr& expr, const Place& place);
  // A declared entity type that is not one of actions, or nullptr and a problem.
  const std::string* entity_type(const schema_ast::Name& name, const Place& place);
  // A declared action, or nullopt and a problem.
  std::optional<EntityUid> action(const schema_ast::ActionReference& reference, const Place& place);

  void problem(const Place& place, Span span, std::string message, std::string help = {});
  Place anywhere() const { return {&fragments_->front().source, {}}; }  // for what has no place of its own
  const Schema::Problems& problems() const { return problems_; }
  Schema::Problems take_problems();  // in order of fragment, then place

 private:
  void declare(const schema_ast::EntityDecl& decl, const Place& place);
  void declare(const schema_ast::CommonTypeDecl& decl, const Place& place);
  void declare(const schema_ast::ActionDecl& decl, const Place& place);
  void check_hiding();
  bool is_reserved(const schema_ast::Name& name, const Place& place);

  const std::vector<SourcedFragment>* fragments_;
  SchemaLimits limits_;
  Entities entities_;
  CommonTypes common_types_;
  Actions actions_;
  std::map<std::string, std::string, std::less<>> action_types_;  // each to itself
  std::map<const Source*, std::size_t> order_;
  Schema::Problems problems_;
};

}  // namespace cedar::schema_detail
