// Held pushes as git's upload-pack can serve them, and the work of opening one and asking it. Views stay open for a
// while: one `git fetch` is several requests.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "proxy/adapters/git/objects/quarantine.h"
#include "proxy/adapters/git/objects/upload_pack.h"
#include "proxy/adapters/git_held_refs.h"
#include "proxy/adapters/git_workshop.h"

namespace countersign::adapters {

struct OpenReview {
  std::string key;  // which pushes of which repository
  std::vector<std::shared_ptr<const git::Quarantine>> pushes;
  git::ReviewView view;
};

// The open views that serve nobody at the moment; one that serves belongs to who took it. Any thread. All but has()
// may remove files.
class ReviewViews {
 public:
  // Keeps at most `views`, each for at most `idle` after its last use. `clock` outlives it.
  ReviewViews(const Clock& clock, std::size_t views, TimeMs idle) : clock_(clock), limit_(views), idle_(idle) {}

  [[nodiscard]] bool has(std::string_view key) const;
  [[nodiscard]] std::unique_ptr<OpenReview> take(std::string_view key);  // null: none
  void give_back(std::unique_ptr<OpenReview> review);
  void close_idle();

  // The objects of one push are shared by all views of it. `key` names push and repository.
  [[nodiscard]] std::shared_ptr<const git::Quarantine> opened(const std::string& key);  // null: not open
  void share(const std::string& key, const std::shared_ptr<const git::Quarantine>& push);
  // To be held from opened() to share(), so that a push is opened once.
  [[nodiscard]] std::mutex& opening(std::string_view key) {
    return openings_.at(std::hash<std::string_view>()(key) % openings_.size());
  }

 private:
  struct Idle {
    std::unique_ptr<OpenReview> review;
    TimeMs since = 0;
  };
  std::vector<Idle> surplus();  // with the mutex held

  const Clock& clock_;
  const std::size_t limit_;
  const TimeMs idle_;
  mutable std::mutex mutex_;
  std::list<Idle> free_;  // last used first
  std::map<std::string, std::weak_ptr<const git::Quarantine>> opened_;
  std::array<std::mutex, 16> openings_;
};

// One request, answered. Blocking; it advances in steps between which the caller fetches what is wanted.
class ReviewWork {
 public:
  // `repository` names the cache. `body`: a fetch of version 2. At least one push. `workshop` and `views` outlive it.
  ReviewWork(GitWorkshop& workshop, ReviewViews& views, std::string repository, std::vector<HeldPush> pushes,
             std::string body);
  ~ReviewWork();
  ReviewWork(const ReviewWork&) = delete;
  ReviewWork& operator=(const ReviewWork&) = delete;

  // Which view pushes of a repository are served from. `requests` are sorted.
  [[nodiscard]] static std::string key_of(std::string_view repository, const std::vector<std::string>& requests);

  // Goes on until objects are wanted from upstream; nullopt: answer_file() holds the answer. To be called again when
  // they are in the cache. Errors: as git::Quarantine, git::ReviewView; git.refused.
  Result<std::optional<git::Needs>> advance();

  [[nodiscard]] const std::shared_ptr<git::Cache>& cache() const { return cache_; }
  // Removed with this.
  [[nodiscard]] const std::filesystem::path& answer_file() const { return answer_; }

 private:
  enum class Stage : std::uint8_t { begin, admit, tips, view, answer, over };
  enum class Round : std::uint8_t { first, again };
  Result<std::optional<git::Needs>> step();
  Status begin();
  Result<std::optional<git::Needs>> admit();
  Result<std::optional<git::Needs>> missing_tips();
  Result<std::optional<git::Needs>> open_view();
  Result<std::optional<git::Needs>> ask();

  GitWorkshop& workshop_;
  ReviewViews& views_;
  std::string repository_;
  std::vector<HeldPush> pushes_;
  std::string body_;
  std::filesystem::path question_;
  std::filesystem::path answer_;
  Stage stage_ = Stage::begin;
  int rounds_ = 0;  // of the stage
  std::shared_ptr<git::Cache> cache_;
  std::optional<git::Quarantine> entering_;  // of the push that is being admitted
  std::vector<std::shared_ptr<const git::Quarantine>> opened_;
  std::unique_ptr<OpenReview> review_;
};

}  // namespace countersign::adapters
