// Tally: how often something happened of late, in a window that slides. Fixed memory; not for several threads at once.
//
// The window is cut into sixty steps. What is asked for counts whole steps, the running one besides: never less than
// what happened in the time asked about, and at most what happened in that time and one step more. Nothing is ever
// pushed out by something else that happens.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "core/clock.h"

namespace countersign {

class Tally {
 public:
  static constexpr TimeMs kSteps = 60;
  // `window`: at least kSteps milliseconds.
  explicit Tally(TimeMs window = 3'600'000) : step_(std::max<TimeMs>(1, (window + kSteps - 1) / kSteps)) {}

  void add(TimeMs now, std::uint32_t count) {
    const std::int64_t step = now / step_;
    move_to(step);
    if (step < head_ - kSteps) return;
    std::uint32_t& here = steps_[at(step)];
    here = count > std::numeric_limits<std::uint32_t>::max() - here ? std::numeric_limits<std::uint32_t>::max()
                                                                    : here + count;
  }

  // What happened in the last `time` milliseconds, at most the window.
  [[nodiscard]] std::int64_t within(TimeMs time, TimeMs now) const {
    const std::int64_t last = std::max(now / step_, head_);
    const std::int64_t first = last - std::min(kSteps, (time + step_ - 1) / step_);
    std::int64_t sum = 0;
    for (std::int64_t each = std::max(first, head_ - kSteps); each <= head_; ++each) sum += steps_[at(each)];
    return sum;
  }
  // Of the whole window.
  [[nodiscard]] std::int64_t total(TimeMs now) const { return within(step_ * kSteps, now); }

 private:
  static std::size_t at(std::int64_t step) { return static_cast<std::size_t>(((step % kSize) + kSize) % kSize); }
  void move_to(std::int64_t step) {
    if (step <= head_) return;
    for (std::int64_t gone = std::max(head_ + 1, step - kSteps); gone <= step; ++gone) steps_[at(gone)] = 0;
    head_ = step;
  }

  static constexpr std::int64_t kSize = kSteps + 1;
  TimeMs step_;
  std::int64_t head_ = 0;  // the last step something was added in
  std::array<std::uint32_t, kSize> steps_{};
};

}  // namespace countersign
