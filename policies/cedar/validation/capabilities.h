// What is known to exist where an expression stands: attributes and tags that a test before it has found.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <unordered_map>
#include <vector>

namespace cedar::validation {

// One attribute or tag of one expression: the expression's shape, and the shape of the tag or the attribute's number.
using Capability = std::uint64_t;

enum class CapabilityKind : std::uint8_t { attribute, tag };

inline Capability capability(CapabilityKind kind, std::uint32_t target, std::uint32_t key) {
  return (std::uint64_t{target} << 32) | (std::uint64_t{key} << 1) | (kind == CapabilityKind::tag ? 1 : 0);
}

// What holds when an expression is true; sorted, each once.
using Capabilities = std::vector<Capability>;

inline void settle(Capabilities& all) {
  std::ranges::sort(all);
  all.erase(std::ranges::unique(all).begin(), all.end());
}

inline Capabilities common(const Capabilities& a, const Capabilities& b) {
  Capabilities out;
  std::ranges::set_intersection(a, b, std::back_inserter(out));
  return out;
}

// What holds at the place being looked at. What a test adds is taken back when its place is left, so that a long chain
// costs its length, not its square.
class KnownCapabilities {
 public:
  bool contains(Capability each) const { return counts_.contains(each); }
  void enter(const Capabilities& all) {
    for (Capability each : all) ++counts_[each];
  }
  void leave(const Capabilities& all) {
    for (Capability each : all) {
      auto found = counts_.find(each);
      if (--found->second == 0) counts_.erase(found);
    }
  }

 private:
  std::unordered_map<Capability, std::uint32_t> counts_;
};

}  // namespace cedar::validation
