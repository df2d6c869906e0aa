// Statistics: what the console shows of the audit log's last 30 days, counted and not kept: decisions by the hour,
// votes, which agents and tokens were seen in use.
//
// Nothing is read before the first question. Then one thread of its own reads the log backwards, newest record first,
// for 30 days or kMostRecords records, whichever comes first; what is written meanwhile is read forwards with each
// question. The memory is bounded whatever the log holds: kMostVotes votes, kMostNames agents, kMostTokens tokens; what
// is older or rarer than fits is left out.
//
// Any thread may call any method.
#pragma once

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "audit/reader.h"
#include "core/clock.h"
#include "core/result.h"

namespace countersign::console {

struct DecisionCounts {
  std::uint64_t allow = 0;
  std::uint64_t hold = 0;
  std::uint64_t deny = 0;
};

struct CountedVote {
  TimeMs at = 0;
  std::string by;
  bool approves = false;
  bool unread = false;  // given faster than the preview can be read
  TimeMs waited = -1;   // since the request was held; -1: not known
};

// A token (its hex chain id) that was seen in use.
struct SeenToken {
  std::string id;
  std::string parent;  // the id it was narrowed from; empty for one as issued
  std::string agent;
  TimeMs first_seen = 0;
  TimeMs last_seen = 0;
  std::uint64_t uses = 0;
};

class Statistics {
 public:
  static constexpr TimeMs kHour = 3'600'000;
  static constexpr TimeMs kReach = 30LL * 24 * kHour;
  static constexpr std::uint64_t kMostRecords = 2'000'000;
  static constexpr std::size_t kMostVotes = 100'000;
  static constexpr std::size_t kMostNames = 10'000;
  static constexpr std::size_t kMostTokens = 20'000;

  Statistics(std::filesystem::path log, const Clock& clock) : log_(std::move(log)), clock_(clock) {}
  ~Statistics();
  Statistics(const Statistics&) = delete;
  Statistics& operator=(const Statistics&) = delete;

  // Reads what is new, and waits for the first reading, at most `patience` ms. Errors are those of the log.
  Status catch_up(TimeMs patience);

  // From when on everything is counted; nullopt while nothing has been read.
  [[nodiscard]] std::optional<TimeMs> complete_since() const;
  // By the start of the hour, from the hour of `since` on.
  [[nodiscard]] std::map<TimeMs, DecisionCounts> decisions(TimeMs since) const;
  [[nodiscard]] std::vector<CountedVote> votes(TimeMs since) const;
  // When an agent's last decided request was.
  [[nodiscard]] std::optional<TimeMs> last_seen(std::string_view agent) const;
  [[nodiscard]] std::vector<std::string> agents() const;
  // Tokens whose chain begins with `root`, the root itself among them.
  [[nodiscard]] std::vector<SeenToken> tokens_of(std::string_view root) const;

 private:
  struct Token {
    SeenToken seen;
    std::string root;
  };
  void count(const audit::StoredRecord& record);  // under lock_
  void count_intent(const audit::StoredRecord& record);
  void count_vote(const audit::StoredRecord& record, bool approves);
  void read_back(const std::stop_token& stop, audit::Reader reader, std::uint64_t end);
  Status read_on(const audit::Reader& reader);

  const std::filesystem::path log_;
  const Clock& clock_;
  std::mutex reading_;  // one reads on at a time

  mutable std::mutex lock_;  // of all below
  std::condition_variable progress_;
  bool begun_ = false;
  bool whole_ = false;      // the first reading is done
  std::uint64_t next_ = 0;  // the first record not read forwards yet
  std::optional<TimeMs> since_;
  std::map<TimeMs, DecisionCounts> hours_;
  std::deque<CountedVote> votes_;
  std::map<std::string, TimeMs, std::less<>> agents_;
  std::map<std::string, Token, std::less<>> tokens_;

  std::jthread thread_;
};

}  // namespace countersign::console
