#include "core/metrics.h"

#include <cmath>
#include <cstdio>
#include <mutex>

namespace countersign {
namespace {

// Label values escape backslash, quote and line feed; everything else is written as it is.
std::string render_labels(const MetricLabels& labels) {
  if (labels.empty()) return {};
  std::string out = "{";
  for (const auto& [name, value] : labels) {
    if (out.size() > 1) out += ',';
    out += name;
    out += "=\"";
    for (char c : value) {
      if (c == '\\' || c == '"') out += '\\';
      if (c == '\n') {
        out += "\\n";
        continue;
      }
      out += c;
    }
    out += '"';
  }
  out += '}';
  return out;
}

std::string render_help(std::string_view help) {
  std::string out;
  for (char c : help) {
    if (c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    out += c;
  }
  return out;
}

void render_family_head(std::string& out, const std::string& name, const std::string& help, std::string_view type) {
  out.append("# HELP ").append(name).append(" ").append(render_help(help)).append("\n");
  out.append("# TYPE ").append(name).append(" ").append(type).append("\n");
}

std::string render_number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  std::array<char, 32> text{};
  int length = std::snprintf(text.data(), text.size(), "%.15g", value);
  return {text.data(), static_cast<std::size_t>(length)};
}

}  // namespace

std::uint64_t Counter::value() const {
  std::uint64_t sum = 0;
  for (const Cell& cell : cells_) sum += cell.value.load(std::memory_order_relaxed);
  return sum;
}

std::size_t Counter::cell_of_this_thread() {
  static std::atomic<std::size_t> next{0};
  thread_local const std::size_t mine = next.fetch_add(1, std::memory_order_relaxed) % kCells;
  return mine;
}

Counter& Metrics::counter(std::string_view name, std::string_view help, const MetricLabels& labels) {
  std::string key = render_labels(labels);
  {
    std::shared_lock lock(mutex_);
    if (auto family = counters_.find(name); family != counters_.end()) {
      auto series = family->second.series.find(key);
      if (series != family->second.series.end()) return series->second;
    }
  }
  std::unique_lock lock(mutex_);
  auto [family, fresh] = counters_.try_emplace(std::string(name));
  if (fresh) family->second.help = help;
  auto& series = family->second.series;
  if (!series.contains(key) && series.size() >= kSeriesPerName) key = "{overflow=\"true\"}";
  return series.try_emplace(std::move(key)).first->second;
}

void Metrics::gauge(std::string_view name, std::string_view help, const MetricLabels& labels,
                    std::function<double()> read) {
  std::unique_lock lock(mutex_);
  auto [family, fresh] = gauges_.try_emplace(std::string(name));
  if (fresh) family->second.help = help;
  family->second.series.insert_or_assign(render_labels(labels), std::move(read));
}

std::string Metrics::render() const {
  std::shared_lock lock(mutex_);
  std::string out;
  for (const auto& [name, family] : counters_) {
    render_family_head(out, name, family.help, "counter");
    for (const auto& [labels, counter] : family.series)
      out.append(name).append(labels).append(" ").append(std::to_string(counter.value())).append("\n");
  }
  for (const auto& [name, family] : gauges_) {
    render_family_head(out, name, family.help, "gauge");
    for (const auto& [labels, read] : family.series)
      out.append(name).append(labels).append(" ").append(render_number(read())).append("\n");
  }
  return out;
}

}  // namespace countersign
