#include "proxy/adapters/git/objects/line_diff.h"

#include <algorithm>
#include <limits>
#include <unordered_map>

namespace countersign::adapters::git {
namespace {

using Line = std::uint32_t;  // equal lines have equal numbers
using Signed = std::ptrdiff_t;

// Where a diagonal's walk has left the texts: no walk returns, and no sum with it looks like a meeting.
constexpr Signed kOutside = std::numeric_limits<Signed>::min() / 2;

class Myers {
 public:
  Myers(const std::vector<Line>& before, const std::vector<Line>& after, DiffEffort& effort)
      : a_(before), b_(after), effort_(effort), cost_(static_cast<Signed>(std::max<std::size_t>(effort.cost, 1))) {
    // Diagonals are at most `cost` away from the two in the corners' middle.
    std::size_t width = 2 * (std::min(before.size() + after.size(), std::max<std::size_t>(effort.cost, 1)) + 2) + 1;
    forward_.resize(width);
    backward_.resize(width);
  }

  std::vector<Hunk> run() {
    compare(0, static_cast<Signed>(a_.size()), 0, static_cast<Signed>(b_.size()));
    return std::move(hunks_);
  }

 private:
  struct Point {
    Signed x = 0;
    Signed y = 0;
  };

  void compare(Signed a0, Signed a1, Signed b0, Signed b1) {
    while (true) {
      while (a0 < a1 && b0 < b1 && a(a0) == b(b0)) {
        ++a0;
        ++b0;
      }
      while (a0 < a1 && b0 < b1 && a(a1 - 1) == b(b1 - 1)) {
        --a1;
        --b1;
      }
      if (a0 == a1 || b0 == b1) return emit(a0, a1, b0, b1);
      Point middle;
      if (!split(a0, a1, b0, b1, middle)) return emit(a0, a1, b0, b1);
      compare(a0, middle.x, b0, middle.y);
      a0 = middle.x;  // the second half in this frame: recursion is as deep as the shorter halves
      b0 = middle.y;
    }
  }

  void emit(Signed a0, Signed a1, Signed b0, Signed b1) {
    if (a0 == a1 && b0 == b1) return;
    Hunk hunk{static_cast<std::size_t>(a0), static_cast<std::size_t>(a1), static_cast<std::size_t>(b0),
              static_cast<std::size_t>(b1)};
    if (!hunks_.empty() && hunks_.back().old_end == hunk.old_begin && hunks_.back().new_end == hunk.new_begin) {
      hunks_.back().old_end = hunk.old_end;
      hunks_.back().new_end = hunk.new_end;
    } else {
      hunks_.push_back(hunk);
    }
  }

  // A point that a shortest path passes, found by walking from both corners at once; false when they have not met after
  // `cost` steps. Both texts are non-empty and differ in their first and in their last lines.
  bool split(Signed a0, Signed a1, Signed b0, Signed b1, Point& middle) {
    Signed n = a1 - a0;
    Signed m = b1 - b0;
    Signed delta = n - m;
    bool odd = (delta & 1) != 0;
    Signed most = std::min((n + m + 1) / 2, cost_);
    Signed centre = static_cast<Signed>(forward_.size() / 2);
    auto f = [&](Signed k) -> Signed& { return forward_[static_cast<std::size_t>(centre + k)]; };
    auto r = [&](Signed k) -> Signed& { return backward_[static_cast<std::size_t>(centre + k)]; };
    f(1) = 0;
    r(1) = 0;
    for (Signed d = 0; d <= most; ++d) {
      std::uint64_t steps = 2 * static_cast<std::uint64_t>(d + 1);
      if (effort_.steps < steps) return false;
      effort_.steps -= steps;
      for (Signed k = -d; k <= d; k += 2) {
        Signed x = k == -d || (k != d && f(k - 1) < f(k + 1)) ? f(k + 1) : f(k - 1) + 1;
        Signed y = x - k;
        if (x < 0 || x > n || y > m) {
          f(k) = kOutside;
          continue;
        }
        while (x < n && y < m && a(a0 + x) == b(b0 + y)) {
          ++x;
          ++y;
        }
        f(k) = x;
        Signed other = delta - k;  // the backward walk's name for this diagonal
        if (odd && other >= -(d - 1) && other <= d - 1 && x + r(other) >= n) {
          middle = {a0 + x, b0 + y};
          return true;
        }
      }
      for (Signed k = -d; k <= d; k += 2) {
        Signed x = k == -d || (k != d && r(k - 1) < r(k + 1)) ? r(k + 1) : r(k - 1) + 1;
        Signed y = x - k;
        if (x < 0 || x > n || y > m) {
          r(k) = kOutside;
          continue;
        }
        while (x < n && y < m && a(a1 - 1 - x) == b(b1 - 1 - y)) {
          ++x;
          ++y;
        }
        r(k) = x;
        Signed other = delta - k;
        if (!odd && other >= -d && other <= d && x + f(other) >= n) {
          middle = {a1 - x, b1 - y};
          return true;
        }
      }
    }
    return false;
  }

  [[nodiscard]] Line a(Signed at) const { return a_[static_cast<std::size_t>(at)]; }
  [[nodiscard]] Line b(Signed at) const { return b_[static_cast<std::size_t>(at)]; }

  const std::vector<Line>& a_;
  const std::vector<Line>& b_;
  DiffEffort& effort_;
  Signed cost_;
  std::vector<Signed> forward_;
  std::vector<Signed> backward_;
  std::vector<Hunk> hunks_;
};

}  // namespace

std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    std::size_t end = text.find('\n');
    std::size_t size = end == std::string_view::npos ? text.size() : end + 1;
    out.push_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  return out;
}

std::vector<Hunk> diff_lines(const std::vector<std::string_view>& before, const std::vector<std::string_view>& after,
                             DiffEffort& effort) {
  std::unordered_map<std::string_view, Line> numbers;
  auto number = [&](const std::vector<std::string_view>& lines) {
    std::vector<Line> out;
    out.reserve(lines.size());
    for (std::string_view line : lines)
      out.push_back(numbers.try_emplace(line, static_cast<Line>(numbers.size())).first->second);
    return out;
  };
  std::vector<Line> a = number(before);
  std::vector<Line> b = number(after);
  return Myers(a, b, effort).run();
}

bool comparable(std::string_view before, std::string_view after) {
  constexpr std::ptrdiff_t kMaxLines = 300'000;
  return std::ranges::count(before, '\n') <= kMaxLines && std::ranges::count(after, '\n') <= kMaxLines;
}

bool is_binary(std::string_view content) {
  return content.substr(0, 8000).contains('\0');
}

}  // namespace countersign::adapters::git
