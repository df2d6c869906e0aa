// Time-ordered identifiers (RFC 9562 UUID version 7), so that stores keep them in the order of creation.
#pragma once

#include <string>

#include "core/clock.h"

namespace countersign {

// "01938a7c-…": 36 characters, lower case. Any thread; two calls never give the same value.
[[nodiscard]] std::string new_uuid(TimeMs now);

// A short id for people to read and type: "req_" and 16 characters of Crockford base32, time first. 50 bits of it are
// random.
[[nodiscard]] std::string new_short_id(std::string_view prefix, TimeMs now);

}  // namespace countersign
