// Bytes of strangers as people should see them. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace countersign::adapters::git {

enum class LineFeeds : std::uint8_t { kept, shown };

// UTF-8 in which nothing hides: control characters (tabs excepted), bidirectional controls, characters without width
// and bytes that are no UTF-8 become escapes: "<1B>", "<U+202E>", "<FF>".
[[nodiscard]] std::string visible(std::string_view text, LineFeeds line_feeds = LineFeeds::shown);

}  // namespace countersign::adapters::git
