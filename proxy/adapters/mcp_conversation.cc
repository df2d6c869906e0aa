#include "proxy/adapters/mcp_conversation.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <deque>

#include "core/json_writer.h"
#include "core/sha256.h"
#include "proxy/adapters/mcp_answers.h"
#include "proxy/adapters/outcome.h"

namespace countersign::adapters {
namespace {

namespace asio = boost::asio;
constexpr auto kWait = asio::as_tuple(asio::use_awaitable);

constexpr std::size_t kMaxQueuedProgress = 256;
constexpr std::size_t kMaxProgressMessage = 4096;

// Between a running call and the coroutine that passes its progress on; both run on one worker.
struct Relay {
  explicit Relay(const asio::any_io_executor& executor) : wake(executor) {}
  asio::steady_timer wake;
  asio::cancellation_signal cancel;
  std::deque<std::string> progress;
  std::optional<Result<std::string>> answer;
};

Task<void> run_call(McpDoor* door, std::string method, std::string params, std::shared_ptr<Relay> relay) {
  std::function<void(std::string)> on_progress = [relay](std::string text) {
    if (relay->progress.size() < kMaxQueuedProgress) relay->progress.push_back(std::move(text));
    relay->wake.cancel();
  };
  Result<std::string> answer = fail(ErrorKind::internal, "upstream.broken", "the call ended without an answer");
  try {
    answer = co_await door->call(std::move(method), std::move(params), std::move(on_progress));
  } catch (const std::exception& error) {
    answer = fail(ErrorKind::unavailable, "upstream.cancelled", error.what());
  }
  relay->answer = std::move(answer);
  relay->wake.cancel();
}

// What the outcome record says of an upstream's answer.
std::string outcome_of_answer(std::string_view answer) {
  Result<JsonDocument> document =
      JsonDocument::parse(answer, {.bytes = answer.size(), .depth = 512, .values = 4'000'000});
  if (!document) return "unknown";
  if (document->root().at("/result/isError").boolean() == true) return "client_error";
  JsonValue error = document->root().member("error");
  if (!error) return "ok";
  std::int64_t code = error.member("code").integer().value_or(kRpcInternalError);
  return code == kRpcInternalError ? "server_error" : "client_error";
}

std::string number_text(double value) {
  std::array<char, 40> digits{};
  auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  return {digits.data(), end};
}

}  // namespace

Task<Status> send_rpc_refusal(ReplySink& sink, int status, std::string id, int rpc_code, Error error) {
  std::string body = rpc_response(id, rpc_error(rpc_code, error.code, error.message));
  HeaderList none;
  co_return co_await send(sink, status, "application/json", std::move(body), std::move(none));
}

McpConversation::McpConversation(McpRequest request, McpClient client, BodyView body)
    : request_(std::move(request)), client_(std::move(client)), body_sha256_(body.sha256), body_size_(body.size) {}

approvals::Frozen McpConversation::freeze() const {
  approvals::Frozen frozen;
  frozen.protocol = "mcp";
  frozen.upstream = request_.operation.upstream;
  JsonWriter(frozen.head)
      .begin_object()
      .member("method", request_.method)
      .member("mount", mount_name(request_.mount))
      .key("params")
      .raw(request_.canonical)
      .end_object();
  frozen.body_sha256 = body_sha256_;
  frozen.body_size = body_size_;
  frozen.identity = mcp_identity(request_);
  frozen.preconditions = request_.preconditions;
  if (!request_.required.empty())
    JsonWriter(frozen.shown).begin_object().key("required").raw(request_.required).end_object();
  frozen.retry_identity = approvals::RetryIdentity::identity;  // the body carries the JSON-RPC id
  return frozen;
}

Task<Forwarded> McpConversation::forward(Doors& doors, BodySource* body, ReplySink& sink, Visible visible) {
  static_cast<void>(body);  // was read when it was described: JSON-RPC messages are small enough
  static_cast<void>(visible);
  Result<std::string> answer = fail(ErrorKind::unavailable, "upstream.connect_failed", "the upstream is not connected");
  McpDoor* door = doors.mcp(request_.operation.upstream);
  if (door && !client_.progress_token.empty()) {
    McpDoor& session = *door;
    answer = co_await call_relaying(session, sink);
  } else if (door) {
    std::string method = request_.method;
    std::string params = request_.params;
    std::function<void(std::string)> no_progress;
    answer = co_await door->call(std::move(method), std::move(params), std::move(no_progress));
  }
  Forwarded done{.outcome = "ok", .status = 200};
  if (!answer) {
    done.outcome = outcome_of_error(answer.error());
    done.detail = answer.error().message;
    std::string_view doubt = nothing_was_sent(answer.error()) ? "; nothing was sent" : "; it may have taken effect";
    answer = rpc_error(kRpcInternalError, answer.error().code, answer.error().message + std::string(doubt));
  } else {
    done.outcome = outcome_of_answer(*answer);
    done.body_sha256 = to_hex(sha256(*answer));
    done.body_bytes = answer->size();
  }
  std::string text = std::move(*answer);
  Status sent = co_await respond(sink, std::move(text));
  if (!sent)
    done.detail += (done.detail.empty() ? "" : "; ") + ("the agent did not take the answer: " + sent.error().message);
  co_return done;
}

Task<Result<std::string>> McpConversation::call_relaying(McpDoor& door, ReplySink& sink) {
  asio::any_io_executor executor = co_await asio::this_coro::executor;
  bool throwing = co_await asio::this_coro::throw_if_cancelled();
  // The call must have ended before this coroutine does: it uses what the request owns. So a cancellation is handed on
  // to the call and its end awaited.
  co_await asio::this_coro::throw_if_cancelled(false);
  auto relay = std::make_shared<Relay>(executor);
  asio::co_spawn(executor, run_call(&door, request_.method, request_.params, relay),
                 asio::bind_cancellation_slot(relay->cancel.slot(), asio::detached));
  bool cancelled = false;
  bool client_reads = true;
  while (true) {
    while (!relay->progress.empty()) {
      std::string params = std::move(relay->progress.front());
      relay->progress.pop_front();
      if (!client_reads) continue;
      Status relayed = co_await relay_progress(sink, std::move(params));
      client_reads = relayed.has_value();
    }
    if (relay->answer) break;
    relay->wake.expires_at(asio::steady_timer::time_point::max());
    co_await relay->wake.async_wait(kWait);
    asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none && !cancelled) {
      cancelled = true;
      relay->cancel.emit(asio::cancellation_type::terminal);
    }
  }
  co_await asio::this_coro::throw_if_cancelled(throwing);
  co_return std::move(*relay->answer);
}

