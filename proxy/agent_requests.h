// What an agent may do about a request it made, without repeating it; on the agents listener:
//
//   GET    /.countersign/requests/ID                 where it stands: JSON {request, state, expires, reason, …}
//   PUT    /.countersign/requests/ID/documentation   tells approvers what they must know: the JSON object of
//                                                    approvals/documentation.h
//   DELETE /.countersign/requests/ID                 withdraws it, as long as it does not run; the body, when there is
//                                                    one, is {"reason": TEXT}
//
// For callers of the request's own lineage; to others it does not exist. The result itself is collected by repeating
// the request.
#pragma once

#include "proxy/parts.h"

namespace countersign::proxy {

[[nodiscard]] bool is_about_a_request(const RequestHead& head);

Task<void> answer_about_a_request(Parts* parts, http1::Exchange* exchange, const Trail* trail,
                                  const auth::Caller* caller);

}  // namespace countersign::proxy
