// The held requests in memory, as little of each as it takes to say whom they wait for and when somebody is to be
// reminded: an inbox page over 100,000 of them must neither read rows nor keep anybody from voting meanwhile.
//
// Any thread. The Queue fills it when it is opened and keeps it with every commit. Requests of one kind (the same
// requester and the same rules) share what they have in common; somebody who could never approve a kind passes over all
// of it at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "approvals/eligibility.h"
#include "approvals/request.h"
#include "approvals/rules.h"
#include "core/clock.h"

namespace countersign::approvals {

class Inbox {
 public:
  // Oldest first: when it was held, and a number that grows with every one.
  using Place = std::pair<TimeMs, std::uint64_t>;

  // Adds or replaces a held request, removes any other.
  void update(const HeldRequest& request);

  // Where the walk goes on after this one, which may be held no more.
  [[nodiscard]] Place place_of(const HeldRequest& request) const;
  // Ids of what waits for the approver's approval, from `after` (exclusive), at most `limit`.
  [[nodiscard]] std::vector<std::string> waiting_for(const Approver& approver, const Rules& rules, TimeMs now,
                                                     std::size_t limit, const Place& after) const;
  // Ids of those that a reminder is due for, which is more than have been sent.
  [[nodiscard]] std::vector<std::string> to_remind(const Rules& rules, TimeMs now) const;

 private:
  struct Kind;   // what many requests have in common
  struct Entry;  // one request
  using Entries = std::vector<std::shared_ptr<const Entry>>;

  std::shared_ptr<const Kind> kind_of(const HeldRequest& request);
  [[nodiscard]] Entries next(const Place& after, std::size_t count) const;

  mutable std::mutex mutex_;
  std::uint64_t last_ = 0;
  std::map<Place, std::shared_ptr<const Entry>> held_;
  std::unordered_map<std::string, Place> places_;                     // by id
  std::unordered_map<std::string, TimeMs> created_;                   // by id
  std::unordered_map<std::string, std::weak_ptr<const Kind>> kinds_;  // by what they have in common, spelled out
};

}  // namespace countersign::approvals
