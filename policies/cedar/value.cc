#include "policies/cedar/value.h"

#include <algorithm>
#include <array>
#include <memory>
#include <new>
#include <numeric>

#include "policies/cedar/unescape.h"

namespace cedar {

// Sets and records are one block: the head, then the rest, in an arena or on the heap.
struct alignas(Value) Value::SetData : detail::Counted {
  std::uint32_t size = 0;
  bool has_unknown = false;

  Value* elements() { return reinterpret_cast<Value*>(this + 1); }  // sorted by order(), distinct
  std::span<const Value> span() const { return {reinterpret_cast<const Value*>(this + 1), size}; }
  static std::size_t bytes(std::size_t size) { return sizeof(SetData) + size * sizeof(Value); }
  static SetData* make(void* block, std::span<Value> elements);
};

// The hashes of the names stand before the fields: a search reads the head and these, and then one field.
struct alignas(Field) Value::RecordData : detail::Counted {
  std::uint32_t size = 0;
  bool has_unknown = false;

  static std::size_t hashes_bytes(std::size_t size) { return (size * sizeof(std::uint32_t) + 7) / 8 * 8; }
  static std::size_t bytes(std::size_t size) { return sizeof(RecordData) + hashes_bytes(size) + size * sizeof(Field); }
  std::span<const std::uint32_t> name_hashes() const {
    return {reinterpret_cast<const std::uint32_t*>(this + 1), size};
  }
  std::span<const Field> fields() const {  // sorted by name, distinct
    return {reinterpret_cast<const Field*>(reinterpret_cast<const std::byte*>(this + 1) + hashes_bytes(size)), size};
  }
  // `next(i)` is the field at place i.
  template <class Next>
  static RecordData* make(void* block, std::size_t size, Next next) {
    auto* data = new (block) RecordData;
    data->size = static_cast<std::uint32_t>(size);
    auto* hashes = reinterpret_cast<std::uint32_t*>(data + 1);
    auto* fields = reinterpret_cast<Field*>(reinterpret_cast<std::byte*>(data + 1) + hashes_bytes(size));
    for (std::size_t i = 0; i < size; ++i) {
      auto* field = new (fields + i) Field(next(i));
      hashes[i] = static_cast<std::uint32_t>(field->first.hash());
      data->has_unknown = data->has_unknown || field->second.has_unknown();
    }
    return data;
  }
};

struct Value::IpData : detail::Counted {
  explicit IpData(const IpAddress& from) : address(from) {}
  IpAddress address;
};

struct Value::UnknownData : detail::Counted {
  std::string name;
  std::string type;
  Presence presence = Presence::present;
};

std::uint64_t hash_text(std::string_view text) {
  return std::hash<std::string_view>{}(text);
}

detail::EntityUidData::EntityUidData(Text type_name, std::string_view entity_id)
    : type(std::move(type_name)), id(entity_id), hash(hash_text(id) * 0x9E3779B97F4A7C15U ^ type.hash()) {}

std::string EntityUid::to_text() const {
  return std::string(type_name()) + "::" + quote(id());
}

bool is_reserved_word(std::string_view word) {
  constexpr std::array<std::string_view, 10> kReserved = {"true", "false", "if",   "then", "else",
                                                          "in",   "is",    "like", "has",  "__cedar"};
  return std::ranges::find(kReserved, word) != kReserved.end();
}

bool is_entity_type_name(std::string_view name) {
  auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  while (true) {
    std::size_t end = name.find("::");
    std::string_view word = name.substr(0, end);
    if (word.empty() || !letter(word.front()) || is_reserved_word(word)) return false;
    if (!std::ranges::all_of(word, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); })) return false;
    if (end == std::string_view::npos) return true;
    name.remove_prefix(end + 2);
  }
}

