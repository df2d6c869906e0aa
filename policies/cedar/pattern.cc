#include "policies/cedar/pattern.h"

#include <utility>

namespace cedar {

Pattern::Pattern(std::vector<std::string> pieces) : pieces_(std::move(pieces)) {
  if (pieces_.empty()) pieces_.emplace_back();
}

bool Pattern::matches(std::string_view text) const {
  if (pieces_.size() == 1) return text == pieces_.front();
  const std::string& head = pieces_.front();
  const std::string& tail = pieces_.back();
  if (text.size() < head.size() + tail.size() || !text.starts_with(head) || !text.ends_with(tail)) return false;
  text.remove_prefix(head.size());
  text.remove_suffix(tail.size());
  for (std::size_t i = 1; i + 1 < pieces_.size(); ++i) {
    std::size_t found = text.find(pieces_[i]);
    if (found == std::string_view::npos) return false;
    text.remove_prefix(found + pieces_[i].size());
  }
  return true;
}

}  // namespace cedar
