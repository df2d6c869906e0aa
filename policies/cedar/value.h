// Cedar values: Bool, Long, String, entity, Set, Record and the four extension types, plus `unknown`.
//
// A Value is 16 bytes. Strings, entity uids, sets, records and addresses are immutable and shared by reference count,
// so that copying never copies text. Immutable values may be read from any number of threads; the counts are atomic.
// What the evaluator makes on its way lies in an Arena instead, and is borrowed by everyone.
#pragma once

#include <atomic>
#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policies/cedar/arena.h"
#include "policies/cedar/extensions/datetime.h"
#include "policies/cedar/extensions/decimal.h"
#include "policies/cedar/extensions/ip_address.h"

namespace cedar {

namespace detail {

struct Counted {
  mutable std::atomic<std::uint32_t> references{1};
};

// A shared, immutable T (derived from Counted). Null only when default constructed or moved from.
template <class T>
class Handle {
 public:
  Handle() = default;
  explicit Handle(const T* adopted) : data_(adopted) {}
  Handle(const Handle& other) : data_(other.data_) {
    if (data_ != nullptr) data_->references.fetch_add(1, std::memory_order_relaxed);
  }
  Handle(Handle&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
  Handle& operator=(Handle other) noexcept {
    std::swap(data_, other.data_);
    return *this;
  }
  ~Handle() {
    if (data_ != nullptr && data_->references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete data_;
  }
  const T* get() const { return data_; }
  const T* release() { return std::exchange(data_, nullptr); }

 private:
  const T* data_ = nullptr;
};

struct TextData : Counted {
  TextData(std::string_view from, std::uint64_t hashed) : hash(hashed), text(from) {}
  std::uint64_t hash;
  std::string text;
};

}  // namespace detail

std::uint64_t hash_text(std::string_view text);

// An immutable shared string with its hash: attribute names, entity type names, string values.
class Text {
 public:
  Text() = default;  // the empty string
  explicit Text(std::string_view text) : data_(new detail::TextData(text, hash_text(text))) {}

  std::string_view view() const { return data_.get() == nullptr ? std::string_view() : data_.get()->text; }
  std::uint64_t hash() const { return data_.get() == nullptr ? hash_text({}) : data_.get()->hash; }
  friend bool operator==(const Text& a, const Text& b) {
    return a.data_.get() == b.data_.get() || (a.hash() == b.hash() && a.view() == b.view());
  }

 private:
  friend class Value;
  // The same text without a share in it, which must never be destroyed: for records in an arena.
  Text undestroyed() const {
    Text out;
    out.data_ = detail::Handle<detail::TextData>(data_.get());
    return out;
  }
  detail::Handle<detail::TextData> data_;
};

namespace detail {

struct EntityUidData : Counted {
  EntityUidData(Text type_name, std::string_view entity_id);
  Text type;
  std::string id;
  std::uint64_t hash;
  friend bool operator==(const EntityUidData& a, const EntityUidData& b) {
    return &a == &b || (a.hash == b.hash && a.id == b.id && a.type == b.type);
  }
};

}  // namespace detail

// `Type::"id"`. Copying shares; comparing is a pointer or hash comparison nearly always.
class EntityUid {
 public:
  // `type` is a normalized name ("A::B"); is_entity_type_name() says whether it is one. The id may be any text.
  EntityUid(std::string_view type, std::string_view id) : EntityUid(Text(type), id) {}
  EntityUid(Text type, std::string_view id) : data_(new detail::EntityUidData(std::move(type), id)) {}

  const Text& type() const { return data_.get()->type; }
  std::string_view type_name() const { return data_.get()->type.view(); }
  std::string_view id() const { return data_.get()->id; }
  std::uint64_t hash() const { return data_.get()->hash; }
  std::string to_text() const;  // as Cedar writes it: Agent::"builder"
  const detail::EntityUidData& data() const { return *data_.get(); }

  friend bool operator==(const EntityUid& a, const EntityUid& b) { return *a.data_.get() == *b.data_.get(); }

 private:
  friend class Value;
  explicit EntityUid(detail::Handle<detail::EntityUidData> data) : data_(std::move(data)) {}
  detail::Handle<detail::EntityUidData> data_;
};

// Whether `name` is identifiers joined by `::`, without spaces, none of them reserved (`if`, `in`, `__cedar`, …).
bool is_entity_type_name(std::string_view name);
// Whether `word` cannot be used as an identifier in policies.
bool is_reserved_word(std::string_view word);

enum class ValueKind : std::uint8_t {
  boolean,
  integer,
  string,
  entity,
  set,
  record,
  decimal,
  datetime,
  duration,
  ip,
  unknown
};

// For messages: "a boolean", "an integer", …
std::string_view describe(ValueKind kind);

// Whether an unknown attribute is known to exist. `has` answers true for `present` and stays unknown for
// `maybe_absent`.
enum class Presence : std::uint8_t { present, maybe_absent };

class Value;
using Field = std::pair<Text, Value>;

class Value {
 public:
  Value() : Value(ValueKind::boolean, std::int64_t{0}) {}  // false
  Value(const Value& other) : kind_(other.kind_), owned_(other.owned_), payload_(other.payload_) {
    if (owned_) retain();
  }
  Value(Value&& other) noexcept
      : kind_(other.kind_), owned_(std::exchange(other.owned_, false)), payload_(other.payload_) {}
  Value& operator=(Value other) noexcept {
    std::swap(kind_, other.kind_);
    std::swap(owned_, other.owned_);
    std::swap(payload_, other.payload_);
    return *this;
  }
  ~Value() {
    if (owned_) release();
  }

