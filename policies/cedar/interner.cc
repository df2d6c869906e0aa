#include "policies/cedar/interner.h"

namespace cedar {

Text Interner::text(std::string_view text) {
  auto found = texts_.find(text);
  if (found == texts_.end()) found = texts_.emplace(text).first;
  return *found;
}

EntityUid Interner::uid(std::string_view type, std::string_view id) {
  return *uids_.emplace(text(type), id).first;
}

}  // namespace cedar
