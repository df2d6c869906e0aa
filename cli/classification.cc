#include "cli/classification.h"

#include <algorithm>

#include "core/json_reader.h"
#include "proxy/adapters/aws_recognise.h"
#include "proxy/adapters/aws_record.h"

namespace countersign::cli {
namespace {

using adapters::AwsCall;
using adapters::AwsWire;

constexpr JsonReadLimits kLogLimits{.bytes = 256U << 20, .depth = 64, .values = 20'000'000};
constexpr std::size_t kNearest = 5;

std::unexpected<Error> malformed(std::string_view why) {
  return fail(ErrorKind::malformed, "classify.malformed", std::string(why));
}

const AwsCatalogue& catalogue() {
  return AwsCatalogue::embedded();
}

std::string_view partition_of(std::string_view region) {
  if (region.starts_with("cn-")) return "aws-cn";
  return region.starts_with("us-gov-") ? "aws-us-gov" : "aws";
}

struct Request {
  std::string method, path, query, host, body;
  HeaderList headers;
};

Classified recognised(const Request& request) {
  Classified out;
  out.what = request.method + " " + request.path;
  adapters::AwsScope scope = adapters::scope_of_request(catalogue(), request.headers, request.query, request.host);
  if (scope.service.empty()) {
    out.error = {ErrorKind::malformed, "aws.unknown_operation", "neither a signature nor the host says which service"};
    return out;
  }
  AwsWire wire{.method = request.method,
               .path = request.path,
               .query = request.query,
               .headers = &request.headers,
               .body = request.body,
               .signing_service = scope.service,
               .region = scope.region,
               .host = request.host,
               .account = {},
               .partition = partition_of(scope.region)};
  Result<AwsCall> call = adapters::recognise(catalogue(), wire);
  if (call)
    out.call = std::move(*call);
  else
    out.error = call.error();
  return out;
}

// Cuts a URL or a target into what recognition wants.
void set_target(Request& request, std::string_view target) {
  if (std::size_t scheme = target.find("://"); scheme != std::string_view::npos && !target.starts_with('/')) {
    target.remove_prefix(scheme + 3);
    std::size_t slash = std::min(target.find_first_of("/?"), target.size());
    request.host = target.substr(0, slash);
    target.remove_prefix(slash);
  }
  target = target.substr(0, target.find('#'));
  std::size_t question = std::min(target.find('?'), target.size());
  request.path = question == 0 ? "/" : target.substr(0, question);
  request.query = target.substr(std::min(question + 1, target.size()));
}

std::string_view take_line(std::string_view& text) {
  std::size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
}

std::string text_of(JsonValue object, std::string_view key) {
  return std::string(object.member(key).string().value_or(""));
}

Classified of_har(JsonValue entry) {
  JsonValue said = entry.member("request");
  Request request;
  request.method = text_of(said, "method");
  set_target(request, said.member("url").string().value_or(""));
  JsonValue headers = said.member("headers");
  for (JsonValue each = headers ? headers.first() : JsonValue(); each; each = each.next()) {
    std::string name = text_of(each, "name");
    if (!name.starts_with(':')) request.headers.add(name, text_of(each, "value"));
  }
  request.body = said.member("postData").member("text").string().value_or("");
  Classified out = recognised(request);
  out.time = text_of(entry, "startedDateTime");
  if (out.refused()) out.what = request.method + " " + request.host + request.path;
  JsonValue status = entry.member("response").member("status");
  if (status && status.integer().value_or(0) >= 400) out.outcome = std::to_string(*status.integer());
  return out;
}

bool is_about_aws(JsonValue entry) {
  JsonValue request = entry.member("request");
  if (request.member("url").string().value_or("").find(".amazonaws.com") != std::string_view::npos) return true;
  JsonValue headers = request.member("headers");
  for (JsonValue each = headers ? headers.first() : JsonValue(); each; each = each.next()) {
    if (equal_ignoring_case(text_of(each, "name"), "Authorization"))
      return text_of(each, "value").starts_with("AWS4-HMAC-SHA256");
  }
  return false;
}

Classified of_event(JsonValue event) {
  Classified out;
  std::string source = text_of(event, "eventSource");
  std::string name = text_of(event, "eventName");
  std::string region = text_of(event, "awsRegion");
  std::string account = text_of(event, "recipientAccountId");
  out.time = text_of(event, "eventTime");
  out.what = source + " " + name;
  out.outcome = text_of(event, "errorCode");
  const AwsOperation* operation = adapters::operation_of_record(catalogue(), source, name);
  if (!operation) {
    out.error = {ErrorKind::not_found, "aws.unknown_operation", "the catalogue has no such operation"};
    return out;
  }
  HeaderList none;
  AwsWire place{.method = {},
                .path = {},
                .query = {},
                .headers = &none,
                .body = {},
                .signing_service = {},
                .region = region,
                .host = {},
                .account = account,
                .partition = partition_of(region)};
  Result<AwsCall> call = adapters::describe_aws_record(*operation, place, event.member("requestParameters"));
  if (call)
    out.call = std::move(*call);
  else
    out.error = call.error();
  return out;
}

}  // namespace

Result<std::vector<Classified>> classify_name(std::string_view name) {
  if (name.starts_with("aws:")) name.remove_prefix(4);
  std::size_t colon = name.find(':');
  std::vector<const AwsOperation*> found;
  if (colon != std::string_view::npos) {
    for (const AwsOperation* each : catalogue().named(name.substr(0, colon), name.substr(colon + 1)))
      found.push_back(each);
    if (found.empty()) {
      if (const AwsOperation* one = catalogue().find(name.substr(0, colon), name.substr(colon + 1)))
        found.push_back(one);
    }
    if (found.empty()) {
      for (const AwsOperation* each : catalogue().by_iam_action(name)) found.push_back(each);
    }
  }
  if (found.empty()) {
    std::string_view word = name.substr(colon == std::string_view::npos ? 0 : colon + 1);
    std::string near;
    std::size_t count = 0;
    for (const AwsService& service : catalogue().services()) {
      for (const AwsOperation& each : service.operations) {
        if (count >= kNearest || !equal_ignoring_case(each.name, word)) continue;
        near +=
            (near.empty() ? "; did you mean " : ", ") + std::string(service.iam_prefix) + ":" + std::string(each.name);
        ++count;
      }
    }
    return fail(ErrorKind::not_found, "aws.unknown_operation",
                "no operation is called " + std::string(name.substr(0, 200)) + near);
  }
  HeaderList none;
  AwsWire place;
  place.headers = &none;
  std::vector<Classified> out;
  for (const AwsOperation* each : found) {
    Result<AwsCall> call = adapters::describe_aws_record(*each, place, JsonValue());
    if (!call) return fail(call.error());
    out.push_back({.time = {}, .what = {}, .call = std::move(*call), .error = {}, .outcome = {}});
  }
  return out;
}

Result<std::vector<Classified>> classify_http(std::string_view text) {
  std::string_view line = take_line(text);
  std::size_t first = line.find(' ');
  std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last || !line.substr(last + 1).starts_with("HTTP/"))
    return malformed("the first line is no request line: \"METHOD TARGET HTTP/1.1\"");
  Request request;
  request.method = line.substr(0, first);
  set_target(request, line.substr(first + 1, last - first - 1));
  while (!text.empty()) {
    line = take_line(text);
    if (line.empty()) break;
    std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) return malformed("a header field has no name");
    std::string_view value = line.substr(colon + 1);
    while (value.starts_with(' ') || value.starts_with('\t')) value.remove_prefix(1);
    request.headers.add(line.substr(0, colon), value);
  }
  if (request.host.empty()) request.host = request.headers.get("Host").value_or("");
  request.body = text;
  std::vector<Classified> out;
  out.push_back(recognised(request));
  return out;
}

