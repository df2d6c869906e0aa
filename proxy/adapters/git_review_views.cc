#include "proxy/adapters/git_review_views.h"

#include <iterator>
#include <utility>

#include "proxy/adapters/git/objects/object_reader.h"
#include "proxy/adapters/git/objects/repository.h"

namespace countersign::adapters {

using git::Needs;

bool ReviewViews::has(std::string_view key) const {
  const std::scoped_lock lock(mutex_);
  return std::ranges::any_of(free_, [&](const Idle& each) { return each.review->key == key; });
}

std::unique_ptr<OpenReview> ReviewViews::take(std::string_view key) {
  std::vector<Idle> closed;  // without the lock
  const std::scoped_lock lock(mutex_);
  closed = surplus();
  auto found = std::ranges::find(free_, key, [](const Idle& each) { return std::string_view(each.review->key); });
  if (found == free_.end()) return nullptr;
  std::unique_ptr<OpenReview> review = std::move(found->review);
  free_.erase(found);
  return review;
}

void ReviewViews::give_back(std::unique_ptr<OpenReview> review) {
  std::vector<Idle> closed;
  const std::scoped_lock lock(mutex_);
  free_.push_front({std::move(review), clock_.now()});
  closed = surplus();
}

void ReviewViews::close_idle() {
  std::vector<Idle> closed;
  const std::scoped_lock lock(mutex_);
  closed = surplus();
}

std::vector<ReviewViews::Idle> ReviewViews::surplus() {
  std::vector<Idle> out;
  const TimeMs oldest = clock_.now() - idle_;
  while (!free_.empty() && (free_.size() > limit_ || free_.back().since < oldest)) {
    out.push_back(std::move(free_.back()));
    free_.pop_back();
  }
  return out;
}

std::shared_ptr<const git::Quarantine> ReviewViews::opened(const std::string& key) {
  const std::scoped_lock lock(mutex_);
  auto found = opened_.find(key);
  return found == opened_.end() ? nullptr : found->second.lock();
}

void ReviewViews::share(const std::string& key, const std::shared_ptr<const git::Quarantine>& push) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(opened_, [](const auto& each) { return each.second.expired(); });
  opened_[key] = push;
}

ReviewWork::ReviewWork(GitWorkshop& workshop, ReviewViews& views, std::string repository, std::vector<HeldPush> pushes,
                       std::string body)
    : workshop_(workshop),
      views_(views),
      repository_(std::move(repository)),
      pushes_(std::move(pushes)),
      body_(std::move(body)) {
  const std::string name = workshop_.new_folder().string();
  question_ = name + ".question";
  answer_ = name + ".answer";
}

ReviewWork::~ReviewWork() {
  std::error_code ignored;
  std::filesystem::remove(question_, ignored);
  std::filesystem::remove(answer_, ignored);
}

std::string ReviewWork::key_of(std::string_view repository, const std::vector<std::string>& requests) {
  std::string key(repository);
  for (const std::string& each : requests) key += "\n" + each;
  return key;
}

Result<std::optional<Needs>> ReviewWork::advance() {
  while (stage_ != Stage::over) {
    const Stage before = stage_;
    Result<std::optional<Needs>> wanted = step();
    if (!wanted) return fail(wanted.error());
    if (*wanted) {
      ++rounds_;
      return wanted;
    }
    if (stage_ == before) stage_ = static_cast<Stage>(static_cast<int>(stage_) + 1);
    rounds_ = 0;
  }
  return std::nullopt;
}

Result<std::optional<Needs>> ReviewWork::step() {
  switch (stage_) {
    case Stage::begin:
      if (Status begun = begin(); !begun) return fail(begun.error());
      break;
    case Stage::admit:
      return admit();
    case Stage::tips:
      return missing_tips();
    case Stage::view:
      return open_view();
    case Stage::answer:
      return ask();
    case Stage::over:
      break;
  }
  return std::nullopt;
}

