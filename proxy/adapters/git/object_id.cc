#include "proxy/adapters/git/object_id.h"

#include <algorithm>

namespace countersign::adapters::git {

bool is_object_id(std::string_view text, ObjectFormat format) {
  return text.size() == hex_length(format) &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_null_id(std::string_view id) {
  return !id.empty() && std::ranges::all_of(id, [](char c) { return c == '0'; });
}

bool is_ref_name(std::string_view name) {
  constexpr std::string_view kForbidden = " ~^:?*[\\";
  if (name.size() > kMaxRefName || !name.starts_with("refs/") || name.ends_with('.')) return false;
  for (std::string_view forbidden : {"..", "@{"}) {
    if (name.find(forbidden) != std::string_view::npos) return false;
  }
  for (char c : name) {
    auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F || kForbidden.find(c) != std::string_view::npos) return false;
  }
  for (std::string_view left = name;;) {
    std::size_t slash = left.find('/');
    std::string_view part = left.substr(0, slash);
    if (part.empty() || part.starts_with('.') || part.ends_with(".lock")) return false;
    if (slash == std::string_view::npos) return true;
    left.remove_prefix(slash + 1);
  }
}

}  // namespace countersign::adapters::git
