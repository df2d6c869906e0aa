// Endpoint: one listener's way into the API. What blocks runs on the pool; what is sent is sent from the connection's
// own worker.
#include <chrono>

#include "console/api.h"
#include "core/descent.h"
#include "proxy/net/worker.h"

namespace countersign::console {
namespace {

ResponseHead head_of(Answer& answer) {
  ResponseHead head;
  head.status = answer.status;
  head.headers = std::move(answer.headers);
  head.headers.add("content-type", answer.content_type);
  return head;
}

// The socket's permission lets in whoever runs as our user, which what we start ourselves does, too: MCP servers, git.
// None of them is an administrator.
Status check_descent(const net::Peer& peer) {
  const Descent descent = descent_of(peer.pid);
  if (descent == Descent::foreign) return {};
  const std::string process = "process " + std::to_string(peer.pid);
  return fail(ErrorKind::forbidden, "admin.own_child",
              descent == Descent::ours ? process + " was started by the gateway itself, and is no administrator"
                                       : "what " + process + " descends from cannot be told any more");
}

constexpr std::chrono::milliseconds kBetweenChecks{Endpoint::kHeartbeat};

}  // namespace

Task<Status> Endpoint::send_pieces(http1::Exchange* exchange, std::shared_ptr<Pieces> pieces) {
  net::ThreadPool* pool = &api_.pool();
  while (true) {
    std::move_only_function<Result<std::string>()> read = [pieces] { return pieces->next(); };
    auto piece = co_await net::on_thread<std::string>(pool, std::move(read));
    if (!piece) co_return fail(piece.error());
    if (piece->empty()) break;
    const ByteView bytes = as_bytes(*piece);
    Status sent = co_await exchange->write_body(bytes);
    if (!sent) co_return sent;
  }
  co_return co_await exchange->finish();
}

Task<Status> Endpoint::send_events(http1::Exchange* exchange, std::shared_ptr<EventStream> stream) {
  net::ThreadPool* pool = &api_.pool();
  net::Worker* worker = &exchange->worker();
  auto ready = std::make_shared<net::Event>(worker->executor());
  stream->on_ready([ready, worker] { worker->post([ready] { ready->notify(); }); });
  std::string text = "retry: 2000\n\n";
  bool check = false;
  auto checked = std::chrono::steady_clock::now();
  while (true) {
    if (check) {
      std::move_only_function<Result<bool>()> ask = [stream]() -> Result<bool> { return stream->owner().may_read(); };
      auto allowed = co_await net::on_thread<bool>(pool, std::move(ask));
      if (!allowed || !*allowed) break;
      checked = std::chrono::steady_clock::now();
    }
    if (!text.empty()) {
      const ByteView bytes = as_bytes(text);
      Status sent = co_await exchange->write_body(bytes);
      if (!sent) co_return sent;
    }
    auto wait = ready->wait(kHeartbeat);
    Status woken = co_await exchange->or_client_gone(std::move(wait));
    if (!woken && woken.error().code != "net.timeout") co_return woken;
    EventStream::Taken taken = stream->take();
    if (taken.ended) break;
    // However much there is to hear, whoever listens is looked at once a heartbeat: a session may have ended by itself.
    check = taken.check || !woken || std::chrono::steady_clock::now() - checked >= kBetweenChecks;
    text = std::move(taken.text);
    if (!woken && text.empty()) text = ":\n\n";
  }
  co_return co_await exchange->finish();
}

Task<void> Endpoint::handle(http1::Exchange* exchange) {
  Call call;
  call.head = exchange->head();
  call.channel = channel_;
  call.peer = exchange->peer().address;
  if (exchange->peer().uid) call.peer += " uid " + std::to_string(*exchange->peer().uid);
  if (channel_ == Channel::unix_socket) {
    if (Status allowed = check_descent(exchange->peer()); !allowed) {
      api_.record_refusal(call, allowed.error());
      Answer refused = problem_answer(allowed.error());
      ResponseHead refused_head = head_of(refused);
      std::string_view why = refused.body;
      Status sent = co_await exchange->respond(std::move(refused_head), why);
      if (!sent) co_return;
      co_return;
    }
  }
  const std::uint64_t limit = api_.body_limit(call.head);
  auto spool = co_await exchange->read_body(limit);
  auto body = spool ? (*spool)->text(limit) : Result<std::string>(fail(spool.error()));
  Result<Answer> answer = Answer();
  Lane* lane = body ? api_.lane_of(call.head) : nullptr;
  Lane::Place place = lane == nullptr ? nullptr : lane->enter();
  if (lane != nullptr && place == nullptr)
    body = fail(ErrorKind::unavailable, "sign_in.busy", "too many people are signing in; try again");
  if (body) {
    call.body = std::move(*body);
    net::ThreadPool* pool = lane == nullptr ? &api_.pool() : &lane->pool();
    std::move_only_function<Result<Answer>()> work = [this, call = std::move(call),
                                                      place = std::move(place)]() mutable -> Result<Answer> {
      return api_.handle(std::move(call));
    };
    answer = co_await net::on_thread<Answer>(pool, std::move(work));
  } else {
    api_.record_refusal(call, body.error());
    answer = fail(body.error());
  }
  if (!answer) answer = problem_answer(answer.error());
  ResponseHead head = head_of(*answer);
  const bool streams = answer->pieces || answer->events;
  if (!streams) {
    std::string_view content = answer->body;
    Status sent = co_await exchange->respond(std::move(head), content);
    if (!sent) co_return;  // the client has gone; what was done is done, and recorded
    co_return;
  }
  std::shared_ptr<EventStream> events = std::move(answer->events);
  Status begun = co_await exchange->start_response(std::move(head), std::nullopt, http1::HeadFlush::now);
  const bool wants_body = exchange->head().method != "HEAD";
  if (begun && !wants_body) {
    begun = co_await exchange->finish();
  } else if (begun && events) {
    begun = co_await send_events(exchange, events);
  } else if (begun) {
    begun = co_await send_pieces(exchange, std::move(answer->pieces));
  }
  if (events) {
    events->on_ready({});
    api_.forget(events);
  }
}

}  // namespace countersign::console