Status ReviewWork::begin() {
  auto cache = workshop_.store().repository(repository_, pushes_.front().push.capabilities.format);
  if (!cache) return fail(cache.error());
  cache_ = std::move(*cache);
  if (Status written = git::write_file(question_, body_); !written) return written;
  std::vector<std::string> requests;
  for (const HeldPush& each : pushes_) requests.push_back(each.request);
  const std::string key = key_of(repository_, requests);
  review_ = views_.take(key);
  if (review_) {
    cache_ = review_->pushes.front()->cache();
    stage_ = Stage::answer;
  }
  return {};
}

Result<std::optional<Needs>> ReviewWork::admit() {
  while (opened_.size() < pushes_.size()) {
    const HeldPush& held = pushes_[opened_.size()];
    const std::string key = key_of(repository_, {held.request});
    const std::scoped_lock lock(views_.opening(key));
    std::shared_ptr<const git::Quarantine> open = views_.opened(key);
    if (!open) {
      if (!entering_) {
        auto quarantine = git::Quarantine::open(workshop_.new_folder(), cache_);
        if (!quarantine) return fail(quarantine.error());
        entering_.emplace(std::move(*quarantine));
      }
      if (held.push.has_pack()) {
        const git::Missing missing = rounds_ == 0 ? git::Missing::report : git::Missing::accept;
        auto admitted = entering_->admit({held.body_file.string(), held.push.pack_at}, {}, missing);
        if (!admitted) return fail(admitted.error());
        if (Needs* needs = std::get_if<Needs>(&*admitted)) return std::move(*needs);
      }
      open = std::make_shared<const git::Quarantine>(std::move(*entering_));
      views_.share(key, open);
    }
    entering_.reset();
    rounds_ = 0;
    opened_.push_back(std::move(open));
  }
  return std::nullopt;
}

// A ref that is to stand where the upstream has a commit already comes without that commit.
Result<std::optional<Needs>> ReviewWork::missing_tips() {
  if (rounds_ > 0) return std::nullopt;
  git::Fetch fetch;
  for (std::size_t at = 0; at < pushes_.size(); ++at) {
    const git::Quarantine& push = *opened_[at];
    for (const HeldTip& tip : held_tips(pushes_[at].request, pushes_[at].push)) {
      if (push.objects() && push.objects()->contains(tip.id)) continue;
      auto reader = git::ObjectReader::open(push.git_dir());
      if (!reader) return fail(reader.error());
      auto info = reader->info(tip.id);
      if (!info) return fail(info.error());
      if (!*info) fetch.wants.push_back(tip.id);
    }
  }
  if (fetch.wants.empty()) return std::nullopt;
  return Needs{{std::move(fetch)}};
}

Result<std::optional<Needs>> ReviewWork::open_view() {
  if (rounds_ > 0) return std::nullopt;  // what it needed has come
  std::vector<git::HeldRef> refs;
  std::vector<std::string> requests;
  for (std::size_t at = 0; at < pushes_.size(); ++at) {
    requests.push_back(pushes_[at].request);
    for (HeldTip& tip : held_tips(pushes_[at].request, pushes_[at].push))
      refs.push_back({std::move(tip.name), std::move(tip.id), opened_[at].get()});
  }
  auto view = git::ReviewView::open(workshop_.new_folder(), cache_, std::move(refs));
  if (!view) return fail(view.error());
  review_.reset(new OpenReview{key_of(repository_, requests), opened_, std::move(*view)});
  auto fetches = review_->view.needs();
  if (!fetches) return fail(fetches.error());
  if (fetches->empty()) return std::nullopt;
  return Needs{std::move(*fetches)};
}

Result<std::optional<Needs>> ReviewWork::ask() {
  constexpr int kRounds = 2;
  auto answered = review_->view.answer({question_.string(), 0}, "version=2", answer_.string());
  // A request that git refuses says nothing against the view.
  const bool sound = answered || answered.error().code == "git.refused";
  if (answered && std::holds_alternative<Needs>(*answered)) {
    if (rounds_ < kRounds) return std::get<Needs>(std::move(*answered));
    return fail(ErrorKind::unavailable, "git.history_missing", "the upstream does not send the history of this push");
  }
  if (sound) views_.give_back(std::move(review_));
  if (!answered) return fail(answered.error());
  return std::nullopt;
}

}  // namespace countersign::adapters
