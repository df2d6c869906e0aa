#include "proxy/adapters/git/objects/history.h"

#include <algorithm>
#include <queue>
#include <unordered_set>

namespace countersign::adapters::git {
namespace {

constexpr std::size_t kMaxTags = 10;  // a tag of a tag of a tag …

struct Step {
  std::int64_t time = 0;
  std::string id;
  const Commit* commit = nullptr;
  friend bool operator<(const Step& a, const Step& b) { return a.time < b.time; }
};

// Commits by date, newest first, each once.
class Frontier {
 public:
  void add(const std::string& id, const Commit* commit) {
    if (seen_.insert(id).second) queue_.push({commit->committer.time, id, commit});
  }
  [[nodiscard]] bool empty() const { return queue_.empty(); }
  [[nodiscard]] std::size_t seen() const { return seen_.size(); }
  Step take() {
    Step step = queue_.top();
    queue_.pop();
    return step;
  }

 private:
  std::priority_queue<Step> queue_;
  std::unordered_set<std::string> seen_;
};

bool contains(const std::vector<std::string>& ids, const std::string& id) {
  return std::ranges::find(ids, id) != ids.end();
}

}  // namespace

Result<const Commit*> History::commit(const std::string& id) {
  if (auto found = commits_.find(id); found != commits_.end()) return found->second.get();
  Result<std::optional<Object>> object = objects_.read(id, limits_.commit_bytes);
  if (!object) return fail(object.error());
  std::unique_ptr<Commit> commit;
  if (*object && (*object)->type == ObjectType::commit) {
    Result<Commit> parsed = parse_commit((*object)->content, format_);
    if (!parsed) return fail(parsed.error());
    if (parsed->parents.size() > limits_.parents)
      return fail(ErrorKind::malformed, "git.bad_object", "a commit of too many parents");
    parsed->message = std::string();
    commit = std::make_unique<Commit>(std::move(*parsed));
  }
  return commits_.emplace(id, std::move(commit)).first->second.get();
}

Result<std::string> History::message_of(const std::string& id) {
  Result<std::optional<Object>> object = objects_.read(id, limits_.commit_bytes);
  if (!object) return fail(object.error());
  if (!*object || (*object)->type != ObjectType::commit) return std::string();
  Result<Commit> parsed = parse_commit((*object)->content, format_);
  if (!parsed) return fail(parsed.error());
  return std::move(parsed->message);
}

Result<History::Peeled> History::peel(const std::string& id) {
  Peeled out{.tags = {}, .id = id, .type = std::nullopt};
  while (true) {
    Result<std::optional<ObjectInfo>> info = objects_.info(out.id);
    if (!info) return fail(info.error());
    if (!*info) return out;
    if ((*info)->type != ObjectType::tag) {
      out.type = (*info)->type;
      return out;
    }
    if (out.tags.size() == kMaxTags) return fail(ErrorKind::malformed, "git.bad_object", "a tag of too many tags");
    Result<std::optional<Object>> object = objects_.read(out.id, limits_.commit_bytes);
    if (!object) return fail(object.error());
    if (!*object) return out;
    Result<Tag> tag = parse_tag((*object)->content, format_);
    if (!tag) return fail(tag.error());
    out.id = tag->object;
    out.tags.push_back(std::move(*tag));
  }
}

Result<Found> History::is_ancestor(const std::string& ancestor, const std::string& tip, std::optional<Fetch>& wanted) {
  wanted.reset();
  if (ancestor == tip) return Found::yes;
  // Commits the upstream was asked for with `ancestor` at hand: all that lies between has come, or there is nothing.
  std::unordered_set<std::string> settled;
  for (const Answer& answer : answers_) {
    if (answer.fetch.haves == std::vector<std::string>{ancestor})
      settled.insert(answer.fetch.wants.begin(), answer.fetch.wants.end());
  }
  std::set<std::string> absent;  // reached otherwise than through a settled one
  // The second walk starts at settled commits; what is absent there is an ancestor of `ancestor`.
  std::set<std::string> roots;
  Frontier walk;
  auto reach = [&](const std::string& id, bool through_settled) -> Result<bool> {
    if (id == ancestor) return true;
    if (!through_settled && settled.contains(id)) {
      roots.insert(id);
      return false;
    }
    Result<const Commit*> here = commit(id);
    if (!here) return fail(here.error());
    if (*here != nullptr) {
      walk.add(id, *here);
    } else if (!through_settled) {
      absent.insert(id);
    }
    return false;
  };
  for (bool through_settled : {false, true}) {
    std::vector<std::string> starts = {tip};
    if (through_settled) starts.assign(roots.begin(), roots.end());
    for (const std::string& start : starts) {
      Result<bool> met = reach(start, through_settled);
      if (!met) return fail(met.error());
      if (*met) return Found::yes;
    }
    while (!walk.empty()) {
      if (walk.seen() > limits_.walk || ++walked_ > limits_.all_walks) return Found::unknown;
      Step step = walk.take();
      for (const std::string& parent : step.commit->parents) {
        Result<bool> met = reach(parent, through_settled);
        if (!met) return fail(met.error());
        if (*met) return Found::yes;
      }
    }
  }
  if (absent.empty()) return Found::no;
  wanted = Fetch{.wants = {absent.begin(), absent.end()}, .haves = {ancestor}, .filter = Filter::no_trees};
  return Found::unknown;
}

std::vector<std::string> History::haves(const std::vector<std::string>& known) const {
  return {known.begin(), known.begin() + static_cast<std::ptrdiff_t>(std::min(known.size(), limits_.haves))};
}

Result<History::News> History::news_of(const std::string& tip, const std::vector<std::string>& known) {
  News out;
  std::vector<std::string> measure = haves(known);
  std::vector<const Answer*> settled;
  for (const Answer& answer : answers_) {
    if (!measure.empty() && answer.fetch.haves == measure) settled.push_back(&answer);
  }
  std::unordered_set<std::string> at_upstream(known.begin(), known.end());
  auto was_sent = [&](const std::string& id) {
    return std::ranges::any_of(settled,
                               [&](const Answer* each) { return each->objects && each->objects->contains(id); });
  };
  auto was_asked = [&](const std::string& id) {
    return std::ranges::any_of(settled, [&](const Answer* each) { return contains(each->fetch.wants, id); });
  };
  std::unordered_set<std::string> fresh;
  std::unordered_set<std::string> edge;
  Frontier walk;
  // `sent`: reached through a commit that an answer brought, so that whatever is absent behind it is not new.
  auto reach = [&](const std::string& id, bool sent) -> Status {
    bool pushed = pushed_ != nullptr && pushed_->contains(id);
    bool is_new = !at_upstream.contains(id) && (pushed || was_sent(id));
    Result<const Commit*> here = is_new ? commit(id) : Result<const Commit*>(nullptr);
    if (!here) return fail(here.error());
    if (*here != nullptr) {
      fresh.insert(id);
      walk.add(id, *here);
      return {};
    }
    if (edge.insert(id).second) out.edge.push_back(id);
    if (!at_upstream.contains(id) && !sent && !was_asked(id)) out.unsettled.insert(id);
    return {};
  };
  Status reached = reach(tip, false);
  if (!reached) return fail(reached.error());
  while (!walk.empty()) {
    if (walk.seen() > limits_.walk || ++walked_ > limits_.all_walks) {
      out.truncated = true;
      break;
    }
    Step step = walk.take();
    out.commits.push_back(step.id);
    bool sent = was_sent(step.id);
    for (const std::string& parent : step.commit->parents) {
      reached = reach(parent, sent);
      if (!reached) return fail(reached.error());
    }
  }
  out.base = tip;
  for (std::size_t steps = 0; fresh.contains(out.base) && steps <= limits_.walk; ++steps) {
    const Commit* here = commits_.at(out.base).get();
    out.base = here->parents.empty() ? std::string() : here->parents.front();
  }
  return out;
}

std::optional<Fetch> History::settling(const News& news, const std::vector<std::string>& known) const {
  const std::set<std::string>& unsettled = news.unsettled;
  std::vector<std::string> measure = haves(known);
  if (measure.empty() || unsettled.empty()) return std::nullopt;
  return Fetch{.wants = {unsettled.begin(), unsettled.end()}, .haves = std::move(measure), .filter = Filter::no_trees};
}

}  // namespace countersign::adapters::git
