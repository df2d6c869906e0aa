#include "policies/cedar/literals.h"

namespace cedar {

bool Literals::is_plain(const Value& value) {
  switch (value.kind()) {
    case ValueKind::set:
    case ValueKind::record:
    case ValueKind::ip:
    case ValueKind::unknown:
      return false;
    default:
      return true;
  }
}

std::uint64_t Literals::hash(const Value& value) {
  if (value.is(ValueKind::string)) return value.string_hash();
  if (value.is(ValueKind::entity)) return value.entity_data().hash;
  std::uint64_t mixed = (static_cast<std::uint64_t>(value.as_integer()) + static_cast<std::uint64_t>(value.kind())) *
                        0x9E37'79B9'7F4A'7C15U;
  return mixed ^ (mixed >> 32);
}

std::uint32_t Literals::find(const Value& value) const {
  if (!is_plain(value)) return kNone;
  return search(hash(value), [&](const Value& each) { return each == value; });
}

std::uint32_t Literals::find(const detail::EntityUidData& uid) const {
  return search(uid.hash, [&](const Value& each) { return each.is(ValueKind::entity) && each.entity_data() == uid; });
}

std::uint32_t Literals::find_type(const Text& name) const {
  return search(type_hash(name),
                [&](const Value& each) { return each.is(ValueKind::string) && each.as_string() == name.view(); });
}

std::uint32_t Literals::insert(std::uint64_t hash, const Value& value) {
  std::uint32_t found = search(hash, [&](const Value& each) { return each == value; });
  if (found != kNone) return found;
  if ((values_.size() + 1) * 2 > slots_.size()) grow();
  auto number = static_cast<std::uint32_t>(values_.size());
  values_.push_back(value);
  std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  while (slots_[at].number != kNone) at = (at + 1) & mask;
  slots_[at] = {hash, number, values_.back().borrowed()};
  return number;
}

void Literals::grow() {
  std::vector<Slot> before = std::move(slots_);
  slots_.assign(before.empty() ? 16 : before.size() * 2, {});
  std::size_t mask = slots_.size() - 1;
  for (const Slot& slot : before) {
    if (slot.number == kNone) continue;
    std::size_t at = slot.hash & mask;
    while (slots_[at].number != kNone) at = (at + 1) & mask;
    slots_[at] = {slot.hash, slot.number, slot.value.borrowed()};
  }
}

}  // namespace cedar
