#include "proxy/adapters/git_conversation.h"

#include "core/json_reader.h"
#include "core/json_writer.h"
#include "proxy/adapters/git/advertisement.h"
#include "proxy/adapters/git_words.h"
#include "proxy/adapters/http_fields.h"
#include "proxy/adapters/relay.h"

namespace countersign::adapters {
std::string freeze_git_head(const RequestHead& head) {
  std::string out;
  JsonWriter(out)
      .begin_object()
      .key("headers")
      .raw(encode_headers(head.headers))
      .member("method", head.method)
      .member("target", head.target)
      .end_object();
  return out;
}

Result<RequestHead> thaw_git_head(std::string_view frozen) {
  auto damaged = [] { return fail(ErrorKind::internal, "request.malformed", "the stored request cannot be read"); };
  Result<JsonDocument> head = JsonDocument::parse(frozen);
  if (!head) return damaged();
  std::optional<std::string_view> method = head->root().member("method").string();
  std::optional<std::string_view> target = head->root().member("target").string();
  Result<HeaderList> headers = decode_headers(head->root().member("headers").canonical());
  if (!method || !target || !headers) return damaged();
  return RequestHead{std::string(*method), std::string(*target), std::move(*headers)};
}

approvals::Frozen GitConversation::freeze() const {
  approvals::Frozen frozen;
  frozen.protocol = "git";
  frozen.upstream = request_.operation.upstream;
  frozen.head = freeze_git_head(request_.head);
  frozen.body_sha256 = body_sha256_;
  frozen.body_size = body_size_;
  frozen.identity = request_.head.method + " " + request_.head.target;
  return frozen;
}

Task<Forwarded> GitConversation::forward(Doors& doors, BodySource* body, ReplySink& sink, Visible visible) {
  static_cast<void>(visible);
  if (request_.operation.reach == Reach::gateway) co_return co_await answer_probe(sink);
  RequestHead head = request_.head;
  const bool rewritten = request_.route.service == GitService::advertise_push;
  if (rewritten) head.headers.remove("Accept-Encoding");
  Result<std::unique_ptr<HttpReply>> reply =
      co_await ask_upstream(doors, request_.operation.upstream, std::move(head), body);
  if (!reply) {
    Error error = reply.error();
    co_return co_await answer_failure_lines(sink, std::move(error));
  }
  HttpReply& answer = **reply;
  if (rewritten && answer.head().status == 200) {
    std::string path = request_.head.target.substr(0, request_.head.target.find("/info/refs"));
    WatchedAdvertisement watched(answer, memory_, {request_.operation.upstream, std::move(path)});
    co_return co_await relay_advertisement(watched, sink);
  }
  RelayStart start{.fields = fields_to_answer(answer.head().headers)};
  co_return co_await relay(answer, sink, std::move(start));
}

// What follows is a large body; whether that may come was decided with this request.
Task<Forwarded> GitConversation::answer_probe(ReplySink& sink) {
  Forwarded done{.outcome = "ok", .status = 200};
  std::string type = "application/x-git-receive-pack-result";
  std::string nothing;
  HeaderList extra;
  Status sent = co_await send(sink, done.status, std::move(type), std::move(nothing), std::move(extra));
  if (!sent) done.detail = "the agent did not take the answer: " + sent.error().message;
  co_return done;
}

// Passes the refs on with capabilities this proxy understands.
Task<Forwarded> GitConversation::relay_advertisement(HttpReply& reply, ReplySink& sink) {
  std::string begun;
  while (true) {
    Result<std::optional<git::AdvertisementStart>> start = git::trim_push_advertisement(begun);
    if (!start) {
      Error error = start.error();
      co_return co_await answer_failure_lines(sink, std::move(error));
    }
    if (*start) {
      begun.replace(0, (*start)->replaced, (*start)->bytes);
      const std::uint64_t replaced = begun.size() - (*start)->bytes.size() + (*start)->replaced;
      RelayStart relayed{fields_to_answer(reply.head().headers), std::move(begun), replaced};
      co_return co_await relay(reply, sink, std::move(relayed));
    }
    Result<ByteView> piece = co_await reply.read();
    const bool over = !piece || piece->empty() || begun.size() > git::kMaxAdvertisementStart;
    if (over) {
      Error error = piece ? Error{ErrorKind::malformed, "git.bad_advertisement", "the upstream's refs cannot be read"}
                          : piece.error();
      co_return co_await answer_failure_lines(sink, std::move(error));
    }
    begun += as_text(*piece);
  }
}

Task<Status> GitConversation::answer_denied(ReplySink& sink, Denial denial) {
  std::string lines = denied_lines(denial);
  co_return co_await send_lines(sink, denial.status, std::move(lines));
}

Task<Status> GitConversation::heartbeat(ReplySink& sink, Pending pending) {
  static_cast<void>(sink);  // a fetch has no way to say "still waiting" before its answer
  static_cast<void>(pending);
  co_return Status();
}

Task<Status> GitConversation::answer_held(ReplySink& sink, Pending pending) {
  std::string lines = "countersign: reading this is held for approval as " + pending.request +
                      "\ncountersign: " + pending.reason + "\ncountersign: approve at " + pending.link +
                      ", then fetch again\n";
  co_return co_await send_lines(sink, 403, std::move(lines));
}

Task<Status> GitConversation::deliver(ReplySink& sink, approvals::StoredReply reply) {
  Result<HeaderList> headers = decode_headers(reply.head);
  if (!headers || reply.truncated) {
    std::string lines = "countersign: the answer was too long to be kept; fetch again\n";
    co_return co_await send_lines(sink, 502, std::move(lines));
  }
  std::string no_type;  // it is among the stored headers
  co_return co_await send(sink, reply.status, std::move(no_type), std::move(reply.body), std::move(*headers));
}

}  // namespace countersign::adapters
