#include "proxy/forward.h"

#include <algorithm>

#include "proxy/answers.h"
#include "proxy/bodies.h"
#include "proxy/planned.h"

namespace countersign::proxy {
namespace {

Task<Result<adapters::Forwarded>> run(adapters::Conversation* conversation, adapters::Doors* doors,
                                      adapters::BodySource* body, adapters::ReplySink* sink,
                                      adapters::Visible visible) {
  co_return co_await conversation->forward(*doors, body, *sink, std::move(visible));
}

}  // namespace

Task<Result<std::unique_ptr<adapters::Conversation>>> describe(const Mount* mount, const Scope* scope,
                                                               const adapters::Inbound* inbound, adapters::Doors* doors,
                                                               TimeMs now) {
  const bool named = std::ranges::any_of(
      mount->upstreams, [&](const std::string& upstream) { return scope->names_upstream(upstream, now); });
  if (!named) co_return fail(ErrorKind::forbidden, "scope.upstream", "the token's scope does not name this upstream");
  adapters::Adapter* adapter = mount->adapter.get();
  Status prepared = co_await adapter->prepare(*doors);
  if (!prepared) co_return fail(prepared.error());
  co_return adapter->describe(*inbound, *doors);
}

Task<void> forward_read(Parts* parts, const AllowedCall* call) {
  ExchangeSink client(call->exchange);
  SpoolSource body(*call->body);
  adapters::Doors& doors = parts->doors(call->exchange->worker());
  call->conversation->sent_for({call->intent->agent, call->trail->operation});
  auto work = run(call->conversation, &doors, call->body->size() > 0 ? &body : nullptr, &client, call->visible);
  auto forwarded = co_await call->exchange->or_client_gone(std::move(work));
  if (!forwarded) {
    adapters::Forwarded gone;
    gone.outcome = "cancelled";
    gone.detail = forwarded.error().message;
    forwarded = std::move(gone);
  }
  std::ignore = parts->recorder.queue(outcome_entry(*call->trail, *call->intent, *forwarded));
}

Task<void> forward_change(Parts* parts, const AllowedCall* call) {
  ExchangeSink client(call->exchange);
  GateSink gate(&client, parts->spool, parts->config.limits.body_bytes);
  SpoolSource body(*call->body);
  adapters::Doors& doors = parts->doors(call->exchange->worker());
  adapters::BodySource* source = call->body->size() > 0 ? &body : nullptr;
  call->conversation->sent_for({call->intent->agent, call->trail->operation});
  adapters::Forwarded forwarded = co_await call->conversation->forward(doors, source, gate, call->visible);
  const std::vector<std::string>& chain = call->intent->chain;
  if (forwarded.outcome == "ok" && !chain.empty())
    parts->histories.note_success(chain.front(), call->conversation->operation(), parts->clock.now());
  const audit::Entry outcome = outcome_entry(*call->trail, *call->intent, forwarded);
  Status recorded = co_await parts->recorder.write(&outcome);
  std::string key = call->trail->operation;
  std::string answer = gate.beginning();
  std::string asked(call->body->in_memory().value_or(""));
  co_await settle_announced(parts, call->plan, std::move(key), &forwarded, std::move(answer), std::move(asked));
  if (recorded) {
    std::ignore = co_await gate.release();
    co_return;
  }
  if (client.started()) co_return;  // progress has left; the connection breaks off without a result
  Error unrecorded = recorded.error();
  unrecorded.message = "the change was forwarded, but its outcome could not be recorded: " + unrecorded.message;
  co_await answer_error(&client, &unrecorded);
}

}  // namespace countersign::proxy
