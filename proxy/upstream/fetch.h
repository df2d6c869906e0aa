// One HTTP request from a program without workers: the command line reaches the admin API with it, over TCP, TLS or
// admin.sock.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/http_head.h"
#include "core/result.h"
#include "proxy/net/tls.h"

namespace countersign::upstream {

struct Fetched {
  ResponseHead head;
  std::string body;
};

struct FetchOptions {
  TimeMs connect = 5'000;
  TimeMs answer = 60'000;                      // for the head of the response, and between parts of its body
  std::size_t body_bytes = 64U * 1024 * 1024;  // of the response: upstream.too_large
  net::ClientTls tls;
};

// Blocks. `address` as parse_origin takes it ("unix:/…/admin.sock"); `head.target` is sent as it is. Errors as
// Client::send.
[[nodiscard]] Result<Fetched> fetch(std::string_view address, RequestHead head, std::string_view body,
                                    const FetchOptions& options = {});

}  // namespace countersign::upstream
