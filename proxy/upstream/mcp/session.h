// A session with one MCP upstream, shared by all workers and all agents.
//
// A session lives on one worker, its home: its state is touched there and nowhere else, so nothing is locked but the
// published catalogue. Calls may come from any worker; they wait there, on a timer of their own, while the home works.
//
// What was sent (doors.h, nothing_was_sent): upstream.connect_failed and upstream.busy mean that the call never left.
// upstream.timeout, upstream.broken, upstream.cancelled and upstream.bad_response mean that it may have run. A call is
// never sent a second time.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "core/clock.h"
#include "core/log.h"
#include "proxy/adapters/doors.h"
#include "proxy/net/worker.h"

namespace countersign::mcp {

struct SessionOptions {            // times in milliseconds
  TimeMs call = 300'000;           // without an answer or progress: upstream.timeout
  TimeMs call_in_all = 3'600'000;  // with progress
  TimeMs handshake = 30'000;       // to start, initialise and list
  TimeMs first_pause = 200;        // before a child is started again; doubles up to last_pause
  TimeMs last_pause = 30'000;
  TimeMs settled = 60'000;             // a child that lived this long starts over with first_pause
  TimeMs leave = 2'000;                // for a child to end after its input was closed, and again after SIGTERM
  TimeMs listing_age = 60'000;         // a list over HTTP, which nobody says has changed, is asked for again after this
  std::size_t line_bytes = 16U << 20;  // one message of an upstream
  std::string version;                 // of the product, for clientInfo
};

// What a session was asked for, between the worker that waits and the home.
class Call {
 public:
  enum class Kind : std::uint8_t { request, ready };  // ready: only that the session be up and the tools listed

  explicit Call(boost::asio::any_io_executor executor);  // of the worker that waits
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  Kind kind = Kind::request;
  std::string method;
  std::string params;
  std::function<void(std::string)> on_progress;  // called on the waiting worker

  // Home only.
  std::int64_t id = 0;     // JSON-RPC id, once it has been sent
  bool abandoned = false;  // nobody waits any more

  // Home: hands the answer, or a progress notification's params, to the waiting worker. The first answer counts.
  static void answer(const std::shared_ptr<Call>& call, Result<std::string> result);
  static void progress(const std::shared_ptr<Call>& call, std::string params);

 private:
  friend Task<Result<std::string>> wait_for(std::shared_ptr<Call> call, const SessionOptions* options);
  struct Waiting;
  std::unique_ptr<Waiting> waiting_;
};

// The part of a session that lives at home.
class SessionCore : public std::enable_shared_from_this<SessionCore> {
 public:
  SessionCore(net::Worker& home, std::string upstream, SessionOptions options, const Log& log)
      : home_(home), upstream_(std::move(upstream)), options_(std::move(options)), log_(log) {}
  virtual ~SessionCore() = default;
  SessionCore(const SessionCore&) = delete;
  SessionCore& operator=(const SessionCore&) = delete;

  // Home only. begin() answers the call at some time; abandon() says that nobody waits for it any more.
  virtual void begin(std::shared_ptr<Call> call) = 0;
  virtual void abandon(std::shared_ptr<Call> call, std::string reason) = 0;

  // Any thread.
  [[nodiscard]] net::Worker& home() const { return home_; }
  [[nodiscard]] const std::string& upstream() const { return upstream_; }
  [[nodiscard]] const SessionOptions& options() const { return options_; }
  [[nodiscard]] const Log& log() const { return log_; }
  [[nodiscard]] std::shared_ptr<const adapters::McpCatalogue> catalogue() const;
  // Whether the catalogue may be used without asking.
  [[nodiscard]] bool fresh() const;

 protected:
  void publish(std::shared_ptr<const adapters::McpCatalogue> catalogue);
  void outdate() { listed_at_ = kNever; }
  // A list that does not age keeps fresh until outdate().
  enum class Ageing : std::uint8_t { stays, ages };
  Ageing ageing_ = Ageing::stays;

 private:
  static constexpr std::int64_t kNever = -1;
  net::Worker& home_;
  std::string upstream_;
  SessionOptions options_;
  const Log& log_;
  mutable std::mutex mutex_;  // guards catalogue_
  std::shared_ptr<const adapters::McpCatalogue> catalogue_;
  std::atomic<std::int64_t> listed_at_{kNever};  // steady clock, milliseconds
};

// McpDoor over a core; any worker.
class Session : public adapters::McpDoor {
 public:
  explicit Session(std::shared_ptr<SessionCore> core) : core_(std::move(core)) {}

  Task<Result<std::shared_ptr<const adapters::McpCatalogue>>> catalogue() override;
  [[nodiscard]] std::shared_ptr<const adapters::McpCatalogue> last_catalogue() const override;
  Task<Result<std::string>> call(std::string method, std::string params,
                                 std::function<void(std::string)> on_progress) override;

 private:
  Task<Result<std::string>> perform(std::shared_ptr<Call> call);
  std::shared_ptr<SessionCore> core_;
};

}  // namespace countersign::mcp
