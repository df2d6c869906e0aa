// What calls on one MCP upstream touch: from the operator's tool rules, the tool's own annotations, and the arguments.
// Immutable after construction; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"
#include "core/json_reader.h"
#include "core/result.h"
#include "proxy/adapters/doors.h"
#include "proxy/adapters/resource_name.h"
#include "scopes/operation.h"

namespace countersign::adapters {

inline constexpr std::size_t kMaxAccesses = 256;

class McpUpstream {
 public:
  // Error: config.bad_effect.
  static Result<McpUpstream> create(const config::Upstream& upstream);

  [[nodiscard]] const std::string& name() const { return upstream_.name; }

  // tools/call. Effect: the rule's, else by the tool's annotations (read-only → read, not destructive → write,
  // anything else → destroy). Accesses: what the rule's pointers name in the arguments.
  //   - A pointer of a rule for exactly this tool must find something when the call may change things; when a call that
  //     only reads names nothing, it touches the whole upstream.
  //   - Pointers of the rule "*" that find nothing are passed over, since tools differ.
  //   - A member that differs from a pointer's only in the case of its letters is refused, also where the pointer's own
  //     is missing: many servers take it for the same.
  //   - When nothing is named, the access is to the tool itself: Tool::"upstream/tool".
  // `input` is {"arguments":…,"tool":…}. Errors: mcp.ambiguous_resource, mcp.resource_missing, mcp.too_many_resources.
  [[nodiscard]] Result<Operation> call_tool(const McpTool& tool, JsonValue arguments) const;

  // What a call of the tool would be, for filtering tools/list: for each effect that the rule gives, one access to a
  // resource of the rule's type whose name is not known yet (empty), or to the tool itself where no rule names
  // resources.
  [[nodiscard]] Operation list_tool(const McpTool& tool) const;

  // resources/read and resource templates. Error: mcp.ambiguous_resource.
  [[nodiscard]] Result<Operation> read_resource(std::string_view uri) const;
  // prompts/get, completion of a prompt's argument. Error: mcp.ambiguous_resource.
  [[nodiscard]] Result<Operation> use_prompt(std::string_view action, std::string_view prompt) const;
  // Listings, and what concerns no one thing: the whole upstream, read. `type` is McpResource or McpPrompt.
  [[nodiscard]] Operation read_all(std::string_view action, std::string_view type) const;

 private:
  struct Pointer {
    std::string pointer;
    std::optional<Effect> effect;
  };
  struct Rule {
    std::string tool;
    std::optional<Effect> effect;
    std::vector<Pointer> pointers;
    std::string type;
  };

  McpUpstream(config::Upstream upstream, std::vector<Rule> rules);
  [[nodiscard]] const Rule* rule_of(std::string_view tool) const;
  [[nodiscard]] Effect effect_of(const McpTool& tool, const Rule* rule) const;
  // The accesses one pointer names; none when it finds nothing.
  [[nodiscard]] Result<std::vector<Access>> named_by(const Rule& rule, const Pointer& pointer, Effect effect,
                                                     JsonValue arguments) const;
  [[nodiscard]] Operation base(std::string_view action) const;
  [[nodiscard]] Resource resource(std::string_view type, std::string_view name) const;

  config::Upstream upstream_;
  std::vector<Rule> rules_;
  ResourceNamer namer_;
};

}  // namespace countersign::adapters
