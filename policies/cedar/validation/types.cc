#include "policies/cedar/validation/types.h"

#include <algorithm>
#include <utility>

#include "policies/cedar/unescape.h"

namespace cedar::validation {
namespace {

constexpr std::size_t kTextLimit = 160;  // bytes of one type in a message

void put(std::string& key, std::string_view part) {
  key += std::to_string(part.size());
  key += ':';
  key += part;
}

Kind kind_of(TypeKind kind) {
  switch (kind) {
    case TypeKind::boolean:
      return Kind::boolean;
    case TypeKind::integer:
      return Kind::integer;
    case TypeKind::string:
      return Kind::string;
    case TypeKind::decimal:
      return Kind::decimal;
    case TypeKind::ip:
      return Kind::ip;
    case TypeKind::datetime:
      return Kind::datetime;
    case TypeKind::duration:
      return Kind::duration;
    case TypeKind::entity:
      return Kind::entity;
    case TypeKind::set:
      return Kind::set;
    case TypeKind::record:
      return Kind::record;
  }
  return Kind::boolean;
}

bool is_identifier(std::string_view name) {
  auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  if (name.empty() || !letter(name.front()) || is_reserved_word(name)) return false;
  return std::ranges::all_of(name, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

}  // namespace

bool is_action_name(std::string_view type) {
  return type == "Action" || type.ends_with("::Action");
}

TypePool::TypePool(const Schema& schema) : schema_(&schema) {
  for (TypeId id = kBoolean; id <= kDuration; ++id) types_.push_back({.kind = static_cast<Kind>(id)});
}

TypeId TypePool::intern(std::string key, Entry entry) {
  auto [found, is_new] = by_key_.try_emplace(std::move(key), static_cast<TypeId>(types_.size()));
  if (is_new) types_.push_back(std::move(entry));
  return found->second;
}

TypeId TypePool::entity(std::string_view name) {
  return intern("E" + std::string(name), {.kind = Kind::entity,
                                          .action = is_action_name(name),
                                          .name = std::string(name),
                                          .info = schema_->entity_type(name)});
}

TypeId TypePool::set(TypeId element) {
  return intern("S" + std::to_string(element), {.kind = Kind::set, .part = element});
}

TypeId TypePool::record(std::vector<Field> fields) {
  std::ranges::sort(fields, {}, &Field::name);
  std::string key = "R";
  for (const Field& each : fields) {
    put(key, each.name);
    key += std::to_string(each.type);
    key += each.requirement == Requirement::required ? '!' : '?';
  }
  return intern(std::move(key), {.kind = Kind::record, .fields = std::move(fields)});
}

TypeId TypePool::import(const TypePtr& type) {
  if (auto found = imported_.find(type.get()); found != imported_.end()) return found->second;
  TypeId out = static_cast<TypeId>(kind_of(type->kind()));
  switch (type->kind()) {
    case TypeKind::entity:
      out = entity(type->entity_name());
      break;
    case TypeKind::set:
      out = set(import(type->element()));
      break;
    case TypeKind::record: {
      std::vector<Field> fields;
      for (const AttributeType& each : type->attributes()) {
        fields.push_back({each.name, import(each.type), each.requirement});
      }
      out = record(std::move(fields));
      break;
    }
    default:
      break;
  }
  imported_.emplace(type.get(), out);
  return out;
}

std::span<const Field> TypePool::attributes(TypeId type) {
  if (is(type, Kind::record)) return fields(type);
  if (!is(type, Kind::entity) || types_[type].info == nullptr || types_[type].info->attributes == nullptr) return {};
  if (types_[type].part == kUnknown) {
    TypeId attributes = import(types_[type].info->attributes);
    types_[type].part = attributes;
  }
  return fields(types_[type].part);
}

const Field* TypePool::find(TypeId type, std::string_view attribute) {
  std::span<const Field> all = attributes(type);
  auto found = std::ranges::lower_bound(all, attribute, {}, &Field::name);
  return found != all.end() && found->name == attribute ? &*found : nullptr;
}

TypeId TypePool::tags(TypeId entity) {
  const EntityTypeInfo* info = types_[entity].info;
  return info == nullptr || info->tags == nullptr ? kUnknown : import(info->tags);
}

std::expected<TypeId, Mismatch> TypePool::join(TypeId a, TypeId b) {
  if (a == b) return a;
  if (is_boolean(a) && is_boolean(b)) return kBoolean;
  Kind left = kind(a);
  Kind right = kind(b);
  if (left == Kind::set && right == Kind::set) {
    auto joined = join(element(a), element(b));
    if (!joined) return joined;
    return set(*joined);
  }
  if (left == Kind::record && right == Kind::record) return join_records(a, b);
  if (left == Kind::entity && right == Kind::entity) return std::unexpected(Mismatch::entity_types);
  if ((left == Kind::entity && right == Kind::record) || (left == Kind::record && right == Kind::entity)) {
    return std::unexpected(Mismatch::entity_and_record);
  }
  return std::unexpected(Mismatch::different);
}

std::expected<TypeId, Mismatch> TypePool::join_records(TypeId a, TypeId b) {
  if (!std::ranges::equal(fields(a), fields(b), {}, &Field::name, &Field::name)) {
    return std::unexpected(Mismatch::record_width);
  }
  std::vector<Field> out(fields(a).begin(), fields(a).end());
  for (std::size_t i = 0; i < out.size(); ++i) {
    auto joined = join(out[i].type, fields(b)[i].type);
    if (!joined) return joined;
    if (out[i].requirement != fields(b)[i].requirement) return std::unexpected(Mismatch::requirement);
    out[i].type = *joined;
  }
  return record(std::move(out));
}

std::string TypePool::to_text(TypeId type) const {
  std::string out;
  write(type, out);
  return out;
}

void TypePool::write(TypeId type, std::string& out) const {
  if (out.size() > kTextLimit) {
    if (!out.ends_with("…")) out += "…";
    return;
  }
  const Entry& entry = types_[type];
  switch (entry.kind) {
    case Kind::boolean:
    case Kind::true_only:
    case Kind::false_only:
      out += "Bool";
      break;
    case Kind::integer:
      out += "Long";
      break;
    case Kind::string:
      out += "String";
      break;
    case Kind::decimal:
      out += "decimal";
      break;
    case Kind::ip:
      out += "ipaddr";
      break;
    case Kind::datetime:
      out += "datetime";
      break;
    case Kind::duration:
      out += "duration";
      break;
    case Kind::entity:
      out += entry.name;
      break;
    case Kind::set:
      out += "Set<";
      write(entry.part, out);
      out += '>';
      break;
    case Kind::record: {
      if (entry.fields.empty()) {
        out += "{}";
        break;
      }
      std::string_view separator = "{ ";
      for (const Field& each : entry.fields) {
        out += separator;
        separator = ", ";
        if (out.size() > kTextLimit) {
          out += "…";
          break;
        }
        out += is_identifier(each.name) ? each.name : quote(each.name);
        out += each.requirement == Requirement::optional ? "?: " : ": ";
        write(each.type, out);
      }
      out += " }";
      break;
    }
  }
}

}  // namespace cedar::validation
