// Tables as text files (tests/cases/cedar/*.txt): one case a line, `input  =>  expected` (two spaces on both sides);
// lines that are empty or begin with `#` are skipped. In the input ⏎ stands for a line break and ␍ for a carriage
// return.
#pragma once

#include <string>
#include <vector>

namespace cedar::test {

struct Case {
  std::string input;
  std::string expected;  // empty when the line has no arrow
  int line = 0;          // in the table, for messages
};

// Fails the test when the table is missing or empty.
std::vector<Case> read_cases(const std::string& file);

}  // namespace cedar::test
