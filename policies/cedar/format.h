// Lays policies out anew: the same tokens and comments, white space as the official formatter has it.
// (behaviour of record: cedar-policy-formatter 4.12)
//
// Only white space, trailing commas and leading zeros change. Comments stay with the token they stand beside: one on
// the same line behind it, those on lines of their own before it; none is ever lost. format(format(x)) == format(x).
// Where the official formatter leaves blanks at the end of a line, moves a comment behind a string, or drops one beside
// a trailing comma, this one does not. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>

#include "policies/cedar/parser.h"

namespace cedar {

struct FormatOptions {
  std::size_t line_width = 80;   // columns a line should not exceed; 1 to 1 000
  std::size_t indent_width = 2;  // columns; 0 to 100
};

// The text laid out anew, ending with a newline; or everything wrong with it.
std::expected<std::string, Diagnostics> format_policies(std::string_view text, const FormatOptions& options = {},
                                                        const Limits& limits = {});

}  // namespace cedar
