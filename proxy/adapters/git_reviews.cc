#include "proxy/adapters/git_reviews.h"

#include <algorithm>
#include <optional>
#include <set>

#include "proxy/adapters/git_examination.h"

namespace countersign::adapters {
namespace {

std::unexpected<Error> not_held() {
  return fail(ErrorKind::not_found, "git.not_held", "no push to this repository is held under this id");
}

// The name of the cache that examine_push() fills, too.
std::string repository_of(const GitUpstream& upstream) {
  return upstream.place().upstream + upstream.place().path;
}

std::string object_key(const GitReviewPlace& place, std::string_view id) {
  return place.upstream + "\n" + place.repository + "\n" + std::string(id);
}

// Those below refs/approvals/, of which there may be many, and as many names to compare with.
class Prefixes {
 public:
  explicit Prefixes(const std::vector<std::string>& all) {
    for (const std::string& each : all) {
      if (each.starts_with(kHeldRefs)) sorted_.emplace_back(each);
    }
    std::ranges::sort(sorted_);
    // Without those that begin with another one, only the last that is not behind a name can be its beginning.
    std::vector<std::string_view> least;
    for (std::string_view each : sorted_) {
      if (least.empty() || !each.starts_with(least.back())) least.push_back(each);
    }
    sorted_ = std::move(least);
  }

  [[nodiscard]] bool has_one_of(std::string_view name) const {
    auto behind = std::ranges::upper_bound(sorted_, name);
    return behind != sorted_.begin() && name.starts_with(*std::prev(behind));
  }

 private:
  std::vector<std::string_view> sorted_;
};

// A place among those that are served.
class Seat {
 public:
  explicit Seat(std::atomic<std::size_t>& taken) : taken_(taken), number_(++taken) {}
  ~Seat() { --taken_; }
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;
  [[nodiscard]] std::size_t number() const { return number_; }

