// Operation: what a request does, in words that policies, tokens, approvers and auditors share. Adapters make them;
// nothing else reads a wire format to decide.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/config.h"
#include "scopes/effect.h"

namespace countersign {

// What the inventory knows about a thing. A thing nobody labelled has the labels of its upstream; an upstream nobody
// labelled counts as production, tier 1: the unknown is treated as what would hurt most.
struct Labels {
  std::string environment = "production";
  std::int64_t tier = 1;
  std::string owner;
  std::map<std::string, std::string> free;
};

struct Resource {
  std::string type;  // Cedar entity type: "Tool", "HttpEndpoint", "File", …
  std::string id;    // unique within the type, begins with the upstream's name: "files/production/config.json"
  std::string name;  // the part after the upstream's name, as the inventory's patterns see it: "production/config.json"
};

// One thing touched, and how. Moving a file destroys at the source and writes at the destination: two accesses.
struct Access {
  Resource resource;
  Effect effect = Effect::destroy;
  // Where one request does several things (a push of several refs): what it does to this one, and the parameters of
  // that, as Operation::action and ::input. Empty: the operation's. Read them by Operation::action_of and ::input_of.
  std::string action = {};
  std::string input = {};
  // What the thing's own tags say, where its upstream was asked for them; what they do not say counts as what would
  // hurt most. Empty sets of labels: it was asked in vain. nullopt: nobody asked.
  std::optional<config::LabelSet> tags = std::nullopt;
};

// Whether an operation reaches an upstream at all.
enum class Reach : std::uint8_t {
  upstream,   // decided by scope and policies, forwarded
  gateway,    // answered by the gateway itself (a protocol's handshake); needs a caller whose scope names the upstream,
              // no policy
  narrowing,  // answered by the gateway with something that may do less than the caller may (keys of a narrower token):
              // needs a caller whose scope names the upstream and no permit; a forbid that applies forbids it
};

struct Operation {
  std::string protocol;  // "mcp", "http"
  std::string upstream;  // configured name
  std::string action;    // "mcp:call_tool", "http:PUT"; the group of its accesses' when they differ: "git:push"
  std::string summary;  // one plain sentence for approvers: "call write_file on files with path production/config.json"
  Reach reach = Reach::upstream;
  std::vector<Access> accesses;  // never empty for Reach::upstream and ::narrowing
  std::string input;             // parameters as a JSON object text (strict, no duplicate keys), or empty
  // Takes or releases a lock of the upstream's own, or is done under one that the caller holds: what others want to do
  // with the same thing waits for that lock, not for people to put the two in order.
  bool under_lock = false;

  [[nodiscard]] Effect effect() const {
    Effect worst = Effect::read;
    for (const Access& access : accesses) worst = std::max(worst, access.effect);
    return worst;
  }
  // What is done to this one, and with which parameters: what scopes and policies judge.
  [[nodiscard]] const std::string& action_of(const Access& access) const {
    return access.action.empty() ? action : access.action;
  }
  [[nodiscard]] const std::string& input_of(const Access& access) const {
    return access.input.empty() ? input : access.input;
  }
};

}  // namespace countersign
