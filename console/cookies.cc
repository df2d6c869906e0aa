#include "console/cookies.h"

#include <algorithm>

namespace countersign::console {
namespace {

constexpr std::size_t kMaxValue = 200;
constexpr std::size_t kMaxOidcValue = 2'000;  // what is under way elsewhere lies in the cookie (auth/oidc.h)
constexpr std::string_view kAttributes = "; Path=/; Secure; HttpOnly; SameSite=Lax";

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

}  // namespace

Result<std::string> find_cookie(const RequestHead& head, std::string_view name) {
  auto bad = [] {
    return fail(ErrorKind::malformed, "admin.bad_cookie", "the session cookie is given twice or is not one of ours");
  };
  std::optional<std::string_view> value;
  for (const HeaderField& field : head.headers.fields()) {
    if (!equal_ignoring_case(field.name, "cookie")) continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      std::size_t end = std::min(rest.find(';'), rest.size());
      std::string_view pair = trim(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
      std::size_t equals = pair.find('=');
      if (equals == std::string_view::npos || pair.substr(0, equals) != name) continue;
      if (value) return bad();
      value = pair.substr(equals + 1);
    }
  }
  if (!value) return std::string();
  const std::size_t most = name == kOidcCookie ? kMaxOidcValue : kMaxValue;
  bool fits = !value->empty() && value->size() <= most && std::ranges::all_of(*value, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
  if (!fits) return bad();
  return std::string(*value);
}

std::string set_cookie(std::string_view name, std::string_view value, TimeMs life) {
  std::string out;
  out.append(name).append("=").append(value).append(kAttributes);
  if (life > 0) out += "; Max-Age=" + std::to_string(life / 1000);
  return out;
}

std::string clear_cookie(std::string_view name) {
  return std::string(name) + "=" + std::string(kAttributes) + "; Max-Age=0";
}

}  // namespace countersign::console
