#include "approvals/conflicts.h"

#include <algorithm>

namespace countersign::approvals {
namespace {

// Names of upstreams have no newline (core/config.h).
std::string key_of(std::string_view upstream, std::string_view resource) {
  std::string key(upstream);
  key += '\n';
  key += resource;
  return key;
}

}  // namespace

void Conflicts::update(const HeldRequest& request) {
  std::lock_guard lock(mutex_);
  auto found = open_.find(request.id);
  if (is_final(request.state)) {
    if (found == open_.end()) return;
    for (const std::string& key : found->second.keys) {
      auto touching = by_resource_.find(key);
      if (touching == by_resource_.end()) continue;
      touching->second.erase(found->second.entry.order);
      if (touching->second.empty()) by_resource_.erase(touching);
    }
    open_.erase(found);
    return;
  }
  if (found != open_.end()) {
    found->second.entry.state = request.state;
    return;
  }
  Touched& touched = open_[request.id];
  touched.entry = {.id = request.id,
                   .root = request.requester.chain.empty() ? std::string() : request.requester.chain.front(),
                   .state = request.state,
                   .order = ++last_,
                   .expires = request.expires};
  for (const std::string& resource : request.resources)
    touched.keys.push_back(key_of(request.frozen.upstream, resource));
  std::ranges::sort(touched.keys);
  auto [rest, end] = std::ranges::unique(touched.keys);
  touched.keys.erase(rest, end);
  for (const std::string& key : touched.keys) by_resource_[key].emplace(touched.entry.order, &touched.entry);
}

std::vector<std::string> Conflicts::on(std::string_view upstream, std::span<const std::string> resources,
                                       std::string_view root, TimeMs now) const {
  std::lock_guard lock(mutex_);
  std::vector<const Entry*> found;
  for (const std::string& resource : resources) {
    auto touching = by_resource_.find(key_of(upstream, resource));
    if (touching == by_resource_.end()) continue;
    // In the order of adding: the oldest are told, and what is behind them cannot be told as well.
    std::size_t taken = 0;
    for (const auto& [order, entry] : touching->second) {
      bool late = entry->state != State::executing && now >= entry->expires;
      if (late || entry->root == root) continue;
      found.push_back(entry);
      if (++taken == kMostTold) break;
    }
  }
  std::ranges::sort(found, {}, &Entry::order);
  auto [rest, end] = std::ranges::unique(found);
  found.erase(rest, end);
  std::vector<std::string> ids;
  for (const Entry* entry : found) {
    if (ids.size() == kMostTold) break;
    ids.push_back(entry->id);
  }
  return ids;
}

}  // namespace countersign::approvals
