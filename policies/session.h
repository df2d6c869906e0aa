// Session: what the lineage of a token (its root, and everything narrowed from it) did of late, as policies see it in
// `context.session`: what one request alone does not show. Plain data, handed to decide(); proxy/histories.h keeps it.
#pragma once

#include <cstdint>
#include <vector>

namespace countersign::policies {

struct Session {
  // Things touched: an operation that touches fifty counts fifty. `changes` includes `destroys`; what was denied or
  // held is in neither until it runs.
  struct Counts {
    std::int64_t reads = 0;
    std::int64_t changes = 0;
    std::int64_t destroys = 0;
    std::int64_t denials = 0;
    std::int64_t holds = 0;
    bool operator==(const Counts&) const = default;
  };

  // What the lineage has to do with one thing, of the last hour. All false for what is only read.
  struct Thing {
    bool created = false;      // it created it, and has not destroyed it since; remembered longer than an hour
    bool recreates = false;    // it destroyed it, had not created it itself, and would now make it again
    bool unprotected = false;  // it took protection off it, or off what it is in
    bool listed = false;       // it read what it is in
    // Another operation on it, or on what it is in, or in it, was denied: one of the same effect or a weaker one. Or a
    // weaker one waits for approval.
    bool denied = false;
    // Others beside it that were destroyed, without anybody's approval, and that the lineage had not created itself;
    // those of this operation too.
    std::int64_t siblings_destroyed = 0;
    bool operator==(const Thing&) const = default;
  };

  Counts hour;
  Counts minutes;        // the last ten
  std::int64_t age = 0;  // minutes since the lineage's first request, as far as is remembered
  // Of the operation's accesses, in their order; of those it does not reach nothing is to be said.
  std::vector<Thing> things;

  [[nodiscard]] Thing of(std::size_t access) const { return access < things.size() ? things[access] : Thing(); }
  bool operator==(const Session&) const = default;
};

}  // namespace countersign::policies
