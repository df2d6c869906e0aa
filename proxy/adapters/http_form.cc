#include "proxy/adapters/http_form.h"

#include <algorithm>

#include "core/json_reader.h"

namespace countersign::adapters {
namespace {

constexpr std::string_view kOverride = "_method";

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Lenient, as the loosest server would read it: what is not an encoding stays as it is.
std::string decode_loosely(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low >= 0) {
      out += static_cast<char>(static_cast<unsigned char>(high * 16 + low));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

// Whether some reader could find the parameter: pairs separated by `&` or `;`, white space around the key, `_method[]`.
bool asks_for_method(std::string_view form) {
  while (!form.empty()) {
    std::size_t end = std::min(form.find_first_of("&;"), form.size());
    std::string_view pair = form.substr(0, end);
    std::string key = lower(decode_loosely(pair.substr(0, pair.find('='))));
    std::size_t first = key.find_first_not_of(" \t\r\n");
    if (first != std::string::npos && std::string_view(key).substr(first).starts_with(kOverride)) return true;
    form.remove_prefix(std::min(end + 1, form.size()));
  }
  return false;
}

Result<std::string> decode_strictly(std::string_view text) {
  auto refuse = [](std::string_view why) {
    return fail(ErrorKind::malformed, "http.ambiguous_query",
                "the query can be read in more than one way: " + std::string(why));
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto byte = static_cast<unsigned char>(text[i]);
    if (byte <= 0x20 || byte >= 0x7F) return refuse("it has a character that must be percent-encoded");
    if (text[i] != '%') {
      out += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0) return refuse("a percent sign is not followed by two hexadecimal digits");
    out += static_cast<char>(static_cast<unsigned char>(high * 16 + low));
    i += 2;
  }
  if (!is_utf8(out)) return refuse("it is not UTF-8");
  return out;
}

// A JSON body's top-level `_method`. Only bodies that could have one are parsed: the key itself, or any escape that
// could spell it.
Result<FormBody> look_in_json(std::string_view body) {
  if (body.find(kOverride) == std::string_view::npos && body.find("\\u00") == std::string_view::npos)
    return FormBody::none;
  Result<JsonDocument> document = JsonDocument::parse(body, {.bytes = body.size(), .depth = 200, .values = 2'000'000});
  if (!document) return fail(document.error());
  if (document->root().member(kOverride))
    return fail(ErrorKind::malformed, "http.method_override", "a member `_method` in the body is not accepted");
  return FormBody::none;
}

}  // namespace

Result<std::map<std::string, std::vector<std::string>>> read_query(std::string_view text) {
  std::map<std::string, std::vector<std::string>> out;
  std::size_t count = 0;
  while (!text.empty()) {
    std::size_t end = std::min(text.find('&'), text.size());
    std::string_view pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.empty()) continue;
    if (++count > kMaxParameters)
      return fail(ErrorKind::malformed, "http.too_many_parameters", "the query has too many parameters");
    std::size_t equals = pair.find('=');
    Result<std::string> key = decode_strictly(pair.substr(0, equals));
    if (!key) return fail(key.error());
    Result<std::string> value =
        decode_strictly(equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1));
    if (!value) return fail(value.error());
    out[std::move(*key)].push_back(std::move(*value));
  }
  return out;
}

Result<FormBody> look_for_method_override(const RequestHead& head, const BodyView& body) {
  auto refuse = [](std::string_view where) {
    return fail(ErrorKind::malformed, "http.method_override",
                "a parameter `_method` in the " + std::string(where) + " is not accepted");
  };
  if (asks_for_method(head.query())) return refuse("query");
  if (head.method != "POST" || body.size == 0) return FormBody::none;
  // Several Content-Type fields: each reader may pick another, so all count.
  std::string type;
  for (const HeaderField& field : head.headers.fields()) {
    if (equal_ignoring_case(field.name, "Content-Type")) type += lower(field.value) + " ";
  }
  bool urlencoded = type.find("urlencoded") != std::string::npos;
  bool multipart = type.find("multipart/") != std::string::npos;
  bool json = type.find("json") != std::string::npos;
  if (!urlencoded && !multipart && !json) return FormBody::none;
  if (!body.complete() || head.headers.count("Content-Encoding") > 0) return FormBody::opaque;
  if (urlencoded && asks_for_method(body.in_memory)) return refuse("form");
  // Part names may be quoted, bare or encoded; the word itself in a part's head is enough.
  if (multipart && lower(std::string(body.in_memory)).find("name=\"_method") != std::string::npos)
    return refuse("form");
  if (multipart && lower(std::string(body.in_memory)).find("name=_method") != std::string::npos) return refuse("form");
  if (json) return look_in_json(body.in_memory);
  return FormBody::none;
}

}  // namespace countersign::adapters
