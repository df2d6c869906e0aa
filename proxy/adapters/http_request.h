// An HTTP request as the http adapter reads it: checked, named, and ready to be frozen or forwarded. No I/O.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/config.h"
#include "core/http_head.h"
#include "proxy/adapters/adapter.h"
#include "proxy/adapters/http_form.h"
#include "proxy/adapters/http_operations.h"

namespace countersign::adapters {

struct HttpRequest {
  RequestHead head;   // what is forwarded: target relative to the upstream, end-to-end fields
  std::string mount;  // the agent's prefix of our paths: "/web"; answers' links are put below it
  FormBody form = FormBody::none;
  bool has_body = false;
  Operation operation;
  std::string called;  // HttpOperation::name and summary
  std::string summary;
};

// Reads and names a request. `base_path` is the path of the upstream's address without trailing '/': "" or "/api".
//
// Errors: http.bad_method, http.method_not_supported, http.ambiguous_path, http.ambiguous_query, http.method_override,
// http.path_override, http.bad_header, http.bad_destination, http.bad_overwrite, http.too_many_parameters.
Result<HttpRequest> read_http_request(const config::Upstream& upstream, const HttpOperations& operations,
                                      std::string_view base_path, const Inbound& inbound);

// The stored form, canonical JSON: {"body":…,"form":…,"headers":[[name,value]…],"method":…,"mount":…,"target":…}.
[[nodiscard]] std::string freeze_http_request(const HttpRequest& request);
// And back. Names the operation anew, by today's rules. Error: request.malformed, and those of read_http_request.
Result<HttpRequest> thaw_http_request(const config::Upstream& upstream, const HttpOperations& operations,
                                      std::string_view base_path, std::string_view frozen);

// What an identical retry repeats: method, target and every field but the envelope's.
[[nodiscard]] std::string http_identity(const HttpRequest& request);

}  // namespace countersign::adapters
