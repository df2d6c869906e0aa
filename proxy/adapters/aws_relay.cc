#include "proxy/adapters/aws_relay.h"

#include "core/sha256.h"
#include "proxy/adapters/aws_redaction.h"
#include "proxy/adapters/http_fields.h"
#include "proxy/adapters/outcome.h"
#include "proxy/adapters/relay.h"

namespace countersign::adapters {
namespace {

Error unreadable(ErrorKind kind, std::string_view why) {
  return {kind, "aws.unredactable",
          "the answer holds secrets and " + std::string(why) +
              ", so it is not passed on; a permit with @secrets(\"reveal\") would let it through as it is"};
}

bool is_encoded(const HeaderList& headers) {
  const std::string_view coding = headers.get("Content-Encoding").value_or("");
  return !coding.empty() && !equal_ignoring_case(coding, "identity");
}

std::string how_many(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " secret redacted" : " secrets redacted");
}

}  // namespace

bool may_hold_secrets(const AwsCall& call) {
  return !call.operation->secrets.empty();
}

void ask_for_plain(HeaderList& headers) {
  headers.remove("Accept-Encoding");
  headers.add("Accept-Encoding", "identity");
}

Task<Forwarded> relay_redacted(HttpReply* reply, ReplySink* sink, const AwsCall* call, AwsTongue tongue) {
  const ResponseHead& answered = reply->head();
  Forwarded done{.outcome = outcome_of_status(answered.status), .status = answered.status};
  Error too_long = unreadable(ErrorKind::too_large, "is longer than is read at once");
  Result<std::string> body = co_await read_all(*reply, kRedactableBytes, std::move(too_long));
  if (body && is_encoded(answered.headers))
    body = fail(unreadable(ErrorKind::malformed, "is compressed, though it was not to be"));
  Result<Redacted> redacted =
      body ? redact_aws_answer(*call->operation, form_of_answer(answered.headers, call->dialect), *body)
           : Result<Redacted>(fail(body.error()));
  Status sent;
  if (redacted) {
    HeaderList fields = without_digests(fields_to_answer(answered.headers));
    fields.remove(kRedactedField);
    fields.add(kRedactedField, std::to_string(redacted->count));
    done.detail = how_many(redacted->count);
    done.body_bytes = redacted->body.size();
    done.body_sha256 = to_hex(sha256(as_bytes(redacted->body)));
    std::string no_type;  // it is among the fields
    sent = co_await send(*sink, answered.status, std::move(no_type), std::move(redacted->body), std::move(fields));
  } else {
    const bool withheld = redacted.error().code == "aws.unredactable";
    if (!withheld) done.outcome = "unknown";  // it broke off
    done.detail = redacted.error().message;
    AwsFault fault = fault_of(tongue, withheld ? 403 : status_of_door_error(redacted.error()), redacted.error(), "");
    sent = co_await send_fault(*sink, tongue, std::move(fault));
  }
  if (!sent) done.detail += "; the agent did not take the answer: " + sent.error().message;
  co_return done;
}

}  // namespace countersign::adapters
