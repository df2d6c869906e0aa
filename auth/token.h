// cs1 tokens: HMAC-SHA256 chains that their holder can narrow offline and only the server can check.
// docs/token.md is the specification; tests/cases/token/vectors.json holds its vectors. Pure functions, any thread.
//
//   issue ──▶ csd1_… ──narrow──▶ csd1_… ──seal──▶ csb1_…
//   (server)  delegable  (offline)          (offline)  bearer: what a request carries
//
// Error codes (ErrorKind::unauthenticated unless said otherwise):
//   token.malformed  token.too_large  token.unsupported_version  token.unknown_caveat  token.unknown_key
//   token.bad_proof  token.too_deep  token.audience  token.expired  token.not_yet_valid
//   token.delegable_on_data_plane   token.sealed (invalid: a bearer token cannot be narrowed or sealed)
// No message ever contains a part of the token.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/aws_credentials.h"
#include "auth/block.h"
#include "core/result.h"
#include "core/secret.h"
#include "scopes/scope.h"

namespace countersign::auth {

inline constexpr std::size_t kMaxBodyBytes = 4096;
inline constexpr std::size_t kMaxBlocks = 16;
inline constexpr std::size_t kMaxWireBytes = 6144;
inline constexpr std::size_t kRootKeyBytes = 32;

enum class TokenForm : std::uint8_t {
  delegable,  // csd1_: can be narrowed and sealed; refused on the data plane
  bearer,     // csb1_: sealed leaf
};

// Root keys by key id. Immutable once shared.
struct KeySet {
  std::map<std::string, Secret, std::less<>> keys;
  std::string newest;  // signs new tokens

  [[nodiscard]] const Secret* find(std::string_view kid) const {
    auto found = keys.find(kid);
    return found == keys.end() ? nullptr : &found->second;
  }
};

// --- making ------------------------------------------------------------------------------------------------------

// A new delegable token signed with keys.newest; claims.kid is set to it, and claims.id to random bytes unless the
// caller chose one. Fails with "token.invalid_claims" (ErrorKind::invalid) when the claims break a rule of
// auth/block.h, token.too_large when they do not fit, and keys.none (unavailable) when there is no key.
[[nodiscard]] Result<Secret> issue(const KeySet& keys, Claims claims);

// A child of a delegable token, without any key. A missing caveats.id is filled with random bytes, so that every child
// can be revoked without its siblings. Fails with token.sealed, token.malformed, token.too_deep, token.too_large,
// "token.invalid_claims".
[[nodiscard]] Result<Secret> narrow(std::string_view delegable, Caveats caveats);

// The bearer form of a delegable token, without any key.
[[nodiscard]] Result<Secret> seal(std::string_view delegable);

// Credentials with which unmodified AWS clients sign (docs/token.md, "AWS form"), without any key.
[[nodiscard]] Result<AwsCredentials> aws_credentials(std::string_view delegable);

// --- looking -----------------------------------------------------------------------------------------------------

// What a token says about itself. NOTHING in it has been checked against a key: anybody can write such a token. For
// `token inspect` and messages only, never for a decision.
struct UnverifiedToken {
  TokenForm form = TokenForm::bearer;
  Claims claims;
  std::vector<Caveats> caveats;
  std::optional<TokenId> leaf;  // chain id of the last block; can be computed from the delegable form only
};
[[nodiscard]] Result<UnverifiedToken> inspect(std::string_view text);

// --- checking ----------------------------------------------------------------------------------------------------

struct VerifiedToken {
  std::string kid;
  Audience audience = Audience::agents;
  std::string agent;
  std::string owner;
  std::vector<std::string> delegates;  // `who` of each block that has one, root first
  std::vector<TokenId> ids;            // chain ids, root first: revoking one kills everything below it
  Scope scope;                         // one ScopeBlock a block
  TimeMs issued = 0;
  TimeMs not_before = 0;  // the latest along the chain; 0: none
  TimeMs expires = 0;     // the earliest along the chain
};

// Checks form, proof and caveats of a bearer token. The result still has to pass `check_validity`; it holds whatever
// the time and the audience are, so it may be cached for as long as the key set is the same.
[[nodiscard]] Result<VerifiedToken> check_proof(std::string_view text, const KeySet& keys);
// Audience and times: token.audience, token.expired (now >= expires), token.not_yet_valid (now < not_before).
[[nodiscard]] Status check_validity(const VerifiedToken& token, Audience audience, TimeMs now);
// Both. What is left to the caller is revocation (auth/revocation.h).
[[nodiscard]] Result<VerifiedToken> verify(std::string_view text, const KeySet& keys, Audience audience, TimeMs now);

// The chain ids of a token of either form whose proof is right, whatever its caveats say: to revoke a token somebody
// holds, and to name in the audit log what was refused. Says nothing about whether it may be used.
[[nodiscard]] Result<std::vector<TokenId>> trace(std::string_view text, const KeySet& keys);

}  // namespace countersign::auth
