// A schema fragment as written, in either syntax: names are not resolved, several names of one declaration are
// together, every piece knows its place.
//
// The height of every type is bounded when it is read (SchemaLimits::depth), so recursion over one is safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "policies/cedar/schema/type.h"
#include "policies/cedar/source.h"

namespace cedar::schema_ast {

struct Annotation {
  std::string key;
  std::optional<std::string> value;  // "" for `@key`; nullopt for JSON's null, which means the same
  Span span;
};

using Annotations = std::vector<Annotation>;

// A path ("App::User", normalized) or, where said, any text.
struct Name {
  std::string text;
  Span span;
};

// Cedar's syntax has only `reference`, `set` and `record` (and `common` for a context); the others are JSON's.
enum class TypeForm : std::uint8_t {
  reference,  // name: of a common type, an entity type or a primitive
  common,     // name: of a common type or a primitive only
  entity,     // name: of an entity type only
  extension,  // name: "ipaddr", "decimal", …
  boolean,
  integer,
  string,
  set,     // element: one
  record,  // attributes
};

struct Attribute;

struct TypeExpr {
  TypeForm form = TypeForm::record;
  Span span;
  std::string name;
  std::vector<TypeExpr> element;
  std::vector<Attribute> attributes;  // of different names
};

struct Attribute {
  Annotations annotations;
  Name name;  // any text
  Requirement requirement = Requirement::required;
  TypeExpr type;
};

struct EntityDecl {
  Annotations annotations;
  std::vector<Name> names;
  std::vector<Name> parents;
  TypeExpr shape;  // in Cedar's syntax a record
  std::optional<TypeExpr> tags;
  std::vector<Name> ids;  // of an enumerated type, any texts; then there are no parents, no shape and no tags
  Span span;
};

// `"view"` or `App::Action::"view"`.
struct ActionReference {
  std::optional<Name> type;
  std::string id;
  Span span;
};

struct AppliesTo {
  std::vector<Name> principals;
  std::vector<Name> resources;
  TypeExpr context;
};

struct ActionDecl {
  Annotations annotations;
  std::vector<Name> names;  // any texts
  std::optional<std::vector<ActionReference>> parents;
  std::optional<AppliesTo> applies_to;  // Cedar's syntax: always there, and empty when it is not written
  Span span;
};

struct CommonTypeDecl {
  Annotations annotations;
  Name name;
  TypeExpr type;
  Span span;
};

struct Namespace {
  Annotations annotations;
  std::optional<Name> name;  // nullopt: the empty namespace
  std::vector<CommonTypeDecl> types;
  std::vector<EntityDecl> entities;
  std::vector<ActionDecl> actions;
};

struct Fragment {
  std::vector<Namespace> namespaces;
};

}  // namespace cedar::schema_ast
