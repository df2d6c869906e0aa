// The credential helper's dialogue with git, without its input and output: what git asks, and the leaf it is given.
// (gitcredentials(7), git-credential(1)) Pure functions, any thread.
//
//   protocol=http                                              capability[]=authtype     only when git said so
//   host=127.0.0.1:8700                                        ephemeral=1
//   path=origin/team/app.git            ──▶                    username=countersign
//   capability[]=authtype                                      password=csb1_…
//   wwwauth[]=Basic realm="countersign push", charset="UTF-8"  password_expiry_utc=1795252200
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/commands/commands.h"
#include "core/clock.h"
#include "core/result.h"
#include "core/secret.h"
#include "scopes/scope.h"

namespace countersign::cli {

inline constexpr std::size_t kMaxCredentialInput = 64U << 10;  // bytes in all
inline constexpr std::size_t kMaxCredentialLine = 16U << 10;   // bytes of one line
inline constexpr std::size_t kMaxCredentialLines = 256;

struct CredentialQuestion {
  std::string protocol;
  std::string host;                     // with its port, as the address spelt it
  std::optional<std::string> path;      // decoded, without the first slash; absent without credential.useHttpPath
  bool knows_ephemeral = false;         // capability[]=authtype (git 2.46)
  std::vector<std::string> challenges;  // WWW-Authenticate fields of the answer that led here (git 2.41)
};
// Keys that are not known are passed over, as gitcredentials(7) wants it. git_credential.malformed (malformed): over a
// limit, a line without '=', control characters, or a key that may stand once standing twice.
[[nodiscard]] Result<CredentialQuestion> read_question(std::string_view input);

// Where tokens may go: "http" and "127.0.0.1:8700" for http://127.0.0.1:8700/. git_credential.gateway (invalid) for
// anything but an http(s) address without user, path, query and fragment.
struct GatewayPlace {
  std::string protocol;
  std::string host;
};
[[nodiscard]] Result<GatewayPlace> read_gateway(std::string_view address);
// Exactly: no other spelling of the host, no default port filled in.
[[nodiscard]] bool is_for(const CredentialQuestion& question, const GatewayPlace& gateway);

// What the first path segment and the rest of it name: upstream `origin`, repository `team/app`. The repository is
// named as the git adapter judges it; what LFS appends to its address is taken off. git_credential.path (invalid): no
// upstream, no repository, a name the adapter would refuse, or one with a `*`, which a scope would read as a wildcard.
struct RepositoryPlace {
  std::string upstream;
  std::string repository;
};
[[nodiscard]] Result<RepositoryPlace> read_repository(std::string_view path);

// What the gateway's challenge says the request is about to do; nullopt when it does not say.
[[nodiscard]] std::optional<GitAccess> access_asked(const std::vector<std::string>& challenges);

// The rules a leaf for this repository is narrowed to. Both spellings of a name with capitals are in them, because both
// are judged (proxy/adapters/git_operations.h).
[[nodiscard]] std::vector<ScopeRule> repository_rules(const RepositoryPlace& place, GitAccess access);

struct GitLeaf {
  Secret password;      // csb1_…
  TimeMs expires = 0;   // never after the parent
  bool as_was = false;  // the token was sealed already, and is handed on as it is
};
// A sealed leaf of `token` for this repository, until `until` at most. Errors: git_credential.personal_token (invalid),
// token.expired (unauthenticated), and those of auth::inspect and auth::narrow.
[[nodiscard]] Result<GitLeaf> leaf_for(std::string_view token, const RepositoryPlace& place, GitAccess access,
                                       TimeMs now, TimeMs until);

// The answer to git. A Secret, since it holds the leaf.
[[nodiscard]] Secret write_answer(const CredentialQuestion& question, const GitLeaf& leaf);

}  // namespace countersign::cli