Result<std::vector<Classified>> classify_har(std::string_view text) {
  Result<JsonDocument> document = JsonDocument::parse(text, kLogLimits);
  if (!document) return malformed("the archive is not JSON: " + document.error().message);
  JsonValue entries = document->root().is_object() ? document->root().at("/log/entries") : JsonValue();
  if (!entries.is_array()) return malformed("the archive has no log.entries");
  std::vector<Classified> out;
  for (JsonValue each = entries.first(); each; each = each.next()) {
    if (is_about_aws(each)) out.push_back(of_har(each));
  }
  return out;
}

Result<std::vector<Classified>> classify_cloudtrail(std::string_view text) {
  std::vector<Classified> out;
  Result<JsonDocument> whole = JsonDocument::parse(text, kLogLimits);
  if (whole) {
    JsonValue records = whole->root().is_array() ? whole->root() : whole->root().member("Records");
    if (records.is_array()) {
      for (JsonValue each = records.first(); each; each = each.next()) out.push_back(of_event(each));
      return out;
    }
    if (!whole->root().member("eventName")) return malformed("the file has no Records and is no event");
    out.push_back(of_event(whole->root()));
    return out;
  }
  while (!text.empty()) {
    std::string_view line = take_line(text);
    if (line.empty()) continue;
    Result<JsonDocument> one = JsonDocument::parse(line, kLogLimits);
    if (!one) return malformed("the log is not JSON: " + whole.error().message);
    out.push_back(of_event(one->root()));
  }
  return out;
}

Json classified_json(const Classified& one) {
  Json out = Json::object();
  if (!one.time.empty()) out["time"] = one.time;
  if (!one.outcome.empty()) out["outcome"] = one.outcome;
  if (one.refused()) {
    out["code"] = one.error.code;
    out["detail"] = one.error.message;
    out["request"] = one.what;
    return out;
  }
  const AwsCall& call = one.call;
  out["action"] = call.action;
  out["service"] = call.service->key;
  out["operation"] = call.operation->name;
  out["effect"] = effect_name(call.effect);
  out["flags"] = call.flags;
  out["iam_action"] = call.iam_action;
  out["resources"] = Json::array();
  for (const adapters::AwsAccess& each : call.accesses)
    out["resources"].push_back({{"arn", each.arn}, {"effect", effect_name(each.effect)}, {"why", each.why}});
  out["secrets"] = Json::array();
  for (const AwsSecret& each : call.operation->secrets) out["secrets"].push_back(each.path);
  if (Result<Json> parameters = parse_json(call.parameters); parameters && !parameters->empty())
    out["parameters"] = std::move(*parameters);
  return out;
}

}  // namespace countersign::cli
