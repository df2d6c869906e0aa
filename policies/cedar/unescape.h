// String and pattern literals: exactly Rust's escapes, which Cedar prescribes (cedar-policy-core parser/unescape.rs).
//   \" \\ \' \n \r \t \0   \xHH (two digits, at most 7F)   \u{1 to 6 hex digits, `_` between them, no surrogate}
// Raw newlines are allowed, raw carriage returns are not; any other escape is an error. Patterns also have \* (a star)
// and
// * (any run of characters). Pure functions, any thread.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "policies/cedar/pattern.h"
#include "policies/cedar/source.h"

namespace cedar {

// One bad escape. The span counts from the start of the body that was passed in.
struct EscapeProblem {
  Span span;
  std::string message;
};

// `body` is the literal without its quotes; of its problems, the first thousand. In a pattern a star is a wildcard also
// when an escape spells it (`\u{2a}`), as in the official engine; `\*` is the character.
std::expected<std::string, std::vector<EscapeProblem>> unescape_string(std::string_view body);
std::expected<Pattern, std::vector<EscapeProblem>> unescape_pattern(std::string_view body);

// A literal, with quotes, that reads back as `text` (UTF-8). What cannot be seen is escaped: controls, unusual spaces,
// bidirectional and other formatting marks.
std::string quote(std::string_view text);

}  // namespace cedar