Task<Status> McpConversation::relay_progress(ReplySink& sink, std::string params) {
  Result<JsonDocument> document = JsonDocument::parse(params);
  if (!document) co_return Status();
  JsonValue root = document->root();
  std::optional<double> progress = root.member("progress").number();
  if (!progress || *progress <= progress_) co_return Status();  // must increase; an upstream's slip is not passed on
  progress_ = *progress;
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  if (auto message = root.member("message").string()) writer.member("message", message->substr(0, kMaxProgressMessage));
  writer.key("progress").raw(root.member("progress").canonical());
  writer.key("progressToken").raw(client_.progress_token);
  if (root.member("total").number()) writer.key("total").raw(root.member("total").canonical());
  writer.end_object();
  std::string json = rpc_notification("notifications/progress", out);
  co_return co_await send_event(sink, std::move(json), Event::progress);
}

Task<Status> McpConversation::heartbeat(ReplySink& sink, Pending pending) {
  if (client_.progress_token.empty()) co_return Status();
  progress_ += 1;
  std::string params;
  JsonWriter(params)
      .begin_object()
      .member("message",
              "waiting for approval of " + pending.request + ": " + pending.reason + " (" + pending.link + ")")
      .key("progress")
      .raw(number_text(progress_))
      .key("progressToken")
      .raw(client_.progress_token)
      .end_object();
  std::string json = rpc_notification("notifications/progress", params);
  co_return co_await send_event(sink, std::move(json), Event::progress);
}

Task<Status> McpConversation::send_event(ReplySink& sink, std::string json, Event event) {
  if (!sink.started()) {
    ResponseHead head{200, {}};
    head.headers.add("Content-Type", "text/event-stream");
    head.headers.add("Cache-Control", "no-store");
    head.headers.add("X-Accel-Buffering", "no");
    std::optional<std::uint64_t> unknown;
    Status started = co_await sink.start(std::move(head), unknown);
    if (!started) co_return started;
  }
  std::string text = sse_message(json);
  ByteView bytes = as_bytes(text);
  if (event == Event::progress) co_return co_await sink.write_ahead(bytes);
  co_return co_await sink.write(bytes);
}

Task<Status> McpConversation::respond(ReplySink& sink, std::string answer) {
  std::string json = client_.id.empty() ? std::move(answer) : rpc_response(client_.id, answer);
  if (sink.started()) {
    Status sent = co_await send_event(sink, std::move(json), Event::result);
    if (!sent) co_return sent;
    co_return co_await sink.finish();
  }
  HeaderList none;
  co_return co_await send(sink, 200, "application/json", std::move(json), std::move(none));
}

Task<Status> McpConversation::answer_denied(ReplySink& sink, Denial denial) {
  std::string answer = request_.method == "tools/call" ? rpc_result(tool_denied_result(denial))
                                                       : rpc_error(kRpcDenied, denial.error.code, denial.error.message);
  co_return co_await respond(sink, std::move(answer));
}

Task<Status> McpConversation::answer_held(ReplySink& sink, Pending pending) {
  std::string answer = request_.method == "tools/call"
                           ? rpc_result(tool_pending_result(request_.tool, pending))
                           : rpc_error(kRpcPending, "approval.pending", pending.reason + ": " + pending.link);
  co_return co_await respond(sink, std::move(answer));
}

Task<Status> McpConversation::deliver(ReplySink& sink, approvals::StoredReply reply) {
  std::string answer = std::move(reply.body);
  if (reply.truncated) {
    answer = request_.method == "tools/call"
                 ? rpc_result(tool_truncated_result())
                 : rpc_error(kRpcInternalError, "approval.reply_truncated", "the answer was too long to be kept");
  }
  if (!edit_.empty()) answer = with_note(answer, "Before it ran, an approver changed this call: " + edit_);
  co_return co_await respond(sink, std::move(answer));
}

}  // namespace countersign::adapters
