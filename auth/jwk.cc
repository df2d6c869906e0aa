// Reading JSON Web Key Sets.
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <algorithm>

#include "auth/jws.h"
#include "core/json.h"

namespace countersign::auth {
namespace {

constexpr std::size_t kMaxKeyId = 256;
constexpr int kMinRsaBits = 2048;
constexpr int kMaxRsaBits = 8192;
constexpr std::size_t kCoordinate = 32;
constexpr std::size_t kEd25519Key = 32;

using Key = std::shared_ptr<EVP_PKEY>;

template <auto Free>
struct Freed {
  void operator()(auto* pointer) const { Free(pointer); }
};
using Number = std::unique_ptr<BIGNUM, Freed<BN_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Freed<OSSL_PARAM_BLD_free>>;
using Parameters = std::unique_ptr<OSSL_PARAM, Freed<OSSL_PARAM_free>>;
using Context = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX_free>>;

Key own(EVP_PKEY* key) {
  return {key, [](EVP_PKEY* owned) { EVP_PKEY_free(owned); }};
}

Key from_parameters(const char* type, OSSL_PARAM_BLD* builder) {
  Parameters parameters(OSSL_PARAM_BLD_to_param(builder));
  Context context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* made = nullptr;
  const bool sound = parameters && context && EVP_PKEY_fromdata_init(context.get()) == 1 &&
                     EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, parameters.get()) == 1;
  return sound ? own(made) : nullptr;
}

std::optional<Bytes> bytes_at(const Json& jwk, std::string_view name, std::size_t most) {
  const std::string text = string_or(jwk, name, "");
  if (text.empty() || text.size() > most * 4 / 3 + 4) return std::nullopt;
  Result<Bytes> bytes = from_base64url(text);
  if (!bytes || bytes->size() > most) return std::nullopt;
  return std::move(*bytes);
}

Key read_rsa(const Json& jwk) {
  const std::optional<Bytes> n = bytes_at(jwk, "n", kMaxRsaBits / 8 + 1);
  const std::optional<Bytes> e = bytes_at(jwk, "e", 8);
  if (!n || !e) return nullptr;
  Number modulus(BN_bin2bn(n->data(), static_cast<int>(n->size()), nullptr));
  Number exponent(BN_bin2bn(e->data(), static_cast<int>(e->size()), nullptr));
  Builder builder(OSSL_PARAM_BLD_new());
  if (!modulus || !exponent || !builder) return nullptr;
  const int bits = BN_num_bits(modulus.get());
  const bool sound = bits >= kMinRsaBits && bits <= kMaxRsaBits && BN_is_odd(modulus.get()) == 1 &&
                     BN_is_odd(exponent.get()) == 1 && BN_num_bits(exponent.get()) <= 32 &&
                     BN_is_one(exponent.get()) == 0;
  if (!sound || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()) != 1) {
    return nullptr;
  }
  return from_parameters("RSA", builder.get());
}

Key read_p256(const Json& jwk) {
  const std::optional<Bytes> x = bytes_at(jwk, "x", kCoordinate);
  const std::optional<Bytes> y = bytes_at(jwk, "y", kCoordinate);
  if (!x || !y || x->size() != kCoordinate || y->size() != kCoordinate) return nullptr;
  Bytes point = {0x04};
  point.insert(point.end(), x->begin(), x->end());
  point.insert(point.end(), y->begin(), y->end());
  Builder builder(OSSL_PARAM_BLD_new());
  if (!builder || OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) != 1) {
    return nullptr;
  }
  Key key = from_parameters("EC", builder.get());
  if (!key) return nullptr;
  Context context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  const bool on_curve = context && EVP_PKEY_public_check(context.get()) == 1;
  return on_curve ? key : nullptr;
}

Key read_ed25519(const Json& jwk) {
  const std::optional<Bytes> x = bytes_at(jwk, "x", kEd25519Key);
  if (!x || x->size() != kEd25519Key) return nullptr;
  return own(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, x->data(), x->size()));
}

// Absent, or exactly what verification needs.
bool is_for_verifying(const Json& jwk) {
  if (const Json* use = find_member(jwk, "use"); use && *use != "sig") return false;
  const Json* operations = find_member(jwk, "key_ops");
  return !operations || (operations->is_array() && std::ranges::find(*operations, "verify") != operations->end());
}

std::optional<Jwk> read_key(const Json& jwk) {
  if (!jwk.is_object() || !is_for_verifying(jwk)) return std::nullopt;
  if (find_member(jwk, "d") || find_member(jwk, "k")) return std::nullopt;
  Jwk out;
  out.id = string_or(jwk, "kid", "");
  if (out.id.size() > kMaxKeyId) return std::nullopt;
  if (const Json* algorithm = find_member(jwk, "alg")) {
    out.algorithm = algorithm->is_string() ? jws_algorithm_from_name(algorithm->get<std::string>()) : std::nullopt;
    if (!out.algorithm) return std::nullopt;
  }
  const std::string type = string_or(jwk, "kty", "");
  const std::string curve = string_or(jwk, "crv", "");
  if (type == "RSA") {
    out.type = Jwk::Type::rsa;
    out.key = read_rsa(jwk);
  } else if (type == "EC" && curve == "P-256") {
    out.type = Jwk::Type::p256;
    out.key = read_p256(jwk);
  } else if (type == "OKP" && curve == "Ed25519") {
    out.type = Jwk::Type::ed25519;
    out.key = read_ed25519(jwk);
  }
  if (!out.key) return std::nullopt;
  return out;
}

}  // namespace

Result<JwkSet> JwkSet::parse(std::string_view json) {
  constexpr JsonLimits kLimits{.bytes = kMaxJwkSet, .depth = 8, .values = 10'000};
  auto bad = [](std::string why) { return fail(ErrorKind::malformed, "jws.keys", std::move(why)); };
  Result<Json> document = parse_json(json, kLimits);
  if (!document) return bad("the key set is not JSON, or too large");
  const Json* keys = find_member(*document, "keys");
  if (!keys || !keys->is_array()) return bad("the key set has no `keys`");
  if (keys->size() > kMaxJwks) return bad("the key set has more than " + std::to_string(kMaxJwks) + " keys");
  JwkSet out;
  for (const Json& jwk : *keys) {
    if (std::optional<Jwk> key = read_key(jwk)) out.keys_.push_back(std::move(*key));
  }
  if (out.keys_.empty()) return bad("the key set has no key that can be used");
  return out;
}

}  // namespace countersign::auth
