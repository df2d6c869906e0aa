// Frozen agents, kept in <state>/frozen_agents.jsonl: a canonical JSON object a line, the last one of an agent counts:
//   {"agent","at","by","reason","state"}   state is "frozen" or "thawed", at is RFC 3339.
//
// Freezing is the switch somebody reaches for when an agent does what it should not: every request it makes is refused
// and nothing of it that was approved runs, whichever of its tokens it uses, those included that others narrowed for
// it. It takes effect in this process before freeze() returns, whether or not the line could be written; thawing takes
// effect only once it is durable.
//
// Names are compared without regard to ASCII case, so that another spelling of a name is not another agent.
// Any thread may call any method. A look-up takes a shared lock and one search by name.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "auth/durable_lines.h"
#include "core/clock.h"
#include "core/result.h"

namespace countersign::auth {

struct Freeze {
  std::string agent;  // as it was named when it was frozen
  TimeMs at = 0;
  std::string by;
  std::string reason;
};

class FrozenAgents {
 public:
  static constexpr std::size_t kMaxNameBytes = 200;
  static constexpr std::size_t kMaxReasonBytes = 4'000;

  // Never fails: a file that cannot be read or holds a line that is none leaves an object that is not healthy, so that
  // reads can go on and changes are refused. What could be read is in force.
  static std::unique_ptr<FrozenAgents> open(const std::filesystem::path& path);
  FrozenAgents(const FrozenAgents&) = delete;
  FrozenAgents& operator=(const FrozenAgents&) = delete;

  // agent.bad_name (invalid): empty, over kMaxNameBytes, or not UTF-8. agent.freeze_unavailable (unavailable): in force
  // here, but not on disk. Freezing twice is no error; the first actor and reason stay. `reason` is cut to
  // kMaxReasonBytes.
  [[nodiscard]] Status freeze(std::string_view agent, std::string_view by, std::string_view reason, TimeMs now);
  // agent.not_frozen (conflict). agent.freeze_unavailable: it stays frozen.
  [[nodiscard]] Status thaw(std::string_view agent, std::string_view by, std::string_view reason, TimeMs now);

  [[nodiscard]] bool is_frozen(std::string_view agent) const;
  [[nodiscard]] std::optional<Freeze> find(std::string_view agent) const;
  // By name.
  [[nodiscard]] std::vector<Freeze> list() const;

  // Whether everything ever frozen is known here and a new line would last.
  [[nodiscard]] bool healthy() const;
  // Empty while nothing was wrong when the file was read.
  [[nodiscard]] std::string_view problem() const { return problem_; }

 private:
  FrozenAgents() = default;
  Status write(std::string_view state, const Freeze& freeze);

  std::string problem_;
  mutable std::shared_mutex lock_;                     // of frozen_
  std::map<std::string, Freeze, std::less<>> frozen_;  // by lower-case name
  std::mutex writing_;                                 // one change at a time
  std::optional<DurableLines> file_;                   // set once, by open()
};

}  // namespace countersign::auth
