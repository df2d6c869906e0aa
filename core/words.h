// Lists of short texts, for messages and records. Pure functions, any thread.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace countersign {

// "a, b, c"; empty for none. `words` is a range of texts.
template <class Words>
[[nodiscard]] std::string joined(const Words& words, std::string_view separator = ", ") {
  std::string out;
  bool first = true;
  for (const auto& word : words) {
    if (!first) out += separator;
    out += word;
    first = false;
  }
  return out;
}

inline void sort_unique(std::vector<std::string>& words) {
  std::ranges::sort(words);
  auto repeated = std::ranges::unique(words);
  words.erase(repeated.begin(), repeated.end());
}

// The union, sorted.
inline void add_unique(std::vector<std::string>& words, std::span<const std::string> more) {
  words.insert(words.end(), more.begin(), more.end());
  sort_unique(words);
}

}  // namespace countersign
