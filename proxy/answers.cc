#include "proxy/answers.h"

#include <set>

#include "auth/authenticator.h"
#include "auth/scope_json.h"
#include "core/json.h"

namespace countersign::proxy {
namespace {

// What an agent is told of a request that ended without a verdict and without words of a person.
std::string over_sentence(approvals::State state) {
  switch (state) {
    case approvals::State::withdrawn:
      return "it was withdrawn by the agent that asked";
    case approvals::State::superseded:
      return "another request has taken its place, or it needs no approval any more; this is not a denial";
    case approvals::State::stale:
      return "what it was approved for has changed meanwhile; this is not a denial, look and ask again";
    default:
      return "it was cancelled by its owner";
  }
}

}  // namespace

Task<void> answer_unauthenticated(adapters::ReplySink* client, const RequestHead* head, const Route* route,
                                  const adapters::SignedFor* claimed, const Error* error) {
  if (route && route->mount->adapter->takes_signatures()) {
    const adapters::Inbound inbound{.head = head, .rest = route->rest, .signed_for = claimed};
    adapters::Denial denial{http_status(error->kind), *error, ""};
    std::ignore = co_await route->mount->adapter->refuse(*client, std::move(denial), inbound);
    co_return;
  }
  adapters::Challenge wanted;
  if (route) wanted = route->mount->adapter->challenge(head->method, route->rest);
  HeaderList extra;
  const bool basic = wanted.scheme == adapters::Challenge::Scheme::basic;
  const auto scheme = basic ? auth::ChallengeScheme::basic : auth::ChallengeScheme::bearer;
  extra.add("WWW-Authenticate", auth::challenge(*error, scheme, wanted.purpose));
  extra.add("Cache-Control", "no-store");
  const int status = http_status(error->kind);
  std::string body = problem_json(status, *error);
  std::ignore = co_await adapters::send(*client, status, "application/problem+json", std::move(body), std::move(extra));
}

Task<void> answer_error(adapters::ReplySink* client, const Error* error) {
  const int status = http_status(error->kind);
  Error told = *error;
  std::ignore = co_await adapters::send_problem(*client, status, std::move(told), "");
}

policies::Subject subject_of(const auth::Caller& caller) {
  policies::Subject subject;
  subject.agent = caller.agent;
  subject.owner = caller.owner;
  subject.delegates = caller.delegates;
  subject.token = caller.token();
  if (!caller.chain.empty()) subject.root = caller.chain.front();
  subject.scope = &caller.scope;
  return subject;
}

Result<Scope> scope_as_requested(const approvals::HeldRequest& request) {
  auto json = parse_json(request.requester.scope);
  if (!json) return fail(json.error());
  auto scope = auth::scope_from_json(*json);
  if (!scope) return fail(scope.error());
  std::vector<ScopeBlock> blocks = scope->blocks();
  for (ScopeBlock& block : blocks) {
    block.expires.reset();
    block.not_before.reset();
  }
  return Scope(std::move(blocks));
}

policies::Subject subject_of(const approvals::Requester& requester, const Scope& scope) {
  policies::Subject subject;
  subject.agent = requester.agent;
  subject.owner = requester.owner;
  subject.delegates = requester.delegates;
  if (!requester.chain.empty()) {
    subject.token = requester.chain.back();
    subject.root = requester.chain.front();
  }
  subject.scope = &scope;
  return subject;
}

approvals::Requester requester_of(const auth::Caller& caller) {
  approvals::Requester requester;
  requester.agent = caller.agent;
  requester.owner = caller.owner;
  requester.delegates = caller.delegates;
  requester.chain = caller.chain;
  requester.scope = auth::scope_to_json(caller.scope).dump();
  return requester;
}

void deny_unless(policies::Decision& decision, const Status& able) {
  if (able || decision.verdict == policies::Verdict::deny) return;
  decision.verdict = policies::Verdict::deny;
  decision.code = able.error().code;
  decision.reason = able.error().message;
  decision.approvals.clear();
}

std::set<std::string> environments_of(const policies::Snapshot& snapshot, const Operation& operation) {
  std::set<std::string> environments;
  for (const Access& access : operation.accesses) {
    environments.insert(snapshot.inventory().classify(operation.upstream, access).environment);
  }
  return environments;
}

std::vector<std::string> resources_of(const Operation& operation) {
  std::vector<std::string> out;
  for (const Access& access : operation.accesses) out.push_back(access.resource.type + "::" + access.resource.id);
  return out;
}

adapters::Pending pending_of(const approvals::HeldRequest& request, const approvals::Rules& rules,
                             std::string_view public_url, TimeMs now) {
  adapters::Pending pending;
  pending.request = request.id;
  pending.link = std::string(public_url) + "/requests/" + request.id;
  pending.expires = request.expires;
  pending.reason = request.state == approvals::State::held ? "waiting for approval" : "approved, being executed";
  pending.undocumented = approvals::missing_documentation(rules, request.rules, request.documentation,
                                                          request.documented == 0 ? now : request.documented);
  if (!request.edited.empty()) pending.reason += "; " + request.edited_by + " changed it: " + request.edited;
  for (const std::string& missing : pending.undocumented) pending.reason += "; nobody is asked before " + missing;
  for (const approvals::Progress& progress : approvals::progress_of(request, rules, now)) {
    if (!progress.satisfied) pending.reason += "; " + progress.rule + " needs " + progress.sentence;
  }
  return pending;
}

adapters::Denial denial_of(const approvals::HeldRequest& request) {
  adapters::Denial denial;
  denial.request = request.id;
  denial.error.code =
      request.code.empty() ? std::string("approval.") + approvals::state_name(request.state) : request.code;
  denial.error.message = request.reason;
  switch (request.state) {
    case approvals::State::denied:
      denial.error.kind = ErrorKind::forbidden;
      if (!request.decided_by.empty()) denial.error.message = request.decided_by + " denied it: " + request.reason;
      break;
    case approvals::State::expired:
      denial.error.kind = ErrorKind::timed_out;
      denial.status = 403;
      if (request.reason.empty())
        denial.error.message = "nobody decided in time; this is not a denial, ask again if it is still wanted";
      return denial;
    case approvals::State::cancelled:
    case approvals::State::withdrawn:
    case approvals::State::superseded:
    case approvals::State::stale:
      denial.error.kind = ErrorKind::conflict;
      if (request.reason.empty()) denial.error.message = over_sentence(request.state);
      break;
    case approvals::State::failed:
      denial.error.kind = ErrorKind::unavailable;
      break;
    default:
      denial.error.kind = ErrorKind::timed_out;
      if (request.reason.empty()) {
        denial.error.message = "it is not known whether the change took effect; look before you try again";
      }
  }
  denial.status = http_status(denial.error.kind);
  return denial;
}

}  // namespace countersign::proxy
