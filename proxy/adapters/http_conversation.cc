#include "proxy/adapters/http_conversation.h"

#include <algorithm>

#include "core/json_writer.h"
#include "core/visible.h"
#include "proxy/adapters/http_fields.h"
#include "proxy/adapters/outcome.h"
#include "proxy/adapters/relay.h"

namespace countersign::adapters {
namespace {

constexpr std::size_t kMostEditBytes = 2'000;  // of what an approver wrote, in a header field

}  // namespace

approvals::Frozen HttpConversation::freeze() const {
  approvals::Frozen frozen;
  frozen.protocol = "http";
  frozen.upstream = request_.operation.upstream;
  frozen.head = freeze_http_request(request_);
  frozen.body_sha256 = body_sha256_;
  frozen.body_size = body_size_;
  frozen.identity = http_identity(request_);
  if (!request_.called.empty() || !request_.summary.empty()) {
    JsonWriter(frozen.shown)
        .begin_object()
        .member("operation", request_.called)
        .member("summary", request_.summary)
        .end_object();
  }
  return frozen;
}

Task<Forwarded> HttpConversation::forward(Doors& doors, BodySource* body, ReplySink& sink, Visible visible) {
  static_cast<void>(visible);
  RequestHead head = request_.head;
  Result<std::unique_ptr<HttpReply>> reply =
      co_await send_upstream(doors, request_.operation.upstream, std::move(head), body);
  if (!reply) {
    Error error = reply.error();
    co_return co_await answer_failure(sink, std::move(error));
  }
  HttpReply& answer = **reply;
  RelayStart start{.fields = answer_fields(answer.head().headers)};
  co_return co_await relay(answer, sink, std::move(start));
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
      .member("code", pending.undocumented.empty() ? "approval.pending" : "approval.documentation_needed")
      .member("detail", pending.reason)
      .member("expires", format_time(pending.expires))
      .member("link", pending.link)
      .member("request", pending.request)
      .member("retry_after", pending.retry_after_seconds)
      .member("status", std::int64_t{202})
      .member("title", "Held for approval")
      .strings("undocumented", pending.undocumented)
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
  if (!edit_.empty()) {
    std::string told = printable(edit_, kMostEditBytes);
    std::ranges::replace_if(told, [](char c) { return c == '\n' || c == '\t'; }, ' ');
    headers->add("Countersign-Edited", told);
  }
  std::string no_type;  // it is among the stored headers
  co_return co_await send(sink, reply.status, std::move(no_type), std::move(reply.body), std::move(*headers));
}

}  // namespace countersign::adapters
