#include "console/api.h"

#include <algorithm>

#include "console/guard.h"

namespace countersign::console {
namespace {

// The pattern's `{}` and `{…}` out of the path, unescaped; nullopt when the path is another one.
Result<std::optional<std::vector<std::string>>> match(std::string_view pattern, std::string_view path) {
  std::vector<std::string> arguments;
  while (!pattern.empty()) {
    if (pattern == "/{…}") {
      arguments.emplace_back(path.substr(std::min<std::size_t>(1, path.size())));
      return arguments.back().empty() ? std::optional<std::vector<std::string>>() : std::move(arguments);
    }
    std::size_t end = std::min(pattern.find('/', 1), pattern.size());
    std::size_t path_end = std::min(path.find('/', 1), path.size());
    std::string_view want = pattern.substr(0, end);
    std::string_view have = path.substr(0, path_end);
    if (want == "/{}" && have.size() > 1) {
      auto argument = unescape(have.substr(1), Plus::itself);
      if (!argument) return fail(argument.error());
      arguments.push_back(std::move(*argument));
    } else if (want != have) {
      return std::nullopt;
    }
    pattern.remove_prefix(end);
    path.remove_prefix(path_end);
  }
  if (!path.empty()) return std::nullopt;
  return arguments;
}

// For every answer: what it shows is for whoever asked, now, and for no other page.
void add_common_headers(Answer& answer) {
  answer.headers.set("cache-control", "no-store");
  answer.headers.set("content-security-policy",
                     "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
  answer.headers.set("referrer-policy", "no-referrer");
  answer.headers.set("x-content-type-options", "nosniff");
}

}  // namespace

AdminApi::AdminApi(Services services) : services_(std::move(services)), hosts_(own_hosts(services_.config)) {}

std::span<const AdminApi::Route> AdminApi::routes() {
  static const Route kRoutes[] = {
      {"GET", "/", Access::open, &AdminApi::index},
      {"GET", "/requests/{}", Access::open, &AdminApi::request_link},
      {"GET", "/healthz", Access::open, &AdminApi::healthz},
      {"GET", "/readyz", Access::open, &AdminApi::readyz},
      {"GET", "/metrics", Access::open, &AdminApi::metrics},
      {"GET", "/api/v1/requests", Access::known, &AdminApi::list_requests},
      {"GET", "/api/v1/requests/{}", Access::known, &AdminApi::show_request},
      {"POST", "/api/v1/requests/{}/approve", Access::known, &AdminApi::approve_request},
      {"POST", "/api/v1/requests/{}/deny", Access::known, &AdminApi::deny_request},
      {"POST", "/api/v1/requests/{}/cancel", Access::known, &AdminApi::cancel_request},
      {"GET", "/api/v1/audit", Access::known, &AdminApi::query_audit},
      {"GET", "/api/v1/audit/key", Access::known, &AdminApi::show_key},
      {"GET", "/api/v1/audit/{}", Access::known, &AdminApi::show_record},
      {"GET", "/api/v1/audit/{}/proof", Access::known, &AdminApi::prove_record},
      {"GET", "/log/{…}", Access::known, &AdminApi::log_file},
      {"GET", "/api/v1/attestations", Access::known, &AdminApi::list_attestations},
      {"GET", "/api/v1/attestations/{}", Access::known, &AdminApi::show_attestation},
      {"GET", "/api/v1/policies", Access::known, &AdminApi::show_policies},
      {"POST", "/api/v1/policies/reload", Access::socket, &AdminApi::reload_policies},
      {"GET", "/api/v1/tokens", Access::socket, &AdminApi::list_tokens},
      {"POST", "/api/v1/tokens", Access::socket, &AdminApi::issue_token},
      {"POST", "/api/v1/tokens/{}/revoke", Access::known, &AdminApi::revoke_token},
      {"GET", "/api/v1/upstreams", Access::known, &AdminApi::list_upstreams},
  };
  return kRoutes;
}

Result<Principal> AdminApi::authenticate(const Call& call, Access access) const {
  Principal principal;
  if (access == Access::open) return principal;
  bool has_token = call.head.headers.count("authorization") > 0;
  if (!has_token && call.channel == Channel::unix_socket) {
    principal.kind = Principal::Kind::local_administrator;
    principal.name = "local administrator";
    return principal;
  }
  auto caller = services_.authenticator.identify(call.head, auth::Audience::admin, services_.clock.now());
  if (!caller) return fail(caller.error());
  if (services_.rulesets.current()->policies->directory().find_user(caller->owner) == nullptr) {
    return fail(ErrorKind::forbidden, "admin.unknown_person",
                "the token belongs to somebody who is not a user in entities.yaml");
  }
  if (access == Access::socket && call.channel != Channel::unix_socket) {
    return fail(ErrorKind::forbidden, "admin.socket_only",
                "this is done on the gateway's own machine only, through admin.sock");
  }
  principal.kind = Principal::Kind::person;
  principal.name = caller->owner;
  principal.chain = caller->chain;
  return principal;
}

Result<Answer> AdminApi::dispatch(Call& call) {
  if (auto allowed = guard(call, hosts_); !allowed) return fail(allowed.error());
  const Route* other_method = nullptr;
  std::string_view method = call.head.method == "HEAD" ? "GET" : std::string_view(call.head.method);
  for (const Route& route : routes()) {
    auto arguments = match(route.pattern, call.head.path());
    if (!arguments) return fail(arguments.error());
    if (!arguments->has_value()) continue;
    if (route.method != method) {
      other_method = &route;
      continue;
    }
    call.arguments = std::move(**arguments);
    auto principal = authenticate(call, route.access);
    if (!principal) return fail(principal.error());
    call.principal = std::move(*principal);
    auto query = parse_query(call.head.query());
    if (!query) return fail(query.error());
    call.query = std::move(*query);
    auto answer = (this->*route.run)(call);
    // Who looked into a request or the log is part of the record; lists, health and tiles are not.
    const bool looked_inside = method == "GET" && route.access != Access::open && !route.pattern.starts_with("/log/") &&
                               (route.pattern.contains('{') || route.pattern.starts_with("/api/v1/audit"));
    if (answer && looked_inside) record_look(call);
    return answer;
  }
  if (other_method != nullptr) {
    return fail(ErrorKind::invalid, "admin.method_not_allowed",
                "this address takes " + std::string(other_method->method) + " only");
  }
  return fail(ErrorKind::not_found, "admin.unknown_path", "there is nothing at this address");
}

Answer AdminApi::handle(Call call) {
  Answer answer;
  try {
    auto done = dispatch(call);
    if (done) {
      answer = std::move(*done);
    } else {
      record_refusal(call, done.error());
      answer = problem_answer(done.error());
      if (done.error().code == "admin.method_not_allowed") answer.status = 405;
    }
  } catch (const std::exception&) {
    Error error{ErrorKind::internal, "admin.failed", "the request could not be carried out"};
    record_refusal(call, error);
    answer = problem_answer(error);
  }
  add_common_headers(answer);
  services_.metrics
      .counter("countersign_admin_requests_total", "Requests to the admin API by status.",
               {{"status", std::to_string(answer.status)}})
      .add();
  return answer;
}

Task<void> Endpoint::handle(http1::Exchange* exchange) {
  Call call;
  call.head = exchange->head();
  call.channel = channel_;
  call.peer = exchange->peer().address;
  if (exchange->peer().uid) call.peer += " uid " + std::to_string(*exchange->peer().uid);
  auto spool = co_await exchange->read_body(kMaxBodyBytes);
  auto body = spool ? (*spool)->text(kMaxBodyBytes) : Result<std::string>(fail(spool.error()));
  Result<Answer> answer = Answer();
  if (body) {
    call.body = std::move(*body);
    std::move_only_function<Result<Answer>()> work = [this, call = std::move(call)]() mutable -> Result<Answer> {
      return api_.handle(std::move(call));
    };
    net::ThreadPool* pool = &api_.pool();
    answer = co_await net::on_thread<Answer>(pool, std::move(work));
  } else {
    api_.record_refusal(call, body.error());
    answer = fail(body.error());
  }
  if (!answer) answer = problem_answer(answer.error());
  ResponseHead head;
  head.status = answer->status;
  head.headers = std::move(answer->headers);
  head.headers.add("content-type", answer->content_type);
  std::string_view content = answer->body;
  Status sent = co_await exchange->respond(std::move(head), content);
  if (!sent) co_return;  // the client has gone; what was done is done, and recorded
}

}  // namespace countersign::console
