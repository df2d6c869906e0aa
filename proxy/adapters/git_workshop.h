// What all git upstreams share: objects that were fetched before, room for the packs of pushes, and the rules for
// secrets.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>

#include "core/result.h"
#include "proxy/adapters/git/objects/secrets.h"
#include "proxy/adapters/git/objects/store.h"
#include "proxy/adapters/git_upstream.h"

namespace countersign::adapters {

// Any thread.
class GitWorkshop {
 public:
  // Takes `folder` over, for itself alone; makes it where it is not there. What an interrupted push left behind is
  // removed. Error: git.store_unwritable.
  static Result<std::shared_ptr<GitWorkshop>> open(const std::filesystem::path& folder, const Clock& clock);

  [[nodiscard]] git::ObjectStore& store() { return *store_; }
  [[nodiscard]] GitMemory& memory() { return memory_; }
  [[nodiscard]] const git::SecretScanner& scanner() const { return scanner_; }
  // A name for a folder that is not there yet.
  [[nodiscard]] std::filesystem::path new_folder();

 private:
  GitWorkshop(std::filesystem::path pushes, std::unique_ptr<git::ObjectStore> store, const Clock& clock)
      : pushes_(std::move(pushes)), store_(std::move(store)), memory_(clock) {}

  std::filesystem::path pushes_;
  std::unique_ptr<git::ObjectStore> store_;
  git::SecretScanner scanner_;
  GitMemory memory_;
  std::atomic<std::uint64_t> pushes_made_ = 0;
};

}  // namespace countersign::adapters
