// One object for equal names, entities and strings, so that what a set of policies speaks of lies together in memory
// and compares by address first. Grows while a set is filled; used by one thread.
#pragma once

#include <string_view>
#include <unordered_set>

#include "policies/cedar/value.h"

namespace cedar {

class Interner {
 public:
  Text text(std::string_view text);
  EntityUid uid(std::string_view type, std::string_view id);
  Value string(std::string_view text) { return Value::string(this->text(text)); }
  Value entity(std::string_view type, std::string_view id) { return Value::entity(uid(type, id)); }

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(const Text& text) const { return text.hash(); }
    std::size_t operator()(std::string_view text) const { return hash_text(text); }
  };
  struct TextEqual {
    using is_transparent = void;
    static std::string_view view(const Text& text) { return text.view(); }
    static std::string_view view(std::string_view text) { return text; }
    bool operator()(const auto& a, const auto& b) const { return view(a) == view(b); }
  };

  std::unordered_set<Text, TextHash, TextEqual> texts_;
  std::unordered_set<EntityUid> uids_;
};

}  // namespace cedar
