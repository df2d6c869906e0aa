#include "proxy/adapters/http_sentence.h"

#include <algorithm>
#include <vector>

#include "core/json.h"
#include "proxy/adapters/http_form.h"
#include "proxy/adapters/sentence.h"

namespace countersign::adapters {
namespace {

struct Verb {
  std::string_view method;
  std::string_view words;
};
constexpr Verb kVerbs[] = {{"GET", "Read"},
                           {"HEAD", "Ask about"},
                           {"OPTIONS", "Ask what is possible with"},
                           {"PUT", "Replace"},
                           {"POST", "Send to"},
                           {"PATCH", "Change"},
                           {"DELETE", "Delete"},
                           {"MOVE", "Move"},
                           {"COPY", "Copy"},
                           {"MKCOL", "Create the folder"},
                           {"PROPFIND", "List"},
                           {"PROPPATCH", "Change the properties of"},
                           {"LOCK", "Lock"},
                           {"UNLOCK", "Unlock"},
                           {"SEARCH", "Search"},
                           {"REPORT", "Ask for a report on"}};

constexpr std::size_t kMostPath = 80;

std::string verb_of(std::string_view method) {
  const auto* found = std::ranges::find(kVerbs, method, &Verb::method);
  return found != std::end(kVerbs) ? std::string(found->words) : "Do " + said(method, kMostPath / 2) + " on";
}

std::string called(const approvals::Frozen& frozen) {
  constexpr std::size_t kMostName = 30;
  constexpr std::size_t kMostSummary = 60;
  Result<Json> shown = parse_json(frozen.shown);
  if (!shown) return {};
  const std::string operation = string_or(*shown, "operation", "");
  const std::string summary = string_or(*shown, "summary", "");
  std::string out = operation.empty() ? "" : " as " + said(operation, kMostName);
  if (!summary.empty() && summary.size() <= kMostSummary) out += " (" + said(summary, kMostSummary) + ")";
  return out;
}

using Parameters = std::map<std::string, std::vector<std::string>>;

std::vector<std::string> said_parameters(const Parameters& parameters) {
  Json object = Json::object();
  for (const auto& [name, values] : parameters) object[name] = values.size() == 1 ? Json(values.front()) : Json(values);
  return said_members(object, {}, " = ");
}

enum class Kind : std::uint8_t { none, json, form, encoded, other };

Kind kind_of(const HttpRequest& request, const approvals::Frozen& frozen) {
  if (frozen.body_size == 0) return Kind::none;
  if (request.head.headers.get("Content-Encoding")) return Kind::encoded;
  std::string type(request.head.headers.get("Content-Type").value_or(""));
  std::ranges::transform(type, type.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  type.resize(std::min(type.find(';'), type.size()));
  while (type.ends_with(' ')) type.pop_back();
  if (type == "application/json" || type.ends_with("+json")) return Kind::json;
  return type == "application/x-www-form-urlencoded" ? Kind::form : Kind::other;
}

// What the body changes at its top, as far as it can be read.
std::vector<std::string> changes_in(Kind kind, std::string_view body) {
  if (kind == Kind::form) {
    Result<Parameters> fields = read_query(body);
    return fields ? said_parameters(*fields) : std::vector<std::string>();
  }
  Result<Json> json = parse_json(body);
  if (!json) return {};
  if (json->is_object()) return said_members(*json, {}, " = ");
  if (json->is_array()) return {"a list of " + count_of(json->size(), "item")};
  return {said_value("", *json)};
}

// What the body is: "JSON, 31 bytes".
std::string described(Kind kind, const HttpRequest& request, std::uint64_t size) {
  constexpr std::size_t kMostType = 40;
  const std::string bytes = count_of(size, "byte");
  switch (kind) {
    case Kind::json:
      return "JSON, " + bytes;
    case Kind::form:
      return "a form, " + bytes;
    case Kind::encoded:
      return "encoded as " + said(*request.head.headers.get("Content-Encoding"), kMostType) + ", " + bytes;
    case Kind::none:
    case Kind::other:
      break;
  }
  const std::string_view type = request.head.headers.get("Content-Type").value_or("");
  return type.empty() ? bytes : said(type, kMostType) + ", " + bytes;
}

}  // namespace

std::string http_sentence(const HttpRequest& request, const approvals::Frozen& frozen, std::string_view body,
                          std::string_view environment) {
  constexpr std::size_t kMostQuery = 170;  // of the sentence with its query
  constexpr std::size_t kMostRead = 64U << 10;
  const RequestHead& head = request.head;
  const std::vector<Access>& touched = request.operation.accesses;
  const bool two = touched.size() > 1;
  std::string out =
      verb_of(head.method) + " " + said("/" + touched.front().resource.name, two ? kMostPath / 2 : kMostPath);
  if (two) {
    out += " to " + said("/" + touched.back().resource.name, kMostPath / 2);
    if (touched.back().effect == Effect::destroy) out += ", replacing what is there,";
  }
  out += place(frozen.upstream, environment);
  out += called(frozen);
  if (Result<Parameters> query = read_query(head.query()); query)
    say(out, ", query ", said_parameters(*query), kMostQuery);

  const Kind kind = kind_of(request, frozen);
  if (kind == Kind::none) return out + ".";
  const std::string what = described(kind, request, frozen.body_size);
  const bool readable = kind == Kind::json || kind == Kind::form;
  std::vector<std::string> changes;
  if (readable && body.size() == frozen.body_size && body.size() <= kMostRead) changes = changes_in(kind, body);
  if (changes.empty()) return out + " with a body (" + what + ").";
  const std::string end = " (" + what + ").";
  say(out, " with ", changes, kMaxSentence - end.size());
  return out + end;
}

}  // namespace countersign::adapters
