#include "proxy/adapters/mcp_adapter.h"

#include <algorithm>

#include "core/json.h"
#include "core/json_writer.h"
#include "core/sha256.h"
#include "proxy/adapters/mcp_answers.h"
#include "proxy/adapters/mcp_conversation.h"
#include "proxy/adapters/mcp_protocol.h"
#include "proxy/adapters/mcp_sentence.h"
#include "proxy/adapters/preview.h"

namespace countersign::adapters {
namespace {

constexpr std::size_t kMaxTokenBytes = 256;

// The progress token as JSON, or empty. Errors: mcp.bad_params.
Result<std::string> progress_token(const RpcMessage& message) {
  JsonValue meta = message.params.member("_meta");
  if (!meta) return std::string();
  if (!meta.is_object()) return fail(ErrorKind::malformed, "mcp.bad_params", "_meta is not an object");
  JsonValue token = meta.member("progressToken");
  if (!token) return std::string();
  bool sound = token.is_string() || token.kind() == JsonKind::integer || token.kind() == JsonKind::unsigned_integer;
  std::string text = token.canonical();
  if (!sound || text.size() > kMaxTokenBytes)
    return fail(ErrorKind::malformed, "mcp.bad_params", "the progress token is neither a short string nor an integer");
  return text;
}

// What the agent says to approvers, or empty. What it is worth is for approvals/documentation.h to say.
std::string documentation_in(const RpcMessage& message) {
  JsonValue said = message.params.member("_meta").member("countersign/documentation");
  return said ? said.canonical() : std::string();
}

int rpc_code_of(const Error& error) {
  if (error.code == "mcp.method_not_found") return kRpcMethodNotFound;
  if (error.code == "json.malformed" || error.code == "json.duplicate_key" || error.code == "json.number_range")
    return kRpcParseError;
  if (error.code.starts_with("rpc.") || error.code.starts_with("json.")) return kRpcInvalidRequest;
  if (error.code == "mcp.unknown_tool" || error.code == "mcp.bad_params" || error.code == "mcp.bad_cursor" ||
      error.code == "mcp.ambiguous_resource" || error.code == "mcp.resource_missing" ||
      error.code == "mcp.too_many_resources")
    return kRpcInvalidParams;
  return error.kind == ErrorKind::unavailable || error.kind == ErrorKind::internal ? kRpcInternalError : kRpcDenied;
}

// Answers to a well-formed request travel with HTTP 200; what concerns the message or the caller keeps its status.
bool is_about_the_call(int rpc_code) {
  return rpc_code == kRpcMethodNotFound || rpc_code == kRpcInvalidParams;
}

// Strings that are better read as text than inside JSON: each is shown in a part of its own.
void lift_long_strings(Json& value, const std::string& pointer, std::vector<PreviewPart>& parts) {
  constexpr std::size_t kLong = 160;
  constexpr std::size_t kMaxParts = 16;
  if (value.is_string()) {
    const std::string& text = value.get_ref<const std::string&>();
    bool lift = text.size() > kLong || text.find('\n') != std::string::npos;
    if (!lift || parts.size() >= kMaxParts) return;
    parts.push_back({pointer, "text/plain", printable(text, kMaxPreviewBytes)});
    value = "(" + std::to_string(parts.back().text.size()) + " bytes, shown as " + pointer + ")";
    return;
  }
  if (!value.is_structured()) return;
  for (auto item = value.begin(); item != value.end(); ++item) {
    std::string key = value.is_object() ? item.key() : std::to_string(item - value.begin());
    lift_long_strings(*item, pointer + "/" + key, parts);
  }
}

}  // namespace

Result<std::unique_ptr<McpAdapter>> McpAdapter::single(const config::Upstream& upstream, McpOptions options) {
  Result<McpUpstream> rules = McpUpstream::create(upstream);
  if (!rules) return fail(rules.error());
  std::vector<McpUpstream> one;
  one.push_back(std::move(*rules));
  return std::unique_ptr<McpAdapter>(new McpAdapter(McpMount::single, std::move(one), std::move(options)));
}

Result<std::unique_ptr<McpAdapter>> McpAdapter::aggregate(const std::vector<config::Upstream>& upstreams,
                                                          McpOptions options) {
  std::vector<McpUpstream> all;
  for (const config::Upstream& upstream : upstreams) {
    if (upstream.protocol != "mcp") continue;
    Result<McpUpstream> rules = McpUpstream::create(upstream);
    if (!rules) return fail(rules.error());
    all.push_back(std::move(*rules));
  }
  return std::unique_ptr<McpAdapter>(new McpAdapter(McpMount::aggregate, std::move(all), std::move(options)));
}

std::vector<std::string> McpAdapter::upstream_names() const {
  std::vector<std::string> names;
  for (const McpUpstream& upstream : upstreams_) names.push_back(upstream.name());
  return names;
}

Task<Status> McpAdapter::prepare(Doors& doors) {
  Status first;
  for (const McpUpstream& upstream : upstreams_) {
    McpDoor* door = doors.mcp(upstream.name());
    if (!door) {
      first = fail(ErrorKind::unavailable, "upstream.connect_failed", "the upstream is not connected");
      continue;
    }
    Result<std::shared_ptr<const McpCatalogue>> listed = co_await door->catalogue();
    if (!listed) first = fail(listed.error());
  }
  if (mount_ == McpMount::single) co_return first;
  co_return Status();
}

Operation McpAdapter::gateway_operation(std::string_view action) const {
  Operation operation;
  operation.protocol = "mcp";
  operation.upstream = mount_ == McpMount::single ? upstreams_.front().name() : "";
  operation.action = action;
  operation.summary = std::string(action.substr(action.find(':') + 1)) + " (answered by the gateway)";
  operation.reach = Reach::gateway;
  return operation;
}

std::unique_ptr<Conversation> McpAdapter::gateway_result(const RpcMessage& message, std::string_view result) const {
  std::string action = "mcp:" + message.method.substr(0, 64);
  std::ranges::replace(action, '/', '_');
  McpGatewayAnswer::Answer answer{200, "application/json", rpc_response(message.id, rpc_result(result)), {}};
  return std::make_unique<McpGatewayAnswer>(gateway_operation(action), message.id, std::move(answer));
}

Result<std::unique_ptr<Conversation>> McpAdapter::describe(const Inbound& inbound, Doors& doors) const {
  if (inbound.rest.substr(0, inbound.rest.find('?')) != "/mcp")
    return fail(ErrorKind::not_found, "mcp.no_endpoint", "the MCP endpoint of an upstream is /NAME/mcp");
  if (std::optional<McpHeadProblem> problem = check_mcp_head(*inbound.head)) {
    if (problem->status == 400 || problem->status == 403) return fail(std::move(problem->error));
    McpGatewayAnswer::Answer answer{
        problem->status,
        "application/json",
        rpc_response("null", rpc_error(kRpcInvalidRequest, problem->error.code, problem->error.message)),
        {}};
    if (problem->status == 405) answer.headers.add("Allow", "POST");
    return std::make_unique<McpGatewayAnswer>(gateway_operation("mcp:refused"), "null", std::move(answer));
  }
  if (!inbound.body.complete())
    return fail(ErrorKind::too_large, "mcp.too_large", "the message is too long to be judged as a whole");
  Result<RpcMessage> message = read_rpc(inbound.body.in_memory);
  if (!message) return fail(message.error());
  return describe_message(inbound, std::move(*message), doors);
}

Result<std::unique_ptr<Conversation>> McpAdapter::describe_message(const Inbound& inbound, RpcMessage message,
                                                                   Doors& doors) const {
  if (message.kind != RpcKind::request) {
    // Nothing is owed for a notification, and a response answers nothing we asked.
    return std::make_unique<McpGatewayAnswer>(gateway_operation("mcp:notify"), "null",
                                              McpGatewayAnswer::Answer{202, "", "", {}});
  }
  if (message.method == "ping" || message.method == "logging/setLevel") return gateway_result(message, "{}");
  if (message.method == "initialize") return gateway_result(message, initialize(message, doors));
  if (message.method == "tools/list") {
    // The list is given at once, so no cursor was ever handed out.
    if (message.params.member("cursor"))
      return fail(ErrorKind::malformed, "mcp.bad_cursor", "this cursor was not handed out here");
    return std::make_unique<McpToolList>(gateway_operation("mcp:list_tools"), message.id, mount_, upstreams_);
  }
  Result<McpRequest> request = read_mcp_request(upstreams_, mount_, message, doors);
  if (!request) return fail(request.error());
  Result<std::string> token = progress_token(message);
  if (!token) return fail(token.error());
  McpClient client{
      .id = message.id, .progress_token = *token, .patience = {}, .documentation = documentation_in(message)};
  if (!token->empty()) client.patience = {options_.hold_stream, options_.heartbeat};
  return std::make_unique<McpConversation>(std::move(*request), std::move(client), inbound.body);
}

std::string McpAdapter::initialize(const RpcMessage& message, Doors& doors) const {
  McpIdentity identity{"countersign", options_.version, {}};
  std::vector<std::string> capabilities;
  for (const McpUpstream& upstream : upstreams_) {
    McpDoor* door = doors.mcp(upstream.name());
    std::shared_ptr<const McpCatalogue> catalogue = door ? door->last_catalogue() : nullptr;
    if (!catalogue) continue;
    if (mount_ == McpMount::single) {
      capabilities.push_back(catalogue->capabilities);
      identity.instructions = catalogue->instructions;
    }
  }
  if (mount_ == McpMount::single)
    identity.name += "/" + upstreams_.front().name();
  else
    capabilities.emplace_back(R"({"tools":{}})");
  if (!identity.instructions.empty()) identity.instructions += "\n\n";
  identity.instructions +=
      "Calls go through Countersign, which may refuse them or hold them until a person has approved. A held call says "
      "so; make exactly the same call again later to get its result. Where people must be told more first, the answer "
      "says what: "
      "repeat the call with `_meta` {\"countersign/documentation\": {\"intent\", \"ticket\", \"rollback\", "
      "\"references\"}}.";
  return initialize_result(message.params, identity, capabilities);
}

Result<std::unique_ptr<Conversation>> McpAdapter::thaw(const approvals::Frozen& frozen, std::string_view body,
                                                       Doors& doors) const {
  const BodyView view{.size = frozen.body_size, .sha256 = frozen.body_sha256, .in_memory = body};
  return thaw_message(frozen, view, doors, Identity::must_match);
}

Result<Edited> McpAdapter::edit(const approvals::Frozen& frozen, std::string_view body, std::string_view change,
                                Doors& doors) const {
  Result<Json> wish = parse_json(change);
  const Json* arguments = wish && wish->is_object() && wish->size() == 1 ? find_member(*wish, "arguments") : nullptr;
  if (!arguments || !arguments->is_object())
    return fail(ErrorKind::invalid, "edit.malformed", "a tool call is edited with {\"arguments\": OBJECT}");
  Result<Json> message = parse_json(body);
  if (!message) return fail(message.error());
  if (string_or(*message, "method", "") != "tools/call")
    return fail(ErrorKind::unsupported, "approval.not_editable", "only tool calls are edited: deny it");
  (*message)["params"]["arguments"] = *arguments;
  Result<std::string> edited = canonical_json(*message);
  if (!edited) return fail(edited.error());
  const std::string digest = to_hex(sha256(as_bytes(*edited)));
  const BodyView view{.size = edited->size(), .sha256 = digest, .in_memory = *edited};
  Result<std::unique_ptr<Conversation>> conversation = thaw_message(frozen, view, doors, Identity::may_differ);
  if (!conversation) return fail(conversation.error());
  return Edited{std::move(*conversation), std::move(*edited)};
}

Result<std::unique_ptr<Conversation>> McpAdapter::thaw_message(const approvals::Frozen& frozen, const BodyView& body,
                                                               Doors& doors, Identity as_approved) const {
  auto damaged = [](std::string message) {
    return fail(ErrorKind::internal, "request.malformed", "the stored request cannot be read: " + std::move(message));
  };
  Result<JsonDocument> head = JsonDocument::parse(frozen.head);
  if (!head) return damaged(head.error().message);
  // A request of the aggregate may be run by the upstream's own adapter, and the other way round.
  McpMount mount = head->root().member("mount").string() == "aggregate" ? McpMount::aggregate : McpMount::single;
  Result<RpcMessage> message = read_rpc(body.in_memory);
  if (!message) return damaged(message.error().message);
  std::vector<McpUpstream> target;
  for (const McpUpstream& upstream : upstreams_) {
    if (upstream.name() == frozen.upstream) target.push_back(upstream);
  }
  if (target.empty()) return damaged("its upstream is not served here");
  Result<McpRequest> request = read_mcp_request(target, mount, *message, doors);
  if (!request && request.error().code == "mcp.unknown_tool")
    return fail(ErrorKind::conflict, "request.stale", "the upstream does not offer the tool any more");
  if (!request) return fail(request.error());
  if (as_approved == Identity::must_match && mcp_identity(*request) != frozen.identity)
    return damaged("its body is not the one that was described");
  if (request->preconditions != frozen.preconditions)
    return fail(ErrorKind::conflict, "request.stale", "the upstream has changed the tool since the request was made");
  return std::make_unique<McpConversation>(std::move(*request), McpClient{}, body);
}

std::string McpAdapter::sentence(const approvals::Frozen& frozen, std::string_view body,
                                 std::string_view environment) const {
  static_cast<void>(body);  // the head holds the parameters as a whole, without the envelope
  return mcp_sentence(frozen, environment);
}

Preview McpAdapter::preview(const approvals::Frozen& frozen, std::string_view body) const {
  static_cast<void>(body);
  Preview out;
  out.sentence = mcp_sentence(frozen, {});
  Result<Json> head = parse_json(frozen.head);
  if (!head) return out;
  const Json* params = find_member(*head, "params");
  std::string method = string_or(*head, "method", "");
  const Json* named = params ? find_member(*params, method == "tools/call" ? "arguments" : "") : nullptr;
  Json shown = named ? *named : params ? *params : Json::object();
  std::vector<PreviewPart> texts;
  lift_long_strings(shown, "", texts);
  out.parts.push_back({"Arguments", "application/json", printable(shown.dump(2), kMaxPreviewBytes)});
  std::ranges::move(texts, std::back_inserter(out.parts));
  return out;
}

Task<Status> McpAdapter::refuse(ReplySink& sink, Denial denial, const Inbound& inbound) const {
  const std::string_view body = inbound.body.in_memory;
  std::string id = rpc_id_of(body);
  int rpc_code = rpc_code_of(denial.error);
  // What is wrong with the arguments of a call is the model's to mend, so it hears it as the tool's result.
  bool arguments = denial.error.code == "mcp.ambiguous_resource" || denial.error.code == "mcp.resource_missing" ||
                   denial.error.code == "mcp.too_many_resources";
  Result<RpcMessage> message = read_rpc(body);
  if (arguments && message && message->method == "tools/call" && message->kind == RpcKind::request) {
    std::string json = rpc_response(id, rpc_result(tool_denied_result(denial)));
    HeaderList none;
    co_return co_await send(sink, 200, "application/json", std::move(json), std::move(none));
  }
  int status = id != "null" && is_about_the_call(rpc_code) ? 200 : denial.status;
  co_return co_await send_rpc_refusal(sink, status, std::move(id), rpc_code, std::move(denial.error));
}

}  // namespace countersign::adapters
