// What requests to AWS would do, from names, requests and logs, without a server: countersign classify. Pure functions,
// any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "core/result.h"
#include "proxy/adapters/aws_wire.h"

namespace countersign::cli {

// One request, recognised or refused.
struct Classified {
  std::string time;  // as the log has it; empty: not known
  std::string what;  // of a refused one: "POST /?x", "foo.amazonaws.com Bar"
  adapters::AwsCall call;
  Error error;          // of a refused one; its code is empty otherwise
  std::string outcome;  // the error code a log has, empty when the request was carried out

  [[nodiscard]] bool refused() const { return !error.code.empty(); }
};

// "s3:DeleteBucket", "aws:s3:DeleteBucket" or an IAM action: every operation that is meant. Error:
// aws.unknown_operation (not_found), with the nearest names.
Result<std::vector<Classified>> classify_name(std::string_view name);
// A request as it goes over the wire: line, fields, empty line, body. Lines end in CR LF or LF. Error:
// classify.malformed.
Result<std::vector<Classified>> classify_http(std::string_view text);
// An HTTP archive (HAR 1.2): its requests to AWS's hosts and those that carry a SigV4 signature. Error:
// classify.malformed.
Result<std::vector<Classified>> classify_har(std::string_view text);
// CloudTrail's log files ({"Records":[…]}), an array of events, or an event a line. Error: classify.malformed.
Result<std::vector<Classified>> classify_cloudtrail(std::string_view text);

// One object, docs/cli.md.
[[nodiscard]] Json classified_json(const Classified& one);

}  // namespace countersign::cli
