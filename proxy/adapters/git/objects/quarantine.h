// The objects of one push, apart from everything else: a bare repository that holds the pushed pack and reads the cache
// of its upstream. Blocking; different quarantines are independent, one quarantine belongs to one thread at a time
// except for the const functions.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "proxy/adapters/git/objects/needs.h"
#include "proxy/adapters/git/objects/pack_scan.h"
#include "proxy/adapters/git/objects/process.h"
#include "proxy/adapters/git/objects/store.h"

namespace countersign::adapters::git {

struct QuarantineLimits {
  PackLimits pack;
  ToolLimits tool{.time = std::chrono::minutes(5)};
};

class Quarantine {
 public:
  // `folder` is made, and removed again by the destructor. Error: git.store_unwritable.
  static Result<Quarantine> open(std::filesystem::path folder, std::shared_ptr<Cache> cache);

  Quarantine(Quarantine&& other) noexcept;
  Quarantine& operator=(Quarantine&&) = delete;
  ~Quarantine();

  // Scans the pack, then has git index and check it. `pack`: a file from an offset to its end.
  //
  // Needs: bases of a thin pack that the cache lacks. When the client uses no offset deltas, they may name objects that
  // the pack itself builds, which no upstream has; ask again with Missing::accept then, and git decides.
  //
  // Errors: git.bad_pack, git.pack_too_large, git.pack_unreadable, git.missing_bases (git found no base for a delta),
  // git.bad_object (git's checks of objects, see git-fsck), git.tool_*.
  Result<OrNeeds<PackSummary>> admit(const FileInput& pack, const QuarantineLimits& limits = {},
                                     Missing missing = Missing::report);

  // Hands the objects to the cache: the upstream has taken the push. Error: git.store_unwritable.
  Status absorb();

  [[nodiscard]] const std::filesystem::path& git_dir() const { return folder_; }
  [[nodiscard]] std::filesystem::path objects_dir() const { return folder_ / "objects"; }
  [[nodiscard]] const std::shared_ptr<Cache>& cache() const { return cache_; }
  [[nodiscard]] ObjectFormat format() const { return cache_->format(); }
  // What the push brought; null for pushes without a pack and for empty packs.
  [[nodiscard]] const std::shared_ptr<const PackIndex>& objects() const { return objects_; }

 private:
  Quarantine(std::filesystem::path folder, std::shared_ptr<Cache> cache)
      : folder_(std::move(folder)), cache_(std::move(cache)) {}
  Status find_objects();
  [[nodiscard]] Result<std::vector<std::string>> missing_bases(const FileInput& pack, const PackSummary& summary,
                                                               const PackLimits& limits) const;

  std::filesystem::path folder_;  // empty: moved from
  std::shared_ptr<Cache> cache_;
  std::shared_ptr<const PackIndex> objects_;
};

}  // namespace countersign::adapters::git
