// Everything that reads what an identity provider or a stranger says it said: compact JWS, key sets, ID tokens.
//
// The first byte chooses what the rest is: a signed text, a key set (with which the genuine text is then checked), or
// the claims of a token whose signature was good.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "auth/jws.h"
#include "auth/oidc_token.h"

namespace {

using namespace countersign;
using namespace countersign::auth;

// RFC 8037, appendix A.
constexpr std::string_view kKeys =
    R"({"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})";
constexpr std::string_view kGenuine =
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
constexpr JwsAlgorithm kAll[] = {JwsAlgorithm::rs256, JwsAlgorithm::ps256, JwsAlgorithm::es256, JwsAlgorithm::eddsa};

void must(bool condition) {
  if (!condition) std::abort();
}

void signed_text(std::string_view text) {
  static const JwkSet keys = *JwkSet::parse(kKeys);
  auto verified = verify_jws(text, keys, kAll);
  if (!verified) return;
  // Nobody here has the private key: what verifies was signed by the RFC's authors.
  must(verified->payload == "Example of Ed25519 signing");
  must(verified->algorithm == JwsAlgorithm::eddsa);
}

void key_set(std::string_view text) {
  auto keys = JwkSet::parse(text);
  if (!keys) return;
  must(!keys->keys().empty() && keys->keys().size() <= kMaxJwks);
  (void)verify_jws(kGenuine, *keys, kAll);
}

void id_token(std::string_view claims) {
  constexpr TimeMs kNow = 1'795'253'400'000;
  const IdTokenNeed need{.issuer = "https://login.example.com",
                         .client_id = "countersign",
                         .nonce = "n",
                         .user_claim = "preferred_username",
                         .acr_values = {},
                         .begun = kNow,
                         .authenticated_since = std::nullopt};
  const VerifiedJws token{.algorithm = JwsAlgorithm::es256, .key_id = {}, .type = {}, .payload = std::string(claims)};
  auto facts = check_id_token(token, need, kNow);
  if (!facts) return;
  must(!facts->subject.empty() && facts->subject.size() <= 255);
  must(!facts->user.empty() && facts->user.size() <= 200);
  must(facts->user.find('\n') == std::string::npos);
  must(!facts->auth_time || *facts->auth_time <= kNow + kOidcSkew);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data + 1), size - 1);
  switch (data[0] % 3) {
    case 0:
      signed_text(rest);
      break;
    case 1:
      key_set(rest);
      break;
    default:
      id_token(rest);
  }
  return 0;
}
