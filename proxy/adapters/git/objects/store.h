// Objects that were fetched from upstream repositories, kept so that the next push need not fetch them again.
//
// One Cache a repository: a bare repository without refs, partial on purpose. It holds only what the upstream sent, or
// took (absorb); everything can be thrown away at any time. When the store grows over its bound, the caches that were
// not used for longest are retired: nobody gets them any more, those who hold one keep it, and its files go with the
// last of them. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "proxy/adapters/git/object_id.h"
#include "proxy/adapters/git/objects/pack_index.h"
#include "proxy/adapters/git/objects/process.h"

namespace countersign::adapters::git {

struct StoreLimits {
  std::uint64_t bytes = 20ULL << 30;  // of all caches together
  std::uint32_t packs = 300;          // of one cache: every look-up of an absent object asks each of them
  std::uint64_t pack_bytes = 4ULL << 30;
  ToolLimits tool{.time = std::chrono::minutes(10)};
};

class ObjectStore;

class Cache {
 public:
  ~Cache();  // removes the files of a retired cache
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  [[nodiscard]] const std::filesystem::path& git_dir() const { return git_dir_; }
  [[nodiscard]] std::filesystem::path objects_dir() const { return git_dir_ / "objects"; }
  [[nodiscard]] ObjectFormat format() const { return format_; }

  // Adds a pack that the upstream sent: the file from the offset to its end. Thin packs are completed from what is
  // here. Null when the pack is empty. Errors: git.bad_upstream_pack, git.tool_*, git.bad_pack_index.
  Result<std::shared_ptr<const PackIndex>> add_pack(const FileInput& pack);

  // Moves packs of an object folder here: those of a push that the upstream has taken. The source may not be used
  // afterwards. Error: git.store_unwritable.
  Status absorb(const std::filesystem::path& objects_dir);

 private:
  friend class ObjectStore;
  Cache(ObjectStore& store, std::filesystem::path git_dir, ObjectFormat format, const StoreLimits& limits)
      : store_(store), git_dir_(std::move(git_dir)), format_(format), limits_(limits) {}
  void count_files();

  ObjectStore& store_;
  std::filesystem::path git_dir_;
  ObjectFormat format_;
  StoreLimits limits_;
  std::atomic<std::uint64_t> bytes_ = 0;
  std::atomic<std::uint32_t> packs_ = 0;
  std::atomic<bool> retired_ = false;
};

class ObjectStore {
 public:
  // `folder` is made when it is not there, and belongs to this object alone: what an earlier process left there is
  // taken over, or cleared away when it was retired, or when the machine was started again since. Error:
  // git.store_unwritable.
  static Result<std::unique_ptr<ObjectStore>> open(std::filesystem::path folder, StoreLimits limits = {});

  // The cache of one upstream repository. `name` is any text that names it and nothing else, its upstream included; two
  // formats of one name are two caches. The store must outlive the cache. Error: git.store_unwritable.
  Result<std::shared_ptr<Cache>> repository(std::string_view name, ObjectFormat format);

  [[nodiscard]] std::uint64_t bytes() const;

 private:
  friend class Cache;
  struct Entry {
    std::shared_ptr<Cache> cache;
    std::uint64_t used = 0;  // a count of uses, for "longest ago"
  };

  ObjectStore(std::filesystem::path folder, StoreLimits limits) : folder_(std::move(folder)), limits_(limits) {}
  void enforce_limits();
  void retire(std::map<std::string, Entry>::iterator entry, std::vector<std::shared_ptr<Cache>>& dropped);

  std::filesystem::path folder_;
  StoreLimits limits_;
  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;  // by folder name
  std::uint64_t uses_ = 0;
};

}  // namespace countersign::adapters::git
