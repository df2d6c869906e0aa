#include "proxy/executor.h"

#include "approvals/rules.h"
#include "core/id.h"
#include "proxy/answers.h"
#include "proxy/bodies.h"
#include "proxy/evidence.h"
#include "proxy/forward.h"
#include "proxy/planned.h"
#include "proxy/restraints.h"
#include "proxy/spending.h"

namespace countersign::proxy {
namespace {

using approvals::Ending;
using approvals::HeldRequest;
using approvals::State;

// Whether it will be the same answer tomorrow. What is merely not available now must not cost people their approval.
bool is_definite(const Error& error) {
  return error.kind != ErrorKind::unavailable && error.kind != ErrorKind::timed_out &&
         error.kind != ErrorKind::internal;
}

Ending not_sent(const Error& why) {
  return {State::failed, std::nullopt, why.code, "approved, but not sent: " + why.message};
}

Ending ending_of(const adapters::Forwarded& forwarded, CaptureSink& capture) {
  Ending ending;
  if (!forwarded.refusal.empty()) {
    ending.state = State::failed;
    ending.code = "upstream.refused";
    ending.reason = "approved and sent, but " + forwarded.refusal;
  } else if (forwarded.outcome == "ok" || forwarded.outcome == "client_error" || forwarded.outcome == "server_error") {
    ending.state = State::done;
    ending.reply = capture.take();
  } else if (forwarded.outcome == "not_forwarded") {
    ending.state = State::failed;
    ending.code = "upstream.unreachable";
    ending.reason = "approved, but nothing could be sent to the upstream: " + forwarded.detail;
  } else {
    ending.state = State::unknown;
    ending.code = "upstream." + forwarded.outcome;
    ending.reason = "approved and sent, but it is not known whether it took effect: " + forwarded.detail;
  }
  return ending;
}

}  // namespace

// A request's place among those being run, or none where it has one already.
class Executor::Turn {
 public:
  Turn(Executor& executor, const std::string& id) : executor_(executor), id_(id) {
    const std::scoped_lock lock(executor_.mutex_);
    mine_ = executor_.running_.insert(id_).second;
  }
  ~Turn() {
    const std::scoped_lock lock(executor_.mutex_);
    if (mine_) executor_.running_.erase(id_);
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  [[nodiscard]] bool mine() const { return mine_; }

 private:
  Executor& executor_;
  std::string id_;
  bool mine_ = false;
};

std::size_t Executor::running() const {
  const std::scoped_lock lock(mutex_);
  return running_.size();
}

struct Executor::Prepared {
  http1::Spool body;
  std::unique_ptr<adapters::Conversation> conversation;
  policies::Decision decision;
  approvals::PlanVerdict plan;
};

Task<Result<Executor::Prepared>> Executor::prepare(const HeldRequest* request, net::Worker* worker) {
  const approvals::Requester& asked = request->requester;
  Status may = parts_.authenticator.check_stored(asked.agent, asked.chain, asked.delegates);
  if (!may) co_return fail(may.error());
  if (Status able = parts_.authenticator.may_change(); !able) co_return fail(able.error());
  const Mount* mount = parts_.mounts.of_upstream(request->frozen.upstream);
  if (!mount) co_return fail(ErrorKind::conflict, "request.stale", "its upstream is not configured any more");

  auto open = [request]() -> Result<http1::Spool> {
    if (request->frozen.body_file.empty()) return http1::Spool::of("");
    return http1::Spool::open(request->frozen.body_file);
  };
  auto body = co_await net::on_thread<http1::Spool>(&parts_.blocking, std::move(open));
  if (!body) co_return fail(body.error());
  std::string text;
  if (body->size() <= parts_.config.limits.memory_bytes) {
    auto whole = body->text(parts_.config.limits.memory_bytes);
    if (!whole) co_return fail(whole.error());
    text = std::move(*whole);
  }

  adapters::Doors& doors = parts_.doors(*worker);
  Status ready = co_await mount->adapter->prepare(doors);
  if (!ready) co_return fail(ready.error());
  auto conversation = mount->adapter->thaw(request->frozen, text, doors);
  if (!conversation) co_return fail(conversation.error());
  SpoolSource all_of_it(*body);
  adapters::BodySource* source = body->size() > 0 ? &all_of_it : nullptr;
  if (Status fresh = co_await (*conversation)->check_fresh(doors); !fresh) co_return fail(fresh.error());
  if (Status known = co_await (*conversation)->look_closer(doors, source); !known) co_return fail(known.error());
  if (effect_name((*conversation)->operation().effect()) != request->effect) {
    co_return fail(ErrorKind::conflict, "request.stale",
                   "what was approved as " + request->effect + " would " +
                       std::string(effect_name((*conversation)->operation().effect())) + " today");
  }

  auto scope = scope_as_requested(*request);
  if (!scope) co_return fail(scope.error());
  policies::Subject subject = subject_of(request->requester, *scope);
  const Operation& operation = (*conversation)->operation();
  const policies::Session session = parts_.histories.look(subject.root, operation, parts_.clock.now());
  subject.session = &session;
  const auto rules = parts_.rulesets.current();
  const auto facts = approvals::approval_facts(approvals::progress_of(*request, *rules->approvals, parts_.clock.now()));
  policies::Decision decision = policies::decide(*rules->policies, subject, operation, facts, parts_.clock.now());
  if (decision.verdict != policies::Verdict::allow) {
    co_return fail(ErrorKind::forbidden, "policy.changed",
                   "today's policies do not allow it although it was approved: " + decision.reason);
  }
  const auto environments = environments_of(*rules->policies, (*conversation)->operation());
  const Status thawed = check_freezes(*request, (*conversation)->operation(), environments, *rules, parts_.clock.now());
  if (!thawed) co_return fail(thawed.error());
  const std::vector<std::string>* chain = &asked.chain;
  const Operation* judged = &(*conversation)->operation();
  auto plan = co_await judge_by_plan(&parts_, chain, judged);
  if (!plan) co_return fail(plan.error());
  if (Status announced = check_plan(*plan, *judged); !announced) co_return fail(announced.error());
  const approvals::PlanVerdict* planned = &*plan;
  std::string key = request->id;
  Status taken = co_await take_announced(&parts_, planned, std::move(key));
  if (!taken) co_return fail(taken.error());
  // Looking closer may have taken a while, in which the agent can have been frozen.
  may = parts_.authenticator.check_stored(asked.agent, asked.chain, asked.delegates);
  if (!may) co_return fail(may.error());
  if (decision.reveals_secrets) (*conversation)->reveal_secrets();
  co_return Prepared{std::move(*body), std::move(*conversation), std::move(decision), std::move(*plan)};
}

struct Executor::Executed {
  approvals::Ending ending;
  std::optional<RecordedRun> recorded;  // nullopt: it did not run, or its outcome has no record
};

Task<Executor::Executed> Executor::execute(const Prepared* prepared, const HeldRequest* request, net::Worker* worker) {
  const Trail trail{new_uuid(parts_.clock.now()), "", announced_as(prepared->plan)};
  const audit::Entry intent = intent_entry(trail, *request, prepared->decision);
  Status recorded = co_await parts_.recorder.write(&intent);
  if (!recorded) co_return Executed{not_sent(recorded.error()), std::nullopt};
  adapters::Doors& doors = parts_.doors(*worker);
  std::string id = request->id;
  auto kept = co_await prepared->conversation->keep_safe(doors, std::move(id));
  if (!kept) {
    adapters::Forwarded stopped{.outcome = "not_forwarded", .detail = kept.error().message};
    const audit::Entry outcome = outcome_entry(trail, intent, stopped);
    std::ignore = co_await parts_.recorder.write(&outcome);
    co_return Executed{not_sent(kept.error()), std::nullopt};
  }

  const std::string root = request->requester.chain.empty() ? std::string() : request->requester.chain.front();
  const Operation& operation = prepared->conversation->operation();
  const auto rules = parts_.rulesets.current();
  parts_.histories.note_approved(root, operation, parts_.clock.now());
  parts_.budgets.count(*rules->approvals, spending_of(root, *rules->policies, operation), parts_.clock.now());
  CaptureSink capture(parts_.config.limits.stored_reply_bytes);
  SpoolSource body(prepared->body);
  adapters::BodySource* source = prepared->body.size() > 0 ? &body : nullptr;
  prepared->conversation->sent_for({intent.agent, trail.operation});
  adapters::Forwarded forwarded = co_await prepared->conversation->forward(doors, source, capture, nullptr);
  if (forwarded.outcome == "ok") parts_.histories.note_success(root, operation, parts_.clock.now());
  if (!kept->empty()) forwarded.detail += (forwarded.detail.empty() ? "" : "; ") + *kept;

  const audit::Entry outcome = outcome_entry(trail, intent, forwarded);
  auto known = co_await parts_.recorder.write_at(&outcome);
  const approvals::PlanVerdict* planned = &prepared->plan;
  std::string key = request->id;
  std::string answer = capture.body();
  std::string asked(prepared->body.in_memory().value_or(""));
  co_await settle_announced(&parts_, planned, std::move(key), &forwarded, std::move(answer), std::move(asked));
  if (known) co_return Executed{ending_of(forwarded, capture), RecordedRun{trail.operation, *known}};
  co_return Executed{
      {State::unknown, std::nullopt, known.error().code, "it was sent, but its outcome could not be recorded"},
      std::nullopt};
}

Task<void> Executor::refuse(const HeldRequest* request, const Error* why) {
  auto work = [this, id = request->id, error = *why] {
    return parts_.queue.refuse_execution(id, error.code, error.message, parts_.clock.now());
  };
  std::ignore = co_await net::on_thread<HeldRequest>(&parts_.blocking, std::move(work));
}

Task<void> Executor::run(std::string id, net::Worker* worker) {
  const Turn turn(*this, id);
  if (!turn.mine()) co_return;
  auto load = [this, id] { return parts_.queue.get(id); };
  auto request = co_await net::on_thread<HeldRequest>(&parts_.blocking, std::move(load));
  if (!request || request->state != State::approved) co_return;

  auto prepared = co_await prepare(&*request, worker);
  if (!prepared) {
    if (is_definite(prepared.error())) co_await refuse(&*request, &prepared.error());
    co_return;
  }
  auto begin = [this, id] { return parts_.queue.begin_execution(id, parts_.clock.now()); };
  auto mine = co_await net::on_thread<HeldRequest>(&parts_.blocking, std::move(begin));
  if (!mine) {
    // Somebody else executes it, or its time is up; unless the stored copy is not what was approved.
    const bool changed = mine.error().code == "approval.changed" || mine.error().code == "approval.body_changed";
    if (changed) co_await refuse(&*request, &mine.error());
    co_return;
  }
  Executed executed = co_await execute(&*prepared, &*mine, worker);
  const adapters::Conversation* conversation = prepared->conversation.get();
  if (executed.recorded) co_await attest(&parts_, &*mine, conversation, &*executed.recorded);
  const Ending& ending = executed.ending;
  auto finish = [this, id, ending]() mutable { return parts_.queue.finish(id, std::move(ending), parts_.clock.now()); };
  auto finished = co_await net::on_thread<HeldRequest>(&parts_.blocking, std::move(finish));
  // Where even that cannot be written it stays `executing`, and becomes `unknown` at the next start; the audit log has
  // the outcome.
  std::ignore = finished;
  co_await publish_evidence(&parts_, std::move(id), worker);
}

}  // namespace countersign::proxy