 private:
  std::atomic<std::size_t>& taken_;
  std::size_t number_;
};

}  // namespace

GitReviews::GitReviews(std::shared_ptr<GitWorkshop> workshop, GitReviewSources sources, const Clock& clock,
                       const GitReviewLimits& limits)
    : workshop_(std::move(workshop)),
      sources_(std::move(sources)),
      clock_(clock),
      limits_(limits),
      views_(clock, limits.views, limits.idle) {}

bool GitReviews::asks_for_held(const std::vector<std::string>& prefixes) {
  return prefixes.empty() ||
         std::ranges::any_of(prefixes, [](const std::string& each) { return each.starts_with(kHeldRefs); });
}

Result<std::vector<HeldTip>> GitReviews::list(const GitReviewPlace& place, const std::vector<std::string>& prefixes) {
  const Prefixes wanted(prefixes);
  std::set<std::string> named;  // requests whose whole id is asked for
  bool all = prefixes.empty();
  for (const std::string& prefix : prefixes) {
    if (!prefix.starts_with(kHeldRefs)) continue;
    const std::string_view request = request_of(prefix);
    if (request.empty()) all = true;
    if (!request.empty() && named.size() < limits_.pushes) named.emplace(request);
  }
  std::vector<approvals::HeldRequest> requests;
  if (all) {
    auto listed = sources_.list(place.upstream);
    if (!listed) return fail(listed.error());
    requests = std::move(*listed);
  } else {
    for (const std::string& id : named) {
      auto found = sources_.find(id);
      if (found) requests.push_back(std::move(*found));
      if (!found && found.error().kind != ErrorKind::not_found) return fail(found.error());
    }
  }
  std::vector<HeldTip> tips;
  std::size_t pushes = 0;
  for (const approvals::HeldRequest& request : requests) {
    if (request.frozen.upstream != place.upstream) continue;
    auto push = read_held_push(request);
    if (!push || !may_show(place.repository, push->repository)) continue;
    if (pushes++ == limits_.pushes) break;
    for (HeldTip& tip : held_tips(push->request, push->push)) {
      if (prefixes.empty() || wanted.has_one_of(tip.name)) tips.push_back(std::move(tip));
    }
  }
  std::ranges::sort(tips, {}, &HeldTip::name);
  give_out(place, tips);
  return tips;
}

void GitReviews::give_out(const GitReviewPlace& place, const std::vector<HeldTip>& tips) {
  if (tips.empty()) return;
  const TimeMs now = clock_.now();
  const std::scoped_lock lock(mutex_);
  if (objects_.size() + tips.size() > limits_.remembered) {
    std::erase_if(objects_, [&](const auto& each) { return each.second.at < now - limits_.remembered_for; });
    // Those who were told of the others list the refs again.
    if (objects_.size() + tips.size() > limits_.remembered) objects_.clear();
  }
  for (const HeldTip& tip : tips) objects_[object_key(place, tip.id)] = {tip.request, now};
  gave_out_ = true;
}

GitReviews::Wanted GitReviews::wanted(const GitReviewPlace& place, const git::UploadRequest& request) const {
  Wanted out;
  std::set<std::string> requests;
  for (const std::string& ref : request.want_refs) {
    const std::string_view id = request_of(ref);
    if (!id.empty()) requests.emplace(id);
    out.others = out.others || id.empty();
  }
  const TimeMs now = clock_.now();
  const std::scoped_lock lock(mutex_);
  for (const std::string& id : request.wants) {
    auto found = objects_.find(object_key(place, id));
    const bool ours = found != objects_.end() && found->second.at >= now - limits_.remembered_for;
    if (ours) requests.insert(found->second.request);
    out.others = out.others || !ours;
  }
  out.requests.assign(requests.begin(), requests.end());
  return out;
}

bool GitReviews::has_view(const GitUpstream& upstream, const std::vector<std::string>& requests) const {
  return views_.has(ReviewWork::key_of(repository_of(upstream), requests));
}

Result<std::vector<HeldPush>> GitReviews::find(const GitReviewPlace& place, const std::vector<std::string>& requests) {
  std::vector<HeldPush> out;
  for (const std::string& id : requests) {
    auto request = sources_.find(id);
    if (!request && request.error().kind == ErrorKind::not_found) return not_held();
    if (!request) return fail(request.error());
    if (request->frozen.upstream != place.upstream) return not_held();
    auto push = read_held_push(*request);
    if (!push) return fail(push.error());
    if (!may_show(place.repository, push->repository)) return not_held();
    if (held_tips(push->request, push->push).empty()) return not_held();
    out.push_back(std::move(*push));
  }
  return out;
}

Task<Result<std::unique_ptr<ReviewWork>>> GitReviews::answer(Doors* doors, GitUpstream* upstream,
                                                             const GitReviewQuestion* question) {
  const Seat seat(serving_);
  if (seat.number() > limits_.serving)
    co_return fail(ErrorKind::unavailable, "git.busy", "too many held pushes are being fetched; try again soon");
  if (question->requests.size() > limits_.pushes)
    co_return fail(ErrorKind::too_large, "git.too_large", "too many held pushes at once");
  auto look_up = [this, question] { return find(question->place, question->requests); };
  auto pushes = co_await blocking<std::vector<HeldPush>>(doors, std::move(look_up));
  if (!pushes) co_return fail(pushes.error());
  auto work =
      std::make_unique<ReviewWork>(*workshop_, views_, repository_of(*upstream), std::move(*pushes), question->body);
  while (true) {
    ReviewWork* working = work.get();
    auto advance = [working] { return working->advance(); };
    auto wanted = co_await blocking<std::optional<git::Needs>>(doors, std::move(advance));
    if (!wanted) co_return fail(wanted.error());
    if (!*wanted) co_return work;
    std::shared_ptr<git::Cache> cache = work->cache();
    const git::Needs* needs = &**wanted;
    GitWorkshop* workshop = workshop_.get();
    auto fetched = co_await fetch_needs(doors, workshop, upstream, std::move(cache), needs);
    if (!fetched) co_return fail(fetched.error());
  }
}

}  // namespace countersign::adapters
