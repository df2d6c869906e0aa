// Which operation of AWS a request is, what it touches and what it does: the heart of the aws adapter.
//
// Recognition never guesses. Each form of request (form or query string with Action, X-Amz-Target, Smithy RPC path,
// REST method and path) is recognised only as its service accepts it; a request that fits two forms, two operations, or
// none is refused. The effect is the catalogue's, and the parameters can only make it more dangerous. Pure, any thread.
#pragma once

#include "core/result.h"
#include "proxy/adapters/aws_wire.h"
#include "scopes/catalogue/aws_catalogue.h"

namespace countersign::adapters {

// Errors: aws.unknown_operation, aws.ambiguous (fits several operations or forms), aws.contradictory (names two that
// differ, or a parameter twice), aws.malformed, aws.too_large, http.method_override, http.path_override,
// http.bad_header.
Result<AwsCall> recognise(const AwsCatalogue& catalogue, const AwsWire& wire);

}  // namespace countersign::adapters
