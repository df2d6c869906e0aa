#include "console/call.h"

#include <algorithm>
#include <charconv>

namespace countersign::console {
namespace {

constexpr std::size_t kMaxParameters = 32;

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

Answer json_answer(const Json& value, int status) {
  Answer answer;
  answer.status = status;
  answer.body = value.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  return answer;
}

Answer text_answer(std::string text, std::string content_type) {
  Answer answer;
  answer.content_type = std::move(content_type);
  answer.body = std::move(text);
  return answer;
}

Answer problem_answer(const Error& error) {
  Answer answer;
  answer.status = http_status(error.kind);
  answer.content_type = "application/problem+json";
  answer.body = problem_json(answer.status, error);
  if (answer.status == 401) answer.headers.add("www-authenticate", "Bearer realm=\"countersign admin\"");
  if (error.code == "sign_in.busy") answer.headers.add("retry-after", "5");
  return answer;
}

Result<std::string> unescape(std::string_view text, Plus plus) {
  auto bad = [] { return fail(ErrorKind::malformed, "admin.bad_target", "the request target is not valid"); };
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    char c = text[at];
    if (c == '%') {
      if (at + 2 >= text.size()) return bad();
      int high = hex_value(text[at + 1]);
      int low = hex_value(text[at + 2]);
      if (high < 0 || low < 0) return bad();
      c = static_cast<char>(high * 16 + low);
      at += 2;
    } else if (c == '+' && plus == Plus::blank) {
      c = ' ';
    }
    auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) return bad();
    out += c;
  }
  if (!canonical_json(Json(out))) return bad();
  return out;
}

Result<std::map<std::string, std::string, std::less<>>> parse_query(std::string_view query) {
  auto bad = [](std::string message) { return fail(ErrorKind::invalid, "admin.bad_query", std::move(message)); };
  std::map<std::string, std::string, std::less<>> out;
  while (!query.empty()) {
    std::size_t end = std::min(query.find('&'), query.size());
    std::string_view part = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (part.empty()) continue;
    std::size_t equals = std::min(part.find('='), part.size());
    auto name = unescape(part.substr(0, equals), Plus::blank);
    auto value = unescape(part.substr(std::min(equals + 1, part.size())), Plus::blank);
    if (!name || !value) return bad("the query is not valid");
    if (out.size() >= kMaxParameters) return bad("too many query parameters");
    if (!out.emplace(*name, *value).second) return bad("a query parameter is given twice");
  }
  return out;
}

Result<std::uint64_t> number_in(const Call& call, std::string_view name, std::uint64_t fallback, std::uint64_t least,
                                std::uint64_t most) {
  auto found = call.query.find(name);
  if (found == call.query.end()) return fallback;
  const std::string& text = found->second;
  std::uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most) {
    return fail(
        ErrorKind::invalid, "admin.bad_query",
        "`" + std::string(name) + "` must be a number from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return value;
}

Status only_parameters(const Call& call, std::initializer_list<std::string_view> known) {
  for (const auto& [name, value] : call.query) {
    if (std::ranges::find(known, name) == known.end())
      return fail(ErrorKind::invalid, "admin.bad_query", "there is no query parameter `" + name + "` here");
  }
  return {};
}

std::string text_in(const Call& call, std::string_view name) {
  auto found = call.query.find(name);
  return found == call.query.end() ? std::string() : found->second;
}

Result<std::optional<TimeMs>> time_in(const Call& call, std::string_view name) {
  auto found = call.query.find(name);
  if (found == call.query.end()) return std::nullopt;
  auto time = parse_time(found->second);
  if (!time) return fail(ErrorKind::invalid, "admin.bad_query", "`" + std::string(name) + "`: " + time.error().message);
  return *time;
}

Result<Json> object_body(const Call& call, std::initializer_list<std::string_view> known, const JsonLimits& limits) {
  auto bad = [](std::string message) { return fail(ErrorKind::invalid, "admin.bad_body", std::move(message)); };
  auto body = parse_json(call.body, limits);
  if (!body) return bad("the body is no valid JSON: " + body.error().message);
  if (!body->is_object()) return bad("the body must be a JSON object");
  for (auto it = body->begin(); it != body->end(); ++it) {
    if (std::ranges::find(known, it.key()) == known.end()) return bad("there is no member `" + it.key() + "` here");
  }
  return body;
}

}  // namespace countersign::console
