// Who is asking: by token, by cookie, or by the socket's file permission; and what they may do.
#include <algorithm>

#include "approvals/names.h"
#include "console/api.h"
#include "console/cookies.h"
#include "console/guard.h"

namespace countersign::console {
namespace {

bool changes_something(const Call& call) {
  return call.head.method != "GET" && call.head.method != "HEAD";
}

Status refuse_cross_site(std::string message) {
  return fail(ErrorKind::forbidden, "admin.csrf", std::move(message));
}

}  // namespace

bool AdminApi::is_own_origin(const Call& call) const {
  auto origin = call.head.headers.get("origin");
  return origin && is_same_origin(*origin, call.head.headers.get("host").value_or(""), services_.config);
}

Status AdminApi::check_same_site(const Call& call, std::string_view csrf) const {
  if (!changes_something(call)) return {};
  if (!is_own_origin(call))
    return refuse_cross_site("a change made with a session needs the Origin header of the console itself");
  if (auto site = call.head.headers.get("sec-fetch-site"); site && *site != "same-origin")
    return refuse_cross_site("a change made with a session must come from the console itself");
  if (call.head.headers.count("x-csrf-token") != 1 || csrf.empty() ||
      !equal_constant_time(as_bytes(*call.head.headers.get("x-csrf-token")), as_bytes(csrf))) {
    return refuse_cross_site("a change made with a session needs the header X-CSRF-Token of GET /api/v1/session");
  }
  return {};
}

Result<Principal> AdminApi::by_token(const Call& call) const {
  auto caller = services_.authenticator.identify(call.head, auth::Audience::admin, services_.clock.now());
  if (!caller) return fail(caller.error());
  if (services_.rulesets.current()->policies->directory().find_user(caller->owner) == nullptr) {
    return fail(ErrorKind::forbidden, "admin.unknown_person",
                "the token belongs to somebody who is not a user in entities.yaml");
  }
  Principal principal;
  principal.kind = Principal::Kind::person;
  principal.how = Principal::How::token;
  principal.name = caller->owner;
  principal.chain = caller->chain;
  principal.signed_in = caller->issued;
  principal.expires = caller->expires;
  return principal;
}

Result<Principal> AdminApi::by_cookie(const Call& call, std::string_view cookie) const {
  auto session = services_.people.find_session(cookie, services_.clock.now());
  if (!session) return fail(session.error());
  if (auto allowed = check_same_site(call, session->csrf); !allowed) return fail(allowed.error());
  Principal principal;
  principal.kind = Principal::Kind::person;
  principal.how = Principal::How::session;
  principal.name = session->user;
  principal.signed_in = session->signed_in;
  principal.expires = session->expires;
  principal.session = std::make_shared<const auth::Session>(std::move(*session));
  return principal;
}

Result<Principal> AdminApi::authenticate(const Call& call, Access access) const {
  if (access == Access::open) return Principal();
  Result<Principal> principal = Principal();
  if (call.head.headers.count("authorization") > 0) {
    principal = by_token(call);
  } else if (call.channel == Channel::unix_socket) {
    principal->kind = Principal::Kind::local_administrator;
    principal->how = Principal::How::socket;
    principal->name = approvals::kLocalAdministrator;
  } else {
    auto cookie = find_cookie(call.head, kSessionCookie);
    if (!cookie) return fail(cookie.error());
    principal = cookie->empty() ? by_token(call) : by_cookie(call, *cookie);
  }
  if (!principal) return principal;
  if (access == Access::socket && call.channel != Channel::unix_socket) {
    return fail(ErrorKind::forbidden, "admin.socket_only",
                "this is done on the gateway's own machine only, through admin.sock");
  }
  if (access == Access::person && !principal->is_person())
    return fail(ErrorKind::forbidden, "admin.person_required", "this is done by a person: with a personal token");
  return principal;
}

bool AdminApi::may(const Principal& principal, Permission permission) const {
  if (principal.kind == Principal::Kind::local_administrator) return permission != Permission::vote;
  if (!principal.is_person()) return false;
  auto ruleset = services_.rulesets.current();
  return ruleset->roles->may(ruleset->policies->directory(), principal.name, permission);
}

Status AdminApi::permit(const Call& call, Permission permission) const {
  if (may(call.principal, permission)) return {};
  return fail(ErrorKind::forbidden, "admin.not_permitted",
              "the roles of this gateway do not give you `" + std::string(policies::permission_name(permission)) + "`");
}

bool AdminApi::still_known(const Principal& principal) const {
  TimeMs now = services_.clock.now();
  if (principal.kind == Principal::Kind::local_administrator) return true;
  if (now >= principal.expires) return false;
  if (!may(principal, Permission::read_requests)) return false;
  if (principal.how == Principal::How::token) return services_.authenticator.check_chain(principal.chain).has_value();
  // Looked up in the list: an event stream that stays open is no sign that anybody is there.
  auto sessions = services_.people.sessions_of(principal.name, now);
  return sessions && std::ranges::find(*sessions, principal.session->id, &auth::Session::id) != sessions->end();
}

}  // namespace countersign::console
