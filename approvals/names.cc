#include "approvals/names.h"

#include <algorithm>

namespace countersign::approvals {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

std::string bare_name(std::string_view name) {
  std::string out(name);
  std::ranges::transform(out, out.begin(), lower);
  for (std::string_view prefix : {"user:", "team:", "agent:"}) {
    if (out.starts_with(prefix)) return out.substr(prefix.size());
  }
  return out;
}

bool same_name(std::string_view a, std::string_view b) {
  return !a.empty() && !b.empty() && bare_name(a) == bare_name(b);
}

bool contains_name(std::span<const std::string> names, std::string_view name) {
  return std::ranges::any_of(names, [&](const std::string& one) { return same_name(one, name); });
}

bool asks_by_name(const Requester& requester, std::string_view name) {
  return same_name(requester.agent, name) || same_name(requester.owner, name) || same_name(requester.issuer, name) ||
         contains_name(requester.delegates, name) || contains_name(requester.chain, name);
}

}  // namespace countersign::approvals
