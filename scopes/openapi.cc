#include "scopes/openapi.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/json.h"
#include "core/problem.h"
#include "core/yaml.h"

namespace countersign {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kMethods = {{{"get", "GET"},
                                                                                    {"put", "PUT"},
                                                                                    {"post", "POST"},
                                                                                    {"delete", "DELETE"},
                                                                                    {"options", "OPTIONS"},
                                                                                    {"head", "HEAD"},
                                                                                    {"patch", "PATCH"}}};

Json to_json(const yaml::Node& node) {
  switch (node.kind) {
    case yaml::Node::Kind::null:
      return nullptr;
    case yaml::Node::Kind::scalar:
      return node.text;
    case yaml::Node::Kind::list: {
      Json list = Json::array();
      for (const yaml::Node& item : node.items) list.push_back(to_json(item));
      return list;
    }
    case yaml::Node::Kind::map: {
      Json map = Json::object();
      for (const yaml::Member& member : node.members) map[member.key] = to_json(member.value);
      return map;
    }
  }
  return nullptr;
}

Result<Json> read(std::string_view text) {
  std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && text[first] == '{') {
    return parse_json(text, {.bytes = kMaxOpenApiBytes, .depth = 100, .values = 4'000'000});
  }
  Problems problems;
  std::optional<yaml::Node> root =
      yaml::parse("openapi", text, problems, {.bytes = kMaxOpenApiBytes, .depth = 100, .nodes = 4'000'000});
  if (root && !has_errors(problems)) return to_json(*root);
  sort_problems(problems);
  std::string first_problem = problems.empty() ? "not readable" : format_problem(problems.front());
  return fail(ErrorKind::invalid, "openapi.malformed", "not YAML as we read it: " + first_problem);
}

}  // namespace

Result<std::vector<OpenApiOperation>> load_openapi(const std::string& file) {
  Result<std::string> text = read_file(file, kMaxOpenApiBytes);
  if (!text) return fail(text.error());
  return parse_openapi(*text);
}

Result<std::vector<OpenApiOperation>> parse_openapi(std::string_view text) {
  auto malformed = [](std::string message) {
    return fail(ErrorKind::invalid, "openapi.malformed", std::move(message));
  };
  Result<Json> document = read(text);
  if (!document) return fail(document.error());
  if (!string_or(*document, "openapi", "").starts_with("3."))
    return malformed("the document does not say `openapi: 3.…`");
  const Json* paths = find_member(*document, "paths");
  if (!paths || !paths->is_object()) return malformed("the document has no `paths`");
  std::vector<OpenApiOperation> out;
  for (const auto& [path, item] : paths->items()) {
    if (path.starts_with("x-")) continue;
    if (!item.is_object()) return malformed("the path `" + path + "` is not a map");
    if (item.contains("$ref")) return malformed("the path `" + path + "` is a reference, which is not followed");
    for (const auto& [key, method] : kMethods) {
      const Json* operation = find_member(item, key);
      if (!operation) continue;
      if (!operation->is_object()) return malformed("an operation of `" + path + "` is not a map");
      if (out.size() >= kMaxOpenApiOperations) return malformed("the document has too many operations");
      std::string effect_text = string_or(*operation, "x-countersign-effect", "");
      std::optional<Effect> effect = effect_from_name(effect_text);
      if (operation->contains("x-countersign-effect") && !effect)
        return fail(ErrorKind::invalid, "openapi.bad_effect",
                    "x-countersign-effect of `" + path + "` is not an effect");
      std::string summary = string_or(*operation, "summary", "");
      if (summary.size() > kMaxOpenApiSummary) summary.clear();
      out.push_back({std::string(method), path, string_or(*operation, "operationId", ""), std::move(summary), effect});
    }
  }
  return out;
}

}  // namespace countersign
