// The one vocabulary for what an operation does, over all protocols, so that a rule cannot be routed around.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace countersign {

// In ascending order of danger; the effect of an operation is the greatest of its accesses.
enum class Effect : std::uint8_t {
  read,
  write,
  execute,     // opaque code or commands
  mint,        // creates or reveals credentials
  administer,  // permissions, visibility
  destroy,
};
inline constexpr std::size_t kEffectCount = 6;

[[nodiscard]] std::string_view effect_name(Effect effect);
[[nodiscard]] std::optional<Effect> effect_from_name(std::string_view name);
[[nodiscard]] inline bool is_change(Effect effect) {
  return effect != Effect::read;
}

// A set of effects, as a bit each.
class EffectSet {
 public:
  constexpr EffectSet() = default;
  constexpr EffectSet(std::initializer_list<Effect> effects) {
    for (Effect effect : effects) add(effect);
  }
  constexpr void add(Effect effect) {
    bits_ = static_cast<std::uint8_t>(bits_ | (1U << static_cast<unsigned>(effect)));
  }
  [[nodiscard]] constexpr bool contains(Effect effect) const { return (bits_ >> static_cast<unsigned>(effect)) & 1U; }
  [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }
  [[nodiscard]] std::vector<std::string> names() const;
  // Every effect but `read`: what the word "change" stands for in scopes and policies.
  [[nodiscard]] static constexpr EffectSet change() {
    return {Effect::write, Effect::execute, Effect::mint, Effect::administer, Effect::destroy};
  }
  constexpr void add(EffectSet other) { bits_ = static_cast<std::uint8_t>(bits_ | other.bits_); }
  bool operator==(const EffectSet&) const = default;

 private:
  std::uint8_t bits_ = 0;
};

}  // namespace countersign
