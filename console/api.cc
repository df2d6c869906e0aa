#include "console/api.h"

#include <algorithm>

#include "console/assets.h"
#include "console/cookies.h"
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

// For every answer that does not say otherwise: what it shows is for whoever asked, now, and for no other page.
void add_common_headers(Answer& answer) {
  auto add = [&](std::string_view name, std::string_view value) {
    if (answer.headers.count(name) == 0) answer.headers.add(name, value);
  };
  add("cache-control", "no-store");
  add("content-security-policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
  add("cross-origin-resource-policy", "same-origin");
  add("referrer-policy", "no-referrer");
  add("x-content-type-options", "nosniff");
  add("x-frame-options", "DENY");
}

}  // namespace

AdminApi::AdminApi(Services services)
    : services_(std::move(services)),
      hosts_(own_hosts(services_.config)),
      relying_party_(relying_party_of(services_.config)),
      statistics_(services_.log.folder(), services_.clock) {}

std::span<const AdminApi::Route> AdminApi::routes() {
  using enum Access;
  using enum policies::Permission;
  constexpr std::nullopt_t kNone = std::nullopt;
  static const Route kRoutes[] = {
      {"GET", "/", open, kNone, &AdminApi::page},
      {"GET", "/inbox", open, kNone, &AdminApi::page},
      {"GET", "/requests", open, kNone, &AdminApi::page},
      {"GET", "/requests/{}", open, kNone, &AdminApi::request_link},
      {"GET", "/bursts/{}", open, kNone, &AdminApi::page},
      {"GET", "/policies", open, kNone, &AdminApi::page},
      {"GET", "/policies/{…}", open, kNone, &AdminApi::page},
      {"GET", "/audit", open, kNone, &AdminApi::page},
      {"GET", "/audit/{…}", open, kNone, &AdminApi::page},
      {"GET", "/agents", open, kNone, &AdminApi::page},
      {"GET", "/agents/{…}", open, kNone, &AdminApi::page},
      {"GET", "/grants", open, kNone, &AdminApi::page},
      {"GET", "/emergencies", open, kNone, &AdminApi::page},
      {"GET", "/people", open, kNone, &AdminApi::page},
      {"GET", "/overview", open, kNone, &AdminApi::page},
      {"GET", "/sign-in", open, kNone, &AdminApi::page},
      {"GET", "/invitation", open, kNone, &AdminApi::page},
      {"GET", "/me", open, kNone, &AdminApi::page},
      {"GET", "/healthz", open, kNone, &AdminApi::healthz},
      {"GET", "/readyz", open, kNone, &AdminApi::readyz},
      {"GET", "/metrics", open, kNone, &AdminApi::metrics},
      {"GET", "/api/v1/sign-in", open, kNone, &AdminApi::sign_in_methods},
      {"POST", "/api/v1/sign-in/password", open, kNone, &AdminApi::sign_in_password, kMaxBodyBytes, Waits::for_hash},
      {"POST", "/api/v1/sign-in/passkey/challenge", open, kNone, &AdminApi::sign_in_passkey_challenge},
      {"POST", "/api/v1/sign-in/passkey", open, kNone, &AdminApi::sign_in_passkey},
      {"GET", "/api/v1/sign-in/oidc", open, kNone, &AdminApi::sign_in_oidc, kMaxBodyBytes, Waits::for_provider},
      {"GET", "/api/v1/sign-in/oidc/callback", open, kNone, &AdminApi::sign_in_oidc_callback, kMaxBodyBytes,
       Waits::for_provider},
      {"POST", kBackchannelLogout, open, kNone, &AdminApi::oidc_backchannel_logout, kMaxBodyBytes, Waits::for_provider},
      {"POST", "/api/v1/sign-in/invitation", open, kNone, &AdminApi::sign_in_invitation, kMaxBodyBytes,
       Waits::for_hash},
      {"POST", "/api/v1/sign-out", person, kNone, &AdminApi::sign_out},
      {"GET", "/api/v1/session", person, kNone, &AdminApi::show_session},
      {"GET", "/api/v1/sessions", person, kNone, &AdminApi::list_sessions},
      {"POST", "/api/v1/sessions/{}/end", person, kNone, &AdminApi::end_session},
      {"POST", "/api/v1/passkeys/challenge", person, kNone, &AdminApi::passkey_challenge},
      {"POST", "/api/v1/passkeys", person, kNone, &AdminApi::add_passkey, 256U << 10},
      {"POST", "/api/v1/passkeys/{}/remove", person, kNone, &AdminApi::remove_passkey},
      {"GET", "/api/v1/people", known, manage_people, &AdminApi::list_people},
      {"POST", "/api/v1/people/{}/invite", socket, kNone, &AdminApi::invite_person},
      {"GET", "/api/v1/people/{}/sessions", known, manage_people, &AdminApi::list_person_sessions},
      {"POST", "/api/v1/people/{}/sign-out", known, manage_people, &AdminApi::sign_out_person},
      {"POST", "/api/v1/people/{}/reset", known, manage_people, &AdminApi::reset_person},
      {"GET", "/api/v1/requests", known, read_requests, &AdminApi::list_requests},
      {"GET", "/api/v1/requests/{}", known, read_requests, &AdminApi::show_request},
      {"POST", "/api/v1/requests/{}/approve", known, vote, &AdminApi::approve_request},
      {"POST", "/api/v1/requests/{}/deny", known, vote, &AdminApi::deny_request},
      {"POST", "/api/v1/requests/{}/cancel", known, read_requests, &AdminApi::cancel_request},
      {"POST", "/api/v1/requests/{}/edit", known, vote, &AdminApi::edit_request, 256U << 10},
      {"POST", "/api/v1/requests/{}/grants", known, vote, &AdminApi::propose_grant},
      {"GET", "/api/v1/bursts/{}", known, read_requests, &AdminApi::show_burst},
      {"POST", "/api/v1/bursts/{}/approve", known, vote, &AdminApi::approve_burst, 256U << 10},
      {"POST", "/api/v1/bursts/{}/deny", known, vote, &AdminApi::deny_burst, 256U << 10},
      {"POST", "/api/v1/votes/challenge", known, vote, &AdminApi::vote_challenge},
      {"POST", "/api/v1/votes", known, vote, &AdminApi::vote_batch, 256U << 10},
      {"GET", "/api/v1/grants", known, read_requests, &AdminApi::list_grants},
      {"GET", "/api/v1/grants/{}", known, read_requests, &AdminApi::show_grant},
      {"POST", "/api/v1/grants/{}/revoke", known, read_requests, &AdminApi::revoke_grant},
      {"GET", "/api/v1/break-glass", known, read_requests, &AdminApi::list_emergencies},
      {"POST", "/api/v1/break-glass", known, vote, &AdminApi::open_emergency},
      {"POST", "/api/v1/break-glass/{}/close", known, vote, &AdminApi::close_emergency},
      {"POST", "/api/v1/break-glass/{}/review", known, vote, &AdminApi::review_emergency},
      {"GET", "/api/v1/events", known, read_requests, &AdminApi::open_events},
      {"GET", "/api/v1/agents", known, read_requests, &AdminApi::list_agents},
      {"GET", "/api/v1/agents/{}", known, read_requests, &AdminApi::show_agent},
      {"POST", "/api/v1/agents/{}/freeze", known, kNone, &AdminApi::freeze_agent},
      {"POST", "/api/v1/agents/{}/unfreeze", known, freeze_agents, &AdminApi::thaw_agent},
      {"GET", "/api/v1/overview", known, read_requests, &AdminApi::show_overview},
      {"GET", "/api/v1/audit", known, read_audit, &AdminApi::query_audit},
      {"GET", "/api/v1/audit/export", known, read_audit, &AdminApi::export_audit},
      {"GET", "/api/v1/audit/key", known, read_audit, &AdminApi::show_key},
      {"GET", "/api/v1/audit/{}", known, read_audit, &AdminApi::show_record},
      {"GET", "/api/v1/audit/{}/proof", known, read_audit, &AdminApi::prove_record},
      {"GET", "/log/{…}", known, read_audit, &AdminApi::log_file},
      {"GET", "/api/v1/plans", known, read_requests, &AdminApi::list_plans},
      {"GET", "/api/v1/plans/{}", known, read_requests, &AdminApi::show_plan},
      {"GET", "/api/v1/attestations", known, read_requests, &AdminApi::list_attestations},
      {"GET", "/api/v1/attestations/{}", known, read_requests, &AdminApi::show_attestation},
      {"GET", "/api/v1/policies", known, read_policies, &AdminApi::show_policies},
      {"POST", "/api/v1/policies/reload", socket, kNone, &AdminApi::reload_policies},
      {"GET", "/api/v1/policies/files", known, read_policies, &AdminApi::policy_files},
      {"GET", "/api/v1/policies/schema", known, read_policies, &AdminApi::policy_schema},
      {"POST", "/api/v1/policies/check", known, edit_policies, &AdminApi::check_policies, kMaxPolicyBodyBytes},
      {"POST", "/api/v1/policies/diff", known, edit_policies, &AdminApi::diff_policies, kMaxPolicyBodyBytes},
      {"POST", "/api/v1/policies/replay", known, edit_policies, &AdminApi::replay_policies, kMaxPolicyBodyBytes},
      {"GET", "/api/v1/policies/proposals", known, read_policies, &AdminApi::list_proposals},
      {"POST", "/api/v1/policies/proposals", person, edit_policies, &AdminApi::propose_policies, kMaxPolicyBodyBytes},
      {"GET", "/api/v1/policies/proposals/{}", known, read_policies, &AdminApi::show_proposal},
      {"POST", "/api/v1/policies/proposals/{}/activate", person, activate_policies, &AdminApi::activate_proposal},
      {"POST", "/api/v1/policies/proposals/{}/withdraw", person, edit_policies, &AdminApi::withdraw_proposal},
      {"GET", "/api/v1/policies/history", known, read_policies, &AdminApi::policy_history},
      {"POST", "/api/v1/policies/history/{}/rollback", person, edit_policies, &AdminApi::roll_back_policies},
      {"GET", "/api/v1/tokens", known, manage_tokens, &AdminApi::list_tokens},
      {"POST", "/api/v1/tokens", known, manage_tokens, &AdminApi::issue_token},
      {"POST", "/api/v1/tokens/{}/revoke", known, kNone, &AdminApi::revoke_token},
      {"GET", "/api/v1/upstreams", known, read_requests, &AdminApi::list_upstreams},
  };
  return kRoutes;
}

