// What requests to AWS are signed with: the upstream's own keys, or a session that STS gives for them.
//
//   keys, or a token file ──AssumeRoleWithWebIdentity──▶ keys ──AssumeRole, one agent, one policy──▶ session
//
// A session is kept for its agent and its policy for as long as it is good, and shared by all workers. While one is
// being fetched, everybody who wants the same waits for it. What cannot be had is an error, never a wider credential.
// Any thread may call, from its own worker.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "auth/aws_credentials.h"
#include "auth/vault.h"
#include "core/clock.h"
#include "core/config.h"
#include "core/task.h"
#include "proxy/net/worker.h"
#include "proxy/upstream/client.h"

namespace countersign::proxy {

inline constexpr std::size_t kMaxAwsSessions = 2048;     // kept at once; the one that expires first makes room
inline constexpr TimeMs kAwsSessionMargin = 5 * 60'000;  // a session this close to its end is not used any more
inline constexpr TimeMs kStsAnswerTime = 10'000;         // for a whole answer, once connected

// Who signs what, and where STS is.
struct AwsWish {
  enum class For {
    operation,  // of an agent
    tags,       // a look-up of the gateway's own, with the keys for that: the whole of their role
  };
  std::string upstream;
  For purpose = For::operation;
  std::string agent;      // empty: the gateway, for itself
  std::string operation;  // of the audit log; empty: none
  std::string policy;     // what the session is narrowed to; not without one, where wants_policy()
  std::string region;     // of the request
  std::shared_ptr<const upstream::Origin> origin;  // of the upstream; nullptr: STS's own endpoint of the region
  net::Worker* worker = nullptr;                   // where the caller runs; what it starts goes on there
  upstream::Client* client = nullptr;              // of that worker
};

class AwsSessions {
 public:
  using Keys = std::shared_ptr<const auth::AwsCredentials>;

  // `vault` and `clock` outlive this.
  AwsSessions(const config::Config& config, const auth::Vault& vault, const Clock& clock);
  // After the workers have stopped, before they are destroyed.
  ~AwsSessions();
  AwsSessions(const AwsSessions&) = delete;
  AwsSessions& operator=(const AwsSessions&) = delete;

  // Errors (unavailable): aws.credential_unavailable, and those of auth::Vault::aws. Not cancelled with its caller:
  // others may wait too.
  [[nodiscard]] Task<Result<Keys>> get(AwsWish wish);

  // Whether the upstream's sessions are narrowed to one operation each: who asks says to which (AwsWish::policy).
  [[nodiscard]] bool wants_policy(std::string_view upstream) const;

  // Whether `text`, from the upstream, shows the secret or the token of a session that is kept for it.
  [[nodiscard]] bool shows(std::string_view upstream, std::string_view text) const;

  // The upstream did not take these keys: they are not used any more.
  void forget(const AwsWish& wish, const Keys& keys);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace countersign::proxy
