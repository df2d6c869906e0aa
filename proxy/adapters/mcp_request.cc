#include "proxy/adapters/mcp_request.h"

#include <algorithm>
#include <initializer_list>

#include "core/json_writer.h"

namespace countersign::adapters {
namespace {

std::unexpected<Error> bad_params(std::string message) {
  return fail(ErrorKind::malformed, "mcp.bad_params", std::move(message));
}

const McpUpstream* find_upstream(const std::vector<McpUpstream>& upstreams, std::string_view name) {
  auto found = std::ranges::find_if(upstreams, [&](const McpUpstream& upstream) { return upstream.name() == name; });
  return found == upstreams.end() ? nullptr : &*found;
}

Status check_members(const RpcMessage& message, std::initializer_list<std::string_view> known) {
  for (JsonValue member = message.params.first(); member; member = member.next()) {
    bool admitted = member.key() == "_meta" || std::ranges::find(known, member.key()) != known.end();
    if (!admitted)
      return bad_params("params have the member `" + std::string(member.key().substr(0, 64)) +
                        "`, which is not passed on");
  }
  return {};
}

// The params as written, without `_meta`; `name`, where given, replaces the member of that name.
std::string forwarded_params(const RpcMessage& message, const std::string* name) {
  std::string out = "{";
  std::vector<std::string_view> sources = json_slices(message.params_text);
  std::size_t index = 0;
  for (JsonValue member = message.params.first(); member; member = member.next(), ++index) {
    if (member.key() == "_meta") continue;
    if (out.size() > 1) out += ',';
    append_json_string(member.key(), out);
    out += ':';
    if (name && member.key() == "name")
      append_json_string(*name, out);
    else
      out += sources[index];
  }
  return out + "}";
}

struct ToolName {
  const McpUpstream* upstream = nullptr;
  std::string tool;
};

Result<ToolName> resolve(const std::vector<McpUpstream>& upstreams, McpMount mount, std::string_view name) {
  if (mount == McpMount::single) return ToolName{&upstreams.front(), std::string(name)};
  // Upstream names have no underscore, so the first pair of them ends the prefix.
  std::size_t end = name.find("__");
  const McpUpstream* upstream = end == std::string_view::npos ? nullptr : find_upstream(upstreams, name.substr(0, end));
  if (!upstream) return fail(ErrorKind::not_found, "mcp.unknown_tool", "unknown tool");
  return ToolName{upstream, std::string(name.substr(end + 2))};
}

Result<McpRequest> read_tool_call(const std::vector<McpUpstream>& upstreams, McpMount mount, const RpcMessage& message,
                                  Doors& doors) {
  Status members = check_members(message, {"name", "arguments"});
  if (!members) return fail(members.error());
  std::optional<std::string_view> name = message.params.member("name").string();
  JsonValue arguments = message.params.member("arguments");
  if (!name) return bad_params("the tool's name is missing");
  if (arguments && !arguments.is_object()) return bad_params("the arguments are not an object");
  Result<ToolName> target = resolve(upstreams, mount, *name);
  if (!target) return fail(target.error());
  McpDoor* door = doors.mcp(target->upstream->name());
  std::shared_ptr<const McpCatalogue> catalogue = door ? door->last_catalogue() : nullptr;
  if (!catalogue)
    return fail(ErrorKind::unavailable, "mcp.not_listed",
                "the upstream has not told its tools yet, so none can be judged");
  const McpTool* tool = catalogue->find(target->tool);
  if (!tool) return fail(ErrorKind::not_found, "mcp.unknown_tool", "unknown tool");
  Result<Operation> operation = target->upstream->call_tool(*tool, arguments);
  if (!operation) return fail(operation.error());
  McpRequest request;
  request.operation = std::move(*operation);
  request.tool = tool->name;
  request.params = forwarded_params(message, &tool->name);
  request.preconditions = tool->digest;
  request.required = tool->required;
  return request;
}

Result<Operation> name_other(const McpUpstream& upstream, const RpcMessage& message) {
  auto text = [&](std::string_view pointer) { return message.params.at(pointer).string(); };
  Status members;
  if (message.method == "resources/read") {
    members = check_members(message, {"uri"});
    if (!members) return fail(members.error());
    if (!text("/uri")) return bad_params("the uri is missing");
    return upstream.read_resource(*text("/uri"));
  }
  if (message.method == "prompts/get") {
    members = check_members(message, {"name", "arguments"});
    if (!members) return fail(members.error());
    if (!text("/name")) return bad_params("the prompt's name is missing");
    return upstream.use_prompt("mcp:get_prompt", *text("/name"));
  }
  if (message.method == "completion/complete") {
    members = check_members(message, {"ref", "argument", "context"});
    if (!members) return fail(members.error());
    if (text("/ref/type") == "ref/prompt" && text("/ref/name")) {
      return upstream.use_prompt("mcp:complete", *text("/ref/name"));
    }
    if (text("/ref/type") == "ref/resource") return upstream.read_all("mcp:complete", "McpResource");
    return bad_params("the reference to be completed is malformed");
  }
  members = check_members(message, {"cursor"});
  if (!members) return fail(members.error());
  if (message.method == "resources/list") return upstream.read_all("mcp:list_resources", "McpResource");
  if (message.method == "resources/templates/list") {
    return upstream.read_all("mcp:list_resource_templates", "McpResource");
  }
  return upstream.read_all("mcp:list_prompts", "McpPrompt");
}

}  // namespace

std::string_view mount_name(McpMount mount) {
  return mount == McpMount::single ? "single" : "aggregate";
}

bool is_forwarded_method(std::string_view method, McpMount mount) {
  if (method == "tools/call") return true;
  constexpr std::array<std::string_view, 6> kOthers = {"resources/list", "resources/templates/list",
                                                       "resources/read", "prompts/list",
                                                       "prompts/get",    "completion/complete"};
  return mount == McpMount::single && std::ranges::find(kOthers, method) != kOthers.end();
}

Result<McpRequest> read_mcp_request(const std::vector<McpUpstream>& upstreams, McpMount mount,
                                    const RpcMessage& message, Doors& doors) {
  if (upstreams.empty() || !is_forwarded_method(message.method, mount))
    return fail(ErrorKind::unsupported, "mcp.method_not_found", "this method is not offered here");
  McpRequest request;
  if (message.method == "tools/call") {
    Result<McpRequest> call = read_tool_call(upstreams, mount, message, doors);
    if (!call) return fail(call.error());
    request = std::move(*call);
  } else {
    Result<Operation> operation = name_other(upstreams.front(), message);
    if (!operation) return fail(operation.error());
    request.operation = std::move(*operation);
    request.params = forwarded_params(message, nullptr);
  }
  request.mount = mount;
  request.method = message.method;
  Result<JsonDocument> params = JsonDocument::parse(request.params);
  if (!params) return fail(params.error());
  request.canonical = params->root().canonical();
  return request;
}

std::string mcp_identity(const McpRequest& request) {
  std::string out;
  JsonWriter(out).begin_object().member("method", request.method).key("params").raw(request.canonical).end_object();
  return out;
}

}  // namespace countersign::adapters
