#include "proxy/adapters/http_request.h"

#include <algorithm>
#include <map>
#include <vector>

#include "core/json_reader.h"
#include "core/json_writer.h"
#include "proxy/adapters/http_fields.h"
#include "proxy/adapters/http_form.h"
#include "proxy/adapters/reply.h"
#include "proxy/adapters/resource_name.h"

namespace countersign::adapters {
namespace {

Error malformed(std::string_view code, std::string message) {
  return {ErrorKind::malformed, std::string(code), std::move(message)};
}

Status check_method(std::string_view method) {
  // Methods are case-sensitive, and servers that do not know it would take `delete` for DELETE.
  bool plain = !method.empty() && method.size() <= 32 && method.front() >= 'A' && method.front() <= 'Z' &&
               std::ranges::all_of(method, [](char c) {
                 return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
               });
  if (!plain) return fail(malformed("http.bad_method", "the method is not written in capital letters"));
  if (method == "CONNECT" || method == "TRACE")
    return fail(ErrorKind::unsupported, "http.method_not_supported", "the method is not forwarded");
  return {};
}

// The upstream's path that a Destination field means: an absolute URI on the host the request was sent to, or an
// absolute path, both below the mount (RFC 4918 section 10.3).
Result<std::string> destination_path(std::string_view value, const RequestHead& head, std::string_view mount) {
  auto bad = [](std::string message) { return fail(malformed("http.bad_destination", std::move(message))); };
  for (std::string_view scheme : {"http://", "https://"}) {
    if (value.size() < scheme.size() || !equal_ignoring_case(value.substr(0, scheme.size()), scheme)) continue;
    value.remove_prefix(scheme.size());
    std::size_t slash = std::min(value.find('/'), value.size());
    std::string_view host = head.headers.get("Host").value_or("");
    if (host.empty() || !equal_ignoring_case(value.substr(0, slash), host))
      return bad("Destination is on another host than the request");
    value.remove_prefix(slash);
    break;
  }
  if (!value.starts_with(mount) || !value.substr(mount.size()).starts_with('/'))
    return bad("Destination is not on the same upstream as the request");
  return std::string(value.substr(mount.size()));
}

// What MOVE and COPY do to their destination: what is there already is replaced, a collection with all that it holds,
// unless the request says `Overwrite: F` (RFC 4918 sections 9.8.4 and 10.6). `forwarded` is what the upstream will
// read.
Result<Effect> effect_on_destination(const HeaderList& forwarded) {
  std::string_view overwrite = forwarded.get("Overwrite").value_or("T");
  if (forwarded.count("Overwrite") > 1 || (overwrite != "T" && overwrite != "F"))
    return fail(malformed("http.bad_overwrite", "Overwrite is given once at most, as T or F"));
  return overwrite == "F" ? Effect::write : Effect::destroy;
}

Access access(const config::Upstream& upstream, std::string name, Effect effect) {
  return {{"HttpEndpoint", upstream.name + "/" + name, std::move(name)}, effect};
}

void write_query(JsonWriter& writer, const std::map<std::string, std::vector<std::string>>& query) {
  writer.key("query").begin_object();
  for (const auto& [key, values] : query) {
    if (values.size() == 1) {
      writer.member(key, values.front());
    } else {
      writer.strings(key, values);
    }
  }
  writer.end_object();
}

// The operation of a request whose head is checked; fills in what it is called.
Result<Operation> name_operation(const config::Upstream& upstream, const HttpOperations& operations,
                                 std::string_view base_path, HttpRequest& request) {
  const RequestHead& head = request.head;
  Result<std::string> name = name_of_uri_path(head.path(), RawUnicode::refused, "http.ambiguous_path");
  if (!name) return fail(name.error());
  Result<std::map<std::string, std::vector<std::string>>> query = read_query(head.query());
  if (!query) return fail(query.error());

  HttpOperation found = operations.find(head.method, *name);
  Operation operation;
  operation.protocol = "http";
  operation.upstream = upstream.name;
  operation.action = found.action;
  request.called = std::move(found.name);
  request.summary = std::move(found.summary);
  Effect effect = request.form == FormBody::opaque ? std::max(found.effect, Effect::execute) : found.effect;
  operation.summary = head.method + " /" + *name + " on " + upstream.name;
  operation.accesses.push_back(access(upstream, *name, effect));
  if (head.method == "MOVE" || head.method == "COPY") {
    std::string_view target = head.headers.get("Destination").value_or("");
    target.remove_prefix(std::min(base_path.size(), target.size()));
    Result<std::string> destination = name_of_uri_path(target, RawUnicode::refused, "http.bad_destination");
    if (!destination) return fail(destination.error());
    Result<Effect> replaced = effect_on_destination(head.headers);
    if (!replaced) return fail(replaced.error());
    if (head.method == "COPY" && found.effect == Effect::write) operation.accesses.front().effect = Effect::read;
    operation.summary = head.method + " /" + *name + " to /" + *destination + " on " + upstream.name;
    operation.accesses.push_back(access(upstream, *destination, *replaced));
  }
  JsonWriter writer(operation.input);
  writer.begin_object().member("method", head.method).member("path", "/" + *name);
  write_query(writer, *query);
  writer.end_object();
  return operation;
}

}  // namespace

Result<HttpRequest> read_http_request(const config::Upstream& upstream, const HttpOperations& operations,
                                      std::string_view base_path, const Inbound& inbound) {
  const RequestHead& head = *inbound.head;
  Status method = check_method(head.method);
  if (!method) return fail(method.error());
  Status fields = check_request_fields(head.headers);
  if (!fields) return fail(fields.error());
  Result<FormBody> form = look_for_method_override(head, inbound.body);
  if (!form) return fail(form.error());

  HttpRequest request;
  request.mount = "/" + upstream.name;
  request.head = {head.method, std::string(inbound.rest.empty() ? "/" : inbound.rest), fields_to_forward(head.headers)};
  request.form = *form;
  request.has_body = inbound.body.size > 0;
  bool wants_destination = head.method == "MOVE" || head.method == "COPY";
  if (request.head.headers.count("Destination") != (wants_destination ? 1U : 0U))
    return fail(malformed("http.bad_destination", "MOVE and COPY have one Destination, other methods none"));
  if (wants_destination) {
    Result<std::string> path = destination_path(*head.headers.get("Destination"), head, request.mount);
    if (!path) return fail(path.error());
    // The mount is taken off and the upstream's own base put on, exactly as for the target.
    request.head.headers.set("Destination", std::string(base_path) + *path);
  }
  Result<Operation> operation = name_operation(upstream, operations, base_path, request);
  if (!operation) return fail(operation.error());
  request.operation = std::move(*operation);
  return request;
}

std::string freeze_http_request(const HttpRequest& request) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().member("body", request.has_body).member("form", request.form == FormBody::opaque);
  writer.key("headers").raw(encode_headers(request.head.headers));
  writer.member("method", request.head.method).member("mount", request.mount).member("target", request.head.target);
  writer.end_object();
  return out;
}

