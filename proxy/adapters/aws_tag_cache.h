// What was read of things' tags, for a while. Shared by all workers; any thread.
//
// Bounded: over `most` things, the one that was asked for longest ago goes. What carries labels is believed for `keep`;
// that a thing has none, or that nobody could say, for a moment only.
//
// A look-up that began before something was forgotten is not kept: it may have read the tags from before.
#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/clock.h"
#include "core/config.h"

namespace countersign::adapters {

struct AwsThingLabels {
  enum class State : std::uint8_t {
    unknown,  // nobody could say
    absent,   // no such thing, or none with tags
    present,
  };
  State state = State::unknown;
  config::LabelSet labels = {};  // of a present one, laid over its upstream's (labels_of_tags)
};

inline constexpr std::size_t kMostTagged = 50'000;
inline constexpr TimeMs kKeepAbsent = 5'000;
inline constexpr TimeMs kKeepUnknown = 1'000;

class AwsTagCache {
 public:
  AwsTagCache(const Clock& clock, TimeMs keep, std::size_t most = kMostTagged)
      : clock_(clock), keep_(keep), most_(most) {}
  AwsTagCache(const AwsTagCache&) = delete;
  AwsTagCache& operator=(const AwsTagCache&) = delete;

  [[nodiscard]] std::optional<AwsThingLabels> find(const std::string& key);

  // To be taken before a look-up begins, and given to keep() with what it found.
  [[nodiscard]] std::uint64_t mark() const;
  void keep(const std::string& key, AwsThingLabels found, std::uint64_t mark);

  void forget(const std::string& key);
  void forget_all();
  [[nodiscard]] std::size_t size() const;

 private:
  struct Entry {
    std::string key;
    AwsThingLabels found;
    TimeMs read = 0;
  };
  [[nodiscard]] TimeMs keep_of(const AwsThingLabels& found) const;

  const Clock& clock_;
  const TimeMs keep_;
  const std::size_t most_;
  mutable std::mutex lock_;
  std::uint64_t mark_ = 0;
  std::list<Entry> entries_;  // the one that was asked for last stands first
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_key_;  // keys are the entries' own
};

}  // namespace countersign::adapters
