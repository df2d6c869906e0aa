#include "policies/cedar/validation/phrases.h"

namespace cedar::validation {

std::string list(std::span<const std::string_view> names) {
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) out += i + 1 == names.size() ? " and " : ", ";
    out += "`" + std::string(names[i]) + "`";
  }
  return out;
}

std::string did_you_mean(const Suggestion& suggestion) {
  auto best = suggestion.best();
  return best ? "did you mean `" + *best + "`?" : std::string();
}

}  // namespace cedar::validation