std::string_view describe(ValueKind kind) {
  switch (kind) {
    case ValueKind::boolean:
      return "a boolean";
    case ValueKind::integer:
      return "an integer";
    case ValueKind::string:
      return "a string";
    case ValueKind::entity:
      return "an entity";
    case ValueKind::set:
      return "a set";
    case ValueKind::record:
      return "a record";
    case ValueKind::decimal:
      return "a decimal";
    case ValueKind::datetime:
      return "a datetime";
    case ValueKind::duration:
      return "a duration";
    case ValueKind::ip:
      return "an ip address";
    case ValueKind::unknown:
      return "an unknown value";
  }
  return "a value";
}

Value Value::string(Text text) {
  if (text.data_.get() == nullptr) text = Text(std::string_view());
  return Value(ValueKind::string, text.data_.release());
}

Value Value::entity(EntityUid uid) {
  return Value(ValueKind::entity, uid.data_.release());
}

Value Value::ip(const IpAddress& value) {
  return Value(ValueKind::ip, new IpData(value));
}

Value Value::unknown(std::string_view name, Presence presence, std::string_view type) {
  auto* data = new UnknownData;
  data->name = name;
  data->type = type;
  data->presence = presence;
  return Value(ValueKind::unknown, data);
}

// The elements are moved from; they must be in order and distinct.
Value::SetData* Value::SetData::make(void* block, std::span<Value> elements) {
  static_assert(sizeof(SetData) % alignof(Value) == 0 && sizeof(RecordData) % alignof(Field) == 0);
  auto* data = new (block) SetData;
  data->size = static_cast<std::uint32_t>(elements.size());
  std::uninitialized_move_n(elements.begin(), elements.size(), data->elements());
  data->has_unknown = std::ranges::any_of(data->span(), &Value::has_unknown);
  return data;
}

namespace {

// Puts the elements in order and answers those that are distinct.
std::span<Value> normalize(std::span<Value> elements) {
  std::ranges::sort(elements, [](const Value& a, const Value& b) { return order(a, b) < 0; });
  auto repeated = std::ranges::unique(elements);
  return elements.first(elements.size() - repeated.size());
}

}  // namespace

Value Value::set(std::vector<Value> elements) {
  for (Value& element : elements) {
    if (!element.is_owned()) element = element.owned();
  }
  std::span<Value> distinct = normalize(elements);
  return Value(ValueKind::set, SetData::make(::operator new(SetData::bytes(distinct.size())), distinct));
}

Value Value::set(std::span<Value> elements, Arena& arena) {
  std::span<Value> distinct = normalize(elements);
  return borrowed_from(ValueKind::set, SetData::make(arena.allocate(SetData::bytes(distinct.size())), distinct));
}

Value Value::record(std::vector<Field> fields) {
  auto name_of = [&fields](std::size_t i) { return fields[i].first.view(); };
  std::vector<std::uint32_t> places(fields.size());
  std::iota(places.begin(), places.end(), 0U);
  std::ranges::sort(places, [&](std::uint32_t a, std::uint32_t b) {
    return name_of(a) != name_of(b) ? name_of(a) < name_of(b) : a > b;
  });
  auto repeated = std::ranges::unique(places, {}, name_of);
  places.erase(repeated.begin(), repeated.end());
  auto next = [&](std::size_t i) {
    auto& [name, value] = fields[places[i]];
    return Field(std::move(name), value.is_owned() ? std::move(value) : value.owned());
  };
  return Value(ValueKind::record,
               RecordData::make(::operator new(RecordData::bytes(places.size())), places.size(), next));
}

Value Value::record(std::span<const Text> names, std::span<const Value> values, Arena& arena) {
  std::span<std::uint32_t> places = arena.array<std::uint32_t>(names.size());
  std::iota(places.begin(), places.end(), 0U);
  std::ranges::sort(places, {}, [names](std::uint32_t place) { return names[place].view(); });
  auto next = [&](std::size_t i) { return Field(names[places[i]].undestroyed(), values[places[i]].borrowed()); };
  return borrowed_from(ValueKind::record,
                       RecordData::make(arena.allocate(RecordData::bytes(names.size())), names.size(), next));
}

