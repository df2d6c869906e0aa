// Lists of strings as the store's columns hold them: JSON arrays. For the store's own files.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "core/result.h"

namespace countersign::approvals {

// json.not_utf8 for what is not.
inline Result<std::string> list_text(const std::vector<std::string>& values) {
  return canonical_json(Json(values));
}

inline Result<std::vector<std::string>> list_of(std::string_view text) {
  Result<Json> json = parse_json(text);
  if (!json) return fail(json.error());
  std::vector<std::string> values;
  for (const Json& value : *json) {
    if (!value.is_string()) return fail(ErrorKind::internal, "store.corrupt", "a stored list holds something else");
    values.push_back(value.get<std::string>());
  }
  return values;
}

}  // namespace countersign::approvals
