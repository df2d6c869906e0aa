#include "policies/cedar/schema/type.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "policies/cedar/unescape.h"
#include "policies/cedar/utf8.h"
#include "policies/cedar/value.h"

namespace cedar {
namespace {

constexpr std::size_t kShownBytes = 400;

std::uint64_t mix(std::uint64_t seed, std::uint64_t with) {
  seed ^= with + 0x9E3779B97F4A7C15U + (seed << 6) + (seed >> 2);
  return seed * 0xFF51AFD7ED558CCDU;
}

std::string_view name_of(TypeKind kind) {
  constexpr std::array<std::string_view, 10> kNames = {"Bool",     "Long",     "String", "decimal", "ipaddr",
                                                       "datetime", "duration", "entity", "Set",     "record"};
  return kNames[static_cast<std::size_t>(kind)];
}

// Stops soon after `out` is longer than what is shown.
void append(const Type& type, std::string& out) {
  if (out.size() > kShownBytes) return;
  if (type.is(TypeKind::entity)) {
    out += type.entity_name();
  } else if (type.is(TypeKind::set)) {
    out += "Set<";
    append(*type.element(), out);
    out += ">";
  } else if (!type.is(TypeKind::record)) {
    out += name_of(type.kind());
  } else if (type.attributes().empty()) {
    out += "{}";
  } else {
    std::string_view separator = "{ ";
    for (const AttributeType& each : type.attributes()) {
      if (out.size() > kShownBytes) return;
      out += separator;
      separator = ", ";
      bool plain = is_entity_type_name(each.name) && each.name.find(':') == std::string::npos;
      out += plain ? each.name : quote(each.name);
      out += each.requirement == Requirement::optional ? "?: " : ": ";
      append(*each.type, out);
    }
    out += " }";
  }
}

// Pairs that are being compared or were found equal: shared parts are compared once. (The first difference ends it all,
// so a pair in the set can be taken for equal.)
using Compared = std::set<std::pair<const Type*, const Type*>>;

bool same(const Type& a, const Type& b, Compared& compared) {
  if (&a == &b) return true;
  if (a.hash() != b.hash() || a.kind() != b.kind() || a.depth() != b.depth()) return false;
  if (a.is(TypeKind::entity)) return a.entity_name() == b.entity_name();
  if (!a.is(TypeKind::set) && !a.is(TypeKind::record)) return true;
  if (!compared.emplace(&a, &b).second) return true;
  if (a.is(TypeKind::set)) return same(*a.element(), *b.element(), compared);
  return std::ranges::equal(a.attributes(), b.attributes(), [&](const AttributeType& x, const AttributeType& y) {
    return x.name == y.name && x.requirement == y.requirement && same(*x.type, *y.type, compared);
  });
}

}  // namespace

Type::Type(TypeKind kind) : kind_(kind), hash_(mix(0, static_cast<std::uint64_t>(kind) + 1)) {}

TypePtr Type::share(Type type) {
  return std::make_shared<const Type>(std::move(type));
}

TypePtr Type::primitive(TypeKind kind) {
  static const std::array<TypePtr, 7> kShared = [] {
    std::array<TypePtr, 7> out;
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = share(Type(static_cast<TypeKind>(i)));
    return out;
  }();
  return kShared.at(static_cast<std::size_t>(kind));
}

TypePtr Type::entity(std::string name) {
  Type out(TypeKind::entity);
  out.hash_ = mix(out.hash_, hash_text(name));
  out.name_ = std::move(name);
  return share(std::move(out));
}

TypePtr Type::set(TypePtr element) {
  Type out(TypeKind::set);
  out.hash_ = mix(out.hash_, element->hash());
  out.depth_ = element->depth() + 1;
  out.element_ = std::move(element);
  return share(std::move(out));
}

TypePtr Type::record(std::vector<AttributeType> attributes) {
  Type out(TypeKind::record);
  std::map<std::string, AttributeType> by_name;
  for (AttributeType& each : attributes) by_name.insert_or_assign(each.name, std::move(each));
  attributes.clear();
  for (auto& [unused, each] : by_name) attributes.push_back(std::move(each));
  for (const AttributeType& each : attributes) {
    out.hash_ = mix(mix(out.hash_, hash_text(each.name)), each.type->hash());
    out.hash_ = mix(out.hash_, static_cast<std::uint64_t>(each.requirement));
    out.depth_ = std::max(out.depth_, each.type->depth());
  }
  ++out.depth_;
  out.attributes_ = std::move(attributes);
  return share(std::move(out));
}

const AttributeType* Type::find(std::string_view attribute) const {
  auto found = std::ranges::lower_bound(attributes_, attribute, {},
                                        [](const AttributeType& each) { return std::string_view(each.name); });
  return found != attributes_.end() && found->name == attribute ? &*found : nullptr;
}

std::string Type::to_text() const {
  std::string out;
  append(*this, out);
  return shortened(out, kShownBytes);
}

bool operator==(const Type& a, const Type& b) {
  Compared compared;
  return same(a, b, compared);
}

}  // namespace cedar
