// The right side of `like`: pieces of literal text with any run of characters (also none, also `/`) between them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cedar {

class Pattern {
 public:
  // `a*b` has the pieces "a" and "b"; a pattern without a star has one piece. Never empty.
  explicit Pattern(std::vector<std::string> pieces);

  // Stars are matched greedily from the left, never by backtracking: at worst text length times pattern length.
  bool matches(std::string_view text) const;

  const std::vector<std::string>& pieces() const { return pieces_; }

 private:
  std::vector<std::string> pieces_;
};

}  // namespace cedar
