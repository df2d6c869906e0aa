// Server: HTTP/1.1 on one listening address.
//
// For each connection, on its worker: read a head, check it strictly, call the handler, keep the connection or close
// it. Requests that are refused before the handler sees them are answered with a problem document and told to the
// observer, because every request leaves a record.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "core/clock.h"
#include "core/result.h"
#include "proxy/http1/exchange.h"
#include "proxy/http1/framing.h"
#include "proxy/http1/spool.h"
#include "proxy/net/listener.h"
#include "proxy/net/worker.h"

namespace countersign::http1 {

class Handler {
 public:
  virtual ~Handler() = default;
  // Answers one request; `exchange` lives until the coroutine ends. Runs on the connection's worker, many at a time. An
  // exception that leaves it becomes a 500 and is told to the observer; returning without a response is the same
  // mistake.
  [[nodiscard]] virtual Task<void> handle(Exchange* exchange) = 0;
};

struct Refusal {
  net::Peer peer;
  Error error;               // http.… or net.tls
  int status = 0;            // what was answered; 0: nothing could be
  std::string request_line;  // up to the query and at most 200 bytes, as received; empty when none came
};

// Called on workers' threads, and must not block.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void on_refused(const Refusal& refusal) = 0;
  // A mistake of the program: a handler leaked an exception or did not answer.
  virtual void on_fault(const net::Peer& peer, std::string_view what) = 0;
};

struct Timeouts {            // milliseconds
  TimeMs idle = 75'000;      // a kept connection without a request
  TimeMs head = 10'000;      // from the first byte of a head (or the connection's start) to its end: 408
  TimeMs body_gap = 30'000;  // between two reads of a body: 408
  TimeMs body = 1'800'000;   // a whole body: 408
  TimeMs write = 30'000;     // one write that the client does not take
  TimeMs linger = 2'000;     // reading on after an early answer, so that the client sees it
};

struct ServerOptions {
  net::ListenOptions listen;
  Limits limits;
  Timeouts timeouts;
  SpoolOptions spool;
};

class Server {
 public:
  // `handler` and `observer` must live until the workers have stopped. Errors as net::Listener::open.
  [[nodiscard]] static Result<std::unique_ptr<Server>> start(net::Workers& workers, ServerOptions options,
                                                             Handler& handler, Observer& observer);
  // As drain(0).
  ~Server();

  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] std::size_t connections() const;

  // Stops accepting, closes idle connections, lets running requests end for up to `bound` ms, then cancels them
  // (or_client_gone) and closes. Returns when every connection has ended, or one second after the cancellation. Not
  // from a worker.
  void drain(TimeMs bound);

 private:
  struct State;
  explicit Server(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace countersign::http1
