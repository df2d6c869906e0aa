#include "audit/refusals.h"

#include "core/json.h"

namespace countersign::audit {
namespace {

constexpr std::string_view kOthers = "others";

// Also when the clock has gone back: how long it has been cannot be known.
bool is_over(TimeMs from, TimeMs now) {
  return now < from || now - from >= Refusals::kWindow;
}

}  // namespace

Refusals::Tally& Refusals::tally_of(std::string_view network, TimeMs now) {
  auto found = tallies_.find(network);
  if (found == tallies_.end() && tallies_.size() >= kNetworks) found = tallies_.find(kOthers);
  if (found == tallies_.end()) {
    const std::string_view name = tallies_.size() >= kNetworks ? kOthers : network;
    found = tallies_.emplace(std::string(name), Tally{.from = now, .codes = {}}).first;
  }
  Tally& tally = found->second;
  if (is_over(tally.from, now)) {
    write(found->first, tally, now);
    tally = Tally{.from = now, .codes = {}};
  }
  return tally;
}

void Refusals::append(Entry entry, std::string_view network) {
  const TimeMs now = clock_.now();
  {
    std::lock_guard guard(lock_);
    if (is_over(all_from_, now)) {
      all_from_ = now;
      all_ = 0;
    }
    Tally& tally = tally_of(network, now);
    if (tally.records >= kEach || all_ >= kAll) {
      ++tally.counted;
      const bool room = tally.codes.size() < kCodes || tally.codes.contains(entry.code);
      ++tally.codes[room ? entry.code : std::string(kOthers)];
      return;
    }
    ++tally.records;
    ++all_;
  }
  log_.append(std::move(entry));
}

void Refusals::write(std::string_view network, const Tally& tally, TimeMs now) {
  if (tally.counted == 0) return;
  Json codes = Json::object();
  for (const auto& [code, count] : tally.codes) codes[code] = count;
  Entry entry;
  entry.phase = Phase::refused;
  entry.peer = network;
  entry.decision = Decision::deny;
  entry.code = kCountedCode;
  entry.reason = std::to_string(tally.counted) + " more refusals to this network, too many for a record each";
  if (auto text = canonical_json({{"codes", std::move(codes)},
                                  {"count", tally.counted},
                                  {"from", format_time(tally.from)},
                                  {"until", format_time(now)}}))
    entry.detail = std::move(*text);
  log_.append(std::move(entry));
}

void Refusals::write_counts(Due due) {
  const TimeMs now = clock_.now();
  std::lock_guard guard(lock_);
  for (auto at = tallies_.begin(); at != tallies_.end();) {
    if (due == Due::over && !is_over(at->second.from, now)) {
      ++at;
      continue;
    }
    write(at->first, at->second, now);
    at = tallies_.erase(at);
  }
}

}  // namespace countersign::audit
