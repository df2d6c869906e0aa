// The blocks of a cs1 token as values, and their encoding (docs/token.md, "Blocks"). Pure functions, any thread.
//
// Block 0 holds the claims the issuer made; every later block holds caveats that whoever had the token added. All
// restrictions of all blocks hold together. A key a reader does not know makes the token unusable, never wider.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "core/clock.h"
#include "core/result.h"
#include "scopes/scope.h"

namespace countersign::auth {

// 16 bytes: the `id` inside a block (random), or a chain id (derived; what audit shows and revocation names).
using TokenId = std::array<std::uint8_t, 16>;
[[nodiscard]] TokenId random_token_id();  // for text: to_hex(id)
// 32 hexadecimal digits; "token.id_malformed" otherwise.
[[nodiscard]] Result<TokenId> token_id_from_hex(std::string_view text);

// Which listener a token is for: "agents" (programs) or "admin" (a human's personal token).
enum class Audience : std::uint8_t { agents, admin };
[[nodiscard]] std::string_view audience_name(Audience audience);

inline constexpr std::size_t kMaxRules = 32;             // in one block
inline constexpr std::size_t kMaxListEntries = 64;       // in one condition of a rule
inline constexpr std::size_t kMaxPatternBytes = 512;     // of one entry
inline constexpr std::size_t kMaxNameBytes = 128;        // agent, owner, who
inline constexpr std::size_t kMaxKeyIdBytes = 32;        // kid
inline constexpr TimeMs kMaxTime = 253'402'300'799'000;  // end of the year 9999

// Names of agents, owners and sub-agents: 1 to 128 of A-Z a-z 0-9 . _ @ : / + - and the first a letter or digit. They
// are shown to approvers and written to logs, so nothing in them can imitate another name or steer a terminal.
[[nodiscard]] bool is_name(std::string_view text);
// Entries of a rule's conditions: 1 to 512 bytes without control characters.
[[nodiscard]] bool is_pattern(std::string_view text);
// Key ids: 1 to 32 of a-z 0-9 - _.
[[nodiscard]] bool is_key_id(std::string_view text);

// Block 0. Times are kept in milliseconds here and as whole seconds in the block: expiry and issue are rounded down,
// not_before up, so that rounding only narrows.
struct Claims {
  std::string kid;  // root key that signs
  TokenId id{};     // random, so that no two tokens share a chain
  Audience audience = Audience::agents;
  std::string agent;  // present for Audience::agents, absent for Audience::admin
  std::string owner;
  TimeMs issued = 0;
  TimeMs expires = 0;                      // after `issued`
  std::vector<ScopeRule> scope;            // 1 to kMaxRules; one empty rule covers everything
  std::optional<TimeMs> not_before;        // valid from this instant on
  std::optional<std::uint64_t> max_depth;  // how many further blocks may follow: 0 to 15
};

// Blocks 1 and later: at least one member must be set.
struct Caveats {
  std::optional<TokenId> id;     // restricts nothing; makes children that are otherwise equal separately revocable
  std::vector<ScopeRule> scope;  // empty: this block restricts no operation
  std::optional<TimeMs> not_before;
  std::optional<TimeMs> expires;
  std::string who;  // name of the sub-agent the token was handed to; empty: absent
  std::optional<std::uint64_t> max_depth;
};

[[nodiscard]] Bytes encode_block(const Claims& claims);
[[nodiscard]] Bytes encode_block(const Caveats& caveats);

// token.malformed, token.unknown_caveat (a key outside the table), token.unsupported_version (v is not 1).
[[nodiscard]] Result<Claims> decode_claims(ByteView block);
[[nodiscard]] Result<Caveats> decode_caveats(ByteView block);

// What a block allows, in the form scopes judge. A block without a scope allows every operation while it is in time.
[[nodiscard]] ScopeBlock scope_block(const Claims& claims);
[[nodiscard]] ScopeBlock scope_block(const Caveats& caveats);

}  // namespace countersign::auth
