#include "proxy/adapters/aws_conversation.h"

#include "core/sha256.h"
#include "proxy/adapters/aws_answers.h"
#include "proxy/adapters/aws_endpoint.h"
#include "proxy/adapters/aws_fence.h"
#include "proxy/adapters/aws_relay.h"
#include "proxy/adapters/aws_retry.h"
#include "proxy/adapters/http_fields.h"
#include "proxy/adapters/outcome.h"
#include "proxy/adapters/relay.h"

namespace countersign::adapters {
namespace {

// Of the empty body.
std::string sha256_of_nothing() {
  return to_hex(sha256(as_bytes("")));
}

// While a request that may change tags is under way, and when it ends, nothing that was read before is believed.
class TagsInMotion {
 public:
  TagsInMotion(AwsTagReader* reader, const AwsRequest& request) : reader_(reader), request_(request) { forget(); }
  ~TagsInMotion() { forget(); }
  TagsInMotion(const TagsInMotion&) = delete;
  TagsInMotion& operator=(const TagsInMotion&) = delete;

 private:
  void forget() {
    if (reader_) reader_->forget_if_changed(request_.call, request_.signed_for.region);
  }

  AwsTagReader* reader_;
  const AwsRequest& request_;
};

}  // namespace

Task<Status> AwsConversation::look_closer(Doors& doors, BodySource* body) {
  static_cast<void>(body);
  if (labelling_.reader && is_change(request_.operation.effect()))
    co_await labelling_.reader->read(doors, request_.call, request_.signed_for.region, labelling_.from,
                                     request_.operation);
  co_return Status();
}

approvals::Frozen AwsConversation::freeze() const {
  approvals::Frozen frozen;
  frozen.protocol = "aws";
  frozen.upstream = request_.operation.upstream;
  frozen.head = freeze_aws_request(request_);
  frozen.body_sha256 = body_sha256_;
  frozen.body_size = body_size_;
  frozen.identity = aws_identity(request_);
  if (auto reduced = body_without_tokens(request_.call, body_)) {
    frozen.identity += *reduced;
    frozen.retry_identity = approvals::RetryIdentity::identity;
  }
  return frozen;
}

Result<Departure> AwsConversation::departure(const HttpDoor& door) const {
  Result<std::string> endpoint = aws_endpoint(request_.call, request_.signed_for.region, account_.partition);
  if (!endpoint) return fail(endpoint.error());
  return Departure{.sign_for = request_.signed_for,
                   .endpoint = std::move(*endpoint),
                   .body_sha256 = body_size_ == 0 ? sha256_of_nothing() : body_sha256_,
                   .sender = sender_,
                   .fence = door.wants_fence() ? aws_fence(request_.call) : std::string()};
}

Task<Forwarded> AwsConversation::answer_not_done(ReplySink& sink, Error error) {
  Forwarded done{.outcome = outcome_of_error(error), .status = status_of_door_error(error), .detail = error.message};
  AwsFault fault = fault_of(request_.tongue, done.status, error, "");
  if (!is_change(request_.operation.effect())) fault.status = done.status;  // SDKs may try again, and should
  Status sent = co_await send_fault(sink, request_.tongue, std::move(fault));
  if (!sent) done.detail += "; the agent did not take the answer";
  co_return done;
}

Task<Forwarded> AwsConversation::forward(Doors& doors, BodySource* body, ReplySink& sink, Visible visible) {
  static_cast<void>(visible);
  const TagsInMotion tags(labelling_.reader, request_);
  HttpDoor* door = doors.http(request_.operation.upstream);
  Result<Departure> way = door == nullptr ? Result<Departure>(fail(not_connected())) : departure(*door);
  if (door == nullptr || !way) {
    Error error =
        door == nullptr ? not_connected() : Error{ErrorKind::unavailable, "upstream.not_sent", way.error().message};
    co_return co_await answer_not_done(sink, std::move(error));
  }
  const bool secrets = may_hold_secrets(request_.call);
  RequestHead head = request_.head;
  if (secrets && !reveals_) ask_for_plain(head.headers);
  Result<std::unique_ptr<HttpReply>> reply = co_await door->send_signed(std::move(head), body, std::move(*way));
  if (!reply) {
    Error error = reply.error();
    co_return co_await answer_not_done(sink, std::move(error));
  }
  HttpReply& answer = **reply;
  // Errors say what was wrong; they hold nothing of what was asked for.
  const bool told = secrets && answer.head().status < 400;
  if (told && !reveals_) co_return co_await relay_redacted(&answer, &sink, &request_.call, request_.tongue);
  RelayStart start{.fields = fields_to_answer(answer.head().headers)};
  Forwarded done = co_await relay(answer, sink, std::move(start));
  if (told) {
    done.detail += (done.detail.empty() ? "" : "; ") + std::string("secrets revealed");
    done.body_sha256.clear();  // whoever reads the log could try what the secret is
  }
  co_return done;
}

Task<Status> AwsConversation::answer_denied(ReplySink& sink, Denial denial) {
  AwsFault fault = fault_of(request_.tongue, denial.status, denial.error, denial.request);
  co_return co_await send_fault(sink, request_.tongue, std::move(fault));
}

Task<Status> AwsConversation::heartbeat(ReplySink& sink, Pending pending) {
  static_cast<void>(sink);  // AWS's protocols have no way to say "still waiting" before the answer
  static_cast<void>(pending);
  co_return Status();
}

Task<Status> AwsConversation::answer_held(ReplySink& sink, Pending pending) {
  std::string message = "held for approval as " + pending.request + ": " + pending.reason + ". People decide at " +
                        pending.link + " until " + format_time(pending.expires) +
                        ". Send the identical request again after that: it gets the result, and nothing runs twice";
  for (const std::string& missing : pending.undocumented) message += "; " + missing;
  const std::string_view code = pending.undocumented.empty() ? "approval.pending" : "approval.documentation_needed";
  const Error error{ErrorKind::forbidden, std::string(code), std::move(message)};
  AwsFault fault = fault_of(request_.tongue, 403, error, pending.request);
  co_return co_await send_fault(sink, request_.tongue, std::move(fault));
}

Task<Status> AwsConversation::deliver(ReplySink& sink, approvals::StoredReply reply) {
  Result<HeaderList> headers = decode_headers(reply.head);
  if (reply.truncated || !headers) {
    const Error error = reply.truncated
                            ? Error{ErrorKind::invalid, "approval.reply_truncated",
                                    "the approved request ran and was answered with status " +
                                        std::to_string(reply.status) + ", but the answer was too long to be kept"}
                            : headers.error();
    AwsFault fault = fault_of(request_.tongue, 400, error, "");
    co_return co_await send_fault(sink, request_.tongue, std::move(fault));
  }
  std::string no_type;  // it is among the stored headers
  co_return co_await send(sink, reply.status, std::move(no_type), std::move(reply.body), std::move(*headers));
}

}  // namespace countersign::adapters
