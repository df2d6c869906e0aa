// Serves held pushes to reviewers and builders before they land: `git fetch origin refs/approvals/req_…`.
//
// Protocol version 2 only, with which a client asks for refs by name: the refs of held pushes are added to what the
// upstream lists when they are asked for, and what the upstream does not have is served from the stored push. Whoever
// may fetch from the repository may fetch what is held for it.
//
// One a process, shared by the git adapters of all upstreams. Any thread.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "approvals/request.h"
#include "core/clock.h"
#include "core/task.h"
#include "proxy/adapters/doors.h"
#include "proxy/adapters/git/upload_request.h"
#include "proxy/adapters/git_held_refs.h"
#include "proxy/adapters/git_review_views.h"
#include "proxy/adapters/git_upstream.h"
#include "proxy/adapters/git_workshop.h"

namespace countersign::adapters {

// Where held requests are. Called from threads that may block.
struct GitReviewSources {
  // Error: request.unknown.
  std::function<Result<approvals::HeldRequest>(std::string_view id)> find;
  // Open requests of an upstream, newest first, as many as one likes to read at once.
  std::function<Result<std::vector<approvals::HeldRequest>>(std::string_view upstream)> list;
};

struct GitReviewLimits {
  std::size_t pushes = 100;         // in one listing, and in one fetch
  std::size_t views = 8;            // kept open
  TimeMs idle = 900'000;            // how long
  std::size_t serving = 32;         // fetches served at once
  std::size_t remembered = 10'000;  // objects whose names were given out
  TimeMs remembered_for = 3'600'000;
};

// A repository as a fetch names it.
struct GitReviewPlace {
  std::string upstream;
  std::string repository;  // as GitRoute has it
};

struct GitReviewQuestion {
  GitReviewPlace place;
  std::vector<std::string> requests;  // sorted, each once
  std::string body;                   // git::plain_fetch()
};

class GitReviews {
 public:
  // `clock` outlives it; so does what `sources` refer to, which may come to be later than this.
  GitReviews(std::shared_ptr<GitWorkshop> workshop, GitReviewSources sources, const Clock& clock,
             const GitReviewLimits& limits = {});

  [[nodiscard]] GitWorkshop& workshop() { return *workshop_; }

  // Whether a listing of refs asks for held ones: a prefix below refs/approvals/, or none at all. Prefixes that hold
  // much besides ("refs/") do not: mirrors copy what has landed.
  [[nodiscard]] static bool asks_for_held(const std::vector<std::string>& prefixes);

  // The held refs below these prefixes, by name; they are given out now: wanted() knows their objects for a while.
  // Blocks. Errors: store.*.
  Result<std::vector<HeldTip>> list(const GitReviewPlace& place, const std::vector<std::string>& prefixes);

  // Of which held pushes a fetch wants something, and whether it wants anything else.
  struct Wanted {
    std::vector<std::string> requests;  // sorted, each once; empty: the fetch is not about held pushes
    bool others = false;
  };
  [[nodiscard]] Wanted wanted(const GitReviewPlace& place, const git::UploadRequest& request) const;
  // Whether wanted() can find anything at all: spares reading a request that may be long.
  [[nodiscard]] bool gave_out_anything() const { return gave_out_.load(std::memory_order_relaxed); }

  // Whether a view of these pushes is open: the upstream was asked a moment ago, and does not have them.
  [[nodiscard]] bool has_view(const GitUpstream& upstream, const std::vector<std::string>& requests) const;

  // The answer to a fetch of held pushes, in a file that goes with the answer. Errors: git.not_held, git.refused (git
  // does not take the request), git.busy, git.too_large (too many pushes at once), git.history_missing, and those of
  // git::Quarantine, git::ReviewView and GitUpstream.
  Task<Result<std::unique_ptr<ReviewWork>>> answer(Doors* doors, GitUpstream* upstream,
                                                   const GitReviewQuestion* question);

  // Closes views that nobody has used for a while. To be called now and then; blocks.
  void close_idle() { views_.close_idle(); }

 private:
  struct GivenOut {
    std::string request;
    TimeMs at = 0;
  };
  using Objects = std::map<std::string, GivenOut>;  // by place and object

  Result<std::vector<HeldPush>> find(const GitReviewPlace& place, const std::vector<std::string>& requests);
  void give_out(const GitReviewPlace& place, const std::vector<HeldTip>& tips);

  const std::shared_ptr<GitWorkshop> workshop_;
  const GitReviewSources sources_;
  const Clock& clock_;
  const GitReviewLimits limits_;
  ReviewViews views_;
  std::atomic<std::size_t> serving_ = 0;
  std::atomic<bool> gave_out_ = false;
  mutable std::mutex mutex_;
  Objects objects_;
};

}  // namespace countersign::adapters
