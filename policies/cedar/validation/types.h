// The types the validator reasons with: those of a schema, and two more for what is known to be true or false.
//
// Types are interned: equal structure, equal id. A pool belongs to one validation.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "policies/cedar/schema/schema.h"
#include "policies/cedar/schema/type.h"

namespace cedar::validation {

using TypeId = std::uint32_t;

enum class Kind : std::uint8_t {
  boolean,
  true_only,
  false_only,
  integer,
  string,
  decimal,
  ip,
  datetime,
  duration,
  entity,
  set,
  record
};

// The ids of the types without parts are the numbers of their kinds.
inline constexpr TypeId kBoolean = 0;
inline constexpr TypeId kTrue = 1;
inline constexpr TypeId kFalse = 2;
inline constexpr TypeId kInteger = 3;
inline constexpr TypeId kString = 4;
inline constexpr TypeId kDecimal = 5;
inline constexpr TypeId kIp = 6;
inline constexpr TypeId kDatetime = 7;
inline constexpr TypeId kDuration = 8;
inline constexpr TypeId kUnknown = 0xFFFFFFFF;  // could not be told: what is wrong has been reported already

inline TypeId constant(bool value) {
  return value ? kTrue : kFalse;
}

struct Field {
  std::string name;
  TypeId type = kUnknown;
  Requirement requirement = Requirement::required;
};

// Why two types have no type in common.
enum class Mismatch : std::uint8_t { different, entity_types, entity_and_record, record_width, requirement };

class TypePool {
 public:
  explicit TypePool(const Schema& schema);

  TypeId import(const TypePtr& type);
  TypeId entity(std::string_view name);
  TypeId set(TypeId element);
  TypeId record(std::vector<Field> fields);  // sorted here; names are unique

  Kind kind(TypeId type) const { return types_[type].kind; }
  bool is(TypeId type, Kind kind) const { return type != kUnknown && types_[type].kind == kind; }
  bool is_boolean(TypeId type) const { return type <= kFalse; }
  const std::string& entity_name(TypeId type) const { return types_[type].name; }
  // nullptr: an action's type, or not declared.
  const EntityTypeInfo* entity_info(TypeId type) const { return types_[type].info; }
  bool is_action(TypeId type) const { return types_[type].action; }
  TypeId element(TypeId type) const { return types_[type].part; }
  std::span<const Field> fields(TypeId type) const { return types_[type].fields; }

  // Of an entity or a record; of an entity without attributes nothing is found.
  const Field* find(TypeId type, std::string_view attribute);
  std::span<const Field> attributes(TypeId type);  // of an entity or a record
  TypeId tags(TypeId entity);                      // kUnknown: may have none

  // The least type both belong to. Strict: of entity types and of records that differ in width there is none.
  std::expected<TypeId, Mismatch> join(TypeId a, TypeId b);

  // `Set<App::User>`, `{ name: String, tier?: Long }`; long ones are cut.
  std::string to_text(TypeId type) const;

 private:
  struct Entry {
    Kind kind = Kind::boolean;
    bool action = false;
    TypeId part = kUnknown;  // a set's element; an entity's attributes, once imported
    std::string name{};      // an entity's
    const EntityTypeInfo* info = nullptr;
    std::vector<Field> fields{};
  };
  TypeId intern(std::string key, Entry entry);
  std::expected<TypeId, Mismatch> join_records(TypeId a, TypeId b);
  void write(TypeId type, std::string& out) const;

  const Schema* schema_;
  std::vector<Entry> types_;
  std::unordered_map<std::string, TypeId> by_key_;
  std::unordered_map<const Type*, TypeId> imported_;
};

// Whether entities of this type are actions: its last name is `Action`, in any namespace.
bool is_action_name(std::string_view type);

}  // namespace cedar::validation
