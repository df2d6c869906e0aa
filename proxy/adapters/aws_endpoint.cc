#include "proxy/adapters/aws_endpoint.h"

#include <algorithm>

#include "core/json_reader.h"

namespace countersign::adapters {
namespace {

bool is_host_label(std::string_view text) {
  return !text.empty() && text.size() <= 63 && text.front() != '-' && text.back() != '-' &&
         std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

std::string_view suffix_of(std::string_view partition) {
  return partition == "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com";
}

// The prefix with the values of its labels in it: "{AccountId}." with 111122223333.
Result<std::string> host_prefix(const AwsCall& call) {
  std::string out;
  std::string_view rest = call.operation->host_prefix;
  while (!rest.empty()) {
    const std::size_t open = std::min(rest.find('{'), rest.size());
    out += rest.substr(0, open);
    rest.remove_prefix(open);
    if (rest.empty()) break;
    const std::size_t close = rest.find('}');
    if (close == std::string_view::npos) break;
    Result<JsonDocument> parameters = JsonDocument::parse(call.parameters);
    const auto value =
        parameters ? parameters->root().member(rest.substr(1, close - 1)).string() : std::optional<std::string_view>();
    if (!value || !is_host_label(*value))
      return fail(ErrorKind::unsupported, "aws.endpoint_unknown",
                  "the endpoint's name needs " + std::string(rest.substr(1, close - 1)) + ", which the request lacks");
    out += *value;
    rest.remove_prefix(close + 1);
  }
  return out;
}

}  // namespace

Result<std::string> aws_endpoint(const AwsService& service, std::string_view region, std::string_view partition) {
  if (!is_host_label(region))
    return fail(ErrorKind::malformed, "aws.bad_region", "the request is signed for no region");
  std::string out = std::string(service.endpoint_prefix) + ".";
  // S3 and STS have an endpoint for all regions and one in each: a bucket is reached at its own region's only. China
  // has regional endpoints for what is global elsewhere.
  const bool regional = !service.global || service.key == "s3" || service.key == "sts" || partition == "aws-cn";
  if (regional) out += std::string(region) + ".";
  return out + std::string(suffix_of(partition));
}

Result<std::string> aws_endpoint(const AwsCall& call, std::string_view region, std::string_view partition) {
  Result<std::string> host = aws_endpoint(*call.service, region, partition);
  if (!host) return host;
  Result<std::string> prefix = host_prefix(call);
  if (!prefix) return prefix;
  return *prefix + *host;
}

}  // namespace countersign::adapters
