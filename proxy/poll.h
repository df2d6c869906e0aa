// GET /.countersign/requests/ID on the agents listener: how an agent asks after a request it made, without repeating
// it.
#pragma once

#include "proxy/parts.h"

namespace countersign::proxy {

[[nodiscard]] bool is_poll(const RequestHead& head);

// JSON {request, state, expires, code, reason, result}: to callers of the request's own lineage; to others it does not
// exist. It shows where the request stands; the result is collected by repeating the request.
Task<void> answer_poll(Parts* parts, http1::Exchange* exchange, const Trail* trail, const auth::Caller* caller);

}  // namespace countersign::proxy
