// A held request: the frozen operation, who decided what about it, and what became of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "scopes/operation.h"

namespace countersign::approvals {

// held → approved | denied | expired | cancelled | withdrawn | superseded
// approved → executing → done | failed | unknown
// approved → denied (today's policies say no: code policy.changed) | expired (nobody began to run it in time)
//          | stale (the world is not as it was approved for: code request.stale) | cancelled | withdrawn
// Nothing else, ever. `unknown` means that it may or may not have taken effect, and is never run again by itself.
enum class State : std::uint8_t {
  held,
  approved,
  denied,      // a person said no, or today's policies did
  expired,     // nobody decided, or nobody ran it, in time: never told as a denial
  cancelled,   // its owner or an administrator took it back
  withdrawn,   // the agent that asked took it back itself
  superseded,  // another request took its place, or policies allow it without asking by now
  stale,       // what it was approved for has changed meanwhile: asking again is right
  executing,
  done,
  failed,
  unknown,
};
[[nodiscard]] const char* state_name(State state);
[[nodiscard]] std::optional<State> state_from_name(std::string_view name);
// Whether the machine above has this arrow.
[[nodiscard]] bool may_move(State from, State to);
// Whether nothing can follow: every state but held, approved and executing.
[[nodiscard]] bool is_final(State state);

// What an identical retry has in common with the request it belongs to, besides who asks.
enum class RetryIdentity : std::uint8_t {
  identity_and_body,  // Frozen::identity, and every byte of the body
  identity,           // Frozen::identity alone: it already speaks for what matters in the body. For protocols whose
                      // body carries an envelope that changes on every retry (the JSON-RPC id)
};

// What will run: exactly these bytes, whoever asks. `head` and `meta` are the adapter's; nobody else reads them.
struct Frozen {
  std::string protocol;
  std::string upstream;
  std::string head;                 // canonical JSON: method, target, headers that matter (no credentials)
  std::filesystem::path body_file;  // the stored body; empty path when there is none
  std::string body_sha256;          // hex
  std::uint64_t body_size = 0;
  std::string shown;     // what approvers are shown besides what head and body say, JSON of the adapter's; or empty
  std::string identity;  // bytes that must be equal in an identical retry; never empty
  std::string preconditions;  // what must still hold when it runs (digest of the tool's definition, an ETag); may be
                              // empty
  RetryIdentity retry_identity = RetryIdentity::identity_and_body;
};

// Who asks, as established when the request was made.
struct Requester {
  std::string agent;
  std::string owner;   // "alice", "user:alice", or "team:platform"
  std::string issuer;  // the human who issued the root token, where known: may never approve (approvals/eligibility.h)
  std::vector<std::string> delegates;
  std::vector<std::string> chain;  // token ids, root first
  std::string scope;               // the scope blocks, serialised, so that the decision can be taken again
};

struct Vote {
  std::string rule;   // approval rule it counts for
  std::string stage;  // name of the stage within the rule
  std::string group;  // the stage's group when the vote was given: a vote does not outlive a change of who may give it
  std::string by;
  std::string level;
  bool approves = false;
  std::string reason;
  TimeMs at = 0;
  std::string for_whom;   // whose place the voter took (delegation); empty for their own
  std::string signature;  // what was signed, with what, as JSON text (approvals/statement.h); empty when unsigned
  TimeMs viewed_ms = -1;  // how long the voter had the request before their eyes; -1 when nobody knows
  std::string grant;      // hex digest of the grant the vote was for as well (approvals/grants.h), or empty
};

// The upstream's answer to an executed request, kept until the agent's retry collects it.
struct StoredReply {
  int status = 0;
  std::string head;  // canonical JSON: headers passed on
  std::string body;
  bool truncated = false;  // the answer was longer than limits.stored_reply_bytes
};

struct HeldRequest {
  std::string id;  // "req_…"
  State state = State::held;
  TimeMs created = 0;
  TimeMs expires = 0;
  TimeMs decided = 0;   // when it left `held`
  TimeMs finished = 0;  // when it reached done, failed or unknown
  Requester requester;
  std::string action;
  std::string effect;
  std::string environment;
  std::string summary;
  std::vector<std::string> resources;  // "Type::id"
  std::string input;                   // JSON text for people
  Frozen frozen;
  std::string fingerprint;  // hex: what an approval is bound to
  std::string retry_key;    // hex: what an identical retry has in common
  std::vector<std::string> policies;
  std::vector<std::string> rules;  // approval rules that must be satisfied
  std::string policy_digest;
  std::string operation;  // audit operation id of the original intent
  std::vector<Vote> votes;
  std::string decided_by;  // who denied, cancelled, or gave the last approval; empty when no person did
  std::string reason;      // of the denial, cancellation or failure; reaches the agent
  std::string code;        // stable: "approval.denied", "approval.expired", "policy.changed", …
  std::optional<StoredReply> reply;
  bool delivered = false;  // the agent has collected the result

  std::string documentation;  // what the agent says for it, canonical JSON (approvals/documentation.h); or empty
  TimeMs documented = 0;      // when that was given last; 0: never
  std::vector<std::string> conflicts;  // open requests of other lineages that touch one of its resources, oldest first
  int reminded = 0;                    // reminders that have been sent
  // Of a request that an approver edited: it took the place of `supersedes`.
  std::string edited_by;      // who edited it; may not vote on it
  std::string edited;         // what they changed and why, for the agent and the other approvers
  std::string supersedes;     // the request as the agent made it
  std::string superseded_by;  // and back: set on the one that was superseded, empty when nothing took its place

  std::string burst;  // "bst_…", shared with what was held along with it (approvals/bursts.h); may be empty
};

}  // namespace countersign::approvals
