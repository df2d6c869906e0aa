#include "cases.h"

#include <fstream>
#include <string_view>

#include <gtest/gtest.h>

namespace cedar::test {
namespace {

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

}  // namespace

std::vector<Case> read_cases(const std::string& file) {
  std::ifstream in(std::string(COUNTERSIGN_SOURCE_DIR) + "/tests/cases/cedar/" + file);
  std::vector<Case> out;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    if (line.empty() || line.starts_with('#')) continue;
    constexpr std::string_view kArrow = "  =>  ";
    std::size_t arrow = line.find(kArrow);
    Case each{.input = line.substr(0, arrow), .line = number};
    if (arrow != std::string::npos) each.expected = line.substr(arrow + kArrow.size());
    replace_all(each.input, "⏎", "\n");
    replace_all(each.input, "␍", "\r");
    out.push_back(std::move(each));
  }
  EXPECT_FALSE(out.empty()) << file << " has no cases";
  return out;
}

}  // namespace cedar::test
