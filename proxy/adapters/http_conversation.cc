#include "proxy/adapters/http_conversation.h"

#include <charconv>

#include "core/json_writer.h"
#include "core/sha256.h"
#include "proxy/adapters/http_fields.h"
#include "proxy/adapters/outcome.h"

namespace countersign::adapters {
namespace {

// Length of the body that follows, where the head says it.
std::optional<std::uint64_t> announced_length(const ResponseHead& head) {
  if (head.status == 204 || head.status == 304) return 0;
  std::string_view digits = head.headers.get("Content-Length").value_or("");
  std::uint64_t length = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return length;
}

}  // namespace

approvals::Frozen HttpConversation::freeze() const {
  approvals::Frozen frozen;
  frozen.protocol = "http";
  frozen.upstream = request_.operation.upstream;
  frozen.head = freeze_http_request(request_);
  frozen.body_sha256 = body_sha256_;
  frozen.body_size = body_size_;
  frozen.identity = http_identity(request_);
  return frozen;
}

Task<Forwarded> HttpConversation::forward(Doors& doors, BodySource* body, ReplySink& sink, Visible visible) {
  static_cast<void>(visible);
  HttpDoor* door = doors.http(request_.operation.upstream);
  if (!door) {
    Error missing{ErrorKind::unavailable, "upstream.connect_failed", "the upstream is not connected"};
    co_return co_await answer_failure(sink, std::move(missing));
  }
  RequestHead head = request_.head;
  Result<std::unique_ptr<HttpReply>> reply = co_await door->send(std::move(head), body);
  if (!reply) {
    Error error = reply.error();
    co_return co_await answer_failure(sink, std::move(error));
  }
  HttpReply& answer = **reply;
  co_return co_await relay(answer, sink);
}

Task<Forwarded> HttpConversation::relay(HttpReply& reply, ReplySink& sink) {
  ResponseHead head{reply.head().status, answer_fields(reply.head().headers)};
  std::optional<std::uint64_t> length = announced_length(reply.head());
  Forwarded done{.outcome = outcome_of_status(head.status), .status = head.status};
  Sha256 digest;
  Status written = co_await sink.start(std::move(head), length);
  while (written) {
    Result<ByteView> piece = co_await reply.read();
    if (!piece) {
      // The answer's status stands, its body does not: the sink is left unfinished, so that the agent sees it too.
      done.outcome = "unknown";
      done.detail = "the upstream's answer broke off: " + piece.error().message;
      co_return done;
    }
    if (piece->empty()) break;
    digest.update(*piece);
    done.body_bytes += piece->size();
    ByteView bytes = *piece;
    written = co_await sink.write(bytes);
  }
  if (written) written = co_await sink.finish();
  if (!written) done.detail = "the agent did not take the answer: " + written.error().message;
  done.body_sha256 = to_hex(digest.finish());
  co_return done;
}

HeaderList HttpConversation::answer_fields(const HeaderList& headers) const {
  HeaderList fields = fields_to_answer(headers);
  for (std::string_view name : {"Location", "Content-Location"}) {
    std::optional<std::string_view> value = fields.get(name);
    if (!value) continue;
    std::string_view path = *value;
    bool own_origin = path.starts_with(links_.origin) && path.substr(links_.origin.size()).starts_with('/');
    if (own_origin) path.remove_prefix(links_.origin.size());
    bool below = path.starts_with('/') && !path.starts_with("//") && path.starts_with(links_.base_path + "/");
    if (below) fields.set(name, request_.mount + std::string(path.substr(links_.base_path.size())));
  }
  return fields;
}

Task<Status> HttpConversation::answer_denied(ReplySink& sink, Denial denial) {
  std::string extra;
  if (!denial.request.empty()) extra = "\"request\":\"" + denial.request + "\"";
  co_return co_await send_problem(sink, denial.status, std::move(denial.error), std::move(extra));
}

Task<Status> HttpConversation::heartbeat(ReplySink& sink, Pending pending) {
  static_cast<void>(sink);  // HTTP has no way to say "still waiting" before the answer
  static_cast<void>(pending);
  co_return Status();
}

Task<Status> HttpConversation::answer_held(ReplySink& sink, Pending pending) {
  std::string body;
  JsonWriter(body)
      .begin_object()
      .member("code", "approval.pending")
      .member("detail", pending.reason)
      .member("expires", format_time(pending.expires))
      .member("link", pending.link)
      .member("request", pending.request)
      .member("retry_after", pending.retry_after_seconds)
      .member("status", std::int64_t{202})
      .member("title", "Held for approval")
      .end_object();
  HeaderList headers;
  headers.add("Location", "/.countersign/requests/" + pending.request);
  headers.add("Retry-After", std::to_string(pending.retry_after_seconds));
  headers.add("Cache-Control", "no-store");
  co_return co_await send(sink, 202, "application/problem+json", std::move(body), std::move(headers));
}

Task<Status> HttpConversation::deliver(ReplySink& sink, approvals::StoredReply reply) {
  if (reply.truncated) {
    Error error{ErrorKind::internal, "approval.reply_truncated",
                "the approved request ran and was answered with status " + std::to_string(reply.status) +
                    ", but the answer was too long to be kept"};
    std::string extra = "\"upstream_status\":" + std::to_string(reply.status);
    co_return co_await send_problem(sink, 502, std::move(error), std::move(extra));
  }
  Result<HeaderList> headers = decode_headers(reply.head);
  if (!headers) {
    Error error = headers.error();
    std::string none;
    co_return co_await send_problem(sink, 500, std::move(error), std::move(none));
  }
  std::string no_type;  // it is among the stored headers
  co_return co_await send(sink, reply.status, std::move(no_type), std::move(reply.body), std::move(*headers));
}

}  // namespace countersign::adapters
