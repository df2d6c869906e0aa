// From the bytes of a head to RequestHead / ResponseHead (core/http_head.h).
//
// Two readers must agree: the strict check of framing.h decides, Boost.Beast's basic_parser builds the fields, and a
// head they read differently is refused with http.ambiguous.
#pragma once

#include <string_view>

#include "core/http_head.h"
#include "core/result.h"
#include "proxy/http1/framing.h"

namespace countersign::http1 {

struct ParsedRequest {
  RequestHead head;
  RequestFraming framing;  // its views point into the bytes that were parsed
};

struct ParsedResponse {
  ResponseHead head;
  ResponseFraming framing;
};

// `bytes`: one head, exactly (find_head_end). Errors as check_request / check_response, and http.ambiguous.
[[nodiscard]] Result<ParsedRequest> parse_request(std::string_view bytes, const Limits& limits);
[[nodiscard]] Result<ParsedResponse> parse_response(std::string_view bytes, std::string_view method,
                                                    const Limits& limits);

}  // namespace countersign::http1
