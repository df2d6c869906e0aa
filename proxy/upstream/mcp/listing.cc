#include "proxy/upstream/mcp/listing.h"

#include "core/json_writer.h"
#include "core/sha256.h"
#include "proxy/adapters/json_rpc.h"
#include "proxy/adapters/mcp_protocol.h"

namespace countersign::mcp {
namespace {

std::unexpected<Error> bad(std::string message) {
  return fail(ErrorKind::unavailable, "upstream.bad_response", std::move(message));
}

// Servers older than the versions we offer to agents speak tools the same way.
constexpr std::string_view kOldestVersion = "2024-11-05";
constexpr std::size_t kMaxInstructions = 64U << 10;

Result<JsonDocument> parse_answer(std::string_view answer) {
  Result<JsonDocument> document = JsonDocument::parse(answer, kAnswerLimits);
  if (!document) return bad("the upstream's answer cannot be read: " + document.error().message);
  if (JsonValue error = document->root().member("error")) {
    std::string_view message = error.member("message").string().value_or("no message");
    return bad("the upstream answered with an error: " + std::string(message.substr(0, 300)));
  }
  if (!document->root().member("result").is_object()) return bad("the upstream's answer has no result");
  return document;
}

adapters::McpTool tool_from(JsonValue value) {
  adapters::McpTool tool;
  tool.name = value.member("name").string().value_or("");
  tool.definition = value.canonical();
  tool.digest = to_hex(sha256(tool.definition));
  JsonValue annotations = value.member("annotations");
  tool.annotated = annotations.is_object() && annotations.size() > 0;
  tool.read_only = annotations.member("readOnlyHint").boolean() == true;
  tool.destructive = annotations.member("destructiveHint").boolean() != false;
  tool.required = adapters::required_arguments(value);
  return tool;
}

}  // namespace

std::string request_text(std::int64_t id, std::string_view method, std::string_view params,
                         std::int64_t progress_token) {
  std::string with_meta;
  if (progress_token != 0) {
    with_meta = "{\"_meta\":{\"progressToken\":" + std::to_string(progress_token) + "}";
    std::string_view rest = params.empty() ? std::string_view("{}") : params;
    rest.remove_prefix(rest.find('{') + 1);
    bool empty = rest.find_first_not_of(" \t\r\n") == rest.find('}');
    if (!empty) with_meta += ',';
    with_meta += rest;
    params = with_meta;
  }
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().member("id", id).member("jsonrpc", "2.0").member("method", method);
  if (!params.empty()) writer.key("params").raw(params);
  writer.end_object();
  return out;
}

std::string cancelled_text(std::int64_t id, std::string_view reason) {
  std::string params;
  JsonWriter(params).begin_object().member("reason", reason).member("requestId", id).end_object();
  return adapters::rpc_notification("notifications/cancelled", params);
}

std::string initialize_params(std::string_view version_of_product) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().key("capabilities").begin_object().end_object();
  writer.key("clientInfo")
      .begin_object()
      .member("name", "countersign")
      .member("version", version_of_product)
      .end_object();
  writer.member("protocolVersion", adapters::kLatestMcpVersion).end_object();
  return out;
}

std::string list_params(std::string_view cursor) {
  std::string out;
  JsonWriter(out).begin_object().member_if("cursor", cursor).end_object();
  return out;
}

Result<ServerMessage> read_server_message(std::string_view text) {
  Result<JsonDocument> document = JsonDocument::parse(text, kAnswerLimits);
  if (!document) return bad("not a message: " + document.error().message);
  JsonValue root = document->root();
  if (!root.is_object() || root.member("jsonrpc").string() != "2.0") return bad("not a JSON-RPC message");
  ServerMessage out;
  JsonValue id = root.member("id");
  if (root.member("method").is_string()) {
    out.kind = id ? ServerMessage::Kind::request : ServerMessage::Kind::notification;
    out.request_id = json_member_source(root, text, "id");
    out.method = *root.member("method").string();
    out.params = json_member_source(root, text, "params");
    out.token = root.at("/params/progressToken").integer().value_or(0);
    return out;
  }
  out.kind = ServerMessage::Kind::answer;
  JsonValue result = root.member("result");
  JsonValue error = root.member("error");
  if (!id.integer()) return bad("an answer to something we did not ask");
  out.id = *id.integer();
  if (result.is_object() == error.is_object() || (result && error)) return bad("an answer without result");
  std::string_view key = result ? "result" : "error";
  out.answer_text = "{\"" + std::string(key) + "\":" + std::string(json_member_source(root, text, key)) + "}";
  return out;
}

std::string reply_to_server(const ServerMessage& request) {
  std::string answer = request.method == "ping"
                           ? adapters::rpc_result("{}")
                           : adapters::rpc_error(adapters::kRpcMethodNotFound, "mcp.method_not_found",
                                                 "this client does not offer " + request.method.substr(0, 100));
  return adapters::rpc_response(request.request_id, answer);
}

Status Listing::initialized(std::string_view answer) {
  Result<JsonDocument> document = parse_answer(answer);
  if (!document) return fail(document.error());
  JsonValue result = document->root().member("result");
  version_ = result.member("protocolVersion").string().value_or("");
  if (!adapters::is_supported_mcp_version(version_) && version_ != kOldestVersion)
    return bad("the upstream speaks another version of MCP");
  JsonValue capabilities = result.member("capabilities");
  has_tools_ = capabilities.member("tools").is_object();
  catalogue_.capabilities = capabilities.is_object() ? capabilities.canonical() : "{}";
  catalogue_.server_info = result.member("serverInfo").is_object() ? result.member("serverInfo").canonical() : "{}";
  catalogue_.instructions = result.member("instructions").string().value_or("").substr(0, kMaxInstructions);
  if (!is_utf8(catalogue_.instructions)) catalogue_.instructions.clear();  // cut within a character
  return {};
}

void Listing::restart() {
  catalogue_.tools.clear();
  pages_ = 0;
  bytes_ = 0;
}

Result<std::optional<std::string>> Listing::page(std::string_view answer) {
  Result<JsonDocument> document = parse_answer(answer);
  if (!document) return fail(document.error());
  JsonValue result = document->root().member("result");
  if (!result.member("tools").is_array()) return bad("the list of tools is malformed");
  bytes_ += answer.size();
  if (++pages_ > kMaxPages || bytes_ > kMaxListingBytes) return bad("the list of tools is too long");
  for (JsonValue value = result.member("tools").first(); value; value = value.next()) {
    adapters::McpTool tool = tool_from(value);
    if (tool.name.empty() || tool.name.size() > 256) return bad("a tool has no name");
    if (catalogue_.find(tool.name)) return bad("the tool " + tool.name + " is listed twice");
    if (catalogue_.tools.size() >= kMaxTools) return bad("the list of tools is too long");
    catalogue_.tools.push_back(std::move(tool));
  }
  std::optional<std::string_view> cursor = result.member("nextCursor").string();
  if (!cursor) return std::optional<std::string>();
  return std::optional<std::string>(*cursor);
}

std::shared_ptr<const adapters::McpCatalogue> Listing::finish() {
  return std::make_shared<const adapters::McpCatalogue>(catalogue_);
}

}  // namespace countersign::mcp
