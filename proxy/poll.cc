#include "proxy/poll.h"

#include "approvals/fingerprint.h"
#include "core/json.h"
#include "proxy/answers.h"

namespace countersign::proxy {
namespace {

constexpr std::string_view kPrefix = "/.countersign/requests/";

std::string status_document(const approvals::HeldRequest& request, const approvals::Rules& rules) {
  Json out = {{"request", request.id},
              {"state", approvals::state_name(request.state)},
              {"expires", format_time(request.expires)}};
  if (!approvals::is_final(request.state)) {
    out["reason"] = pending_of(request, rules, "").reason;
    out["next"] = "ask again later";
  } else if (request.state == approvals::State::done) {
    out["next"] = request.delivered ? "the result was collected" : "repeat the request as it was to collect its result";
  } else {
    const adapters::Denial denial = denial_of(request);
    out["code"] = denial.error.code;
    out["reason"] = denial.error.message;
  }
  return out.dump();
}

}  // namespace

bool is_poll(const RequestHead& head) {
  return head.path().starts_with(kPrefix);
}

Task<void> answer_poll(Parts* parts, http1::Exchange* exchange, const Trail* trail, const auth::Caller* caller) {
  ExchangeSink client(exchange);
  if (exchange->head().method != "GET") {
    Error error{ErrorKind::unsupported, "poll.method", "a request's state is read with GET"};
    parts->recorder.refused(*trail, caller->chain, exchange->head(), error);
    co_await answer_error(&client, &error);
    co_return;
  }
  std::string id(exchange->head().path().substr(kPrefix.size()));
  auto load = [parts, id] { return parts->queue.get(id); };
  auto request = co_await net::on_thread<approvals::HeldRequest>(&parts->blocking, std::move(load));
  if (request && !approvals::same_lineage(request->requester, requester_of(*caller))) {
    request = fail(ErrorKind::not_found, "request.unknown", "there is no such request");
  }
  if (!request) {
    parts->recorder.refused(*trail, caller->chain, exchange->head(), request.error());
    co_await answer_error(&client, &request.error());
    co_return;
  }
  audit::Entry entry;
  entry.phase = audit::Phase::approval;
  entry.operation = trail->operation;
  entry.request = request->id;
  entry.peer = trail->peer;
  entry.agent = caller->agent;
  entry.owner = caller->owner;
  entry.chain = caller->chain;
  entry.code = "approval.asked";
  entry.detail = std::string("the request is ") + approvals::state_name(request->state);
  if (Status recorded = parts->recorder.queue(entry); !recorded) {
    co_await answer_error(&client, &recorded.error());
    co_return;
  }
  HeaderList extra;
  extra.add("Cache-Control", "no-store");
  if (!approvals::is_final(request->state)) extra.add("Retry-After", "5");
  std::string body = status_document(*request, *parts->rulesets.current()->approvals);
  std::ignore = co_await adapters::send(client, 200, "application/json", std::move(body), std::move(extra));
}

}  // namespace countersign::proxy
