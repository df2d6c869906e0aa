// What each protocol's adapter may name: its actions with the effects they can have, the types of what they touch, and
// the shape of their parameters. Adding a protocol adds one entry here; policies are checked against all of them,
// whichever are configured, so that one policy folder fits every deployment.
//
// Constant data; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "scopes/effect.h"

namespace countersign {

// Whose word an action's parameters are: the request's, which says what the agent likes, or the gateway's, which
// counted for itself.
enum class Parameters : std::uint8_t { sent, measured };

struct ProtocolAction {
  std::string_view name;  // "git:update_ref"
  EffectSet effects;      // those an access of such an operation may have
  // Cedar record type of the parameters (Operation::input). `Arguments`, `Query` and `Parameters` stand for what the
  // operator's policies declare of tool arguments, of query parameters, and of requests to AWS.
  std::string_view input;
  std::vector<std::string_view> resources;  // entity types, besides those configured for the protocol's upstreams
  // The action group it is in, besides those of its effect and its protocol, or empty: "git:push" for everything that
  // a push may do to a ref. A group is a name for policies and scopes; no access has it as its action.
  std::string_view group = {};
  Parameters parameters = Parameters::sent;
};

// Whether the adapter also names actions that are not listed: http:<any method>, http:<operationId>; or those of a
// catalogue and no others: aws:<service>:<Operation>, of which one for each effect is listed.
enum class ActionNames : std::uint8_t { listed, open, catalogue };

struct Protocol {
  std::string_view name;
  ActionNames names = ActionNames::listed;
  // The first one's input and resources are those of unlisted actions; of an open protocol its effects too.
  std::vector<ProtocolAction> actions;

  // nullptr when the protocol has no such action. What it gives of an unlisted one has another name.
  [[nodiscard]] const ProtocolAction* find(std::string_view action) const;
};

[[nodiscard]] std::span<const Protocol> protocols();
[[nodiscard]] const Protocol* find_protocol(std::string_view name);
// ProtocolAction::group of a protocol's action; empty when it has none, or is not known.
[[nodiscard]] std::string_view group_of(std::string_view protocol, std::string_view action);

}  // namespace countersign
