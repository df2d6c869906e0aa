// Replay: what a draft of policies would have decided on recorded operations (policies/journal.h), and where that
// differs from what was decided.
//
// An operation is answered only where that is certain: what is not known of it (parameters that were not kept, and that
// the draft reads for such an action; decisions that did not rest on policies) is counted as not answerable, with why.
// Nothing here writes. Any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/json.h"
#include "policies/journal.h"

namespace countersign::policies {

struct ReplayLimits {
  std::uint64_t operations = 200'000;  // the newest ones
  std::size_t groups = 1'000;          // of flips; those beyond are counted together
  TimeMs time = 60'000;                // of this machine's clock; what is not reached then is left out (`more`)
};

// Operations that are decided otherwise, alike in verdicts, agent, action and resource.
struct Flip {
  Verdict from = Verdict::deny;
  Verdict to = Verdict::deny;
  std::string agent;
  std::string action;
  std::string resource;  // "File::files/a.txt", of the first access; "… and 2 more"
  std::uint64_t count = 0;
  std::vector<std::string> policies_before;
  std::vector<std::string> policies_after;
  TimeMs last = 0;
  Json example;  // the newest as a question (docs/formats/explain.md) that `policy explain --request` reads
  std::string reason;
  std::string code;
};

struct Replay {
  std::uint64_t operations = 0;
  std::uint64_t answerable = 0;
  std::uint64_t same = 0;
  std::map<std::string, std::uint64_t> unanswerable;  // by why, a clause each
  std::vector<Flip> flips;                            // those towards allow first, then by count
  std::uint64_t flips_not_listed = 0;                 // operations of groups beyond the limit
  TimeMs since = 0;
  TimeMs until = 0;
  bool more = false;  // older operations were not looked at: a limit was reached
  [[nodiscard]] bool has_flips() const { return !flips.empty() || flips_not_listed > 0; }
};

// What an operation's verdict is compared with.
struct ReplayQuestion {
  const Snapshot& draft;
  // Asked again in place of what was recorded, so that only what the draft changes shows, not what was changed since.
  const Snapshot* running = nullptr;
  TimeMs since = 0;
  TimeMs until = 0;
};

// Errors: those of read_journal.
[[nodiscard]] Result<Replay> replay(const std::filesystem::path& journal, const ReplayQuestion& question,
                                    const ReplayLimits& limits = {});

// {"operations","answerable","unanswerable":{"why":n},"same","flips":[{"from","to","count","agent","action","resource",
//  "policies_before","policies_after","code","reason","last","example"}],"flips_not_listed","since","until","more"}
[[nodiscard]] Json replay_json(const Replay& replay);

}  // namespace countersign::policies
