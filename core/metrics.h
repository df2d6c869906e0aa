// Metrics: counters and gauges in the Prometheus text format (exposition format 0.0.4), served at /metrics.
//
// One registry belongs to the program (main makes it, nothing is global). Looking a series up takes a lock; code on the
// request path asks once and keeps the reference, which stays valid as long as the registry. Adding is wait-free: a
// counter is spread over cells on cache lines of their own, one for each of the first threads that use it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace countersign {

// A number that only grows. Any thread.
class Counter {
 public:
  void add(std::uint64_t by = 1) { cells_[cell_of_this_thread()].value.fetch_add(by, std::memory_order_relaxed); }
  // The sum; adds that run at the same time may or may not be in it.
  [[nodiscard]] std::uint64_t value() const;

 private:
  static constexpr std::size_t kCells = 16;
  struct alignas(64) Cell {
    std::atomic<std::uint64_t> value = 0;
  };
  static std::size_t cell_of_this_thread();
  std::array<Cell, kCells> cells_;
};

// Label names and values of one series, in the order given. Names are [a-zA-Z_][a-zA-Z0-9_]*; values any UTF-8.
using MetricLabels = std::vector<std::pair<std::string, std::string>>;

class Metrics {
 public:
  // Series of one name beyond this share one counter with the label overflow="true", so that a label which comes from
  // outside cannot fill the memory.
  static constexpr std::size_t kSeriesPerName = 1000;

  Metrics() = default;
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // The counter of that name and those labels, made on first use. `help` is that of the first call; by custom the name
  // begins with "countersign_" and ends with "_total". Any thread.
  [[nodiscard]] Counter& counter(std::string_view name, std::string_view help, const MetricLabels& labels = {});

  // A value read when somebody looks. `read` may be called from any thread, must not block, and must outlive the
  // registry. A second gauge of the same name and labels replaces the first.
  void gauge(std::string_view name, std::string_view help, const MetricLabels& labels, std::function<double()> read);

  // Everything, sorted by name, then by labels. Any thread.
  [[nodiscard]] std::string render() const;

 private:
  struct CounterFamily {
    std::string help;
    std::map<std::string, Counter, std::less<>> series;  // by rendered labels; nodes never move
  };
  struct GaugeFamily {
    std::string help;
    std::map<std::string, std::function<double()>, std::less<>> series;
  };
  mutable std::shared_mutex mutex_;
  std::map<std::string, CounterFamily, std::less<>> counters_;
  std::map<std::string, GaugeFamily, std::less<>> gauges_;
};

}  // namespace countersign
