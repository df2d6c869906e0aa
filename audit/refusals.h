// Records of what was refused to people and programs that nobody knows, at a bounded rate: whoever sends nothing but
// nonsense must not fill the disk, since nothing is changed any more when it is full.
//
// Of each network the first kEach refusals in a minute are records of their own, and of all networks kAll. Those beyond
// are counted by network and code, and when the minute is over one record (phase `refused`, code kCountedCode) says how
// many there were: every refusal is in the log, by itself or as one of a count. So at most kAll + kNetworks + 1 records
// a minute. A process that is killed takes with it what it has counted in the minute before.
//
// Any thread. Nothing blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "audit/log.h"
#include "core/clock.h"

namespace countersign::audit {

inline constexpr std::string_view kCountedCode = "refused.counted";

class Refusals {
 public:
  static constexpr std::size_t kEach = 20;
  static constexpr std::size_t kAll = 400;
  static constexpr std::size_t kNetworks = 256;  // counted apart; what comes from others is counted together
  static constexpr std::size_t kCodes = 32;      // of a network, likewise
  static constexpr TimeMs kWindow = 60'000;

  // Both outlive it.
  Refusals(Log& log, const Clock& clock) : log_(log), clock_(clock) {}
  ~Refusals() { write_counts(Due::all); }
  Refusals(const Refusals&) = delete;
  Refusals& operator=(const Refusals&) = delete;

  // `network`: where it came from, as coarsely as those behind it are one (auth/attempts.h, network_of).
  void append(Entry entry, std::string_view network);
  // Writes the counts of minutes that are over. To be called every second or so.
  void write_counts() { write_counts(Due::over); }

 private:
  enum class Due : std::uint8_t { over, all };
  struct Tally {
    TimeMs from = 0;
    std::size_t records = 0;  // that were written
    std::uint64_t counted = 0;
    std::map<std::string, std::uint64_t, std::less<>> codes;  // of those that were counted
  };
  void write_counts(Due due);
  void write(std::string_view network, const Tally& tally, TimeMs now);
  Tally& tally_of(std::string_view network, TimeMs now);

  Log& log_;
  const Clock& clock_;
  std::mutex lock_;  // of what follows
  std::map<std::string, Tally, std::less<>> tallies_;
  TimeMs all_from_ = 0;
  std::size_t all_ = 0;
};

}  // namespace countersign::audit
