#include "proxy/upstream/mcp/stdio_core.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <csignal>
#include <tuple>
#include <utility>

namespace countersign::mcp {
namespace {

namespace asio = boost::asio;
constexpr auto kWait = asio::as_tuple(asio::use_awaitable);

constexpr std::size_t kMaxWaiting = 1024;
constexpr std::size_t kMaxInFlight = 1024;
constexpr std::size_t kMaxOutboxBytes = 64U << 20;
constexpr std::size_t kMaxLoggedLine = 1000;
constexpr std::size_t kLoggedLines = 50;  // of stderr, in each
constexpr auto kLogWindow = std::chrono::seconds(10);
constexpr TimeMs kShortPause = 1000;  // calls wait for a child that will be started within it

Error broken(std::string message) {
  return {ErrorKind::unavailable, "upstream.broken", std::move(message)};
}
Error not_connected(std::string message) {
  return {ErrorKind::unavailable, "upstream.connect_failed", std::move(message)};
}

}  // namespace

struct StdioCore::Streams {
  Streams(const asio::any_io_executor& executor, ChildProcess& child)
      : input(executor, child.take_input()),
        output(executor, child.take_output()),
        errors(executor, child.take_errors()),
        pidfd(executor, child.take_pidfd()),
        outgoing(executor),
        over(executor) {}
  void close() {
    boost::system::error_code ignored;
    for (asio::posix::stream_descriptor* stream : {&input, &output, &errors}) {
      if (stream->is_open()) stream->close(ignored);
    }
  }
  asio::posix::stream_descriptor input;
  asio::posix::stream_descriptor output;
  asio::posix::stream_descriptor errors;
  asio::posix::stream_descriptor pidfd;
  std::deque<std::string> outbox;
  std::size_t outbox_bytes = 0;
  net::Event outgoing;  // something is in the outbox, or the session with this child is over
  net::Event over;
  bool is_over = false;
  std::string why;

