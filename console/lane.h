// Threads of their own for work that strangers may ask for and that may wait for long: a password that is hashed, an
// identity provider that hangs. What is waited for there keeps nobody from voting.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>

#include "proxy/net/async.h"

namespace countersign::console {

class Lane {
 public:
  // A place in the lane, as long as it is kept.
  using Place = std::shared_ptr<void>;

  // So many at work, so many more waiting; others are turned away.
  Lane(std::size_t threads, std::size_t waiting) : most_(threads + waiting), pool_(threads) {}

  // Null when the lane is full. Any thread.
  [[nodiscard]] Place enter() {
    if (inside_.fetch_add(1) >= most_) {
      inside_.fetch_sub(1);
      return nullptr;
    }
    return {this, [](Lane* lane) { lane->inside_.fetch_sub(1); }};
  }
  // For work that holds a place.
  [[nodiscard]] net::ThreadPool& pool() { return pool_; }

 private:
  const std::size_t most_;
  std::atomic<std::size_t> inside_{0};
  net::ThreadPool pool_;  // ends first: its last work still gives back places
};

}  // namespace countersign::console