const AdminApi::Route* AdminApi::find_route(std::string_view method, std::string_view path) {
  for (const Route& route : routes()) {
    if (route.method != method) continue;
    auto arguments = match(route.pattern, path);
    if (arguments && *arguments) return &route;
  }
  return nullptr;
}

Lane* AdminApi::lane_of(const RequestHead& head) {
  const Route* route = find_route(head.method == "HEAD" ? "GET" : std::string_view(head.method), head.path());
  if (route == nullptr || route->waits == Waits::briefly) return nullptr;
  return route->waits == Waits::for_hash ? &passwords_ : &provider_;
}

std::uint64_t AdminApi::body_limit(const RequestHead& head) const {
  const Route* route = find_route(head.method, head.path());
  return route == nullptr ? kMaxBodyBytes : route->body_bytes;
}

void AdminApi::request_changed(const approvals::Change& change) {
  events_.publish("request", {{"id", change.request.id},
                              {"state", approvals::state_name(change.to)},
                              {"from", change.from ? Json(approvals::state_name(*change.from)) : Json()}});
}

void AdminApi::policies_changed(std::string_view digest) {
  events_.check_all();  // who may read may have changed with them
  events_.publish("policies", {{"digest", digest}});
}

void AdminApi::agents_changed() {
  events_.publish("agents", Json::object());
}

void AdminApi::emergency_changed(const approvals::Emergency& emergency, approvals::EmergencyStep step) {
  events_.publish("emergency", {{"request", emergency.request}, {"step", approvals::step_name(step)}});
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
    if (route.permission && call.principal.kind != Principal::Kind::local_administrator) {
      if (auto allowed = permit(call, *route.permission); !allowed) return fail(allowed.error());
    }
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
  if (method == "GET" && find_asset(call.head.path()) != nullptr) return asset(call);
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
      // A cookie that opens nothing any more need not come along again.
      if (done.error().code.starts_with("session.") && call.head.headers.count("cookie") > 0)
        answer.headers.add("set-cookie", clear_cookie(kSessionCookie));
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

}  // namespace countersign::console
