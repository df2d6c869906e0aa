// Bodies that clients compress: git sends a request over 1,024 bytes as gzip (RFC 1952). Pure functions, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace countersign::adapters::git {

// What becomes of text beyond the limit.
enum class Beyond : std::uint8_t {
  refused,  // the whole body is wanted
  cut,      // its beginning is enough
};

// The text of a body that is one gzip member and nothing behind it; at most `limit` bytes of it are ever made. With
// Beyond::cut what follows them is not looked at. Errors: git.bad_gzip, git.too_large.
Result<std::string> gunzip(std::string_view body, std::size_t limit, Beyond beyond = Beyond::refused);

}  // namespace countersign::adapters::git
