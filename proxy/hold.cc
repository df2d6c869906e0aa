#include "proxy/hold.h"

#include <algorithm>

#include "approvals/fingerprint.h"
#include "proxy/adapters/documentation.h"
#include "proxy/answers.h"

namespace countersign::proxy {
namespace {

using approvals::HeldRequest;
using approvals::State;

// A record about a held request that opens no operation.
void record(Parts& parts, const HeldCall& call, const HeldRequest& request, std::string_view code) {
  audit::Entry entry = *call.intent;
  entry.phase = audit::Phase::approval;
  entry.request = request.id;
  entry.fingerprint = request.fingerprint;
  entry.decision = audit::Decision::hold;
  entry.code = code;
  entry.reason.clear();
  entry.policies.clear();
  entry.detail = std::string("the request is ") + approvals::state_name(request.state);
  parts.recorder.log().append(entry);
}

// Nobody is asked after all: the outcome of the operation.
void record_not_held(Parts& parts, const HeldCall& call, const Error& why) {
  audit::Entry entry = *call.intent;
  entry.phase = audit::Phase::outcome;
  entry.decision = audit::Decision::none;
  entry.outcome = audit::Outcome::not_forwarded;
  entry.code = why.code;
  entry.reason.clear();
  entry.policies.clear();
  entry.detail = why.message;
  parts.recorder.log().append(entry);
}

// What the agent says to approvers with this very request.
std::string documentation_of(const HeldCall& call) {
  std::string said = call.conversation->documentation();
  return said.empty() ? adapters::documentation_in_fields(call.exchange->head().headers) : said;
}

HeldRequest draft_of(const Parts& parts, const HeldCall& call, const approvals::Rules& rules, TimeMs now) {
  const Operation& operation = call.conversation->operation();
  HeldRequest draft;
  draft.requester = requester_of(*call.caller);
  if (!call.caller->chain.empty()) draft.requester.issuer = parts.registry.issuer_of(call.caller->chain.front());
  draft.action = operation.action;
  draft.effect = effect_name(operation.effect());
  draft.environment = call.intent->environment;
  draft.summary = operation.summary;
  draft.resources = call.intent->resources;
  draft.input = operation.input;
  draft.frozen = call.conversation->freeze();
  draft.policies = call.decision->policies;
  draft.rules = call.decision->approvals;
  draft.policy_digest = call.decision->policy_digest;
  draft.operation = call.intent->operation;
  draft.documentation = documentation_of(call);
  draft.expires = now + rules.expires_after(draft.rules);
  return draft;
}

// Waits until the request is over, the client's patience is, or the client has gone. Returns the request as it is then.
Task<Result<HeldRequest>> wait_for_verdict(Parts* parts, HeldCall call, HeldRequest request,
                                           adapters::ReplySink* client) {
  using namespace std::chrono;
  const adapters::Patience patience = call.conversation->patience();
  const auto until = steady_clock::now() + milliseconds(patience.at_most);
  net::Worker* worker = &call.exchange->worker();
  auto verdict = std::make_shared<net::Event>(worker->executor());
  auto wake = [verdict, worker](const HeldRequest&) { worker->post([verdict] { verdict->notify(); }); };
  const approvals::Waiters::Ticket ticket = parts->waiters.wait(request.id, std::move(wake));

  while (true) {
    auto load = [parts, id = request.id] { return parts->queue.get(id); };
    auto now = co_await net::on_thread<HeldRequest>(&parts->blocking, std::move(load));
    if (!now) co_return fail(now.error());
    request = std::move(*now);
    const TimeMs left = duration_cast<milliseconds>(until - steady_clock::now()).count();
    if (approvals::is_final(request.state) || left <= 0) co_return request;
    const TimeMs nap = patience.heartbeat > 0 ? std::min(left, patience.heartbeat) : left;
    if (patience.heartbeat > 0) {
      const auto rules = parts->rulesets.current();
      adapters::Pending pending = pending_of(request, *rules->approvals, parts->public_url, parts->clock.now());
      Status beat = co_await call.conversation->heartbeat(*client, std::move(pending));
      if (!beat) co_return fail(beat.error());
    }
    Status woken = co_await verdict->wait(nap);
    if (!woken && woken.error().code != "net.timeout") co_return fail(woken.error());
  }
}

// Whether an edited request took this one's place.
bool was_edited(const HeldRequest& request) {
  return request.state == State::superseded && !request.superseded_by.empty();
}

// The final answer for the request as it is.
Task<void> answer(Parts* parts, HeldCall call, HeldRequest request, adapters::ReplySink* client) {
  if (!approvals::is_final(request.state)) {
    const auto rules = parts->rulesets.current();
    adapters::Pending pending = pending_of(request, *rules->approvals, parts->public_url, parts->clock.now());
    std::ignore = co_await call.conversation->answer_held(*client, std::move(pending));
    co_return;
  }
  auto claim = [parts, id = request.id] { return parts->queue.claim_result(id, parts->clock.now()); };
  auto claimed = co_await net::on_thread<HeldRequest>(&parts->blocking, std::move(claim));
  if (!claimed) {
    adapters::Denial denial{http_status(claimed.error().kind), claimed.error(), request.id};
    std::ignore = co_await call.conversation->answer_denied(*client, std::move(denial));
    co_return;
  }
  record(*parts, call, *claimed, "approval.collected");
  Status sent;
  if (claimed->state == State::done && claimed->reply) {
    if (!claimed->edited.empty()) call.conversation->tell_edit(claimed->edited_by + ": " + claimed->edited);
    sent = co_await call.conversation->deliver(*client, std::move(*claimed->reply));
  } else {
    adapters::Denial denial = denial_of(*claimed);
    sent = co_await call.conversation->answer_denied(*client, std::move(denial));
  }
  if (sent) co_return;
  auto release = [parts, id = request.id]() -> Result<bool> {
    if (Status released = parts->queue.release_claim(id); !released) return fail(released.error());
    return true;
  };
  std::ignore = co_await net::on_thread<bool>(&parts->blocking, std::move(release));
}

Task<void> wait_and_answer(Parts* parts, HeldCall call, HeldRequest request) {
  ExchangeSink client(call.exchange);
  if (!approvals::is_final(request.state) && call.conversation->patience().at_most > 0) {
    HeldRequest waiting = request;
    auto wait = wait_for_verdict(parts, call, std::move(waiting), &client);
    auto after = co_await call.exchange->or_client_gone(std::move(wait));
    if (!after) {
      // The client has gone (its retry will find the request), or the store failed.
      if (!client.started()) co_await answer_error(&client, &after.error());
      co_return;
    }
    request = std::move(*after);
    if (was_edited(request)) {
      auto next = [parts, id = request.superseded_by] { return parts->queue.get(id); };
      auto edited = co_await net::on_thread<HeldRequest>(&parts->blocking, std::move(next));
      if (edited) request = std::move(*edited);  // and that is what the client hears of: it can wait for it again
    }
  }
  co_await answer(parts, call, std::move(request), &client);
}

}  // namespace

Task<Result<std::optional<HeldRequest>>> find_retried(Parts* parts, HeldCall call) {
  const std::string key = approvals::retry_key(call.conversation->freeze(), requester_of(*call.caller));
  const bool allowed = call.decision->verdict == policies::Verdict::allow;
  const bool takes_result = call.conversation->takes_stored_result();
  auto find = [parts, key, allowed, takes_result]() -> Result<std::optional<HeldRequest>> {
    auto found = parts->queue.find_by_retry(key, parts->clock.now());
    if (!found || !*found) return found;
    if ((*found)->state == State::done && !takes_result) {
      auto spent = parts->queue.claim_result((*found)->id, parts->clock.now());  // it answers nobody any more
      if (!spent) return fail(spent.error());
      return std::optional<HeldRequest>();
    }
    if (!allowed || (*found)->state != State::held) return found;
    auto cancelled = parts->queue.cancel((*found)->id, "", "policies allow it by now", parts->clock.now());
    if (cancelled) return std::optional<HeldRequest>();
    return parts->queue.find_by_retry(key, parts->clock.now());  // somebody decided at this very moment
  };
  co_return co_await net::on_thread<std::optional<HeldRequest>>(&parts->blocking, std::move(find));
}

Task<void> hold(Parts* parts, HeldCall call) {
  ExchangeSink client(call.exchange);
  auto spool = co_await call.exchange->whole_body();
  if (!spool) {
    record_not_held(*parts, call, spool.error());
    adapters::Denial denial{http_status(spool.error().kind), spool.error(), ""};
    std::ignore = co_await call.conversation->answer_denied(client, std::move(denial));
    co_return;
  }
  adapters::Doors& doors = parts->doors(call.exchange->worker());
  if (Status ready = co_await call.conversation->prepare_hold(doors); !ready) {
    record_not_held(*parts, call, ready.error());
    adapters::Denial denial{http_status(ready.error().kind), ready.error(), ""};
    std::ignore = co_await call.conversation->answer_denied(client, std::move(denial));
    co_return;
  }
  const auto rules = parts->rulesets.current();
  HeldRequest draft = draft_of(*parts, call, *rules->approvals, parts->clock.now());
  auto freeze_and_hold = [parts, body = *spool, bursts = rules->approvals->bursts, draft = std::move(draft),
                          plan = *call.plan]() mutable -> Result<approvals::Holding> {
    std::filesystem::path file;
    if (body->size() > 0) {
      auto kept = body->persist(parts->held_bodies / (draft.operation + ".new"));
      if (!kept) return fail(kept.error());
      file = *kept;
      draft.frozen.body_file = file;
    }
    auto holding = parts->queue.hold(std::move(draft), parts->clock.now(), bursts);
    std::error_code ignored;
    if (!file.empty())
      std::filesystem::remove(file, ignored);  // the queue has its own by now, or joined another request
    // For people: who decides is asked for no less where it cannot be kept.
    if (holding) std::ignore = parts->plans.note(holding->request.id, plan);
    return holding;
  };
  auto holding = co_await net::on_thread<approvals::Holding>(&parts->blocking, std::move(freeze_and_hold));
  if (!holding) {
    adapters::Denial denial{http_status(holding.error().kind), holding.error(), ""};
    std::ignore = co_await call.conversation->answer_denied(client, std::move(denial));
    co_return;
  }
  co_await wait_and_answer(parts, call, std::move(holding->request));
}

Task<void> resume(Parts* parts, HeldCall call, HeldRequest request) {
  record(*parts, call, request, "approval.retried");
  std::string said = documentation_of(call);
  if (request.state == State::held && request.documentation.empty() && !said.empty()) {
    auto document = [parts, id = request.id, said = std::move(said)] {
      return parts->queue.document(id, said, *parts->rulesets.current()->approvals, parts->clock.now());
    };
    auto documented = co_await net::on_thread<HeldRequest>(&parts->blocking, std::move(document));
    if (!documented) {
      ExchangeSink client(call.exchange);
      adapters::Denial denial{http_status(documented.error().kind), documented.error(), request.id};
      std::ignore = co_await call.conversation->answer_denied(client, std::move(denial));
      co_return;
    }
    record(*parts, call, *documented, "approval.documented");
    request = std::move(*documented);
  }
  co_await wait_and_answer(parts, call, std::move(request));
}

}  // namespace countersign::proxy
