// Numbers for the entities, types and plain values that policies name, so that an index compares numbers.
#pragma once

#include <cstdint>
#include <vector>

#include "policies/cedar/value.h"

namespace cedar {

class Literals {
 public:
  static constexpr std::uint32_t kNone = 0xFFFF'FFFF;

  // Whether a value has a number: sets, records, addresses and what is unknown have none.
  static bool is_plain(const Value& value);

  // The number of a plain value or of a type name; a new one for a new value.
  std::uint32_t add(const Value& value) { return insert(hash(value), value); }
  std::uint32_t add_type(const Text& name) { return insert(type_hash(name), Value::string(name)); }

  // kNone when there is none.
  std::uint32_t find(const Value& value) const;
  std::uint32_t find(const detail::EntityUidData& uid) const;
  std::uint32_t find_type(const Text& name) const;

  const Value& operator[](std::uint32_t number) const { return values_[number]; }

 private:
  struct Slot {
    std::uint64_t hash = 0;
    std::uint32_t number = kNone;
    Value value;  // borrowed from values_: one step less to what is compared
  };

  static std::uint64_t hash(const Value& value);
  // A type name is kept as a string; its hash says that it is none.
  static std::uint64_t type_hash(const Text& name) { return name.hash() ^ 0x7479'7065'7479'7065U; }
  std::uint32_t insert(std::uint64_t hash, const Value& value);
  void grow();
  template <class Same>
  std::uint32_t search(std::uint64_t hash, Same same) const {
    if (slots_.empty()) return kNone;
    std::size_t mask = slots_.size() - 1;
    for (std::size_t at = hash & mask; slots_[at].number != kNone; at = (at + 1) & mask) {
      if (slots_[at].hash == hash && same(slots_[at].value)) return slots_[at].number;
    }
    return kNone;
  }

  std::vector<Value> values_;
  std::vector<Slot> slots_;  // open addressing; a power of two, at most half full
};

}  // namespace cedar
