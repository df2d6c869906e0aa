#include "scopes/effect.h"

#include <array>

namespace countersign {
namespace {
constexpr std::array<std::string_view, kEffectCount> kNames = {"read", "write",      "execute",
                                                               "mint", "administer", "destroy"};
}

std::string_view effect_name(Effect effect) {
  return kNames[static_cast<std::size_t>(effect)];
}

std::optional<Effect> effect_from_name(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<Effect>(i);
  }
  return std::nullopt;
}

std::vector<std::string> EffectSet::names() const {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (contains(static_cast<Effect>(i))) out.emplace_back(kNames[i]);
  }
  return out;
}

}  // namespace countersign
