// Installation tokens of GitHub Apps: fetched from the API, kept for as long as they are good, shared by all workers.
//
// A token is for one upstream, one repository, and fetching or pushing. While one is being fetched, everybody who wants
// the same waits for it: one request to the API, whatever the number of agents. Any thread may call, from its own
// worker.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "auth/github_app.h"
#include "core/clock.h"
#include "core/config.h"
#include "core/task.h"
#include "proxy/adapters/doors.h"
#include "proxy/net/worker.h"
#include "proxy/upstream/client.h"

namespace countersign::proxy {

inline constexpr std::size_t kMaxTokens = 1024;       // kept at once; the one that expires first makes room
inline constexpr TimeMs kTokenMargin = 5 * 60'000;    // a token this close to its end is not used any more
inline constexpr TimeMs kLongestToken = 60 * 60'000;  // whatever the API says
inline constexpr TimeMs kTokenAnswerTime = 15'000;    // for the API to answer

// What a git request needs a token for: the repository its target names (with the origin's base path before it), and
// whether it pushes. LFS requests are looked into. Errors: those of auth::token_need.
[[nodiscard]] Result<auth::TokenNeed> token_need_of(const config::GithubApp& app, const RequestHead& head,
                                                    adapters::BodySource* body);

// What is asked of GithubTokens, and who asks.
struct TokenWish {
  std::string upstream;
  std::shared_ptr<const auth::GithubApp> app;
  auth::TokenNeed need;
  net::Worker* worker = nullptr;       // where the caller runs; what it starts goes on there
  upstream::Client* client = nullptr;  // of that worker
};

class GithubTokens {
 public:
  // A token in use. `serial` tells it from the one that follows it.
  struct Held {
    std::shared_ptr<const Secret> authorization;
    std::uint64_t serial = 0;
    bool kept = false;  // it was here already, and may have been revoked since
  };

  // upstream.address (invalid): an API address that cannot be used. `clock` outlives this.
  [[nodiscard]] static Result<std::unique_ptr<GithubTokens>> open(const config::Config& config, const Clock& clock);
  // After the workers have stopped, before they are destroyed.
  ~GithubTokens();
  GithubTokens(const GithubTokens&) = delete;
  GithubTokens& operator=(const GithubTokens&) = delete;

  // Errors: those of auth::read_token_answer, vault.github_app_unreachable (unavailable), vault.github_app_busy
  // (unavailable): as many tokens as may be kept are being fetched. Not cancelled with its caller: others may wait too.
  [[nodiscard]] Task<Result<Held>> get(TokenWish wish);

  // Whether `text`, from the upstream, shows one of the tokens kept for it, plain or as it is sent.
  [[nodiscard]] bool shows(std::string_view upstream, std::string_view text) const;

  // The upstream did not take this one: forgets it, unless another has taken its place already.
  void forget(const TokenWish& wish, std::uint64_t serial);

 private:
  struct State;
  explicit GithubTokens(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

}  // namespace countersign::proxy