Value Value::ip(const IpAddress& value, Arena& arena) {
  return borrowed_from(ValueKind::ip, new (arena.allocate(sizeof(IpData))) IpData(value));
}

Value Value::detached() const {
  switch (kind_) {
    case ValueKind::ip:
      return ip(as_ip());
    case ValueKind::set: {
      std::vector<Value> copies;
      for (const Value& element : elements()) copies.push_back(element.detached());
      return set(std::move(copies));
    }
    case ValueKind::record: {
      std::vector<Field> copies;
      for (const Field& field : fields()) copies.emplace_back(field.first, field.second.detached());
      return record(std::move(copies));
    }
    default:
      return owned();
  }
}

std::string_view Value::as_string() const {
  return static_cast<const detail::TextData*>(payload_.shared)->text;
}

std::uint64_t Value::string_hash() const {
  return static_cast<const detail::TextData*>(payload_.shared)->hash;
}

const detail::EntityUidData& Value::entity_data() const {
  return *static_cast<const detail::EntityUidData*>(payload_.shared);
}

EntityUid Value::as_entity() const {
  retain();
  return EntityUid(detail::Handle<detail::EntityUidData>(&entity_data()));
}

std::span<const Value> Value::elements() const {
  return static_cast<const SetData*>(payload_.shared)->span();
}
std::span<const Field> Value::fields() const {
  return static_cast<const RecordData*>(payload_.shared)->fields();
}
const IpAddress& Value::as_ip() const {
  return static_cast<const IpData*>(payload_.shared)->address;
}
std::string_view Value::unknown_name() const {
  return static_cast<const UnknownData*>(payload_.shared)->name;
}
std::string_view Value::unknown_type() const {
  return static_cast<const UnknownData*>(payload_.shared)->type;
}
Presence Value::unknown_presence() const {
  return static_cast<const UnknownData*>(payload_.shared)->presence;
}

const Value* Value::find(std::string_view name, std::uint64_t name_hash) const {
  constexpr std::size_t kScan = 32;  // up to here comparing hashes one by one beats searching by text
  const auto& data = *static_cast<const RecordData*>(payload_.shared);
  std::span<const Field> all = data.fields();
  if (all.size() <= kScan) {
    auto wanted = static_cast<std::uint32_t>(name_hash);
    std::span<const std::uint32_t> hashes = data.name_hashes();
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (hashes[i] == wanted && all[i].first.view() == name) return &all[i].second;
    }
    return nullptr;
  }
  auto found = std::ranges::lower_bound(all, name, {}, [](const Field& field) { return field.first.view(); });
  return found != all.end() && found->first.view() == name ? &found->second : nullptr;
}

bool Value::contains(const Value& element) const {
  constexpr std::size_t kScan = 8;
  std::span<const Value> all = elements();
  if (all.size() <= kScan) {
    return std::ranges::any_of(all, [&](const Value& each) { return each == element; });
  }
  auto found = std::ranges::lower_bound(all, element, [](const Value& a, const Value& b) { return order(a, b) < 0; });
  return found != all.end() && *found == element;
}

bool Value::has_unknown() const {
  switch (kind_) {
    case ValueKind::unknown:
      return true;
    case ValueKind::set:
      return static_cast<const SetData*>(payload_.shared)->has_unknown;
    case ValueKind::record:
      return static_cast<const RecordData*>(payload_.shared)->has_unknown;
    default:
      return false;
  }
}

namespace {

template <class T>
void destroy_block(const detail::Counted* block, std::span<const T> items) {
  std::ranges::destroy(items);
  ::operator delete(const_cast<detail::Counted*>(block));
}

}  // namespace

