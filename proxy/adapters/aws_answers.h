// Answers of the gateway in the words of AWS's protocols, so that unmodified SDKs show them and do not try again what
// would stay refused. Pure but for the sink; any thread.
//
// Shapes: query and ec2 (AWS Query protocol errors), awsJson1.0/1.1 and restJson1 (`__type`, X-Amzn-ErrorType), restXml
// (S3 without a wrapper), rpcv2Cbor, as the Smithy specifications of these protocols say.
//
// Our own stable code and the held request's id stand in the header fields Countersign-Code and Countersign-Request and
// in front of the message: "[approval.pending] …": command line tools show nothing but the message.
#pragma once

#include <string>
#include <string_view>

#include "core/http_head.h"
#include "proxy/adapters/adapter.h"
#include "scopes/catalogue/aws_model.h"

namespace countersign::adapters {

// Which words a client reads.
struct AwsTongue {
  AwsProtocol protocol = AwsProtocol::rest_json;
  bool s3 = false;  // restXml as S3 speaks it
  bool operator==(const AwsTongue&) const = default;
};

// By the looks of a request that nothing else is known about. `service`: what it was signed for, or empty.
[[nodiscard]] AwsTongue tongue_of(const RequestHead& head, std::string_view service);

struct AwsFault {
  int status = 403;
  std::string type;     // AWS's word: "AccessDeniedException"
  std::string code;     // ours: "policy.forbidden"
  std::string message;  // without the code in front
  std::string request;  // id of the held request, or empty
};

// In AWS's words: what stays refused is one of the types that SDKs do not retry; what had no effect and may go better
// soon (the upstream could not be reached) is ServiceUnavailable with 503, which they do. `status` as in Denial.
[[nodiscard]] AwsFault fault_of(AwsTongue tongue, int status, const Error& error, std::string_view request);

// The body and its type, for tests and for send_fault.
struct AwsErrorBody {
  std::string content_type;
  std::string text;
};
[[nodiscard]] AwsErrorBody error_body(AwsTongue tongue, const AwsFault& fault);

Task<Status> send_fault(ReplySink& sink, AwsTongue tongue, AwsFault fault);

}  // namespace countersign::adapters
