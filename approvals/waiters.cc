#include "approvals/waiters.h"

#include <utility>
#include <vector>

namespace countersign::approvals {

struct Waiters::Shared {
  mutable std::mutex mutex;
  std::multimap<std::string, std::pair<std::uint64_t, Callback>, std::less<>> waiting;
  std::uint64_t next = 0;
};

struct Waiters::Ticket::Place {
  std::weak_ptr<Shared> shared;
  std::string request;
  std::uint64_t number = 0;
};

Waiters::Waiters() : shared_(std::make_shared<Shared>()) {}
Waiters::~Waiters() = default;

Waiters::Ticket& Waiters::Ticket::operator=(Ticket&& other) noexcept {
  if (this == &other) return *this;
  cancel();
  place_ = std::move(other.place_);
  return *this;
}

// The callback is destroyed outside the lock: what it captured may end other waits.
void Waiters::Ticket::cancel() {
  std::shared_ptr<Place> place = std::exchange(place_, nullptr);
  std::shared_ptr<Shared> shared = place ? place->shared.lock() : nullptr;
  if (!shared) return;
  Callback removed;
  std::lock_guard lock(shared->mutex);
  auto [first, last] = shared->waiting.equal_range(place->request);
  for (auto it = first; it != last; ++it) {
    if (it->second.first != place->number) continue;
    removed = std::move(it->second.second);
    shared->waiting.erase(it);
    return;
  }
}

Waiters::Ticket Waiters::wait(std::string_view request_id, Callback callback) {
  std::lock_guard lock(shared_->mutex);
  std::uint64_t number = ++shared_->next;
  shared_->waiting.emplace(std::string(request_id), std::pair(number, std::move(callback)));
  return Ticket(std::make_shared<Ticket::Place>(shared_, std::string(request_id), number));
}

void Waiters::notify(const HeldRequest& request) {
  if (!is_final(request.state)) return;
  std::vector<Callback> due;
  {
    std::lock_guard lock(shared_->mutex);
    auto [first, last] = shared_->waiting.equal_range(request.id);
    for (auto it = first; it != last; ++it) due.push_back(std::move(it->second.second));
    shared_->waiting.erase(first, last);
  }
  for (const Callback& callback : due) callback(request);
}

std::size_t Waiters::size() const {
  std::lock_guard lock(shared_->mutex);
  return shared_->waiting.size();
}

}  // namespace countersign::approvals
