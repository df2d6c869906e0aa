#include "proxy/adapters/outcome.h"

namespace countersign::adapters {
namespace {

constexpr std::string_view kCredentialRefused = "upstream.credential_refused";

}  // namespace

Error not_connected() {
  return {ErrorKind::unavailable, "upstream.connect_failed", "the upstream is not connected"};
}

Error credential_refused() {
  return {ErrorKind::unavailable, std::string(kCredentialRefused),
          "the upstream does not take the gateway's credential"};
}

std::string outcome_of_status(int status) {
  if (status < 400) return "ok";
  return status < 500 ? "client_error" : "server_error";
}

std::string outcome_of_error(const Error& error) {
  if (nothing_was_sent(error)) return "not_forwarded";
  if (error.kind == ErrorKind::timed_out) return "timeout";
  if (error.code == kCredentialRefused) return "client_error";
  return error.code == "upstream.cancelled" ? "cancelled" : "unknown";
}

int status_of_door_error(const Error& error) {
  const bool of_the_client = error.kind == ErrorKind::malformed || error.kind == ErrorKind::unauthenticated ||
                             error.code == "token.expired" || error.code == "token.revoked" ||
                             error.code == "agent.frozen";
  if (of_the_client && nothing_was_sent(error)) return http_status(error.kind);  // its body: not to be tried again
  if (error.kind == ErrorKind::timed_out) return 504;
  return nothing_was_sent(error) ? 503 : 502;
}

Task<Forwarded> answer_failure(ReplySink& sink, Error error) {
  Forwarded done{.outcome = outcome_of_error(error), .status = status_of_door_error(error), .detail = error.message};
  std::string none;
  Status sent = co_await send_problem(sink, done.status, std::move(error), std::move(none));
  if (!sent) done.detail += "; the agent did not take the answer";
  co_return done;
}

}  // namespace countersign::adapters
