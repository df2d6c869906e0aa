// Authenticator: from a request's credential to a Caller, or to the reason why not.
//
// Accepts one Authorization field with one of
//   Bearer csb1_…        token csb1_…  (the GitHub client's scheme)        Basic base64(<any user>:csb1_…)  (git)
// and nothing else: no query parameter, no cookie, no second field. Codes of `identify`, beside those of auth/token.h:
//   token.missing (401, no Authorization field)     token.ambiguous (400, several)
//   token.malformed (401, another scheme, or no token in it)     token.revoked (401)     agent.frozen (403)
//
// Requests of AWS clients are signed with the AWS form of a token instead: `identify_sigv4`. What holds for a bearer
// token (audience, times, revocation, frozen agents) holds there by the same code.
//
// Any thread may call any method. The key ring, the revocations and the frozen agents outlive the authenticator.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "auth/aws_keys.h"
#include "auth/caller.h"
#include "auth/frozen_agents.h"
#include "auth/keyring.h"
#include "auth/revocation.h"
#include "auth/sigv4.h"
#include "auth/token.h"
#include "core/http_head.h"
#include "core/result.h"

namespace countersign::auth {

struct SigV4Caller {
  Caller caller;
  SigningKey key;  // of the request: what the chunks of its body are signed with
};

class Authenticator {
 public:
  // Without `frozen` no agent ever is. `limits`: of AWS signatures.
  Authenticator(const Keyring& keyring, const Revocations& revocations, const FrozenAgents* frozen = nullptr,
                const SigV4Limits& limits = {})
      : keyring_(keyring), revocations_(revocations), frozen_(frozen), limits_(limits) {}

  [[nodiscard]] Result<Caller> identify(const RequestHead& head, Audience audience, TimeMs now) const;
  // The same for a token that came another way (the CLI on the Unix socket).
  [[nodiscard]] Result<Caller> identify_token(std::string_view token, Audience audience, TimeMs now) const;

  // Who signed a request with the AWS form of a token for the agents listener. `claim` is what parse_sigv4 read from
  // `head`; `body_sha256` as verify_sigv4 takes it. Codes of auth/aws_keys.h beside those above. A presigned URL ends
  // with its token when that is earlier.
  [[nodiscard]] Result<SigV4Caller> identify_sigv4(const RequestHead& head, const SigV4Claim& claim, TimeMs now,
                                                   std::string_view body_sha256 = {}) const;

  // Keys of a child of the token that a request was signed with, which identify_sigv4 has accepted. Errors: those of
  // narrow_session (auth/aws_keys.h).
  [[nodiscard]] Result<ChildSession> narrow(const SigV4Claim& claim, Caveats caveats) const;

  // token.revocation_unavailable or agent.freeze_unavailable (unavailable) when revocations or frozen agents may be
  // missing: no change passes then, whoever asks.
  [[nodiscard]] Status may_change() const;

  // For a stored caller (hex chain ids, as in Caller::chain): token.revoked (forbidden) when an id has been revoked
  // since, token.id_malformed when one is none. An empty chain is refused.
  [[nodiscard]] Status check_chain(const std::vector<std::string>& chain) const;
  // The same, and agent.frozen (forbidden) when the agent, or one that its token passed through, has been frozen:
  // before a stored request is carried out.
  [[nodiscard]] Status check_stored(std::string_view agent, const std::vector<std::string>& chain,
                                    const std::vector<std::string>& delegates = {}) const;

  // The hex chain ids of the token a request carries, when its proof is right, whatever else is wrong with it; empty
  // otherwise. So that the record of a refused request can name a delegable, expired or revoked token.
  [[nodiscard]] std::vector<std::string> presented_chain(const RequestHead& head) const;
  // The same for a signed request, whenever it was signed.
  [[nodiscard]] std::vector<std::string> presented_chain(const RequestHead& head, const SigV4Claim& claim,
                                                         std::string_view body_sha256 = {}) const;

 private:
  [[nodiscard]] Result<Caller> admit(VerifiedToken token, Audience audience, TimeMs now) const;

  // An agent that is frozen acts no more with what others handed on to it, either, nor does anybody for it.
  [[nodiscard]] bool is_frozen(std::string_view agent, const std::vector<std::string>& delegates) const;

  const Keyring& keyring_;
  const Revocations& revocations_;
  const FrozenAgents* frozen_;
  const SigV4Limits limits_;
  mutable SignerCache signers_;
};

enum class ChallengeScheme {
  bearer,  // RFC 6750 section 3
  basic,   // for git, which sends a credential only after being asked for this scheme
};
// The value of WWW-Authenticate for a refusal (any kind but `malformed` wants one: send it with every 401). `purpose`
// is one plain word that becomes part of the realm: "countersign push".
[[nodiscard]] std::string challenge(const Error& error, ChallengeScheme scheme, std::string_view purpose = {});

}  // namespace countersign::auth
