// An AWS request as the aws adapter reads it: recognised, named, without its signature, and ready to be frozen or
// signed again. No I/O; any thread.
#pragma once

#include <string>
#include <string_view>

#include "core/config.h"
#include "core/http_head.h"
#include "proxy/adapters/adapter.h"
#include "proxy/adapters/aws_answers.h"
#include "proxy/adapters/aws_wire.h"

namespace countersign::adapters {

struct AwsRequest {
  RequestHead head;      // what is forwarded: end-to-end fields, without the client's signature
  SignedFor signed_for;  // what it was signed for, and what it is signed for again
  AwsCall call;
  AwsTongue tongue;
  Operation operation;
};

// Of a request for keys that the gateway answers with keys of a narrower token (aws_session.h).
inline constexpr std::string_view kAwsNarrowedSession = "narrowed_session";

// What a recognised request does, as policies and tokens see it.
[[nodiscard]] Operation aws_operation(const config::Upstream& upstream, const AwsRequest& request);

// Reads and names an authenticated request. Errors: those of aws_recognise.h and of check_request_fields
// (http_fields.h).
Result<AwsRequest> read_aws_request(const config::Upstream& upstream, const Inbound& inbound);

// The stored form, canonical JSON: {"headers":[[name,value]…],"method":…,"region":…,"service":…,"target":…}.
[[nodiscard]] std::string freeze_aws_request(const AwsRequest& request);
// And back, named anew by today's catalogue. `body` is the stored body, or empty where there is more of it than is read
// at once. Error: request.malformed, and those of aws_recognise.h.
Result<AwsRequest> thaw_aws_request(const config::Upstream& upstream, const approvals::Frozen& frozen,
                                    std::string_view body);

// What an identical retry repeats: everything but what SDKs make anew for each attempt.
[[nodiscard]] std::string aws_identity(const AwsRequest& request);

}  // namespace countersign::adapters
