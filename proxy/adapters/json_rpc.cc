#include "proxy/adapters/json_rpc.h"

#include <algorithm>
#include <array>

#include "core/json_writer.h"

namespace countersign::adapters {
namespace {

std::unexpected<Error> invalid(std::string message) {
  return fail(ErrorKind::malformed, "rpc.invalid", std::move(message));
}

bool is_id(JsonValue id) {
  if (!id) return false;
  return id.is_string() || id.kind() == JsonKind::integer || id.kind() == JsonKind::unsigned_integer;
}

}  // namespace

Result<RpcMessage> read_rpc(std::string_view text, const JsonReadLimits& limits) {
  Result<JsonDocument> document = JsonDocument::parse(text, limits);
  if (!document) return fail(document.error());
  JsonValue root = document->root();
  if (root.is_array()) return fail(ErrorKind::malformed, "rpc.batch", "JSON-RPC batches are not accepted");
  if (!root.is_object()) return invalid("the message is not an object");
  if (root.member("jsonrpc").string() != "2.0") return invalid("the message does not say \"jsonrpc\":\"2.0\"");
  constexpr std::array<std::string_view, 6> kMembers = {"jsonrpc", "id", "method", "params", "result", "error"};
  for (JsonValue member = root.first(); member; member = member.next()) {
    if (std::ranges::find(kMembers, member.key()) == kMembers.end())
      return invalid("the message has an unknown member");
  }
  JsonValue id = root.member("id");
  JsonValue method = root.member("method");
  JsonValue params = root.member("params");
  bool answers = root.member("result") || root.member("error");
  if (id && !is_id(id)) return invalid("the id is neither a string nor an integer");
  std::string_view id_text = json_member_source(root, text, "id");
  if (id_text.size() > kMaxRpcIdBytes) return invalid("the id is too long");
  if (method && (!method.is_string() || method.string()->size() > 256))
    return invalid("the method is not a short string");
  if (method && answers) return invalid("the message is a request and a response at once");
  if (!method && !answers) return invalid("the message has no method");
  if (!method && (!id || params || (root.member("result") && root.member("error"))))
    return invalid("the response is malformed");
  if (params && !params.is_object()) return invalid("params are not an object");

  RpcKind kind = !method ? RpcKind::response : id ? RpcKind::request : RpcKind::notification;
  return RpcMessage{.document = std::move(*document),
                    .kind = kind,
                    .id = std::string(id_text),
                    .method = std::string(method.string().value_or("")),
                    .params = params,
                    .params_text = std::string(json_member_source(root, text, "params"))};
}

std::string rpc_id_of(std::string_view text) {
  Result<JsonDocument> document = JsonDocument::parse(text);
  if (!document || !document->root().is_object()) return "null";
  JsonValue id = document->root().member("id");
  std::string_view source = json_member_source(document->root(), text, "id");
  return is_id(id) && source.size() <= kMaxRpcIdBytes ? std::string(source) : "null";
}

std::string rpc_response(std::string_view id, std::string_view answer) {
  std::string out = "{\"id\":";
  out += id;
  out += ",\"jsonrpc\":\"2.0\",";
  out += answer.substr(std::min<std::size_t>(1, answer.size()));
  return out;
}

std::string rpc_error(int rpc_code, std::string_view code, std::string_view message) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().key("error").begin_object().member("code", std::int64_t{rpc_code});
  writer.key("data").begin_object().member("code", code).end_object();
  writer.member("message", message).end_object().end_object();
  return out;
}

std::string rpc_result(std::string_view result) {
  return "{\"result\":" + std::string(result) + "}";
}

std::string rpc_notification(std::string_view method, std::string_view params) {
  std::string out;
  JsonWriter(out)
      .begin_object()
      .member("jsonrpc", "2.0")
      .member("method", method)
      .key("params")
      .raw(params)
      .end_object();
  return out;
}

std::string sse_message(std::string_view json) {
  std::string out = "event: message\n";
  while (true) {
    std::size_t end = std::min(json.find_first_of("\r\n"), json.size());
    out += "data: ";
    out += json.substr(0, end);
    out += '\n';
    if (end == json.size()) break;
    json.remove_prefix(end + 1);
  }
  out += '\n';
  return out;
}

}  // namespace countersign::adapters