Result<HttpRequest> thaw_http_request(const config::Upstream& upstream, const HttpOperations& operations,
                                      std::string_view base_path, std::string_view frozen) {
  auto damaged = [] { return fail(ErrorKind::internal, "request.malformed", "the stored request cannot be read"); };
  Result<JsonDocument> document = JsonDocument::parse(frozen);
  if (!document) return damaged();
  JsonValue root = document->root();
  std::optional<std::string_view> method = root.member("method").string();
  std::optional<std::string_view> target = root.member("target").string();
  std::optional<std::string_view> mount = root.member("mount").string();
  std::optional<bool> form = root.member("form").boolean();
  std::optional<bool> body = root.member("body").boolean();
  Result<HeaderList> headers = decode_headers(root.member("headers").canonical());
  if (!method || !target || !mount || !form || !body || !headers) return damaged();
  HttpRequest request;
  request.head = {std::string(*method), std::string(*target), std::move(*headers)};
  request.mount = *mount;
  request.form = *form ? FormBody::opaque : FormBody::none;
  request.has_body = *body;
  Result<Operation> operation = name_operation(upstream, operations, base_path, request);
  if (!operation) return fail(operation.error());
  request.operation = std::move(*operation);
  return request;
}

std::string http_identity(const HttpRequest& request) {
  std::string out;
  JsonWriter(out)
      .begin_object()
      .key("headers")
      .raw(encode_headers(fields_that_count(request.head.headers)))
      .member("method", request.head.method)
      .member("target", request.head.target)
      .end_object();
  return out;
}

}  // namespace countersign::adapters
