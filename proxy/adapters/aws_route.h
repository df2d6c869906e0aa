// Which operation of a REST service a method, path and query name. Pure functions, any thread.
//
// The rule is exact: literal segments are compared byte for byte, nothing is normalised. What an upstream that decodes
// or cleans paths would read differently is refused. Only a trailing slash may be there or missing, where no operation
// has the path as it is: the models have changed in that, and services take both.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "proxy/adapters/aws_value.h"
#include "proxy/adapters/aws_wire.h"

namespace countersign::adapters {

inline constexpr std::size_t kAwsPathBytes = 8192;
inline constexpr std::size_t kAwsPathSegments = 128;

// A path cut at its slashes: "/a/b/" is {"a", "b", ""}, "/" is {""}.
using AwsPath = std::vector<std::string_view>;

// Of every service but S3. Errors: aws.malformed for empty segments before the last, dot segments (encoded ones too),
// backslashes, bad encodings, bytes outside printable ASCII, and paths past the limits.
Result<AwsPath> read_aws_path(std::string_view path);
// Of S3: bucket and key, {"b", "k/with/slashes"}; the key is one segment, as it was sent, even with empty and dot
// segments, as long as those do not lead out of the bucket. `bucket` comes from the host name, or is empty for path
// style. "/b/" is the bucket.
Result<AwsPath> read_s3_path(std::string_view path, std::string_view bucket);

// The bucket before the host name, empty when there is none: "b.s3.eu-west-1.amazonaws.com", "b.<own_host>".
[[nodiscard]] std::string_view bucket_of_host(std::string_view host, std::string_view own_host);
// Whether an AWS host name is one of this service's: "123456789012.s3-control.eu-west-1.amazonaws.com" of s3control.
[[nodiscard]] bool is_host_of(const AwsService& service, std::string_view host);

// How unknown query keys are taken.
enum class AwsKeys : std::uint8_t {
  known_only,  // refused: each could be another sub-resource (S3)
  any,         // parameters of a newer model
};

// Whether a trailing slash may be there or missing.
enum class AwsSlash : std::uint8_t { exact, either };

struct AwsMatch {
  const AwsOperation* operation = nullptr;
  AwsProtocol protocol = AwsProtocol::rest_json;
  std::vector<std::pair<std::string_view, std::string_view>> labels;  // as sent
};

// The operation of `service`, and those that cannot be told from it (old names of it). Empty: none has that method and
// path. Errors: aws.unknown_operation when a path is known but not with this query, aws.ambiguous when the query names
// several operations, aws.contradictory when a telling key is repeated.
Result<std::vector<AwsMatch>> route_aws(const AwsService& service, const AwsWire& wire, const AwsPath& path,
                                        const std::pmr::vector<AwsPair>& query, AwsKeys keys, AwsSlash slash);

}  // namespace countersign::adapters
