#include "proxy/adapters/aws_request.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "auth/sigv4_sign.h"
#include "core/json_reader.h"
#include "core/json_writer.h"
#include "core/words.h"
#include "proxy/adapters/aws_recognise.h"
#include "proxy/adapters/aws_relabels.h"
#include "proxy/adapters/aws_route.h"
#include "proxy/adapters/aws_value.h"
#include "proxy/adapters/http_fields.h"
#include "proxy/adapters/reply.h"
#include "scopes/catalogue/aws_catalogue.h"

namespace countersign::adapters {
namespace {

constexpr std::size_t kMostNamed = 3;  // resources in a summary

// What SDKs say about themselves and each attempt; the signature's fields are gone by then.
constexpr std::array<std::string_view, 3> kAttempt = {"Amz-Sdk-Invocation-Id", "Amz-Sdk-Request", "X-Amz-User-Agent"};

std::string summary_of(const AwsCall& call, std::string_view upstream) {
  std::string out = std::string(call.service->iam_prefix) + " " + std::string(call.operation->name) + " on ";
  for (std::size_t i = 0; i < std::min(call.accesses.size(), kMostNamed); ++i)
    out += (i > 0 ? ", " : "") + call.accesses[i].arn;
  if (call.accesses.size() > kMostNamed)
    out += " and " + std::to_string(call.accesses.size() - kMostNamed) + " more resources";
  out += " through " + std::string(upstream);
  if (!call.flags.empty()) out += " (" + joined(call.flags) + ")";
  return out;
}

// What the catalogue knows of the operation beside its effect, which is one word only: IAM's CreateAccessKey is
// `administer`, and makes credentials too.
std::set<std::string, std::less<>> words_for_policies(const AwsCall& call) {
  static constexpr std::array<std::pair<AwsTrait, std::string_view>, 4> kWords = {
      {{AwsTrait::mints, "mints_credentials"},
       {AwsTrait::escalates, "escalates_rights"},
       {AwsTrait::exposes, "exposes_to_others"},
       {AwsTrait::opaque, "opaque"}}};
  std::set<std::string, std::less<>> out = call.flags;
  for (const auto& [trait, word] : kWords) {
    const bool of_ours = trait == AwsTrait::mints && call.flags.contains(kAwsNarrowedSession);
    if (call.operation->traits.contains(trait) && !of_ours) out.emplace(word);
  }
  return out;
}

// A bucket before the host's name goes to the front of the path, where S3 takes it as well. What is judged and
// forwarded is this one form: a Host that is not forwarded must not say which bucket a path is about.
std::string path_style(const config::AwsAccount& account, const RequestHead& head, const SignedFor& signed_for,
                       std::string_view rest) {
  std::string out = (rest.starts_with('/') ? "" : "/") + std::string(rest);
  if (signed_for.service != "s3") return out;
  const std::string_view bucket = bucket_of_host(head.headers.get("Host").value_or(""), account.host);
  return bucket.empty() ? out : "/" + std::string(bucket) + out;
}

// Names what `request` says; its head and what it was signed for are set.
Status name_request(const config::Upstream& upstream, std::string_view body, std::uint64_t body_size,
                    std::string_view host, AwsRequest& request) {
  AwsWire wire;
  wire.method = request.head.method;
  wire.path = request.head.path();
  wire.query = request.head.query();
  wire.headers = &request.head.headers;
  const bool compressed = request.head.headers.get("Content-Encoding").has_value();
  const bool whole = body.size() == body_size && body_size <= kAwsParsedBytes && !compressed;
  wire.body = whole ? body : std::string_view();
  wire.body_state = whole ? AwsBody::whole : AwsBody::unread;
  wire.signing_service = request.signed_for.service;
  wire.region = request.signed_for.region;
  wire.host = host;
  wire.account = upstream.aws.id;
  wire.partition = upstream.aws.partition;
  Result<AwsCall> call = recognise(AwsCatalogue::embedded(), wire);
  if (!call) return fail(call.error());
  request.call = std::move(*call);
  if (upstream.aws.tags) judge_relabelling(*upstream.aws.tags, request.call);
  request.tongue = {request.call.dialect,
                    request.call.service->key == "s3" || request.call.service->key == "s3control"};
  request.operation = aws_operation(upstream, request);
  return {};
}

}  // namespace

Operation aws_operation(const config::Upstream& upstream, const AwsRequest& request) {
  const AwsCall& call = request.call;
  Operation out;
  out.protocol = "aws";
  out.upstream = upstream.name;
  out.action = call.action;
  out.summary = summary_of(call, upstream.name);
  for (const AwsAccess& access : call.accesses)
    out.accesses.push_back(
        {{"AwsResource", upstream.name + "/" + access.arn, access.arn}, access.effect, access.action});
  const std::set<std::string, std::less<>> words = words_for_policies(call);
  const std::vector<std::string> flags(words.begin(), words.end());
  JsonWriter w(out.input);
  // Policies ask for flags in every request: none of them is an empty set, and not a set that nobody knows.
  w.begin_object().member("account", upstream.aws.id).key("flags").begin_array();
  for (const std::string& flag : flags) w.value(flag);
  w.end_array().member("iam_action", call.iam_action);
  w.member("operation", call.operation->name);
  // Where some had to be left out, policies shall not take them for absent: what is not there is unknown to them.
  if (call.left_out.empty()) w.key("parameters").raw(call.parameters);
  w.member("region", request.signed_for.region).member("service", call.service->iam_prefix).end_object();
  return out;
}

Result<AwsRequest> read_aws_request(const config::Upstream& upstream, const Inbound& inbound) {
  const RequestHead& head = *inbound.head;
  Status fields = check_request_fields(head.headers);
  if (!fields) return fail(fields.error());
  AwsRequest request;
  request.signed_for = *inbound.signed_for;
  request.head = {head.method, path_style(upstream.aws, head, request.signed_for, inbound.rest),
                  fields_to_forward(head.headers)};
  auth::strip_sigv4(request.head);
  auth::drop_chunking(request.head.headers);  // the body is given decoded
  // S3 wants the checksum that was announced, and keeps it with the object: before the body as well as behind it.
  if (inbound.trailer && !request.head.headers.get(inbound.trailer->name))
    request.head.headers.add(inbound.trailer->name, inbound.trailer->value);
  request.head.headers.remove("Expect");
  const std::string_view host =
      request.signed_for.service == "s3" ? std::string_view() : head.headers.get("Host").value_or("");
  Status named = name_request(upstream, inbound.body.in_memory, inbound.body.size, host, request);
  if (!named) return fail(named.error());
  return request;
}

std::string freeze_aws_request(const AwsRequest& request) {
  std::string out;
  JsonWriter(out)
      .begin_object()
      .key("headers")
      .raw(encode_headers(request.head.headers))
      .member("method", request.head.method)
      .member("region", request.signed_for.region)
      .member("service", request.signed_for.service)
      .member("target", request.head.target)
      .end_object();
  return out;
}

Result<AwsRequest> thaw_aws_request(const config::Upstream& upstream, const approvals::Frozen& frozen,
                                    std::string_view body) {
  auto damaged = [] { return fail(ErrorKind::internal, "request.malformed", "the stored request cannot be read"); };
  Result<JsonDocument> document = JsonDocument::parse(frozen.head);
  if (!document) return damaged();
  JsonValue root = document->root();
  std::optional<std::string_view> method = root.member("method").string();
  std::optional<std::string_view> target = root.member("target").string();
  std::optional<std::string_view> service = root.member("service").string();
  std::optional<std::string_view> region = root.member("region").string();
  Result<HeaderList> headers = decode_headers(root.member("headers").canonical());
  if (!method || !target || !service || !region || !headers) return damaged();
  AwsRequest request;
  request.head = {std::string(*method), std::string(*target), std::move(*headers)};
  request.signed_for = {std::string(*service), std::string(*region)};
  Status named = name_request(upstream, body, frozen.body_size, "", request);
  if (!named) return fail(named.error());
  return request;
}

std::string aws_identity(const AwsRequest& request) {
  std::string out;
  JsonWriter(out)
      .begin_object()
      .key("headers")
      .raw(encode_headers(fields_that_count(request.head.headers, kAttempt)))
      .member("method", request.head.method)
      .member("region", request.signed_for.region)
      .member("service", request.signed_for.service)
      .member("target", request.head.target)
      .end_object();
  return out;
}

}  // namespace countersign::adapters
