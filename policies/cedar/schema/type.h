// Types of a resolved schema: what a value may be.
//
// A Type is immutable and shared; copying one copies a pointer. Names are fully qualified and normalized ("App::User").
// Parts are shared too: a schema of a few lines may name a type that would be astronomically large if it were written
// out, so nothing here walks a type but with a memory of where it has been, or up to a bound. Pure values, any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace cedar {

enum class TypeKind : std::uint8_t { boolean, integer, string, decimal, ip, datetime, duration, entity, set, record };

enum class Requirement : std::uint8_t { required, optional };

class Type;
using TypePtr = std::shared_ptr<const Type>;

struct AttributeType {
  std::string name;
  TypePtr type;
  Requirement requirement = Requirement::required;
};

class Type {
 public:
  static TypePtr primitive(TypeKind kind);  // boolean, integer, string and the four extension types
  static TypePtr entity(std::string name);
  static TypePtr set(TypePtr element);
  static TypePtr record(std::vector<AttributeType> attributes);  // sorted here; of two with one name the later counts

  TypeKind kind() const { return kind_; }
  bool is(TypeKind kind) const { return kind_ == kind; }
  const std::string& entity_name() const { return name_; }                      // of an entity
  const TypePtr& element() const { return element_; }                           // of a set
  const std::vector<AttributeType>& attributes() const { return attributes_; }  // of a record, sorted by name
  const AttributeType* find(std::string_view attribute) const;                  // of a record, or nullptr

  std::size_t depth() const { return depth_; }  // nesting of sets and records; 0 when it is neither
  std::uint64_t hash() const { return hash_; }  // equal types have equal hashes

  // As a schema writes it: `Set<App::User>`, `{ name: String, tier?: Long }`. For messages: what is longer than a few
  // lines ends in `…`.
  std::string to_text() const;
  friend bool operator==(const Type& a, const Type& b);  // of the same structure

 private:
  explicit Type(TypeKind kind);
  static TypePtr share(Type type);

  TypeKind kind_ = TypeKind::boolean;
  std::string name_;
  TypePtr element_;
  std::vector<AttributeType> attributes_;
  std::size_t depth_ = 0;
  std::uint64_t hash_ = 0;
};

}  // namespace cedar
