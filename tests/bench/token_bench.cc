// token.verify: what checking a bearer token of three blocks costs: proof, caveats, audience, times; no cache.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>

#include "auth/token.h"

namespace countersign::auth {
namespace {

constexpr TimeMs kNow = 1'795'000'600'000;

KeySet make_keys() {
  KeySet keys;
  keys.keys.emplace("k", Secret(std::string(kRootKeyBytes, 'k')));
  keys.newest = "k";
  return keys;
}

// An agent's token of `blocks` blocks, each with a scope of its own.
std::string make_bearer(const KeySet& keys, std::int64_t blocks) {
  Claims claims;
  claims.agent = "release-builder";
  claims.owner = "platform-team";
  claims.issued = kNow - 1000;
  claims.expires = kNow + 3'600'000;
  claims.scope = {ScopeRule{.upstreams = {"files", "wiki"}, .effects = {Effect::read, Effect::write}}};
  std::string text(issue(keys, claims)->expose());
  for (std::int64_t i = 1; i < blocks; ++i) {
    Caveats caveats{.scope = {ScopeRule{.resources = {"files/staging/*"}, .effects = {Effect::read}}},
                    .expires = kNow + 60'000,
                    .who = "reviewer"};
    text = narrow(text, caveats)->expose();
  }
  return std::string(seal(text)->expose());
}

void verify_token(benchmark::State& state) {
  KeySet keys = make_keys();
  std::string bearer = make_bearer(keys, state.range(0));
  for (auto _ : state) {
    Result<VerifiedToken> token = verify(bearer, keys, Audience::agents, kNow);
    if (!token) std::abort();
    benchmark::DoNotOptimize(token->ids.data());
  }
}
BENCHMARK(verify_token)->Name("token.verify")->Arg(3);
BENCHMARK(verify_token)->Name("token.verify_by_blocks")->Arg(1)->Arg(5)->Arg(16);

void refuse_forged_token(benchmark::State& state) {
  KeySet keys = make_keys();
  std::string bearer = make_bearer(keys, 3);
  bearer[bearer.size() - 2] = bearer[bearer.size() - 2] == 'A' ? 'B' : 'A';
  for (auto _ : state) {
    Result<VerifiedToken> token = verify(bearer, keys, Audience::agents, kNow);
    if (token) std::abort();
    benchmark::DoNotOptimize(token.error().code.data());
  }
}
BENCHMARK(refuse_forged_token)->Name("token.refuse_forged");

}  // namespace
}  // namespace countersign::auth

BENCHMARK_MAIN();
