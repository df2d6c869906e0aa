#include "proxy/adapters/aws_retry.h"

#include <algorithm>
#include <vector>

#include "core/json.h"
#include "core/sha256.h"

namespace countersign::adapters {
namespace {

// Wire names of the tokens that stand in the body.
std::vector<std::string_view> tokens_of(const AwsCall& call) {
  std::vector<std::string_view> out;
  if (!call.operation->input) return out;
  const bool rest = call.dialect == AwsProtocol::rest_json || call.dialect == AwsProtocol::rest_xml;
  for (const AwsMember& member : call.operation->input->members) {
    if (member.idempotency_token && (!rest || member.location == AwsLocation::body)) out.push_back(member.wire_name);
  }
  return out;
}

std::string without_pairs(std::string_view form, const std::vector<std::string_view>& names) {
  std::string out;
  while (!form.empty()) {
    const std::size_t end = std::min(form.find('&'), form.size());
    const std::string_view pair = form.substr(0, end);
    const std::string_view name = pair.substr(0, pair.find('='));
    if (std::ranges::find(names, name) == names.end()) out += (out.empty() ? "" : "&") + std::string(pair);
    form.remove_prefix(std::min(end + 1, form.size()));
  }
  return out;
}

}  // namespace

std::optional<std::string> body_without_tokens(const AwsCall& call, std::string_view body) {
  const std::vector<std::string_view> names = tokens_of(call);
  if (names.empty() || body.empty() || body.size() > kAwsParameterBytes) return std::nullopt;
  switch (call.dialect) {
    case AwsProtocol::query:
    case AwsProtocol::ec2:
      return to_hex(sha256(as_bytes(without_pairs(body, names))));
    case AwsProtocol::json:
    case AwsProtocol::rest_json: {
      Result<Json> json = parse_json(body);
      if (!json || !json->is_object()) return std::nullopt;
      for (std::string_view name : names) json->erase(std::string(name));
      Result<std::string> reduced = canonical_json(*json);
      if (!reduced) return std::nullopt;
      return to_hex(sha256(as_bytes(*reduced)));
    }
    case AwsProtocol::rest_xml:
    case AwsProtocol::rpc_cbor:
      break;
  }
  return std::nullopt;
}

}  // namespace countersign::adapters
