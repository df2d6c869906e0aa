#include "proxy/adapters/preview.h"

#include <algorithm>

#include "core/json.h"
#include "core/json_reader.h"

namespace countersign::adapters {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// The string that begins at `at`, with its quotation marks.
std::string_view string_at(std::string_view json, std::size_t at) {
  std::size_t end = at + 1;
  while (end < json.size() && json[end] != '"') end += json[end] == '\\' ? 2 : 1;
  return json.substr(at, end + 1 - at);
}

}  // namespace

std::string indented_json(std::string_view json) {
  std::string out;
  std::size_t depth = 0;
  auto line = [&] { out.append("\n").append(2 * depth, ' '); };
  for (std::size_t at = 0; at < json.size(); ++at) {
    const char c = json[at];
    if (is_blank(c)) continue;
    if (c == '"') {
      const std::string_view text = string_at(json, at);
      at += text.size() - 1;
      const Result<Json> plain = parse_json(text);
      out += plain ? plain->dump() : std::string(text);
    } else if (c == '{' || c == '[') {
      out += c;
      std::size_t next = at + 1;
      while (next < json.size() && is_blank(json[next])) ++next;
      if (next < json.size() && (json[next] == '}' || json[next] == ']')) {
        out += json[next];
        at = next;
      } else {
        ++depth;
        line();
      }
    } else if (c == '}' || c == ']') {
      if (depth > 0) --depth;
      line();
      out += c;
    } else if (c == ',') {
      out += c;
      line();
    } else if (c == ':') {
      out += ": ";
    } else {
      out += c;
    }
  }
  return out;
}

PreviewPart preview_body(std::string title, std::string_view body, std::uint64_t size, std::string_view sha256,
                         Coding coding) {
  bool whole = body.size() == size;
  if (whole && coding == Coding::plain && size <= kMaxPreviewBytes) {
    Result<Json> json = parse_json(body);
    if (json) return {std::move(title), "application/json", printable(indented_json(body), 4 * kMaxPreviewBytes)};
  }
  // A sequence may be cut at the end of a beginning.
  std::string_view shown = body;
  for (int i = 0; !whole && i < 3 && !shown.empty() && !is_utf8(shown); ++i) shown.remove_suffix(1);
  if (coding == Coding::plain && !shown.empty() && is_utf8(shown) && shown.find('\0') == std::string_view::npos) {
    std::string text = printable(shown, kMaxPreviewBytes);
    if (!whole) text += "\n… the body has " + std::to_string(size) + " bytes in all";
    return {std::move(title), "text/plain", std::move(text)};
  }
  return {std::move(title), "text/plain",
          std::to_string(size) + " bytes that are not text\nSHA-256 " + std::string(sha256)};
}

}  // namespace countersign::adapters
