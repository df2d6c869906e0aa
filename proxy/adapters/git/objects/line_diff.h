// Which lines differ between two texts: the shortest edit script. (E. W. Myers, "An O(ND) Difference Algorithm and Its
// Variations", 1986, in linear space) Pure functions, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace countersign::adapters::git {

// Lines of a text, each with its line feed; the last may lack it.
[[nodiscard]] std::vector<std::string_view> split_lines(std::string_view text);

// A run of lines that differs: old lines [old_begin, old_end) became new lines [new_begin, new_end).
struct Hunk {
  std::size_t old_begin = 0;
  std::size_t old_end = 0;
  std::size_t new_begin = 0;
  std::size_t new_end = 0;
};

// How much work comparing may be. Where it does not suffice, texts are compared coarsely: still right, but not the
// shortest script.
struct DiffEffort {
  std::size_t cost = 4'000;           // differences that one search may pass
  std::uint64_t steps = 500'000'000;  // of all comparisons together, some seconds; is used up
};

// In order, none touching the next.
[[nodiscard]] std::vector<Hunk> diff_lines(const std::vector<std::string_view>& before,
                                           const std::vector<std::string_view>& after, DiffEffort& effort);

// Whether two texts have few enough lines to be split and compared: each line costs far more memory than its bytes.
[[nodiscard]] bool comparable(std::string_view before, std::string_view after);

// git's rule: a NUL among the first 8 000 bytes.
[[nodiscard]] bool is_binary(std::string_view content);

}  // namespace countersign::adapters::git
