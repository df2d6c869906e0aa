#include "approvals/queue.h"

#include <algorithm>
#include <limits>
#include <set>

#include "approvals/queue_work.h"

namespace countersign::approvals {
namespace {

constexpr std::size_t kOutcomesAtOnce = 1'000;

}  // namespace

const char* Change::event_name() const {
  switch (kind) {
    case Kind::state:
      return state_name(to);
    case Kind::vote:
      return "vote";
    case Kind::documented:
      return "documented";
    case Kind::reminded:
      return "reminded";
    case Kind::burst:
      return kBurstEvent.data();
    case Kind::grant:
      return "grant";
  }
  return "unknown";
}

Result<std::unique_ptr<Queue>> Queue::open(const std::filesystem::path& file, const std::filesystem::path& bodies,
                                           const Options& options) {
  Result<BodyFiles> files = BodyFiles::open(bodies);
  if (!files) return fail(files.error());
  Result<Store> store = Store::open(file, options.store, *files);
  if (!store) return fail(store.error());
  std::unique_ptr<Queue> queue(new Queue(std::move(*store), std::move(*files), options));
  if (Status filled = queue->fill(); !filled) return fail(filled.error());
  return queue;
}

Status Queue::fill() {
  std::lock_guard lock(mutex_);
  std::set<std::string> joined;  // bursts of two or more
  Status open = store_.each_open([&](const HeldRequest& request) {
    if (!begins_burst(request)) joined.insert(request.burst);
    usage_.opened(request.id, request.requester.agent);
    conflicts_.update(request);
    inbox_.update(request);
  });
  if (open) open = fill_bursts(joined);
  if (!open) return open;
  Status kept = store_.each_kept([this](const std::string& agent, std::uint64_t bytes) { usage_.kept(agent, bytes); });
  if (!kept) return kept;
  GrantFilter page{.agent = "", .request = "", .which = GrantFilter::Which::active, .before = "", .limit = 1'000};
  for (;;) {
    Result<std::vector<Grant>> grants = store_.list_grants(page, 0);
    if (!grants) return fail(grants.error());
    for (const Grant& grant : *grants) grants_.update(grant);
    if (grants->size() < page.limit) return {};
    page.before = grants->back().id;
  }
}

// Under the lock, in the order of the commits.
void Queue::apply(const Change& change) {
  const HeldRequest& request = change.request;
  if (change.kind == Change::Kind::grant) {
    if (change.grant) grants_.update(*change.grant);
    return;
  }
  if (change.kind == Change::Kind::burst) return;
  inbox_.update(request);
  if (change.kind != Change::Kind::state) return;
  conflicts_.update(request);
  const std::string& agent = request.requester.agent;
  if (!change.from) {
    usage_.opened(request.id, agent);
    if (request.frozen.body_size > 0) usage_.kept(agent, request.frozen.body_size);
  } else if (is_final(change.to)) {
    usage_.closed(request.id);
  }
}

Result<HeldRequest> Queue::load(std::string_view id) {
  Result<std::optional<HeldRequest>> found = store_.load(id);
  if (!found) return fail(found.error());
  if (!*found) return no_such_request();
  return std::move(**found);
}

Result<HeldRequest> Queue::load_waiting(Work& work, std::string_view id, TimeMs now) {
  Result<HeldRequest> request = load(id);
  if (!request || request->state != State::held) return request;
  Result<bool> expired = expire_if_due(work, *request, now);
  if (!expired) return fail(expired.error());
  if (!*expired) return request;
  if (Status done = work.commit(); !done) return fail(done.error());
  return expired_error(*request);
}

// The only place where a state changes: the machine's arrows are checked here, the request must be where the caller's
// step begins, and the row must still be where it was read.
Status Queue::move(Work& work, HeldRequest& request, Step step, TimeMs now) {
  if (request.state != step.from || !may_move(step.from, step.to)) {
    return fail(
        ErrorKind::conflict, "approval.state",
        "request " + request.id + " is " + state_name(request.state) + " and cannot become " + state_name(step.to));
  }
  if (step.from == State::held) request.decided = now;
  if (step.from == State::executing) request.finished = now;
  request.state = step.to;
  Result<bool> updated = store_.update(request, step.from);
  if (!updated) return fail(updated.error());
  if (!*updated) return fail(ErrorKind::conflict, "approval.state", "request " + request.id + " has moved on");
  work.tell(step.from, request);
  return {};
}

Result<bool> Queue::expire_if_due(Work& work, HeldRequest& request, TimeMs now) {
  bool waits = request.state == State::held || request.state == State::approved;
  if (!waits || now < request.expires) return false;
  request.code = "approval.expired";
  request.reason = request.state == State::held ? "nobody decided in time" : "approved, but not run in time";
  request.decided_by.clear();
  if (Status moved = move(work, request, {request.state, State::expired}, now); !moved) return fail(moved.error());
  return true;
}

Result<HeldRequest> Queue::get(std::string_view id) {
  std::lock_guard lock(mutex_);
  return load(id);
}

Result<std::vector<HeldRequest>> Queue::list(const Filter& filter) {
  std::lock_guard lock(mutex_);
  return store_.list(filter);
}

// The rows are read in one go; which ones, memory knows. One that has moved on in between is left out.
Result<std::vector<HeldRequest>> Queue::waiting_for(const Approver& approver, const Rules& rules, TimeMs now,
                                                    std::size_t limit, std::string_view after) {
  Inbox::Place place;
  if (!after.empty()) {
    Result<HeldRequest> last = get(after);
    if (!last) return fail(last.error());
    place = inbox_.place_of(*last);
  }
  std::vector<std::string> ids = inbox_.waiting_for(approver, rules, now, limit, place);
  std::lock_guard lock(mutex_);
  std::vector<HeldRequest> waiting;
  for (const std::string& id : ids) {
    Result<HeldRequest> request = load(id);
    if (!request) return fail(request.error());
    if (request->state == State::held) waiting.push_back(std::move(*request));
  }
  return waiting;
}

std::size_t Queue::open_of(std::string_view agent) const {
  std::lock_guard lock(mutex_);
  return usage_.of(agent).open;
}

std::map<std::string, std::size_t> Queue::open_by_agent() const {
  std::lock_guard lock(mutex_);
  return usage_.open_by_agent();
}

Result<std::size_t> Queue::each_outcome(TimeMs since, std::size_t most,
                                        const std::function<void(const Outcome&)>& take) {
  TimeMs before = std::numeric_limits<TimeMs>::max();
  for (std::size_t told = 0;;) {
    std::vector<Outcome> some;
    {
      std::lock_guard lock(mutex_);
      Result<std::vector<Outcome>> read = store_.outcomes(since, before, kOutcomesAtOnce);
      if (!read) return fail(read.error());
      some = std::move(*read);
    }
    for (const Outcome& one : some) take(one);
    told += some.size();
    if (some.size() < kOutcomesAtOnce || told >= most) return told;
    before = some.back().created;
  }
}

std::size_t Queue::count_waiting(const Approver& approver, const Rules& rules, TimeMs now, std::size_t most) const {
  return inbox_.waiting_for(approver, rules, now, most, {}).size();
}

}  // namespace countersign::approvals
