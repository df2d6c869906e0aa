// Operations of an OpenAPI 3 document (https://spec.openapis.org/oas/v3.1.0): their path, method, operationId, summary
// and the extension x-countersign-effect. Everything else in the document is ignored; paths are taken relative to the
// upstream's address. Pure functions, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "scopes/effect.h"

namespace countersign {

struct OpenApiOperation {
  std::string method;            // upper case
  std::string path;              // template: "/orders/{id}"
  std::string operation_id;      // may be empty
  std::string summary;           // may be empty; longer ones than kMaxOpenApiSummary are left out
  std::optional<Effect> effect;  // x-countersign-effect
};

inline constexpr std::size_t kMaxOpenApiBytes = 32U << 20;
inline constexpr std::size_t kMaxOpenApiOperations = 20'000;
inline constexpr std::size_t kMaxOpenApiSummary = 120;  // bytes

// JSON or YAML, by the file's content. Errors: file.*, json.*, openapi.malformed, openapi.bad_effect.
Result<std::vector<OpenApiOperation>> load_openapi(const std::string& file);
Result<std::vector<OpenApiOperation>> parse_openapi(std::string_view text);

}  // namespace countersign
