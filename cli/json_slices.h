// The members of a JSON object and the elements of an array as the very texts they are written with, so that each can
// be handed to the reader that knows it: nothing is parsed into a tree first, numbers keep every digit, and a member
// that is wrong spoils only itself.
//
// Slicing finds ends by quotes and brackets alone. What is inside a slice is for its reader to check. Nothing recurses.
// Pure functions, any thread; slices are views into the text given.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace countersign::cli {

struct JsonSlice {
  std::string name;       // unescaped; empty for elements
  std::string_view text;  // without white space around it
};

// Errors of both: json.malformed, json.duplicate_key, json.too_large (more than `limit` members or elements).
[[nodiscard]] Result<std::vector<JsonSlice>> json_members(std::string_view object, std::size_t limit);
[[nodiscard]] Result<std::vector<JsonSlice>> json_elements(std::string_view array, std::size_t limit);

// The slice called `name`, or an empty text.
[[nodiscard]] std::string_view json_find(const std::vector<JsonSlice>& members, std::string_view name);

// The text of a JSON string. Errors: json.malformed.
[[nodiscard]] Result<std::string> json_string(std::string_view text);

}  // namespace countersign::cli
