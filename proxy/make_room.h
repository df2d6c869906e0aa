// Room among credentials that are fetched, each once for all who wait for it (proxy/github_tokens.h,
// proxy/aws_sessions.h).
#pragma once

#include <cstddef>

namespace countersign::proxy {

// Of `most` entries, the one that is good for the shortest time goes; those that are being fetched stay. False: all
// are. Entries have `good_until` and `being_fetched`. Under the caller's lock.
template <class Entries>
bool make_room(Entries& entries, std::size_t most) {
  if (entries.size() < most) return true;
  auto first = entries.end();
  for (auto it = entries.begin(); it != entries.end(); ++it) {
    const bool sooner = first == entries.end() || it->second.good_until < first->second.good_until;
    if (!it->second.being_fetched && sooner) first = it;
  }
  if (first == entries.end()) return false;
  entries.erase(first);
  return true;
}

}  // namespace countersign::proxy