  static Value boolean(bool value) { return Value(ValueKind::boolean, value ? 1 : 0); }
  static Value integer(std::int64_t value) { return Value(ValueKind::integer, value); }
  static Value string(std::string_view text) { return string(Text(text)); }
  static Value string(Text text);
  static Value entity(EntityUid uid);
  static Value borrowed_entity(const EntityUid& uid) { return borrowed_from(ValueKind::entity, uid.data_.get()); }
  static Value set(std::vector<Value> elements);   // duplicates collapse, order is forgotten
  static Value record(std::vector<Field> fields);  // of two fields with one name the later counts
  static Value decimal(Decimal value) { return Value(ValueKind::decimal, value.ten_thousandths); }
  static Value datetime(Datetime value) { return Value(ValueKind::datetime, value.milliseconds); }
  static Value duration(Duration value) { return Value(ValueKind::duration, value.milliseconds); }
  static Value ip(const IpAddress& value);
  // The same, in `arena` and borrowed: valid until it is reset. `elements` and the fields' values must lie in the arena
  // or outlive it too; the elements are put in order where they are. Names must be distinct.
  static Value set(std::span<Value> elements, Arena& arena);
  static Value record(std::span<const Text> names, std::span<const Value> values, Arena& arena);
  static Value ip(const IpAddress& value, Arena& arena);
  // What is not known yet. `name` appears in messages ("context.input"). `type`: of an entity whose type is already
  // known.
  static Value unknown(std::string_view name, Presence presence = Presence::present, std::string_view type = {});

  ValueKind kind() const { return kind_; }
  bool is(ValueKind kind) const { return kind_ == kind; }

  // Each accessor requires the kind it names.
  bool as_boolean() const { return payload_.number != 0; }
  std::int64_t as_integer() const { return payload_.number; }
  std::string_view as_string() const;
  std::uint64_t string_hash() const;  // hash_text(as_string())
  EntityUid as_entity() const;
  const detail::EntityUidData& entity_data() const;
  std::span<const Value> elements() const;  // of a set, in a fixed order of no meaning
  std::span<const Field> fields() const;    // of a record, sorted by name
  Decimal as_decimal() const { return {payload_.number}; }
  Datetime as_datetime() const { return {payload_.number}; }
  Duration as_duration() const { return {payload_.number}; }
  const IpAddress& as_ip() const;
  std::string_view unknown_name() const;
  std::string_view unknown_type() const;
  Presence unknown_presence() const;

  // The field of a record, or nullptr. The pointer lives as long as the record's last owner.
  const Value* find(std::string_view name, std::uint64_t name_hash) const;
  const Value* find(const Text& name) const { return find(name.view(), name.hash()); }
  const Value* find(std::string_view name) const { return find(name, hash_text(name)); }
  bool contains(const Value& element) const;  // of a set

  // Whether this value is unknown or holds something unknown at any depth.
  bool has_unknown() const;

  // The same value without a share in it: free to make, valid while an owner lives. For the evaluator's intermediate
  // results; whatever is kept must be owned(), or detached() where it may lie in an arena.
  Value borrowed() const {
    Value out;
    out.kind_ = kind_;
    out.payload_ = payload_;
    return out;
  }
  Value owned() const {
    Value out = borrowed();
    if (is_shared_kind()) {
      out.owned_ = true;
      out.retain();
    }
    return out;
  }
  Value detached() const;
  bool is_owned() const { return owned_ || !is_shared_kind(); }

  // As Cedar text: `[1, "a"]`, `ip("10.0.0.0/8")`. For messages and explanations.
  std::string to_text() const;

  // Cedar's ==: values of different types differ; never fails. Unknown values compare by name (the evaluator asks
  // first).
  friend bool operator==(const Value& a, const Value& b);
  // A total order that agrees with ==; has no meaning in Cedar.
  friend std::strong_ordering order(const Value& a, const Value& b);

 private:
  struct SetData;
  struct RecordData;
  struct IpData;
  struct UnknownData;
  union Payload {
    std::int64_t number;
    const detail::Counted* shared;
  };

  Value(ValueKind kind, std::int64_t number) : kind_(kind), owned_(false), payload_{.number = number} {}
  Value(ValueKind kind, const detail::Counted* shared) : kind_(kind), owned_(true), payload_{.shared = shared} {}
  static Value borrowed_from(ValueKind kind, const detail::Counted* shared) {
    Value out(kind, shared);
    out.owned_ = false;
    return out;
  }

  bool is_shared_kind() const {
    return kind_ == ValueKind::string || kind_ == ValueKind::entity || kind_ == ValueKind::set ||
           kind_ == ValueKind::record || kind_ == ValueKind::ip || kind_ == ValueKind::unknown;
  }
  void retain() const { payload_.shared->references.fetch_add(1, std::memory_order_relaxed); }
  void release();

  ValueKind kind_;
  bool owned_;
  Payload payload_;
};

// Collects the fields of a record, for instance a request's context.
class RecordBuilder {
 public:
  RecordBuilder& set(std::string_view name, Value value) { return set(Text(name), std::move(value)); }
  RecordBuilder& set(Text name, Value value) {
    fields_.emplace_back(std::move(name), value.owned());
    return *this;
  }
  Value build() { return Value::record(std::exchange(fields_, {})); }

 private:
  std::vector<Field> fields_;
};

}  // namespace cedar

template <>
struct std::hash<cedar::EntityUid> {
  std::size_t operator()(const cedar::EntityUid& uid) const { return uid.hash(); }
};
