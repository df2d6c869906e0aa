// An AWS request as it arrived, and what is read from it: the two ends of recognition (proxy/adapters/aws_recognise.h).
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/http_head.h"
#include "scopes/catalogue/aws_model.h"

namespace countersign::adapters {

// What there is of the body. Bodies in aws-chunked form are given decoded.
enum class AwsBody : std::uint8_t {
  whole,   // all of it is in `body`
  unread,  // longer than is kept in memory, or compressed: `body` is empty and says nothing
};

// Views of a request that has been authenticated; all must outlive the call they are given to.
struct AwsWire {
  std::string_view method;
  std::string_view path;                // as on the wire, below the upstream's mount point; begins with '/'
  std::string_view query;               // as on the wire, without '?'
  const HeaderList* headers = nullptr;  // never nullptr
  std::string_view body;
  AwsBody body_state = AwsBody::whole;

  std::string_view signing_service;  // of the signature's scope: "s3"
  std::string_view region;           // of the signature's scope
  std::string_view host;             // the client's Host; may be one of ours or one of AWS's, or empty

  std::string_view account;            // 12 digits, of the upstream's configuration; empty: not known
  std::string_view partition = "aws";  // aws, aws-cn, aws-us-gov
};

// One thing that is touched. An `arn` may hold "*" where the request does not say; ending in ":*" it is every resource
// of the service in the account.
struct AwsAccess {
  std::string arn;
  Effect effect = Effect::destroy;
  std::string why;  // "verb Delete", "deletes the object"
  // What is done to this one where it is something else: "aws:s3:GetObject" of a copy's source. Empty: AwsCall::action.
  std::string action = {};
};

// What a request asks for.
struct AwsCall {
  const AwsService* service = nullptr;      // never nullptr
  const AwsOperation* operation = nullptr;  // never nullptr
  AwsProtocol dialect = AwsProtocol::query;
  std::string action;      // "aws:s3:DeleteBucket"
  std::string iam_action;  // "s3:DeleteBucket"; what the parameters make of it: "s3:DeleteObjectVersion"

  Effect effect = Effect::destroy;  // the most dangerous of the accesses', with the parameters read
  std::vector<AwsAccess> accesses;  // at least one
  // Words about the parameters, for policies: docs/aws.md lists them. "skip_final_snapshot", "protection_off", …
  std::set<std::string, std::less<>> flags;
  // The parameters by the names of AWS's models, whatever the protocol, as a JSON object: sorted, secrets masked, at
  // most kAwsParameterBytes. A name that the model does not have stands behind a '?'.
  std::string parameters;
  std::vector<std::string> left_out;  // members for which there was no room
};

inline constexpr std::size_t kAwsParameterBytes = 64U << 10;
inline constexpr std::size_t kAwsAccesses = 2048;

}  // namespace countersign::adapters
