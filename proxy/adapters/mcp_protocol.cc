#include "proxy/adapters/mcp_protocol.h"

#include <algorithm>

#include "core/json_writer.h"

namespace countersign::adapters {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

// Host of an authority, without port.
std::string_view host_of(std::string_view authority) {
  if (authority.starts_with('[')) return authority.substr(0, std::min(authority.find(']') + 1, authority.size()));
  return authority.substr(0, authority.find(':'));
}

bool is_trusted_origin(std::string_view origin, std::string_view own_host) {
  std::string text = lower(origin);
  std::string_view rest = text;
  if (rest.starts_with("http://"))
    rest.remove_prefix(7);
  else if (rest.starts_with("https://"))
    rest.remove_prefix(8);
  else
    return false;
  if (rest.empty() || rest.find_first_of("/@?# ") != std::string_view::npos) return false;
  std::string_view host = host_of(rest);
  if (host == "localhost" || host == "127.0.0.1" || host == "[::1]") return true;
  std::string own = lower(own_host);
  return !own.empty() && host == host_of(own);
}

// Whether an Accept field offers `type`/`subtype` with a quality above 0.
bool accepts(const HeaderList& headers, std::string_view type, std::string_view subtype) {
  for (const HeaderField& field : headers.fields()) {
    if (!equal_ignoring_case(field.name, "Accept")) continue;
    std::string text = lower(field.value);
    std::erase_if(text, [](char c) { return c == ' ' || c == '\t'; });
    std::string_view rest = text;
    while (!rest.empty()) {
      std::size_t end = std::min(rest.find(','), rest.size());
      std::string_view range = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      std::string_view media = range.substr(0, range.find(';'));
      bool refused = range.find(";q=0") != std::string_view::npos &&
                     range.substr(range.find(";q=0") + 4).find_first_of("123456789") == std::string_view::npos;
      bool named = media == "*/*" || media == std::string(type) + "/*" ||
                   media == std::string(type) + "/" + std::string(subtype);
      if (named && !refused) return true;
    }
  }
  return false;
}

}  // namespace

bool is_supported_mcp_version(std::string_view version) {
  return std::ranges::find(kMcpVersions, version) != kMcpVersions.end();
}

bool accepts_events(const RequestHead& head) {
  return accepts(head.headers, "text", "event-stream");
}

std::optional<McpHeadProblem> check_mcp_head(const RequestHead& head) {
  auto problem = [](int status, ErrorKind kind, std::string_view code, std::string message) {
    return McpHeadProblem{status, {kind, std::string(code), std::move(message)}};
  };
  if (head.method != "POST")
    return problem(405, ErrorKind::unsupported, "mcp.method", "this MCP endpoint takes POST only");
  std::string_view host = head.headers.get("Host").value_or("");
  for (const HeaderField& field : head.headers.fields()) {
    if (equal_ignoring_case(field.name, "Origin") && !is_trusted_origin(field.value, host))
      return problem(403, ErrorKind::forbidden, "mcp.origin", "requests from this origin are not accepted");
  }
  if (head.headers.count("MCP-Protocol-Version") > 1)
    return problem(400, ErrorKind::malformed, "mcp.version", "MCP-Protocol-Version is given twice");
  // Absent: a client of 2025-03-26, which had no such field.
  std::string_view version = head.headers.get("MCP-Protocol-Version").value_or("2025-03-26");
  if (!is_supported_mcp_version(version))
    return problem(400, ErrorKind::malformed, "mcp.version", "this MCP protocol version is not supported");
  std::string type = lower(head.headers.get("Content-Type").value_or(""));
  std::string_view media = std::string_view(type).substr(0, type.find_first_of("; \t"));
  if (media != "application/json" || head.headers.count("Content-Type") > 1)
    return problem(415, ErrorKind::malformed, "mcp.content_type", "the content type is not application/json");
  if (head.headers.count("Content-Encoding") > 0)
    return problem(415, ErrorKind::malformed, "mcp.content_type", "encoded bodies are not accepted");
  if (!accepts(head.headers, "application", "json") || !accepts_events(head))
    return problem(406, ErrorKind::malformed, "mcp.accept",
                   "the client must accept application/json and text/event-stream");
  return std::nullopt;
}

std::string required_arguments(JsonValue tool) {
  constexpr std::size_t kMostNames = 32;
  constexpr std::size_t kMostBytes = 128;
  std::vector<std::string> names;
  JsonValue required = tool.member("inputSchema").member("required");
  if (!required.is_array()) return {};
  for (JsonValue item = required.first(); item && names.size() < kMostNames; item = item.next()) {
    if (item.is_string() && item.string()->size() <= kMostBytes) names.emplace_back(*item.string());
  }
  if (names.empty()) return {};
  std::string out;
  JsonWriter writer(out);
  writer.begin_array();
  for (const std::string& name : names) writer.value(name);
  writer.end_array();
  return out;
}

std::string initialize_result(JsonValue params, const McpIdentity& identity,
                              const std::vector<std::string>& capabilities) {
  std::string_view asked = params.member("protocolVersion").string().value_or("");
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().key("capabilities").begin_object();
  for (std::string_view name : {"completions", "logging", "prompts", "resources", "tools"}) {
    bool offered = std::ranges::any_of(capabilities, [&](const std::string& text) {
      Result<JsonDocument> document = JsonDocument::parse(text);
      return document && document->root().member(name).is_object();
    });
    if (offered) writer.key(name).begin_object().end_object();
  }
  writer.end_object();
  writer.member_if("instructions", identity.instructions);
  writer.member("protocolVersion", is_supported_mcp_version(asked) ? asked : kLatestMcpVersion);
  writer.key("serverInfo")
      .begin_object()
      .member("name", identity.name)
      .member("version", identity.version)
      .end_object();
  writer.end_object();
  return out;
}

}  // namespace countersign::adapters
