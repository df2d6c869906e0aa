#include "proxy/upstream/mcp/http_session.h"

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "proxy/adapters/text_source.h"
#include "proxy/net/async.h"
#include "proxy/upstream/mcp/listing.h"
#include "proxy/upstream/mcp/sse_reader.h"

namespace countersign::mcp {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kMaxInFlight = 1024;
constexpr std::size_t kMaxSessionId = 1024;

std::unexpected<Error> bad(std::string message) {
  return fail(ErrorKind::unavailable, "upstream.bad_response", std::move(message));
}

Error not_listed(std::string message) {
  return {ErrorKind::unavailable, "upstream.connect_failed", std::move(message)};
}

// The rest of the URL's path behind what the door's base keeps: "" for /mcp, "/" for /mcp/ and for no path.
std::string target_of(std::string_view url) {
  std::size_t authority = url.find("://");
  std::size_t path = url.find('/', authority == std::string_view::npos ? 0 : authority + 3);
  return path == std::string_view::npos || url.ends_with('/') ? "/" : "";
}

bool has_type(const ResponseHead& head, std::string_view type) {
  std::string_view value = head.headers.get("Content-Type").value_or("");
  value = value.substr(0, value.find_first_of("; \t"));
  return equal_ignoring_case(value, type);
}

// Home only.
class HttpCore final : public SessionCore {
 public:
  HttpCore(net::Worker& home, const config::Upstream& upstream, adapters::HttpDoor& door, SessionOptions options,
           const Log& log)
      : SessionCore(home, upstream.name, std::move(options), log), door_(door), target_(target_of(upstream.url)) {
    ageing_ = Ageing::ages;
  }

  void begin(std::shared_ptr<Call> call) override;
  void abandon(std::shared_ptr<Call> call, std::string reason) override;

 private:
  struct Running {
    asio::cancellation_signal cancel;
  };
  enum class Session : std::uint8_t { none, open };

  static Task<void> perform(std::shared_ptr<HttpCore> self, std::shared_ptr<Call> call);
  struct Prepared {
    explicit Prepared(const asio::any_io_executor& executor) : done(executor) {}
    net::Event done;
    Status status;
  };

  static Task<void> prepare(std::shared_ptr<HttpCore> self);
  void prepared(const Status& status);
  static Task<void> notify(std::shared_ptr<HttpCore> self, std::string text);
  Task<Result<std::string>> answer_to(std::shared_ptr<Call> call);
  Task<Status> ensure_listed();
  Task<Status> open_session();
  Task<Status> list_tools();
  // One POST and its answer. `call` may be nullptr. Error mcp.session_lost: the server knows our session no more.
  Task<Result<std::string>> exchange(std::int64_t id, std::string text, std::shared_ptr<Call> call);
  Task<Result<std::unique_ptr<adapters::HttpReply>>> post(std::string text);
  Task<Result<std::string>> read_json(adapters::HttpReply& reply, std::int64_t id);
  Task<Result<std::string>> read_events(adapters::HttpReply& reply, std::int64_t id, std::shared_ptr<Call> call);
  // The answer to `id`, when this is it; whatever else a server says is dealt with.
  std::optional<std::string> receive(std::string_view text, std::int64_t id, const std::shared_ptr<Call>& call);
  void send_later(std::string text);

