// The home side of StdioSession: one coroutine supervises the child, three serve its streams.
//
//   down ──▶ starting ──▶ ready ──▶ ending ──▶ pausing ──▶ starting …      stopping from everywhere
//
// All members are touched on the home worker, but for kill().
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "proxy/net/async.h"
#include "proxy/upstream/mcp/child.h"
#include "proxy/upstream/mcp/listing.h"
#include "proxy/upstream/mcp/session.h"

namespace countersign::mcp {

class StdioCore final : public SessionCore {
 public:
  StdioCore(net::Worker& home, std::string upstream, ChildCommand command, SessionOptions options, const Log& log);
  ~StdioCore() override;

  void begin(std::shared_ptr<Call> call) override;
  void abandon(std::shared_ptr<Call> call, std::string reason) override;
  void ensure_running();
  void stop(std::function<void()> done);
  // Any thread: SIGKILL to the child's group.
  void kill();

 private:
  enum class Phase : std::uint8_t { down, starting, ready, ending, pausing };
  struct Streams;  // the child's descriptors, shared by the coroutines that serve them
  using Answered = std::function<void(Result<std::string>)>;
  struct InFlight {
    Answered answered;
    std::shared_ptr<Call> call;  // nullptr: one of our own
  };

  static Task<void> supervise(std::shared_ptr<StdioCore> self);
  static Task<void> read_messages(std::shared_ptr<StdioCore> self, std::shared_ptr<Streams> streams);
  static Task<void> read_errors(std::shared_ptr<StdioCore> self, std::shared_ptr<Streams> streams);
  static Task<void> write_messages(std::shared_ptr<StdioCore> self, std::shared_ptr<Streams> streams);
  static Task<void> list_again(std::shared_ptr<StdioCore> self, std::shared_ptr<Streams> streams);

  Task<Status> run_child();
  Task<Status> handshake(std::shared_ptr<Streams> streams);
  Task<Status> list_tools(std::shared_ptr<Streams> streams);
  Task<Result<std::string>> ask(std::shared_ptr<Streams> streams, std::string method, std::string params);
  Task<void> end_child(std::shared_ptr<Streams> streams);
  Task<void> wait_for_exit(std::shared_ptr<Streams> streams, TimeMs at_most);

  void send_call(const std::shared_ptr<Call>& call);
  void write(Streams& streams, std::string text);
  void receive(Streams& streams, std::string_view line);
  void log_error_line(std::string_view line);
  // Nothing more is expected of this child; whatever is in flight fails.
  void over(Streams& streams, std::string reason);
  void fail_in_flight(const Error& error);
  void answer_waiting(const Status& ready);

  ChildCommand command_;
  Phase phase_ = Phase::down;
  bool stopping_ = false;
  bool was_ready_ = false;  // the last child
  TimeMs pause_ = 0;
  std::shared_ptr<Streams> streams_;
  std::unique_ptr<net::Event> wake_;  // ends a pause
  std::deque<std::shared_ptr<Call>> waiting_;
  std::map<std::int64_t, InFlight> in_flight_;
  std::int64_t next_id_ = 1;
  Listing listing_;
  bool listing_now_ = false;
  bool list_changed_ = false;
  std::vector<std::function<void()>> stopped_;

  // What a flooding child may put into the log.
  std::chrono::steady_clock::time_point log_window_;
  std::size_t log_lines_ = 0;

  std::mutex child_mutex_;  // guards child_ against kill()
  std::shared_ptr<ChildProcess> child_;
};

}  // namespace countersign::mcp
