// "did you mean …": the known name most like one that is not known.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace cedar {

class Suggestion {
 public:
  explicit Suggestion(std::string_view wanted) : wanted_(wanted) {}

  // Costs as much as the lengths of both names multiplied; looks at no more than some thousands of them, and at none
  // that is long.
  void consider(std::string_view known);
  // nullopt when nothing considered is like it (a third of its letters may differ).
  std::optional<std::string> best() const { return best_; }

 private:
  std::string wanted_;
  std::optional<std::string> best_;
  std::size_t distance_ = 0;
  std::size_t considered_ = 0;
};

}  // namespace cedar