  void end(std::string reason) {
    if (is_over) return;
    is_over = true;
    why = std::move(reason);
    over.notify();
    outgoing.notify();
  }
};

StdioCore::StdioCore(net::Worker& home, std::string upstream, ChildCommand command, SessionOptions options,
                     const Log& log)
    : SessionCore(home, std::move(upstream), std::move(options), log),
      command_(std::move(command)),
      pause_(this->options().first_pause),
      wake_(std::make_unique<net::Event>(home.executor())) {}

StdioCore::~StdioCore() = default;

void StdioCore::begin(std::shared_ptr<Call> call) {
  if (call->abandoned) return;
  if (stopping_) return Call::answer(call, fail(not_connected("the gateway is shutting down")));
  bool long_pause = phase_ == Phase::pausing && pause_ > kShortPause;
  if (long_pause)
    return Call::answer(call, fail(not_connected("the upstream's command has ended and is not started again yet")));
  bool listing = call->kind == Call::Kind::ready && !fresh();
  if (phase_ == Phase::ready && !listing) return send_call(call);
  if (waiting_.size() >= kMaxWaiting)
    return Call::answer(call, fail(ErrorKind::unavailable, "upstream.busy", "too many calls wait for the upstream"));
  waiting_.push_back(std::move(call));
  ensure_running();
}

void StdioCore::send_call(const std::shared_ptr<Call>& call) {
  if (call->abandoned) return;
  if (call->kind == Call::Kind::ready) return Call::answer(call, std::string());
  Streams& streams = *streams_;
  if (streams.is_over) return Call::answer(call, fail(not_connected("the upstream's command has ended")));
  if (in_flight_.size() >= kMaxInFlight || streams.outbox_bytes + call->params.size() > kMaxOutboxBytes)
    return Call::answer(call, fail(ErrorKind::unavailable, "upstream.busy", "too many calls are in flight"));
  call->id = next_id_++;
  in_flight_[call->id] = {[call](Result<std::string> result) { Call::answer(call, std::move(result)); }, call};
  write(streams, request_text(call->id, call->method, call->params, call->on_progress ? call->id : 0));
}

void StdioCore::abandon(std::shared_ptr<Call> call, std::string reason) {
  call->abandoned = true;
  std::erase(waiting_, call);
  if (in_flight_.erase(call->id) > 0 && streams_) write(*streams_, cancelled_text(call->id, reason));
}

void StdioCore::ensure_running() {
  if (phase_ != Phase::down || stopping_) return;
  phase_ = Phase::starting;
  auto self = std::static_pointer_cast<StdioCore>(shared_from_this());
  home().spawn([self] { return supervise(self); },
               [self](std::exception_ptr) {
                 self->log().error("the supervisor of an upstream ended", {{"upstream", self->upstream()}});
               });
}

void StdioCore::stop(std::function<void()> done) {
  stopping_ = true;
  answer_waiting(fail(not_connected("the gateway is shutting down")));
  if (done) stopped_.push_back(std::move(done));
  if (streams_) over(*streams_, "the gateway is shutting down");
  wake_->notify();
  if (phase_ != Phase::down) return;
  for (std::function<void()>& callback : std::exchange(stopped_, {})) callback();
}

void StdioCore::kill() {
  std::lock_guard lock(child_mutex_);
  if (child_) child_->kill_group(SIGKILL);
}

Task<void> StdioCore::supervise(std::shared_ptr<StdioCore> self) {
  StdioCore& core = *self;
  while (!core.stopping_) {
    core.phase_ = Phase::starting;
    const auto started = std::chrono::steady_clock::now();
    Status ended = co_await core.run_child();
    core.outdate();
    core.phase_ = Phase::pausing;
    // What came while a working child ended waits for the next one; one that never worked need not be waited for.
    bool soon = core.was_ready_ && core.pause_ <= kShortPause;
    if (!soon || core.stopping_) core.answer_waiting(fail(not_connected(ended.error().message)));
    if (core.stopping_) break;
    if (std::chrono::steady_clock::now() - started > std::chrono::milliseconds(core.options().settled)) {
      core.pause_ = core.options().first_pause;
    }
    const std::string pause = std::to_string(core.pause_);
    core.log().warning("an upstream's command has ended and will be started again",
                       {{"upstream", core.upstream()}, {"why", ended.error().message}, {"after_ms", pause}});
    const TimeMs nap = core.pause_;
    std::ignore = co_await core.wake_->wait(nap);
    core.pause_ = std::min(core.pause_ * 2, core.options().last_pause);
  }
  core.phase_ = Phase::down;
  for (std::function<void()>& done : std::exchange(core.stopped_, {})) done();
}

// From start to reaped; the error says why it ended.
Task<Status> StdioCore::run_child() {
  was_ready_ = false;
  Result<std::unique_ptr<ChildProcess>> started = ChildProcess::start(command_);
  if (!started) co_return fail(started.error());
  auto streams = std::make_shared<Streams>(home().executor(), **started);
  {
    std::lock_guard lock(child_mutex_);
    child_ = std::move(*started);
  }
  streams_ = streams;
  auto self = std::static_pointer_cast<StdioCore>(shared_from_this());
  auto broke = [self, streams](std::exception_ptr) { self->over(*streams, "reading from it failed"); };
  home().spawn([self, streams] { return read_messages(self, streams); }, broke);
  home().spawn([self, streams] { return write_messages(self, streams); }, broke);
  home().spawn([self, streams] { return read_errors(self, streams); }, broke);

  Status ready = co_await handshake(streams);
  was_ready_ = ready.has_value();
  if (ready && !streams->is_over) {
    phase_ = Phase::ready;
    log().info("an upstream's command is ready", {{"upstream", upstream()}});
    answer_waiting(Status());
    while (!streams->is_over) std::ignore = co_await streams->over.wait(-1);
  } else {
    over(*streams, ready ? "the command ended" : ready.error().message);
  }
  co_await end_child(streams);
  streams_.reset();
  co_return fail(broken(streams->why));
}

Task<Status> StdioCore::handshake(std::shared_ptr<Streams> streams) {
  listing_ = Listing();
  std::string params = initialize_params(options().version);
  Result<std::string> answer = co_await ask(streams, "initialize", std::move(params));
  if (!answer) co_return fail(answer.error());
  Status initialized = listing_.initialized(*answer);
  if (!initialized) co_return initialized;
  write(*streams, std::string(kInitializedText));
  co_return co_await list_tools(streams);
}

Task<Status> StdioCore::list_tools(std::shared_ptr<Streams> streams) {
  do {
    list_changed_ = false;
    listing_.restart();
    std::optional<std::string> cursor = "";
    while (listing_.has_tools() && cursor) {
      std::string params = list_params(*cursor);
      Result<std::string> answer = co_await ask(streams, "tools/list", std::move(params));
      if (!answer) co_return fail(answer.error());
      Result<std::optional<std::string>> next = listing_.page(*answer);
      if (!next) co_return fail(next.error());
      cursor = std::move(*next);
    }
  } while (list_changed_);
  publish(listing_.finish());
  co_return Status();
}

// The upstream said that its tools have changed: until they are listed, none can be judged.
Task<void> StdioCore::list_again(std::shared_ptr<StdioCore> self, std::shared_ptr<Streams> streams) {
  StdioCore& core = *self;
  Status listed = co_await core.list_tools(streams);
  core.listing_now_ = false;
  if (!listed)
    core.over(*streams, "its tools could not be listed: " + listed.error().message);
  else if (core.phase_ == Phase::ready)
    core.answer_waiting(Status());
}

// One of our own requests, bounded by the time of a handshake.
Task<Result<std::string>> StdioCore::ask(std::shared_ptr<Streams> streams, std::string method, std::string params) {
  struct Answer {
    explicit Answer(const asio::any_io_executor& executor) : came(executor) {}
    net::Event came;
    std::optional<Result<std::string>> result;
  };
  auto answer = std::make_shared<Answer>(home().executor());
  const std::int64_t id = next_id_++;
  in_flight_[id] = {[answer](Result<std::string> result) {
                      answer->result = std::move(result);
                      answer->came.notify();
                    },
                    nullptr};
  write(*streams, request_text(id, method, params, 0));
  if (streams->is_over) over(*streams, streams->why);
  const TimeMs at_most = options().handshake;
  Status came = co_await answer->came.wait(at_most);
  in_flight_.erase(id);
  if (answer->result) co_return std::move(*answer->result);
  co_return fail(broken("no answer to " + method + ": " + came.error().message));
}

Task<void> StdioCore::wait_for_exit(std::shared_ptr<Streams> streams, TimeMs at_most) {
  auto gone = std::make_shared<net::Event>(home().executor());
  streams->pidfd.async_wait(asio::posix::stream_descriptor::wait_read,
                            [gone, streams](const boost::system::error_code& error) {
                              if (!error) gone->notify();
                            });
  std::ignore = co_await gone->wait(at_most);
  boost::system::error_code ignored;
  streams->pidfd.cancel(ignored);
}

Task<void> StdioCore::end_child(std::shared_ptr<Streams> streams) {
  boost::system::error_code ignored;
  streams->input.close(ignored);
  const TimeMs leave = options().leave;
  std::string exit;
  for (int signal : {0, SIGTERM, SIGKILL}) {
    if (signal != 0) child_->kill_group(signal);
    const TimeMs at_most = signal == SIGKILL ? -1 : leave;
    co_await wait_for_exit(streams, at_most);
    exit = child_->reap();
    if (!exit.empty()) break;
  }
  streams->close();
  if (!exit.empty()) streams->why += " (" + exit + ")";
  std::lock_guard lock(child_mutex_);
  child_.reset();
}

Task<void> StdioCore::read_messages(std::shared_ptr<StdioCore> self, std::shared_ptr<Streams> streams) {
  std::string buffer;
  std::vector<char> piece(64U << 10);
  while (!streams->is_over) {
    auto space = asio::buffer(piece);
    auto done = co_await streams->output.async_read_some(space, kWait);
    if (std::get<0>(done)) {
      self->over(*streams, "the command closed its output");
      break;
    }
    std::size_t scanned = buffer.size();
    buffer.append(piece.data(), std::get<1>(done));
    std::size_t begin = 0;
    for (std::size_t end = buffer.find('\n', scanned); end != std::string::npos; end = buffer.find('\n', begin)) {
      self->receive(*streams, std::string_view(buffer).substr(begin, end - begin));
      begin = end + 1;
    }
    buffer.erase(0, begin);
    if (buffer.size() > self->options().line_bytes) self->over(*streams, "the command wrote a line that is too long");
  }
}

Task<void> StdioCore::read_errors(std::shared_ptr<StdioCore> self, std::shared_ptr<Streams> streams) {
  std::string buffer;
  std::vector<char> piece(16U << 10);
  while (true) {
    auto space = asio::buffer(piece);
    auto done = co_await streams->errors.async_read_some(space, kWait);
    if (std::get<0>(done)) break;
    buffer.append(piece.data(), std::get<1>(done));
    std::size_t begin = 0;
    for (std::size_t end = buffer.find('\n'); end != std::string::npos; end = buffer.find('\n', begin)) {
      self->log_error_line(std::string_view(buffer).substr(begin, end - begin));
      begin = end + 1;
    }
    buffer.erase(0, begin);
    if (buffer.size() > kMaxLoggedLine) {
      self->log_error_line(buffer);
      buffer.clear();
    }
  }
}

void StdioCore::log_error_line(std::string_view line) {
  const auto now = std::chrono::steady_clock::now();
  if (now - log_window_ > kLogWindow) {
    log_window_ = now;
    if (log_lines_ > kLoggedLines) {
      const std::string count = std::to_string(log_lines_ - kLoggedLines);
      log().warning("lines of an upstream were not logged", {{"upstream", upstream()}, {"lines", count}});
    }
    log_lines_ = 0;
  }
  if (line.empty() || ++log_lines_ > kLoggedLines) return;
  log().info("upstream says", {{"upstream", upstream()}, {"line", line.substr(0, kMaxLoggedLine)}});
}

Task<void> StdioCore::write_messages(std::shared_ptr<StdioCore> self, std::shared_ptr<Streams> streams) {
  while (!streams->is_over) {
    while (!streams->outbox.empty() && !streams->is_over) {
      auto bytes = asio::buffer(streams->outbox.front());
      auto done = co_await asio::async_write(streams->input, bytes, kWait);
      if (std::get<0>(done)) {
        self->over(*streams, "the command closed its input");
        co_return;
      }
      streams->outbox_bytes -= streams->outbox.front().size();
      streams->outbox.pop_front();
    }
    if (!streams->is_over) std::ignore = co_await streams->outgoing.wait(-1);
  }
}

void StdioCore::write(Streams& streams, std::string text) {
  if (streams.is_over) return;
  // One message is one line, whatever white space its parts brought along: parameters are the agent's own bytes, and a
  // line end among them would let the child read a second message that nobody decided about. In JSON a raw CR or LF is
  // white space only.
  std::ranges::replace_if(text, [](char c) { return c == '\n' || c == '\r'; }, ' ');
  text += '\n';
  streams.outbox_bytes += text.size();
  streams.outbox.push_back(std::move(text));
  if (streams.outbox_bytes > 2 * kMaxOutboxBytes) return over(streams, "the command does not read its input");
  streams.outgoing.notify();
}

void StdioCore::receive(Streams& streams, std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.empty() || streams.is_over) return;
  if (line.size() > options().line_bytes) return over(streams, "the command wrote a line that is too long");
  Result<ServerMessage> message = read_server_message(line);
  if (!message) return log_error_line("(not a message on stdout: " + message.error().message + ")");
  switch (message->kind) {
    case ServerMessage::Kind::request:
      return write(streams, reply_to_server(*message));
    case ServerMessage::Kind::answer: {
      auto found = in_flight_.find(message->id);
      if (found == in_flight_.end()) return log_error_line("(an answer to no call in flight)");
      Answered answered = std::move(found->second.answered);
      in_flight_.erase(found);
      return answered(std::move(message->answer_text));
    }
    case ServerMessage::Kind::notification:
      break;
  }
  if (message->method == "notifications/progress") {
    auto found = in_flight_.find(message->token);
    if (found != in_flight_.end() && found->second.call) Call::progress(found->second.call, std::move(message->params));
  } else if (message->method == "notifications/tools/list_changed") {
    outdate();
    list_changed_ = true;
    if (phase_ != Phase::ready || listing_now_) return;
    listing_now_ = true;
    auto self = std::static_pointer_cast<StdioCore>(shared_from_this());
    auto served = streams_;
    home().spawn([self, served] { return list_again(self, served); },
                 [self, served](std::exception_ptr) { self->over(*served, "its tools could not be listed"); });
  }
}

void StdioCore::over(Streams& streams, std::string reason) {
  streams.end(std::move(reason));
  if (streams_.get() != &streams) return;
  // At once, not when the supervisor gets its turn: a call that came in between would be sent to nobody.
  phase_ = Phase::ending;
  outdate();
  fail_in_flight(broken("the upstream ended before it answered; the call may have run"));
}

void StdioCore::fail_in_flight(const Error& error) {
  for (auto& [id, entry] : std::exchange(in_flight_, {})) entry.answered(fail(error));
}

void StdioCore::answer_waiting(const Status& ready) {
  for (std::shared_ptr<Call>& call : std::exchange(waiting_, {})) {
    if (call->abandoned) continue;
    if (ready)
      send_call(call);
    else
      Call::answer(call, fail(ready.error()));
  }
}

}  // namespace countersign::mcp
