// What each protocol's adapter may name: its actions with the effects they can have, the types of what they touch, and
// the shape of their parameters. Adding a protocol adds one entry here; policies are checked against all of them,
// whichever are configured, so that one policy folder fits every deployment.
//
// Constant data; any thread.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "scopes/effect.h"

namespace countersign {

struct ProtocolAction {
  std::string_view name;  // "mcp:call_tool"
  EffectSet effects;      // those an access of such an operation may have
  // Cedar record type of the parameters (Operation::input). `Arguments` and `Query` stand for what the operator's
  // policies declare of tool arguments and of query parameters.
  std::string_view input;
  std::vector<std::string_view> resources;  // entity types, besides those configured for the protocol's upstreams
};

// Whether the adapter also names actions that are not listed: http:<any method>, http:<operationId>.
enum class ActionNames : std::uint8_t { listed, open };

struct Protocol {
  std::string_view name;
  ActionNames names = ActionNames::listed;
  std::vector<ProtocolAction> actions;  // the first one's effects, input and resources are those of unlisted actions

  // nullptr when the protocol has no such action.
  [[nodiscard]] const ProtocolAction* find(std::string_view action) const;
};

[[nodiscard]] std::span<const Protocol> protocols();
[[nodiscard]] const Protocol* find_protocol(std::string_view name);

}  // namespace countersign
