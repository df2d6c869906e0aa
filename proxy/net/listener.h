// Listener: accepts on one address and hands each connection to the least loaded worker.
//
// One acceptor, not one a worker: agents keep few, long connections, which the kernel's SO_REUSEPORT hash balances
// badly.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/result.h"
#include "proxy/net/tls.h"
#include "proxy/net/transport.h"
#include "proxy/net/worker.h"

namespace countersign::net {

struct ListenOptions {
  std::string address;           // "127.0.0.1:8700", "[::1]:0" (0: any free port), "unix:/run/admin.sock" (mode 0600)
  std::optional<ServerTls> tls;  // none: plain
  std::size_t max_connections = 10000;  // accepted ones alive at a time
};

enum class Admission {
  admitted,
  full,  // over max_connections: to be answered 503 and closed. A bounded number of these; beyond it connections are
         // just closed
};

class Listener {
 public:
  // Called on `worker`'s thread, before the handshake.
  using OnConnection = std::function<void(Worker& worker, TransportPtr transport, Admission admission)>;

  // net.address (invalid): the text is no address. net.listen (unavailable): it cannot be listened on.
  // A stale Unix socket file is replaced; a live one, or a file of another kind, is not.
  [[nodiscard]] static Result<std::unique_ptr<Listener>> open(Workers& workers, const ListenOptions& options,
                                                              OnConnection on_connection);
  ~Listener();

  // The port in use; 0 for Unix sockets.
  [[nodiscard]] std::uint16_t port() const;
  // Connections alive. Any thread.
  [[nodiscard]] std::size_t connections() const;
  // Any thread; returns when no further connection will be handed out. Must not be called from a worker. Also done by
  // the destructor.
  void stop();

 private:
  struct State;
  explicit Listener(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace countersign::net
