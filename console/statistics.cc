#include "console/statistics.h"

#include <algorithm>

#include "audit/entry.h"
#include "core/json.h"

namespace countersign::console {
namespace {

constexpr std::uint64_t kChunk = 4'096;
constexpr std::uint64_t kMostAtOnce = 200'000;  // records read on with one question

// A string member of a record, unescaped.
std::string member(std::string_view line, std::string_view name) {
  std::string_view raw = audit::raw_string(line, name);
  if (!raw.contains('\\')) return std::string(raw);
  auto text = parse_json("\"" + std::string(raw) + "\"");
  return text && text->is_string() ? text->get<std::string>() : std::string();
}

// The ids of `"chain":["…","…"]`: hexadecimal, so nothing in them is escaped.
std::vector<std::string_view> chain_of(std::string_view line) {
  constexpr std::string_view kBegin = "\"chain\":[";
  std::vector<std::string_view> out;
  std::size_t begin = line.find(kBegin);
  if (begin == std::string_view::npos) return out;
  std::string_view list = line.substr(begin + kBegin.size());
  list = list.substr(0, list.find(']'));
  while (!list.empty()) {
    std::size_t end = std::min(list.find(','), list.size());
    std::string_view id = list.substr(0, end);
    if (id.size() > 2) out.push_back(id.substr(1, id.size() - 2));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return out;
}

}  // namespace

Statistics::~Statistics() {
  thread_ = {};
}

void Statistics::count_intent(const audit::StoredRecord& record) {
  std::string_view decision = audit::raw_string(record.line, "decision");
  DecisionCounts& hour = hours_[record.time - record.time % kHour];
  if (decision == "allow") ++hour.allow;
  if (decision == "hold") ++hour.hold;
  if (decision == "deny") ++hour.deny;
  std::string agent = member(record.line, "agent");
  if (auto known = agents_.find(agent); known != agents_.end()) {
    known->second = std::max(known->second, record.time);
  } else if (!agent.empty() && agents_.size() < kMostNames) {
    agents_.emplace(agent, record.time);
  }
  auto chain = chain_of(record.line);
  for (std::size_t at = 0; at < chain.size(); ++at) {
    auto known = tokens_.find(chain[at]);
    if (known == tokens_.end()) {
      if (tokens_.size() >= kMostTokens) return;
      Token token{.seen = {.id = std::string(chain[at]),
                           .parent = at == 0 ? std::string() : std::string(chain[at - 1]),
                           .agent = agent,
                           .first_seen = record.time,
                           .last_seen = record.time,
                           .uses = 0},
                  .root = std::string(chain[0])};
      known = tokens_.emplace(chain[at], std::move(token)).first;
    }
    SeenToken& seen = known->second.seen;
    seen.first_seen = std::min(seen.first_seen, record.time);
    seen.last_seen = std::max(seen.last_seen, record.time);
    if (at + 1 == chain.size()) ++seen.uses;
  }
}

void Statistics::count_vote(const audit::StoredRecord& record, bool approves) {
  CountedVote vote{.at = record.time, .by = member(record.line, "actor"), .approves = approves};
  if (auto detail = parse_json(member(record.line, "detail")); detail && detail->is_object()) {
    vote.waited = integer_or(*detail, "waited_ms", -1);
    const Json* unread = find_member(*detail, "unread");
    vote.unread = unread != nullptr && *unread == Json(true);
  }
  votes_.push_back(std::move(vote));
  if (votes_.size() > kMostVotes) votes_.pop_front();
}

void Statistics::count(const audit::StoredRecord& record) {
  std::string_view phase = audit::raw_string(record.line, "phase");
  if (phase == "intent") return count_intent(record);
  if (phase != "approval") return;
  std::string_view action = audit::raw_string(record.line, "action");
  if (action == "approval:approve") count_vote(record, true);
  if (action == "approval:deny") count_vote(record, false);
}

void Statistics::read_back(const std::stop_token& stop, audit::Reader reader, std::uint64_t end) {
  const std::uint64_t least = end > kMostRecords ? end - kMostRecords : 0;
  const TimeMs oldest = clock_.now() - kReach;
  TimeMs reached = oldest;
  while (end > least && !stop.stop_requested()) {
    const std::uint64_t begin = end - std::min(kChunk, end - least);
    auto records = reader.range(begin, end);
    std::lock_guard guard(lock_);
    if (!records || records->empty()) {
      // The log is damaged there: what is newer is counted.
      reached = since_.value_or(clock_.now());
      break;
    }
    for (const audit::StoredRecord& record : *records) {
      if (record.time >= oldest) count(record);
    }
    since_ = std::max(oldest, records->front().time);
    end = begin;
    if (records->front().time < oldest) break;
    if (end == least && least > 0) reached = *since_;
  }
  std::lock_guard guard(lock_);
  since_ = reached;
  whole_ = true;
  progress_.notify_all();
}

Status Statistics::read_on(const audit::Reader& reader) {
  auto size = reader.size();
  if (!size) return fail(size.error());
  std::uint64_t begin = 0;
  {
    std::lock_guard guard(lock_);
    if (!begun_) {
      begun_ = true;
      next_ = *size;
      thread_ = std::jthread([this, reader, end = *size](std::stop_token stop) { read_back(stop, reader, end); });
    }
    begin = next_;
  }
  const std::uint64_t most = std::min(*size, begin + kMostAtOnce);
  while (begin < most) {
    const std::uint64_t end = std::min(begin + kChunk, most);
    auto records = reader.range(begin, end);
    if (!records) return fail(records.error());
    std::lock_guard guard(lock_);
    for (const audit::StoredRecord& record : *records) count(record);
    next_ = begin = end;
  }
  std::lock_guard guard(lock_);
  const TimeMs oldest = clock_.now() - kReach - kHour;
  while (!hours_.empty() && hours_.begin()->first < oldest) hours_.erase(hours_.begin());
  return {};
}

Status Statistics::catch_up(TimeMs patience) {
  std::lock_guard one_at_a_time(reading_);
  auto reader = audit::Reader::open(log_);
  if (!reader) return fail(reader.error());
  if (Status read = read_on(*reader); !read) return read;
  std::unique_lock guard(lock_);
  progress_.wait_for(guard, std::chrono::milliseconds(patience), [this] { return whole_; });
  return {};
}

std::optional<TimeMs> Statistics::complete_since() const {
  std::lock_guard guard(lock_);
  return since_;
}

std::map<TimeMs, DecisionCounts> Statistics::decisions(TimeMs since) const {
  std::lock_guard guard(lock_);
  return {hours_.lower_bound(since - since % kHour), hours_.end()};
}

std::vector<CountedVote> Statistics::votes(TimeMs since) const {
  std::lock_guard guard(lock_);
  std::vector<CountedVote> out;
  std::ranges::copy_if(votes_, std::back_inserter(out), [&](const CountedVote& vote) { return vote.at >= since; });
  return out;
}

std::optional<TimeMs> Statistics::last_seen(std::string_view agent) const {
  std::lock_guard guard(lock_);
  auto found = agents_.find(agent);
  return found == agents_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<std::string> Statistics::agents() const {
  std::lock_guard guard(lock_);
  std::vector<std::string> out;
  for (const auto& [name, seen] : agents_) out.push_back(name);
  return out;
}

std::vector<SeenToken> Statistics::tokens_of(std::string_view root) const {
  std::lock_guard guard(lock_);
  std::vector<SeenToken> out;
  for (const auto& [id, token] : tokens_) {
    if (token.root == root) out.push_back(token.seen);
  }
  return out;
}

}  // namespace countersign::console
