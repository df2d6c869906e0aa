// A small blocking HTTP client over libcurl, for what is asked now and then: identity providers, web hooks. What agents
// ask goes through proxy/upstream instead.
//
// Closed by default: http and https only, no redirects, no proxy from the environment, no cookies, no .netrc, no
// compression, certificates verified (TLS 1.2 or later), bounded in time and size. Bodies and headers are logged
// nowhere, and no error has a part of them.
//
// The process ignores SIGPIPE. Any thread; each call is its own connection. libcurl is initialised once, at the first
// call.
//
// Errors: http_client.bad_url (invalid), http_client.bad_header (invalid), http_client.unreachable (unavailable: name,
// connection), http_client.tls (unavailable: certificate or handshake), http_client.timed_out (timed_out),
// http_client.too_large (too_large), http_client.redirected (unavailable: more redirects than allowed),
// http_client.failed (unavailable: broken answer). An answer of any status is no error.
#pragma once

#include <cstddef>
#include <string>

#include "core/clock.h"
#include "core/http_head.h"
#include "core/result.h"

namespace countersign {

struct HttpAsk {
  std::string method = "GET";
  std::string url;      // http(s)://…, at most 8,000 bytes, no user or password in it
  HeaderList headers;   // Host, Content-Length and the like are libcurl's
  std::string body;     // sent when it is not empty, and with POST and PUT in any case
  std::string ca_file;  // PEM, in place of the system's; empty: the system's
  std::string proxy;    // "http://proxy:3128"; empty: none, whatever the environment says
  TimeMs connect_time = 5'000;
  TimeMs total_time = 10'000;
  std::size_t most_bytes = 1U << 20;  // of the answer's body
  std::size_t most_header_bytes = 64U << 10;
  int redirects = 0;  // to follow: same scheme or https only, GET and HEAD only
};

struct HttpAnswer {
  int status = 0;
  HeaderList headers;  // of the last answer; names in lower case
  std::string body;
};

[[nodiscard]] Result<HttpAnswer> fetch(const HttpAsk& ask);

}  // namespace countersign
