// Scope: the operations a token may at most perform.
//
// A scope is a list of blocks, all of which must admit an operation (a child token only ever adds blocks, so it can
// only be narrower). A block is a list of rules, one of which must admit. A rule is a conjunction of optional
// conditions; a condition that is absent admits everything. Pure values, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "scopes/operation.h"

namespace countersign {

struct ScopeRule {
  std::vector<std::string> upstreams;  // exact names; empty = any
  std::vector<std::string> actions;    // globs over an access's action or its group: "mcp:*", "git:push"; empty = any
  std::vector<std::string> resources;  // globs over Resource::id; empty = any
  std::vector<std::string> environments;  // exact; empty = any
  EffectSet effects;                      // empty = any
};

struct ScopeBlock {
  std::vector<ScopeRule> rules;  // at least one; an empty list admits nothing
  std::optional<TimeMs> not_before;
  std::optional<TimeMs> expires;  // admits strictly before this instant
};

struct Refusal {
  std::string
      code;  // "scope.expired", "scope.upstream", "scope.effect", "scope.action", "scope.resource", "scope.environment"
  std::string reason;  // which condition refused, for the agent
};

// The labels of an access are looked up by the caller of `refuses`, since scopes do not know the inventory.
struct LabelledAccess {
  const Access* access = nullptr;
  std::string_view environment;
};

class Scope {
 public:
  Scope() = default;  // no block at all: admits nothing, so that a forgotten scope refuses
  explicit Scope(std::vector<ScopeBlock> blocks) : blocks_(std::move(blocks)) {}

  // nullopt when every block admits every access of the operation now, each by its own action; otherwise why not.
  [[nodiscard]] std::optional<Refusal> refuses(const Operation& operation, const std::vector<LabelledAccess>& accesses,
                                               TimeMs now) const;
  // Whether some operation on this upstream could be admitted: enough for a handshake and for listing.
  [[nodiscard]] bool names_upstream(std::string_view upstream, TimeMs now) const;

  [[nodiscard]] const std::vector<ScopeBlock>& blocks() const { return blocks_; }

 private:
  std::vector<ScopeBlock> blocks_;
};

// Whether the rule's `actions` admit this one.
[[nodiscard]] bool admits_action(const ScopeRule& rule, std::string_view protocol, std::string_view action);

// `*` matches any run of characters, `/` included; every other character matches itself. Linear in pattern × text, no
// recursion.
[[nodiscard]] bool glob_matches(std::string_view pattern, std::string_view text);

}  // namespace countersign
