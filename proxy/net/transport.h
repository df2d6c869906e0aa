// Transport: one connection, plain or TLS, as the rest of the program sees it. Sockets and OpenSSL stay behind it.
//
// Threads: a transport belongs to the worker (proxy/net/worker.h) whose coroutine made it; every call is made there.
// At most one read and one write may be under way at a time; a read and a write may overlap.
//
// Errors of every operation:
//   net.timeout    timed_out    the deadline passed
//   net.cancelled  unavailable  the coroutine was cancelled (proxy/net/async.h), or close() was called
//   net.closed     unavailable  the peer reset the connection, or ended TLS without its closing alert
//   net.failed     unavailable  any other error of the operating system
//   net.tls        unavailable  the handshake failed, or TLS broke
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/bytes.h"
#include "core/result.h"
#include "core/task.h"

namespace countersign::net {

struct Peer {
  std::string address;               // "127.0.0.1:51234", "[::1]:51234" or "unix"
  std::optional<std::uint32_t> uid;  // of the process that opened the other end of a Unix socket (SO_PEERCRED)
  std::int32_t pid = 0;              // the same process; 0: not known, or one of another PID namespace
};

enum class Security { plain, tls };

class Transport : public std::enable_shared_from_this<Transport> {
 public:
  using ReadDone = std::move_only_function<void(Result<std::size_t>)>;

  virtual ~Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // TLS: the handshake, to be awaited before anything else. Plain: nothing.
  [[nodiscard]] virtual Task<Status> handshake() = 0;

  // Waits for at least one byte and fills up to into.size(); 0 means that the peer has ended its direction properly.
  [[nodiscard]] virtual Task<Result<std::size_t>> read_some(std::span<std::uint8_t> into) = 0;

  // The same without a coroutine: `done` is called once from the worker's loop, never from inside this call. This is
  // how one learns that the peer has gone while doing something else; whatever it reads is the beginning of the next
  // message. `into` must live until `done` is called; the transport keeps itself alive until then. close() ends it.
  virtual void start_read(std::span<std::uint8_t> into, ReadDone done) = 0;

  // Writes both pieces completely, in one system call when the kernel takes them.
  [[nodiscard]] virtual Task<Status> write(ByteView first, ByteView second = {}) = 0;

  // Ends our direction (TLS: sends the closing alert); the peer reads an end of stream.
  [[nodiscard]] virtual Task<Status> shutdown_write() = 0;

  // Closes at once. Operations under way end with net.cancelled. May be called twice.
  virtual void close() = 0;

  // True while the connection is open and nothing waits to be read: an idle connection in this state may be used again.
  // Costs one system call.
  [[nodiscard]] virtual bool quiet() = 0;

  // One deadline a connection: operations under way or started later fail with net.timeout once it has passed, until it
  // is armed again. Re-arming to a later time costs a read of the clock, no system call.
  virtual void arm_deadline(std::chrono::milliseconds from_now) = 0;
  virtual void disarm_deadline() = 0;

  [[nodiscard]] virtual Security security() const = 0;
  // The name the client asked for in TLS (SNI), or empty.
  [[nodiscard]] virtual std::string_view server_name() const { return {}; }
  [[nodiscard]] const Peer& peer() const { return peer_; }

  // Keeps `token` until the transport is destroyed: how a listener counts connections.
  void hold(std::shared_ptr<void> token) { token_ = std::move(token); }

 protected:
  Transport() = default;
  Peer peer_;

 private:
  std::shared_ptr<void> token_;
};

using TransportPtr = std::shared_ptr<Transport>;

}  // namespace countersign::net