  adapters::HttpDoor& door_;
  std::string target_;
  std::map<const Call*, std::shared_ptr<Running>> running_;
  std::int64_t next_id_ = 1;
  std::string session_id_;
  Session session_ = Session::none;
  std::uint64_t generation_ = 0;  // of the session: counts how often one was opened
  Listing listing_;
  std::vector<std::shared_ptr<Prepared>> waiting_;  // for the handshake that is under way, if there is any
};

void HttpCore::begin(std::shared_ptr<Call> call) {
  if (call->abandoned) return;
  if (running_.size() >= kMaxInFlight)
    return Call::answer(call, fail(ErrorKind::unavailable, "upstream.busy", "too many calls are in flight"));
  auto running = std::make_shared<Running>();
  running_[call.get()] = running;
  auto self = std::static_pointer_cast<HttpCore>(shared_from_this());
  auto forget = [self, call, running](std::exception_ptr error) {
    self->running_.erase(call.get());
    if (error) Call::answer(call, fail(ErrorKind::unavailable, "upstream.broken", "the call ended unexpectedly"));
  };
  asio::co_spawn(home().executor(), perform(self, call),
                 asio::bind_cancellation_slot(running->cancel.slot(), std::move(forget)));
}

void HttpCore::abandon(std::shared_ptr<Call> call, std::string reason) {
  call->abandoned = true;
  auto found = running_.find(call.get());
  if (found == running_.end()) return;
  std::shared_ptr<Running> running = found->second;
  running->cancel.emit(asio::cancellation_type::terminal);
  if (call->id != 0) send_later(cancelled_text(call->id, reason));
}

Task<void> HttpCore::perform(std::shared_ptr<HttpCore> self, std::shared_ptr<Call> call) {
  co_await asio::this_coro::throw_if_cancelled(false);
  Result<std::string> answer = co_await self->answer_to(call);
  Call::answer(call, std::move(answer));
}

Task<Result<std::string>> HttpCore::answer_to(std::shared_ptr<Call> call) {
  for (int attempt = 0;; ++attempt) {
    Status listed = co_await ensure_listed();
    // Nothing of this call has left, whatever became of the handshake.
    if (!listed) co_return fail(not_listed(listed.error().message));
    if (call->kind == Call::Kind::ready) co_return std::string();
    const std::uint64_t generation = generation_;
    const std::int64_t id = next_id_++;
    call->id = id;
    std::string text = request_text(id, call->method, call->params, call->on_progress ? id : 0);
    Result<std::string> answer = co_await exchange(id, std::move(text), call);
    if (answer || answer.error().code != "mcp.session_lost") co_return answer;
    if (generation == generation_) {
      session_ = Session::none;
      outdate();
    }
    bool again = call->method != "tools/call" && attempt == 0;
    if (!again)
      co_return fail(ErrorKind::unavailable, "upstream.broken",
                     "the upstream has ended its session; the call was not repeated");
  }
}

// The handshake belongs to no call, so that one that is given up does not end it for the others.
Task<Status> HttpCore::ensure_listed() {
  if (session_ == Session::open && fresh()) co_return Status();
  auto prepared = std::make_shared<Prepared>(home().executor());
  waiting_.push_back(prepared);
  if (waiting_.size() == 1) {
    auto self = std::static_pointer_cast<HttpCore>(shared_from_this());
    home().spawn([self] { return prepare(self); },
                 [self](std::exception_ptr) { self->prepared(fail(not_listed("the handshake ended unexpectedly"))); });
  }
  const TimeMs at_most = 2 * options().handshake;
  Status waited = co_await prepared->done.wait(at_most);
  if (!waited) co_return waited;
  co_return prepared->status;
}

Task<void> HttpCore::prepare(std::shared_ptr<HttpCore> self) {
  Status listed = co_await self->list_tools();
  self->prepared(listed);
}

void HttpCore::prepared(const Status& status) {
  for (std::shared_ptr<Prepared>& waiting : std::exchange(waiting_, {})) {
    waiting->status = status;
    waiting->done.notify();
  }
}

Task<Status> HttpCore::open_session() {
  session_id_.clear();
  listing_ = Listing();
  const std::int64_t id = next_id_++;
  std::string params = initialize_params(options().version);
  std::string text = request_text(id, "initialize", params, 0);
  Result<std::string> answer = co_await exchange(id, std::move(text), nullptr);
  if (!answer) co_return fail(answer.error());
  Status initialized = listing_.initialized(*answer);
  if (!initialized) co_return initialized;
  std::string ready(kInitializedText);
  Result<std::unique_ptr<adapters::HttpReply>> accepted = co_await post(std::move(ready));
  if (!accepted) co_return fail(accepted.error());
  if ((*accepted)->head().status >= 300) co_return bad("the upstream did not take notifications/initialized");
  session_ = Session::open;
  ++generation_;
  co_return Status();
}

Task<Status> HttpCore::list_tools() {
  for (int attempt = 0;; ++attempt) {
    if (session_ == Session::none) {
      Status opened = co_await open_session();
      if (!opened) co_return opened;
    }
    listing_.restart();
    std::optional<std::string> cursor = "";
    Error error;
    while (listing_.has_tools() && cursor) {
      const std::int64_t id = next_id_++;
      std::string params = list_params(*cursor);
      std::string text = request_text(id, "tools/list", params, 0);
      Result<std::string> answer = co_await exchange(id, std::move(text), nullptr);
      if (!answer) {
        error = answer.error();
        break;
      }
      Result<std::optional<std::string>> next = listing_.page(*answer);
      if (!next) co_return fail(next.error());
      cursor = std::move(*next);
    }
    if (error.code.empty()) break;
    if (error.code != "mcp.session_lost" || attempt > 0) co_return fail(std::move(error));
    session_ = Session::none;
  }
  publish(listing_.finish());
  co_return Status();
}

Task<Result<std::unique_ptr<adapters::HttpReply>>> HttpCore::post(std::string text) {
  RequestHead head;
  head.method = "POST";
  head.target = target_;
  head.headers.add("Content-Type", "application/json");
  head.headers.add("Accept", "application/json, text/event-stream");
  if (!listing_.version().empty()) head.headers.add("MCP-Protocol-Version", listing_.version());
  if (!session_id_.empty()) head.headers.add("Mcp-Session-Id", session_id_);
  adapters::TextSource body(std::move(text));
  co_return co_await door_.send(std::move(head), &body);
}

Task<Result<std::string>> HttpCore::exchange(std::int64_t id, std::string text, std::shared_ptr<Call> call) {
  const bool had_session = !session_id_.empty();
  Result<std::unique_ptr<adapters::HttpReply>> reply = co_await post(std::move(text));
  if (!reply) co_return fail(reply.error());
  const ResponseHead& head = (*reply)->head();
  if (head.status == 404 && had_session)
    co_return fail(ErrorKind::unavailable, "mcp.session_lost", "the upstream has ended its session");
  if (head.status != 200) co_return bad("the upstream answered with HTTP status " + std::to_string(head.status));
  std::string_view offered = head.headers.get("Mcp-Session-Id").value_or("");
  if (session_ == Session::none && offered.size() <= kMaxSessionId) session_id_ = offered;
  adapters::HttpReply& answer = **reply;
  if (has_type(head, "text/event-stream")) co_return co_await read_events(answer, id, std::move(call));
  if (has_type(head, "application/json")) co_return co_await read_json(answer, id);
  co_return bad("the upstream's answer is neither JSON nor an event stream");
}

Task<Result<std::string>> HttpCore::read_json(adapters::HttpReply& reply, std::int64_t id) {
  std::string text;
  while (true) {
    Result<ByteView> piece = co_await reply.read();
    if (!piece) co_return fail(piece.error());
    if (piece->empty()) break;
    text += as_text(*piece);
    if (text.size() > options().line_bytes) co_return bad("the upstream's answer is too long");
  }
  std::optional<std::string> answer = receive(text, id, nullptr);
  if (!answer) co_return bad("the upstream did not answer what it was asked");
  co_return std::move(*answer);
}

Task<Result<std::string>> HttpCore::read_events(adapters::HttpReply& reply, std::int64_t id,
                                                std::shared_ptr<Call> call) {
  SseReader reader(options().line_bytes);
  std::optional<std::string> answer;
  const std::function<void(std::string_view)> on_data = [&](std::string_view data) {
    if (answer || data.empty()) return;
    answer = receive(data, id, call);
  };
  while (!answer) {
    Result<ByteView> piece = co_await reply.read();
    if (!piece) co_return fail(piece.error());
    if (piece->empty())
      co_return fail(ErrorKind::unavailable, "upstream.broken", "the upstream's event stream ended before the answer");
    Status fed = reader.feed(as_text(*piece), on_data);
    if (!fed) co_return fail(fed.error());
  }
  co_return std::move(*answer);
}

std::optional<std::string> HttpCore::receive(std::string_view text, std::int64_t id,
                                             const std::shared_ptr<Call>& call) {
  Result<ServerMessage> message = read_server_message(text);
  if (!message) {
    log().info("upstream sent what is no message", {{"upstream", upstream()}, {"why", message.error().message}});
    return std::nullopt;
  }
  if (message->kind == ServerMessage::Kind::answer) {
    if (message->id == id) return std::move(message->answer_text);
    return std::nullopt;
  }
  if (message->kind == ServerMessage::Kind::request) {
    send_later(reply_to_server(*message));
  } else if (message->method == "notifications/progress" && call && message->token == id) {
    Call::progress(call, std::move(message->params));
  } else if (message->method == "notifications/tools/list_changed") {
    outdate();
  }
  return std::nullopt;
}

Task<void> HttpCore::notify(std::shared_ptr<HttpCore> self, std::string text) {
  std::ignore = co_await self->post(std::move(text));
}

// Answers to a server's own requests and cancellations: sent once, and nobody waits for what becomes of them.
void HttpCore::send_later(std::string text) {
  auto self = std::static_pointer_cast<HttpCore>(shared_from_this());
  home().spawn([self, text = std::move(text)]() mutable { return notify(self, std::move(text)); },
               [](std::exception_ptr) {});
}

}  // namespace

std::unique_ptr<HttpSession> HttpSession::create(net::Worker& home, const config::Upstream& upstream,
                                                 adapters::HttpDoor& door, SessionOptions options, const Log& log) {
  auto core = std::make_shared<HttpCore>(home, upstream, door, std::move(options), log);
  return std::unique_ptr<HttpSession>(new HttpSession(std::move(core)));
}

}  // namespace countersign::mcp
