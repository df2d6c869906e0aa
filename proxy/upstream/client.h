// Client: HTTP/1.1 towards upstreams, with connections kept for reuse. One client serves one worker; nothing is locked.
//
// What was sent. A change must never run twice, and the record of it must be true. Every error says whether the request
// can have reached the upstream: sent_of(error).
//   nothing: upstream.resolve_failed, upstream.connect_failed, upstream.tls_failed, upstream.busy, upstream.not_sent
//            (unavailable), upstream.connect_timeout (timed_out), upstream.bad_request (internal: the head cannot be
//            written); body.incomplete, of an arriving body (http1/arrival.h): without its end it is no request. What a
//            body's proof ends with is handed on as it is
//   maybe:   upstream.broken, upstream.cancelled (unavailable), upstream.timeout (timed_out), upstream.bad_response
//            (unavailable, answered 502: the response is malformed or ambiguous)
// A request is sent a second time only when its method is GET, HEAD or OPTIONS, the connection had been used before,
// and not one byte of a response has come.
//
// Cancellation (net/async.h) ends whatever is under way and closes the connection.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/http_head.h"
#include "core/result.h"
#include "core/task.h"
#include "proxy/http1/framing.h"
#include "proxy/http1/spool.h"
#include "proxy/net/worker.h"
#include "proxy/upstream/origin.h"

namespace countersign::upstream {

enum class Sent { nothing, maybe };
[[nodiscard]] Sent sent_of(const Error& error);

struct ClientOptions {                      // times in milliseconds
  std::size_t connections_per_origin = 64;  // of this worker
  std::size_t waiters_per_origin = 256;     // requests that wait for one of them; more: upstream.busy
  TimeMs wait = 10'000;                     // how long: upstream.busy
  TimeMs connect = 5'000;                   // resolving, connecting and handshake together: upstream.connect_timeout
  TimeMs write = 30'000;                    // one write that the upstream does not take: upstream.timeout
  TimeMs first_byte = 60'000;               // from the end of the request to the head of the response: upstream.timeout
  TimeMs gap = 60'000;                      // between two reads of the body: upstream.timeout
  TimeMs keep = 30'000;                     // an unused connection; shorter than what servers grant
  http1::Limits limits;                     // of response heads
};

struct Request {
  RequestHead head;  // Host is set to the origin's authority when missing; hop-by-hop fields are not sent
  // Finished; must outlive send(). Sent with Content-Length. One that was promised is sent as it arrives; when it does
  // not, or is another one, the connection is closed before its last byte, and send() ends with that error.
  const http1::Spool* body = nullptr;
  std::optional<TimeMs> first_byte;  // instead of ClientOptions::first_byte
};

class Response {
 public:
  ~Response();  // closes the connection unless the body was read to its end
  Response(const Response&) = delete;
  Response& operator=(const Response&) = delete;

  // Hop-by-hop fields are removed; Content-Length too: see length().
  [[nodiscard]] const ResponseHead& head() const;
  [[nodiscard]] ResponseHead take_head();
  // What Content-Length says, also for HEAD and 304; nullopt: chunked or until the end of the connection.
  [[nodiscard]] std::optional<std::uint64_t> length() const;
  [[nodiscard]] bool done() const;

  // At least one byte of the body, as it comes; 0 at the end. The connection is given back with the last byte.
  [[nodiscard]] Task<Result<std::size_t>> read_some(std::span<std::uint8_t> into);
  // The rest of the body; upstream.too_large (too_large) above `limit` bytes.
  [[nodiscard]] Task<Result<std::string>> read_all(std::size_t limit);
  // Waits at most this long between bytes from now on; negative: for ever (event streams).
  void set_gap(TimeMs gap);

 private:
  friend class Client;
  struct State;
  explicit Response(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

class Client {
 public:
  Client(net::Worker& worker, ClientOptions options);
  ~Client();  // closes the idle connections; after the workers have stopped, and before they are destroyed
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Sends the request and returns when the head of the (final) response has come. On the client's worker only.
  [[nodiscard]] Task<Result<std::unique_ptr<Response>>> send(std::shared_ptr<const Origin> origin, Request request);

  // Connections to `origin`, idle or in use; and idle ones alone. For tests and metrics, on the worker.
  [[nodiscard]] std::size_t open_connections(const Origin& origin) const;
  [[nodiscard]] std::size_t idle_connections(const Origin& origin) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// One client a worker: clients.on(exchange->worker()).
class Clients {
 public:
  Clients(net::Workers& workers, const ClientOptions& options);
  [[nodiscard]] Client& on(const net::Worker& worker) { return *clients_.at(worker.index()); }

 private:
  std::vector<std::unique_ptr<Client>> clients_;
};

}  // namespace countersign::upstream
