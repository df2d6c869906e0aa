// Serves held commits to reviewers and builders: `git fetch origin refs/approvals/7` before they land. A repository
// that is only a view: refs of our choosing over the objects of quarantines and of the cache; git's own upload-pack
// answers. (gitprotocol-http "Smart Service git-upload-pack", gitprotocol-v2)
//
// A client that has what the held commits grow on (any clone of the upstream) is served from what the push brought. One
// that has not needs the history below, which only the upstream has: Needs.
//
// Blocking; one thread at a time a view.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "proxy/adapters/git/objects/needs.h"
#include "proxy/adapters/git/objects/process.h"
#include "proxy/adapters/git/objects/quarantine.h"

namespace countersign::adapters::git {

struct HeldRef {
  std::string name;                        // "refs/approvals/7"
  std::string id;                          // what it points to
  const Quarantine* quarantine = nullptr;  // where that is; needed by open() and needs() only
};

struct UploadPackLimits {
  ToolLimits tool{.time = std::chrono::minutes(10), .output = 4U << 20};
  std::uint64_t answer = 4ULL << 30;  // bytes of one answer
};

class ReviewView {
 public:
  // `folder` is made, and removed by the destructor. At least one ref; all of one object format. Errors:
  // git.store_unwritable, git.bad_ref (a name or id that is none, or a name twice).
  static Result<ReviewView> open(std::filesystem::path folder, std::shared_ptr<Cache> cache, std::vector<HeldRef> refs,
                                 UploadPackLimits limits = {});
  ReviewView(ReviewView&& other) noexcept;
  ReviewView& operator=(ReviewView&&) = delete;
  ~ReviewView();

  // What must be fetched before anything can be served: the commits that the held ones grow on, with trees, so that git
  // sees what a client has already. No fetches: nothing. Asked once, after open().
  Result<std::vector<Fetch>> needs();

  // The answer to `GET …/info/refs?service=git-upload-pack`. `git_protocol`: the request's Git-Protocol header;
  // anything but "version=1" and "version=2" is version 0. Errors: git.tool_*.
  Result<std::string> advertise(std::string_view git_protocol);

  // The answer to `POST …/git-upload-pack`, into a file. `body`: decoded (git compresses it).
  //
  // Needs: the whole history below the held commits, for a client that has none of it. Said once a view.
  // Errors: git.refused (git does not take the request; its word is in the message), git.tool_*.
  Result<OrNeeds<std::monostate>> answer(const FileInput& body, std::string_view git_protocol,
                                         const std::string& output_file);

 private:
  ReviewView(std::filesystem::path folder, std::shared_ptr<Cache> cache, std::vector<HeldRef> refs,
             const UploadPackLimits& limits)
      : folder_(std::move(folder)), cache_(std::move(cache)), refs_(std::move(refs)), limits_(limits) {}

  std::filesystem::path folder_;  // empty: moved from
  std::shared_ptr<Cache> cache_;
  std::vector<HeldRef> refs_;
  UploadPackLimits limits_;
  std::vector<std::string> edges_;  // what the held commits grow on
  bool history_asked_ = false;
};

}  // namespace countersign::adapters::git
