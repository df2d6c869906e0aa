#include "proxy/adapters/git_workshop.h"

namespace countersign::adapters {

Result<std::shared_ptr<GitWorkshop>> GitWorkshop::open(const std::filesystem::path& folder, const Clock& clock) {
  const std::filesystem::path pushes = folder / "pushes";
  std::error_code error;
  std::filesystem::remove_all(pushes, error);
  if (!error) std::filesystem::create_directories(pushes, error);
  if (error) {
    return fail(ErrorKind::unavailable, "git.store_unwritable",
                "the folder for pushes cannot be made: " + error.message());
  }
  auto store = git::ObjectStore::open(folder / "objects");
  if (!store) return fail(store.error());
  return std::shared_ptr<GitWorkshop>(new GitWorkshop(pushes, std::move(*store), clock));
}

std::filesystem::path GitWorkshop::new_folder() {
  return pushes_ / std::to_string(++pushes_made_);
}

}  // namespace countersign::adapters
