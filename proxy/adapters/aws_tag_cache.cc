#include "proxy/adapters/aws_tag_cache.h"

#include <algorithm>

namespace countersign::adapters {

TimeMs AwsTagCache::keep_of(const AwsThingLabels& found) const {
  if (found.state == AwsThingLabels::State::unknown) return std::min(keep_, kKeepUnknown);
  const bool labelled = found.state == AwsThingLabels::State::present &&
                        (found.labels.environment || found.labels.tier || found.labels.owner);
  return labelled ? keep_ : std::min(keep_, kKeepAbsent);
}

std::optional<AwsThingLabels> AwsTagCache::find(const std::string& key) {
  const TimeMs now = clock_.now();
  const std::scoped_lock guard(lock_);
  auto found = by_key_.find(key);
  if (found == by_key_.end()) return std::nullopt;
  const auto entry = found->second;
  // A clock that was set back makes nothing fresh.
  if (now < entry->read || now - entry->read >= keep_of(entry->found)) {
    by_key_.erase(found);
    entries_.erase(entry);
    return std::nullopt;
  }
  entries_.splice(entries_.begin(), entries_, entry);
  return entry->found;
}

std::uint64_t AwsTagCache::mark() const {
  const std::scoped_lock guard(lock_);
  return mark_;
}

void AwsTagCache::keep(const std::string& key, AwsThingLabels found, std::uint64_t mark) {
  const TimeMs now = clock_.now();
  const std::scoped_lock guard(lock_);
  if (mark != mark_ || most_ == 0) return;
  if (auto known = by_key_.find(key); known != by_key_.end()) {
    const auto entry = known->second;
    by_key_.erase(known);
    entries_.erase(entry);
  }
  while (entries_.size() >= most_) {
    by_key_.erase(entries_.back().key);
    entries_.pop_back();
  }
  entries_.push_front({key, std::move(found), now});
  by_key_.emplace(entries_.front().key, entries_.begin());
}

void AwsTagCache::forget(const std::string& key) {
  const std::scoped_lock guard(lock_);
  ++mark_;
  auto found = by_key_.find(key);
  if (found == by_key_.end()) return;
  const auto entry = found->second;
  by_key_.erase(found);
  entries_.erase(entry);
}

void AwsTagCache::forget_all() {
  const std::scoped_lock guard(lock_);
  ++mark_;
  by_key_.clear();
  entries_.clear();
}

std::size_t AwsTagCache::size() const {
  const std::scoped_lock guard(lock_);
  return entries_.size();
}

}  // namespace countersign::adapters
