// Histories: what the lineage of every token (its root, and all that was narrowed from it) did of late, for
// `context.session` (policies/session.h).
//
// In memory. Counters are never pushed out by other events; of things a lineage has to do with, `marks` are remembered,
// and where there are more, what was forgotten is supposed of everything for an hour: forgetting makes nothing milder.
// The same holds for lineages. After a start the last hour comes from the journal of operations, when that is on;
// what people had approved is not in it.
//
// Any thread. A lineage's lock is held for a few look-ups.
#pragma once

#include <memory>
#include <string_view>

#include "approvals/request.h"
#include "core/clock.h"
#include "policies/decision.h"
#include "policies/journal.h"
#include "policies/session.h"
#include "scopes/operation.h"

namespace countersign::proxy {

class Histories {
 public:
  struct Limits {
    std::size_t lineages = 16'384;
    std::size_t marks = 4'096;  // things of one lineage
  };
  Histories() : Histories(Limits{}) {}
  explicit Histories(const Limits& limits);
  ~Histories();
  Histories(const Histories&) = delete;
  Histories& operator=(const Histories&) = delete;

  // What policies see when the lineage of `root` asks for this. Of a read, counts alone.
  [[nodiscard]] policies::Session look(std::string_view root, const Operation& operation, TimeMs now) const;

  // What was decided about it, in the end. What is allowed counts as done.
  void note(std::string_view root, const Operation& operation, const policies::Decision& decision, TimeMs now);
  // What people approved is being sent: it counts as done, and waits no more.
  void note_approved(std::string_view root, const Operation& operation, TimeMs now);
  // People said no to what waited.
  void note_denied(std::string_view root, const Operation& operation, TimeMs now);
  // The upstream did it.
  void note_success(std::string_view root, const Operation& operation, TimeMs now);

  // What the journal has of the last hour. Call it once, before requests are served.
  void recall(const policies::JournalEntry& entry);

 private:
  struct Shard;
  static constexpr std::size_t kShards = 16;
  // Makes the lineage when it is new. `what` is done under its lock.
  template <class What>
  void with(std::string_view root, TimeMs now, const What& what);
  [[nodiscard]] Shard& shard_of(std::string_view root) const;

  const Limits limits_;
  std::unique_ptr<Shard[]> shards_;
};

// The same of a held request as it is stored.
void note_denied(Histories& histories, const approvals::HeldRequest& request, TimeMs now);

}  // namespace countersign::proxy
