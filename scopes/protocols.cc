#include "scopes/protocols.h"

#include <algorithm>

namespace countersign {
namespace {

constexpr EffectSet every_effect() {
  EffectSet all = EffectSet::change();
  all.add(Effect::read);
  return all;
}

// What a tool call or an HTTP request does is the operator's to say, so any effect is possible.
Protocol mcp() {
  constexpr EffectSet kRead{Effect::read};
  return {"mcp",
          ActionNames::listed,
          {{"mcp:call_tool", every_effect(), "{ tool: String, arguments: Arguments }", {"Tool", "McpResource"}},
           {"mcp:read_resource", kRead, "{ uri: String }", {"McpResource"}},
           {"mcp:list_resources", kRead, "{}", {"McpResource"}},
           {"mcp:list_resource_templates", kRead, "{}", {"McpResource"}},
           {"mcp:list_prompts", kRead, "{}", {"McpPrompt"}},
           {"mcp:get_prompt", kRead, "{ prompt: String }", {"McpPrompt"}},
           {"mcp:complete", kRead, "{ prompt?: String }", {"McpPrompt", "McpResource"}}}};
}

Protocol http() {
  Protocol out{"http", ActionNames::open, {}};
  for (std::string_view action : {"http:GET", "http:HEAD", "http:OPTIONS", "http:POST", "http:PUT", "http:PATCH",
                                  "http:DELETE", "http:COPY", "http:LOCK", "http:MKCOL", "http:MOVE", "http:PROPFIND",
                                  "http:PROPPATCH", "http:REPORT", "http:SEARCH", "http:UNLOCK"})
    out.actions.push_back({action, every_effect(), "{ method: String, path: String, query: Query }", {"HttpEndpoint"}});
  return out;
}

}  // namespace

const ProtocolAction* Protocol::find(std::string_view action) const {
  auto found = std::ranges::find(actions, action, &ProtocolAction::name);
  if (found != actions.end()) return &*found;
  bool proper = action.size() > name.size() + 1 && action.starts_with(name) && action[name.size()] == ':';
  return names == ActionNames::open && proper ? &actions.front() : nullptr;
}

std::span<const Protocol> protocols() {
  static const std::vector<Protocol> all = {mcp(), http()};
  return all;
}

const Protocol* find_protocol(std::string_view name) {
  auto found = std::ranges::find(protocols(), name, &Protocol::name);
  return found == protocols().end() ? nullptr : &*found;
}

}  // namespace countersign
