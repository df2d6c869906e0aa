// Outgoing connections.
#pragma once

#include <cstdint>
#include <string>

#include "core/clock.h"
#include "core/result.h"
#include "proxy/net/transport.h"

namespace countersign::net {

class TlsContext;

struct Destination {
  std::string host;  // name or address, without brackets
  std::uint16_t port = 0;
  std::string unix_path;  // when not empty, host and port are not used to connect
};

// Resolves, connects (each address in turn) and, with `tls` (may be null; must outlive the transport), does the
// handshake and checks that the certificate carries `destination.host`. `timeout` in ms bounds all of it.
//
// Errors: net.resolve, net.connect (unavailable), net.tls (unavailable), net.timeout (timed_out), net.cancelled. In
// every case no byte of a request has been sent.
[[nodiscard]] Task<Result<TransportPtr>> connect(Destination destination, const TlsContext* tls, TimeMs timeout);

}  // namespace countersign::net
