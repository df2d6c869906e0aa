// How the commits of a push are connected: what is new, and whether a ref only moves forward. Reads commits through an
// ObjectReader; what is absent becomes a need. Blocking; one thread at a time.
//
// Parents are named by content, so a path that is found through any commits is a fact. That there is no path is a fact
// only when the upstream was asked for what lies between.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/result.h"
#include "proxy/adapters/git/objects/commit.h"
#include "proxy/adapters/git/objects/needs.h"
#include "proxy/adapters/git/objects/object_reader.h"

namespace countersign::adapters::git {

struct HistoryLimits {
  std::size_t walk = 50'000;              // commits of one walk
  std::size_t all_walks = 500'000;        // of all walks together
  std::size_t parents = 1'000;            // of one commit
  std::uint64_t commit_bytes = 4U << 20;  // of one commit or tag
  std::size_t haves = 256;                // named to the upstream in one fetch
};

enum class Found : std::uint8_t { yes, no, unknown };

class History {
 public:
  // `pushed`: what the push brought; may be null. `answers`: those of earlier rounds. All must outlive the history.
  History(ObjectReader& objects, ObjectFormat format, const PackIndex* pushed, const std::vector<Answer>& answers,
          const HistoryLimits& limits)
      : objects_(objects), format_(format), pushed_(pushed), answers_(answers), limits_(limits) {}

  // nullptr: absent, or no commit. The pointer lives as long as the history. Without its message, of which there may be
  // more than memory holds: message_of() reads that again. Error: git.bad_object (also for very many parents).
  Result<const Commit*> commit(const std::string& id);
  // Empty when the commit is absent.
  Result<std::string> message_of(const std::string& id);

  // What lies behind tags: the tags from the outside in, and the object at the end.
  struct Peeled {
    std::vector<Tag> tags;
    std::string id;
    std::optional<ObjectType> type;  // nullopt: absent
  };
  Result<Peeled> peel(const std::string& id);

  // Whether `ancestor` is `tip` or can be reached from it. Unknown: `wanted` is filled with a fetch that would tell, or
  // stays empty when none would (too long a walk).
  Result<Found> is_ancestor(const std::string& ancestor, const std::string& tip, std::optional<Fetch>& wanted);

  // The commits that none of `known` reaches, as far as the push and the answers show. `known`: commits that refs of
  // the upstream point to, the most telling first.
  struct News {
    std::vector<std::string> commits;  // newest first, parents after children as dates allow
    std::string base;                  // the nearest first-parent ancestor that is not new; empty: there is none
    std::vector<std::string> edge;     // all parents of new commits that are not new
    std::set<std::string> unsettled;   // commits of the edge of which only the upstream knows whether they are new
    bool truncated = false;            // the walk was too long
  };
  Result<News> news_of(const std::string& tip, const std::vector<std::string>& known);

  // The fetch that settles what is unsettled; nullopt when there is nothing to measure against.
  [[nodiscard]] std::optional<Fetch> settling(const News& news, const std::vector<std::string>& known) const;

 private:
  [[nodiscard]] std::vector<std::string> haves(const std::vector<std::string>& known) const;

  ObjectReader& objects_;
  ObjectFormat format_;
  const PackIndex* pushed_;
  const std::vector<Answer>& answers_;
  const HistoryLimits& limits_;
  std::size_t walked_ = 0;
  std::unordered_map<std::string, std::unique_ptr<Commit>> commits_;  // null: absent, or no commit
};

}  // namespace countersign::adapters::git
