#include "auth/sigv4_uri.h"

#include <algorithm>
#include <array>

#include "auth/sigv4_request.h"

namespace countersign::auth {
namespace {

constexpr auto kParameters = std::to_array<std::string_view>({
    "X-Amz-Algorithm",
    "X-Amz-Content-Sha256",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
    "X-Amz-SignedHeaders",
});

constexpr bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool decode(std::string_view text, std::string& out) {
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (text.size() - i < 3) return false;
    int high = hex_value(text[i + 1]);
    int low = hex_value(text[i + 2]);
    if (high < 0 || low < 0) return false;
    out += static_cast<char>(high << 4 | low);
    i += 2;
  }
  return true;
}

}  // namespace

void append_uri_encoded(std::string& out, std::string_view text, std::string_view also_plain) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (char c : text) {
    if (is_unreserved(c) || also_plain.contains(c)) {
      out += c;
      continue;
    }
    auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 15U];
  }
}

Result<std::vector<QueryPair>> parse_query(std::string_view query) {
  std::vector<QueryPair> pairs;
  while (!query.empty()) {
    std::size_t end = std::min(query.find('&'), query.size());
    std::string_view piece = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (piece.empty()) continue;
    if (pairs.size() == kMaxQueryParameters) {
      return fail(ErrorKind::malformed, "sigv4.malformed", "the query has too many parameters");
    }
    std::size_t equals = std::min(piece.find('='), piece.size());
    QueryPair& pair = pairs.emplace_back();
    if (!decode(piece.substr(0, equals), pair.name) ||
        !decode(piece.substr(std::min(equals + 1, piece.size())), pair.value)) {
      return fail(ErrorKind::malformed, "sigv4.malformed", "the query has a broken percent-encoding");
    }
  }
  return pairs;
}

std::string_view sigv4_parameter(std::string_view name) {
  if (name.size() < kParameters[3].size() || (name[0] != 'X' && name[0] != 'x')) return {};
  auto found =
      std::ranges::find_if(kParameters, [&](std::string_view known) { return equal_ignoring_case(known, name); });
  return found == kParameters.end() ? std::string_view() : *found;
}

}  // namespace countersign::auth