void Value::release() {
  if (payload_.shared->references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  switch (kind_) {
    case ValueKind::string:
      delete static_cast<const detail::TextData*>(payload_.shared);
      break;
    case ValueKind::entity:
      delete static_cast<const detail::EntityUidData*>(payload_.shared);
      break;
    case ValueKind::set:
      destroy_block(payload_.shared, elements());
      break;
    case ValueKind::record:
      destroy_block(payload_.shared, fields());
      break;
    case ValueKind::ip:
      delete static_cast<const IpData*>(payload_.shared);
      break;
    case ValueKind::unknown:
      delete static_cast<const UnknownData*>(payload_.shared);
      break;
    default:
      break;
  }
}

bool operator==(const Value& a, const Value& b) {
  if (a.kind_ != b.kind_) return false;
  if (!a.is_shared_kind()) return a.payload_.number == b.payload_.number;
  if (a.payload_.shared == b.payload_.shared) return true;
  switch (a.kind_) {
    case ValueKind::string: {
      const auto& x = *static_cast<const detail::TextData*>(a.payload_.shared);
      const auto& y = *static_cast<const detail::TextData*>(b.payload_.shared);
      return x.hash == y.hash && x.text == y.text;
    }
    case ValueKind::entity:
      return a.entity_data() == b.entity_data();
    case ValueKind::set:
      return std::ranges::equal(a.elements(), b.elements());
    case ValueKind::record:
      return std::ranges::equal(a.fields(), b.fields());
    case ValueKind::ip:
      return a.as_ip() == b.as_ip();
    default:
      return a.unknown_name() == b.unknown_name();
  }
}

std::strong_ordering order(const Value& a, const Value& b) {
  if (a.kind_ != b.kind_) return a.kind_ <=> b.kind_;
  switch (a.kind_) {
    case ValueKind::string:
      return a.as_string() <=> b.as_string();
    case ValueKind::entity: {
      std::strong_ordering types = a.entity_data().type.view() <=> b.entity_data().type.view();
      return types != 0 ? types : a.entity_data().id <=> b.entity_data().id;
    }
    case ValueKind::set: {
      auto x = a.elements();
      auto y = b.elements();
      return std::lexicographical_compare_three_way(x.begin(), x.end(), y.begin(), y.end(),
                                                    [](const Value& p, const Value& q) { return order(p, q); });
    }
    case ValueKind::record: {
      auto x = a.fields();
      auto y = b.fields();
      return std::lexicographical_compare_three_way(x.begin(), x.end(), y.begin(), y.end(),
                                                    [](const Field& p, const Field& q) {
                                                      std::strong_ordering names = p.first.view() <=> q.first.view();
                                                      return names != 0 ? names : order(p.second, q.second);
                                                    });
    }
    case ValueKind::ip:
      return a.as_ip() <=> b.as_ip();
    case ValueKind::unknown:
      return a.unknown_name() <=> b.unknown_name();
    default:
      return a.payload_.number <=> b.payload_.number;
  }
}

std::string Value::to_text() const {
  auto join_all = [](std::string open, const auto& items, std::string_view close, auto write) {
    std::string out = std::move(open);
    std::string_view comma;
    for (const auto& item : items) {
      out += comma;
      out += write(item);
      comma = ", ";
    }
    return out += close;
  };
  switch (kind_) {
    case ValueKind::boolean:
      return as_boolean() ? "true" : "false";
    case ValueKind::integer:
      return std::to_string(as_integer());
    case ValueKind::string:
      return quote(as_string());
    case ValueKind::entity:
      return as_entity().to_text();
    case ValueKind::set:
      return join_all("[", elements(), "]", [](const Value& each) { return each.to_text(); });
    case ValueKind::record:
      return join_all("{", fields(), "}",
                      [](const Field& each) { return quote(each.first.view()) + ": " + each.second.to_text(); });
    case ValueKind::decimal:
      return "decimal(\"" + as_decimal().to_text() + "\")";
    case ValueKind::datetime:
      return "datetime(\"" + as_datetime().to_text() + "\")";
    case ValueKind::duration:
      return "duration(\"" + as_duration().to_text() + "\")";
    case ValueKind::ip:
      return "ip(\"" + as_ip().to_text() + "\")";
    case ValueKind::unknown:
      return "unknown(" + quote(unknown_name()) + ")";
  }
  return {};
}

}  // namespace cedar
