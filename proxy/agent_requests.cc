#include "proxy/agent_requests.h"

#include "approvals/documentation.h"
#include "approvals/fingerprint.h"
#include "approvals/record.h"
#include "core/json.h"
#include "proxy/answers.h"

namespace countersign::proxy {
namespace {

using approvals::HeldRequest;

constexpr std::string_view kPrefix = "/.countersign/requests/";
constexpr std::string_view kDocumentation = "/documentation";
constexpr std::uint64_t kMostBody = 32U << 10;
constexpr std::size_t kMostReason = 4'000;

enum class Wish : std::uint8_t { look, document, withdraw };

struct Ask {
  Wish wish = Wish::look;
  std::string id;
  std::string body;
  std::string reason;  // of a withdrawal
};

std::string status_document(const HeldRequest& request, const approvals::Ruleset& rules, const Clock& clock) {
  Json out = {{"request", request.id},
              {"state", approvals::state_name(request.state)},
              {"expires", format_time(request.expires)}};
  if (!request.conflicts.empty()) out["conflicts"] = request.conflicts;
  if (!approvals::is_final(request.state)) {
    const adapters::Pending pending = pending_of(request, *rules.approvals, "", clock.now());
    out["reason"] = pending.reason;
    out["next"] = "ask again later";
    if (!pending.undocumented.empty()) {
      out["undocumented"] = pending.undocumented;
      out["next"] = "PUT " + std::string(kPrefix) + request.id + std::string(kDocumentation);
    }
  } else if (request.state == approvals::State::done) {
    out["next"] = request.delivered ? "the result was collected" : "repeat the request as it was to collect its result";
  } else {
    const adapters::Denial denial = denial_of(request);
    out["code"] = denial.error.code;
    out["reason"] = denial.error.message;
  }
  return out.dump();
}

Result<std::string> reason_in(std::string_view body) {
  if (body.empty()) return std::string();
  auto json = parse_json(body);
  if (!json) return fail(json.error());
  if (!json->is_object()) return fail(ErrorKind::malformed, "request.bad_body", "the body is {\"reason\": TEXT}");
  std::string reason = string_or(*json, "reason", "");
  if (reason.size() > kMostReason)
    return fail(ErrorKind::invalid, "approval.reason_too_long", "`reason` is over 4,000 bytes");
  return reason;
}

Result<Ask> read_ask(const RequestHead& head, std::string body) {
  Ask ask{Wish::look, std::string(head.path().substr(kPrefix.size())), std::move(body), ""};
  const bool documentation = ask.id.ends_with(kDocumentation);
  if (documentation) ask.id.resize(ask.id.size() - kDocumentation.size());
  if (documentation && head.method == "PUT") {
    ask.wish = Wish::document;
    return ask;
  }
  if (!documentation && head.method == "DELETE") {
    auto reason = reason_in(ask.body);
    if (!reason) return fail(reason.error());
    ask.wish = Wish::withdraw;
    ask.reason = std::move(*reason);
    return ask;
  }
  if (!documentation && head.method == "GET") return ask;
  return fail(ErrorKind::unsupported, "poll.method",
              "a request is looked at with GET and withdrawn with DELETE; its documentation is PUT");
}

audit::Entry record_of(const Trail& trail, const auth::Caller& caller, const Ask& ask, const HeldRequest& request) {
  audit::Entry entry;
  entry.phase = audit::Phase::approval;
  if (ask.wish == Wish::look) {
    entry.request = request.id;
    entry.code = "approval.asked";
    entry.detail = std::string("the request is ") + approvals::state_name(request.state);
  } else {
    approvals::name_request(entry, request);
    entry.action = ask.wish == Wish::document ? "approval:document" : "approval:withdraw";
    entry.comment = ask.wish == Wish::document ? ask.body : ask.reason;
  }
  entry.operation = trail.operation;
  entry.peer = trail.peer;
  entry.agent = caller.agent;
  entry.owner = caller.owner;
  entry.chain = caller.chain;
  return entry;
}

// Carries out what has been recorded. Blocks on the store.
Result<HeldRequest> carry_out(Parts& parts, const Ask& ask, const approvals::Requester& requester) {
  const TimeMs now = parts.clock.now();
  if (ask.wish == Wish::withdraw) return parts.queue.withdraw(ask.id, requester, ask.reason, now);
  if (ask.wish == Wish::document)
    return parts.queue.document(ask.id, ask.body, *parts.rulesets.current()->approvals, now);
  return parts.queue.get(ask.id);
}

}  // namespace

bool is_about_a_request(const RequestHead& head) {
  return head.path().starts_with(kPrefix);
}

Task<void> answer_about_a_request(Parts* parts, http1::Exchange* exchange, const Trail* trail,
                                  const auth::Caller* caller) {
  ExchangeSink client(exchange);
  const RequestHead& head = exchange->head();
  auto refuse = [&](const Error* error) {  // begins the answer; whoever calls waits for it
    parts->recorder.refused(*trail, caller->chain, head, *error);
    return answer_error(&client, error);
  };
  auto spool = co_await exchange->read_body(kMostBody);
  Result<std::string> body = spool ? (*spool)->text(kMostBody) : Result<std::string>(fail(spool.error()));
  Result<Ask> ask = body ? read_ask(head, std::move(*body)) : Result<Ask>(fail(body.error()));
  if (!ask) {
    co_await refuse(&ask.error());
    co_return;
  }
  const approvals::Requester requester = requester_of(*caller);
  auto load = [parts, id = ask->id] { return parts->queue.get(id); };
  auto request = co_await net::on_thread<HeldRequest>(&parts->blocking, std::move(load));
  if (request && !approvals::same_lineage(request->requester, requester))
    request = fail(ErrorKind::not_found, "request.unknown", "there is no such request");
  if (!request) {
    co_await refuse(&request.error());
    co_return;
  }
  const audit::Entry entry = record_of(*trail, *caller, *ask, *request);
  Status recorded;
  if (ask->wish == Wish::look) {
    recorded = parts->recorder.queue(entry);
  } else {
    recorded = co_await parts->recorder.write(&entry);
  }
  if (!recorded) {
    co_await answer_error(&client, &recorded.error());
    co_return;
  }
  if (ask->wish != Wish::look) {
    auto act = [parts, ask = *ask, requester] { return carry_out(*parts, ask, requester); };
    request = co_await net::on_thread<HeldRequest>(&parts->blocking, std::move(act));
  }
  if (!request) {
    co_await refuse(&request.error());
    co_return;
  }
  HeaderList extra;
  extra.add("Cache-Control", "no-store");
  if (!approvals::is_final(request->state)) extra.add("Retry-After", "5");
  std::string text = status_document(*request, *parts->rulesets.current(), parts->clock);
  std::ignore = co_await adapters::send(client, 200, "application/json", std::move(text), std::move(extra));
}

}  // namespace countersign::proxy
