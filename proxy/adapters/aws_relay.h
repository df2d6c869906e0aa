// Passing on an answer that holds secrets: read whole, redacted (aws_redaction.h), and only then sent.
#pragma once

#include "core/task.h"
#include "proxy/adapters/adapter.h"
#include "proxy/adapters/aws_answers.h"
#include "proxy/adapters/aws_wire.h"

namespace countersign::adapters {

// The catalogue knows of secrets in the answer to this call.
[[nodiscard]] bool may_hold_secrets(const AwsCall& call);

// Asks for an answer as it is, not compressed.
void ask_for_plain(HeaderList& headers);

// Reads the answer up to kRedactableBytes and sends it redacted, with the field x-countersign-redacted. What cannot be
// redacted is answered with aws.unredactable; the result tells what the upstream did either way. All outlive the call.
Task<Forwarded> relay_redacted(HttpReply* reply, ReplySink* sink, const AwsCall* call, AwsTongue tongue);

}  // namespace countersign::adapters
