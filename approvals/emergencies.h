// Emergencies: the glasses that were broken, what was done under them, and whether somebody has looked at it since.
//
// Durable (SQLite, synchronous=FULL) in the queue's database. Any thread; functions that change something block on the
// disk; those asked on the request path look into memory first.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "approvals/break_glass.h"
#include "core/sql.h"

namespace countersign::approvals {

struct Emergency {
  std::string request;  // the held request that opened it: its id, too
  EmergencyTerms terms;
  std::vector<std::string> by;  // who signed
  TimeMs started = 0;
  TimeMs until = 0;   // exclusive
  TimeMs closed = 0;  // by a person, before `until`; 0: not
  std::string closed_by;
  std::int64_t uses = 0;
  TimeMs review_due = 0;
  TimeMs reviewed = 0;  // 0: not yet
  std::string reviewed_by;
  std::string review;

  [[nodiscard]] bool is_open(TimeMs now) const { return closed == 0 && now >= started && now < until; }
  [[nodiscard]] bool is_overdue(TimeMs now) const { return reviewed == 0 && now >= review_due; }
};

// One with those who signed: a fact each, without a rule, most senior first.
struct KeptEmergency {
  Emergency emergency;
  std::vector<policies::ApprovalFact> voters;
};

// A use that was counted.
struct EmergencyUse {
  std::string request;
  std::vector<policies::ApprovalFact> facts;  // of every rule that was asked for
  std::int64_t number = 0;
};

enum class EmergencyStep : std::uint8_t { started, used, closed, reviewed };
[[nodiscard]] std::string_view step_name(EmergencyStep step);

class Emergencies {
 public:
  using Observer = std::function<void(const Emergency& emergency, EmergencyStep step)>;
  static Result<std::unique_ptr<Emergencies>> open(const std::filesystem::path& file, const sql::Options& options);
  Emergencies(const Emergencies&) = delete;
  Emergencies& operator=(const Emergencies&) = delete;

  // Called after each step is durable, in order and under the lock: must neither block nor call this. Set before it is
  // used by more than one thread.
  void observe(Observer observer) { observer_ = std::move(observer); }

  // Of an approved request: the clock starts. The second call for one request does nothing and returns what the first
  // did. Errors: break_glass.terms, break_glass.changed (conflict: under today's rules it is not approved, or names
  // what it may not be opened for; only the time is shortened instead), store.…
  Result<Emergency> start(const HeldRequest& request, const Rules& rules, TimeMs now);

  // Counts one use, durably, when an open emergency covers the operation; nullopt when none does. The facts name the
  // most senior of those who signed for each of `rules`. `suffices`, when given, is asked first, and must neither block
  // nor ask this object: one that would not help is not used.
  using Suffices = std::function<bool(std::span<const policies::ApprovalFact>)>;
  Result<std::optional<EmergencyUse>> use(const EmergencyQuestion& question, const std::vector<std::string>& rules,
                                          std::string_view operation, TimeMs now, const Suffices& suffices = {});
  // Whether one is open for this; no disk.
  [[nodiscard]] bool covers_now(const EmergencyQuestion& question, TimeMs now) const;

  // Ends it before its time. Errors: break_glass.unknown (not_found), break_glass.over (conflict).
  Result<Emergency> close(std::string_view request, std::string_view by, TimeMs now);
  // Somebody has looked at what was done: one of the reviewers, and none of those who signed or asked for it, nor the
  // agent's owner (`owner`). Errors: break_glass.unknown, break_glass.open (conflict: it is not over yet),
  // break_glass.reviewed (conflict), break_glass.own and break_glass.not_reviewer (forbidden), break_glass.comment.
  Result<Emergency> review(std::string_view request, const Approver& reviewer, std::string_view owner,
                           std::string_view comment, const Rules& rules, TimeMs now);
  // Whether review() would take it: its record is written first.
  Status check_review(std::string_view request, const Approver& reviewer, std::string_view owner,
                      std::string_view comment, const Rules& rules, TimeMs now);

  // Newest first, at most 1,000.
  Result<std::vector<Emergency>> list(std::size_t limit);
  // Reviews that are overdue.
  [[nodiscard]] std::size_t debt(TimeMs now) const;

 private:
  explicit Emergencies(sql::Database database) : database_(std::move(database)) {}
  Status load_memory();
  Result<Emergency> find(std::string_view request);
  Status update(const Emergency& emergency);
  Status tell(std::string_view what, std::string_view request);
  // The emergency, when it can be reviewed by them.
  Result<Emergency> reviewable(std::string_view request, const Approver& reviewer, std::string_view owner,
                               std::string_view comment, const Rules& rules, TimeMs now);
  void note(const Emergency& emergency, EmergencyStep step) const {
    if (observer_) observer_(emergency, step);
  }

  Observer observer_;
  mutable std::mutex lock_;
  sql::Database database_;
  std::vector<KeptEmergency> kept_;  // open, or not reviewed yet
};

}  // namespace countersign::approvals
