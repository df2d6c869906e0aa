// Exchange: one request and its response, as a handler sees them.
//
// Lifetime: lives while Handler::handle runs; everything is called on the worker's thread, from that coroutine. Views
// given to `respond` and `write_body` must live until the call has been awaited.
//
// Errors of the operations: those of net::Transport, those of http1/framing.h, and http.misuse (internal) when they are
// called in an order that makes no message.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "core/clock.h"
#include "core/http_head.h"
#include "core/task.h"
#include "proxy/http1/spool.h"
#include "proxy/net/transport.h"

namespace countersign::net {
class Worker;
}

namespace countersign::http1 {

class Connection;

// When the head of a streamed response leaves.
enum class HeadFlush {
  now,               // at once: event streams
  with_first_bytes,  // in one system call with the first write_body()
};

// Whether what came, of this digest, may be passed on to its end. Called once.
using BodyProof = std::move_only_function<Status(const Digest& came)>;

// Appends to `decoded` what the next bytes of a coded body say.
using BodyDecoder = std::move_only_function<Status(ByteView came, std::string& decoded)>;

class Exchange {
 public:
  Exchange(Connection* connection, RequestHead head);
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // Checked by the strict framing rules; `target` is in origin form or "*".
  [[nodiscard]] const RequestHead& head() const { return head_; }
  [[nodiscard]] const net::Peer& peer() const;
  [[nodiscard]] net::Security security() const;
  // The worker this runs on: worker().index() finds per-worker state.
  [[nodiscard]] net::Worker& worker() const;

  // Reads the whole body (sending 100 Continue first when the client waits for it) and returns it finished; the same
  // spool every time, owned by the exchange. `limit` in bytes, known from the first byte for announced lengths.
  // http.body_too_large (too_large), http.timeout (timed_out), http.truncated, http.bad_chunk, spool.write_failed.
  // After an error the connection cannot be used for another request; respond() then closes it.
  [[nodiscard]] Task<Result<Spool*>> read_body(std::uint64_t limit);
  // The same, and the spool has what `decode` makes of the bytes as they come; its errors end the reading. `limit` is
  // of what comes. read_body(limit) then gives that spool. http.misuse when the body was read or promised before.
  [[nodiscard]] Task<Result<Spool*>> read_decoded(std::uint64_t limit, BodyDecoder decode);
  // In place of reading it now: its length, which the head announces, and its digest are known, so the body may be
  // passed on while it arrives. read_body() then gives a promised spool (http1/spool.h) at once. `proof` is asked with
  // the digest of what came before the last piece is given out. False, and nothing is changed: no length is announced,
  // or one that is not over `over`, or is over `limit`; or the body was read already.
  [[nodiscard]] bool promise_body(const Digest& digest, std::uint64_t over, std::uint64_t limit, BodyProof proof);
  // The same as read_body, with every byte here: one that was promised is received now, and proven.
  [[nodiscard]] Task<Result<Spool*>> whole_body();
  // The spool, moved out, after read_body: for requests that are kept beyond the exchange.
  [[nodiscard]] Spool take_body();

  // A complete response; Content-Length, Date and Connection are added. The body is not sent for HEAD, 204 and 304.
  [[nodiscard]] Task<Status> respond(ResponseHead head, std::string_view body = {});
  // A problem document (RFC 9457) with `status_of(error)`.
  [[nodiscard]] Task<Status> respond_problem(Error error);

  // A streamed response: start_response, write_body…, finish. With `length` exactly that many bytes must follow;
  // without it the body is chunked (HTTP/1.0 clients: ended by closing). Each write_body has left when it returns.
  [[nodiscard]] Task<Status> start_response(ResponseHead head, std::optional<std::uint64_t> length,
                                            HeadFlush flush = HeadFlush::now);
  [[nodiscard]] Task<Status> write_body(ByteView bytes);
  [[nodiscard]] Task<Status> finish();

  // True once a response was begun.
  [[nodiscard]] bool responded() const { return phase_ != Phase::waiting; }

  // Awaits `work`, and cancels it when the client goes away meanwhile (or the server ends). The result is always that
  // of `work`: it alone knows whether something was sent upstream before the cancellation reached it. When the client
  // has gone before, `work` is not started: http.client_gone (unavailable). A client that ends its sending direction
  // counts as gone.
  template <class T>
  [[nodiscard]] Task<Result<T>> or_client_gone(Task<Result<T>> work) {
    if (!begin_watch()) co_return fail(ErrorKind::unavailable, "http.client_gone", "the client has gone");
    Result<T> result = co_await std::move(work);
    co_await end_watch();
    co_return result;
  }
  // What is known so far, without waiting.
  [[nodiscard]] bool client_gone() const;

  // Bounds all further waiting on the client (not on upstreams), in ms. Each read_body and write sets its own again.
  void arm_deadline(TimeMs from_now);

 private:
  friend class Connection;
  enum class Phase { waiting, streaming, done, broken };

  class Promised;

  [[nodiscard]] Task<Result<Spool*>> receive_all(std::uint64_t limit, BodyDecoder decode);
  // Before an answer: what nobody took of a promised body, so that a client that sends before it listens hears it.
  [[nodiscard]] Task<void> drain_promised();
  // One read of the body, within its times.
  [[nodiscard]] Task<Result<std::size_t>> receive(std::span<std::uint8_t> into,
                                                  std::chrono::steady_clock::time_point until);
  [[nodiscard]] bool begin_watch();
  [[nodiscard]] Task<void> end_watch();
  [[nodiscard]] Task<Status> send(ByteView first, ByteView second);
  [[nodiscard]] Task<Status> send_continue();
  // Whether the connection outlives this response; to be known before its head is written.
  void decide_persistence();

  Connection* connection_;
  RequestHead head_;
  std::unique_ptr<Promised> promised_;
  std::optional<Spool> body_;
  Phase phase_ = Phase::waiting;
  bool body_allowed_ = true;  // false: HEAD, 204, 304
  bool chunked_ = false;
  std::optional<std::uint64_t> left_;  // of an announced length
};

}  // namespace countersign::http1
