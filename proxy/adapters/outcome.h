// Words for the outcome record, the same in every adapter.
#pragma once

#include <string>

#include "proxy/adapters/adapter.h"

namespace countersign::adapters {

// ok below 400, client_error below 500, server_error above.
[[nodiscard]] std::string outcome_of_status(int status);
// For an upstream that has no door.
[[nodiscard]] Error not_connected();
// For an upstream's 401: it is not the agent's credential that was refused, and clients throw theirs away when told so.
[[nodiscard]] Error credential_refused();
// Of a door's error, or of those two: not_forwarded when nothing was sent, timeout, cancelled, client_error when the
// credential was refused, else unknown.
[[nodiscard]] std::string outcome_of_error(const Error& error);
// What plain HTTP answers for such an error: 503, 504, or 502.
[[nodiscard]] int status_of_door_error(const Error& error);
// Tells a plain HTTP client that the upstream could not be asked or did not answer, and says so for the record.
Task<Forwarded> answer_failure(ReplySink& sink, Error error);

}  // namespace countersign::adapters
