// Plans that agents announced their changes with: while one is in force, a change of its lineage to its upstream that
// it did not announce is refused (proxy/restraints.h).
//
// A plan only ever restricts, so the agent that submitted it may withdraw it. Durable (SQLite, synchronous=FULL) in the
// queue's database; what is asked on the request path is in memory. Any thread; functions that change something block
// on the disk.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "approvals/plan_match.h"
#include "core/clock.h"
#include "core/sql.h"

namespace countersign::approvals {

inline constexpr std::string_view kPlanCode = "plan.unannounced";
inline constexpr TimeMs kPlanTime = 2 * 3'600'000LL;  // how long a plan is in force when nobody says
inline constexpr TimeMs kMostPlanTime = 24 * 3'600'000LL;

struct Plan {
  std::string id;  // "pln_…"
  std::string upstream;
  std::string agent;
  std::string owner;
  std::string root;   // hex id of the root of the token's chain: whose changes it binds, however far narrowed
  std::string token;  // the token it was submitted with
  std::string sha256;
  std::string terraform_version;
  TimeMs submitted = 0;
  TimeMs until = 0;      // exclusive
  TimeMs ended = 0;      // before that; 0: not
  std::string ended_by;  // "withdrawn", or the id of the plan that took its place
  std::shared_ptr<const PlanIndex> index;

  [[nodiscard]] bool in_force(TimeMs now) const { return ended == 0 && now < until; }
  [[nodiscard]] PlanCounts counts() const;
};

// "pln_… : 3 to add, 1 to change, 2 to destroy (1 replaced)" without the id.
[[nodiscard]] std::string counts_sentence(const PlanCounts& counts);

// What is said of an operation.
struct PlanVerdict {
  std::shared_ptr<const Plan> plan;  // nullptr: none is in force
  std::optional<Announced> announced;
  bool too_much = false;  // to be found out: refused

  [[nodiscard]] bool refuses() const { return plan && !announced; }
  // "aws_s3_bucket.logs (delete, delete_because_no_resource_config)", at most 20.
  [[nodiscard]] std::vector<std::string> addresses() const;
};

class Plans {
 public:
  // Errors: store.…; plan.stored when a plan in force cannot be read.
  static Result<std::unique_ptr<Plans>> open(const std::filesystem::path& file, const sql::Options& options,
                                             TimeMs now);
  Plans(const Plans&) = delete;
  Plans& operator=(const Plans&) = delete;

  // In force from now on, in the place of what was for this lineage and upstream.
  Status submit(Plan plan, TimeMs now);
  // Errors: plan.unknown (not_found: none of this lineage), plan.over (conflict).
  Result<Plan> withdraw(std::string_view id, std::string_view root, TimeMs now);
  // Errors: plan.unknown.
  Result<Plan> get(std::string_view id);
  // Of a lineage (empty: of all), newest first, at most 100.
  Result<std::vector<Plan>> list(std::string_view root);

  // Whether one is in force. No disk.
  [[nodiscard]] bool binds(std::string_view root, std::string_view upstream, TimeMs now) const;
  // No disk, but some milliseconds for a large plan (kMostCompared).
  [[nodiscard]] PlanVerdict judge(std::string_view root, const Operation& operation, TimeMs now) const;

  // Before an announced operation that is counted is sent: takes one of the plan's creations of its type for `key`, the
  // operation's or request's id; taking again for the same key is the same one. False: there is none left.
  Result<bool> take(const PlanVerdict& verdict, std::string_view key, TimeMs now);
  // What came of it: what failed for certain gives its creation back. `answer` says what new things are called, unless
  // it did not succeed.
  enum class Outcome : std::uint8_t { done, failed, unknown };
  Status settle(const PlanVerdict& verdict, std::string_view key, Outcome outcome, std::string_view answer,
                std::string_view request);

  // Which plan announced a held request, and as what: for people. Kept with the request.
  struct Note {
    std::string plan;
    std::vector<std::string> addresses;
  };
  Status note(std::string_view request, const PlanVerdict& verdict);
  Result<std::optional<Note>> note_of(std::string_view request);

 private:
  struct InForce {
    std::shared_ptr<const Plan> plan;
    std::shared_ptr<const LearnedNames> learned;
  };
  explicit Plans(sql::Database database) : database_(std::move(database)) {}
  Status load_memory(TimeMs now);
  Result<std::vector<Plan>> read(sql::Statement& rows);

  mutable std::mutex disk_;  // the database
  sql::Database database_;
  mutable std::mutex lock_;  // what is in force; never held while the disk is waited for
  std::map<std::pair<std::string, std::string>, InForce> in_force_;  // by root and upstream
};

}  // namespace countersign::approvals
