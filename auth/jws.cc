#include "auth/jws.h"

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>

#include "core/json.h"

namespace countersign::auth {
namespace {

constexpr std::size_t kMaxText = 256;  // of kid and typ
constexpr std::size_t kEs256Signature = 64;

struct NamedAlgorithm {
  JwsAlgorithm algorithm;
  std::string_view name;
};
constexpr std::array<NamedAlgorithm, 4> kAlgorithms = {{{JwsAlgorithm::rs256, "RS256"},
                                                        {JwsAlgorithm::ps256, "PS256"},
                                                        {JwsAlgorithm::es256, "ES256"},
                                                        {JwsAlgorithm::eddsa, "EdDSA"}}};

template <auto Free>
struct Freed {
  void operator()(auto* pointer) const { Free(pointer); }
};
using Context = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>>;
using EcSignature = std::unique_ptr<ECDSA_SIG, Freed<ECDSA_SIG_free>>;

Jwk::Type type_for(JwsAlgorithm algorithm) {
  switch (algorithm) {
    case JwsAlgorithm::es256:
      return Jwk::Type::p256;
    case JwsAlgorithm::eddsa:
      return Jwk::Type::ed25519;
    default:
      return Jwk::Type::rsa;
  }
}

bool fits(const Jwk& key, JwsAlgorithm algorithm) {
  return key.type == type_for(algorithm) && (!key.algorithm || *key.algorithm == algorithm);
}

// r ‖ s of 32 bytes each (RFC 7518 section 3.4) as OpenSSL wants it; empty when it is not that.
Bytes to_der(ByteView signature) {
  if (signature.size() != kEs256Signature) return {};
  EcSignature both(ECDSA_SIG_new());
  BIGNUM* r = BN_bin2bn(signature.data(), 32, nullptr);
  BIGNUM* s = BN_bin2bn(signature.data() + 32, 32, nullptr);
  if (!both || r == nullptr || s == nullptr || ECDSA_SIG_set0(both.get(), r, s) != 1) {
    BN_free(r);
    BN_free(s);
    return {};
  }
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(both.get(), &der);
  if (size <= 0) return {};
  Bytes out(der, der + size);
  OPENSSL_free(der);
  return out;
}

bool verifies(const Jwk& key, JwsAlgorithm algorithm, std::string_view message, ByteView signature) {
  Bytes der;
  if (algorithm == JwsAlgorithm::es256) {
    der = to_der(signature);
    if (der.empty()) return false;
    signature = der;
  }
  Context context(EVP_MD_CTX_new());
  if (!context) return false;
  EVP_PKEY_CTX* settings = nullptr;
  const EVP_MD* digest = algorithm == JwsAlgorithm::eddsa ? nullptr : EVP_sha256();
  if (EVP_DigestVerifyInit(context.get(), &settings, digest, nullptr, key.key.get()) != 1) return false;
  if (algorithm == JwsAlgorithm::ps256) {
    const bool set = EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING) == 1 &&
                     EVP_PKEY_CTX_set_rsa_mgf1_md(settings, EVP_sha256()) == 1 &&
                     EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, RSA_PSS_SALTLEN_DIGEST) == 1;
    if (!set) return false;
  }
  return EVP_DigestVerify(context.get(), signature.data(), signature.size(), as_bytes(message).data(),
                          message.size()) == 1;
}

struct Parts {
  std::string_view header;
  std::string_view payload;
  std::string_view signature;
  std::string_view signed_text;  // header and payload, as they came
};

std::optional<Parts> split(std::string_view compact) {
  const std::size_t first = compact.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = compact.find('.', first + 1);
  if (second == std::string_view::npos || compact.find('.', second + 1) != std::string_view::npos) return std::nullopt;
  return Parts{compact.substr(0, first), compact.substr(first + 1, second - first - 1), compact.substr(second + 1),
               compact.substr(0, second)};
}

struct Header {
  JwsAlgorithm algorithm;
  std::optional<std::string> key_id;
  std::string type;
};

Result<Header> read_header(std::string_view text, std::span<const JwsAlgorithm> allowed) {
  constexpr JsonLimits kLimits{.bytes = kMaxJwsHeader, .depth = 8, .values = 200};
  auto form = [](std::string why) { return fail(ErrorKind::malformed, "jws.form", std::move(why)); };
  Result<Bytes> bytes = from_base64url(text);
  if (!bytes) return form("the header is not base64url");
  Result<Json> header = parse_json(as_text(*bytes), kLimits);
  if (!header || !header->is_object()) return form("the header is not a JSON object without duplicates");
  if (find_member(*header, "crit") || find_member(*header, "b64"))
    return fail(ErrorKind::forbidden, "jws.critical", "the signature uses an extension");
  const Json* algorithm = find_member(*header, "alg");
  if (!algorithm || !algorithm->is_string()) return form("the header has no `alg`");
  const std::optional<JwsAlgorithm> known = jws_algorithm_from_name(algorithm->get<std::string>());
  if (!known || std::ranges::find(allowed, *known) == allowed.end())
    return fail(ErrorKind::forbidden, "jws.algorithm", "the signature's algorithm is not allowed");
  Header out{.algorithm = *known, .key_id = std::nullopt, .type = {}};
  if (const Json* id = find_member(*header, "kid")) {
    if (!id->is_string() || id->get_ref<const std::string&>().size() > kMaxText)
      return form("`kid` is not a short text");
    out.key_id = id->get<std::string>();
  }
  if (const Json* type = find_member(*header, "typ")) {
    if (!type->is_string() || type->get_ref<const std::string&>().size() > kMaxText)
      return form("`typ` is not a short text");
    out.type = type->get<std::string>();
  }
  return out;
}

std::vector<const Jwk*> candidates(const JwkSet& keys, const Header& header) {
  std::vector<const Jwk*> out;
  for (const Jwk& key : keys.keys()) {
    if (fits(key, header.algorithm) && (!header.key_id || key.id == *header.key_id)) out.push_back(&key);
  }
  if (!header.key_id && out.size() > 1) out.clear();
  return out;
}

}  // namespace

std::string_view name_of(JwsAlgorithm algorithm) {
  return std::ranges::find(kAlgorithms, algorithm, &NamedAlgorithm::algorithm)->name;
}

std::optional<JwsAlgorithm> jws_algorithm_from_name(std::string_view name) {
  const auto* found = std::ranges::find(kAlgorithms, name, &NamedAlgorithm::name);
  if (found == kAlgorithms.end()) return std::nullopt;
  return found->algorithm;
}

Result<VerifiedJws> verify_jws(std::string_view compact, const JwkSet& keys, std::span<const JwsAlgorithm> allowed) {
  if (compact.size() > kMaxJws) return fail(ErrorKind::too_large, "jws.too_large", "the signed text is too long");
  const std::optional<Parts> parts = split(compact);
  if (!parts) return fail(ErrorKind::malformed, "jws.form", "a signed text has three parts");
  if (parts->header.size() > kMaxJwsHeader * 4 / 3)
    return fail(ErrorKind::too_large, "jws.too_large", "the header is too long");
  Result<Header> header = read_header(parts->header, allowed);
  if (!header) return fail(header.error());
  Result<Bytes> payload = from_base64url(parts->payload);
  Result<Bytes> signature = from_base64url(parts->signature);
  if (!payload || !signature) return fail(ErrorKind::malformed, "jws.form", "a part is not base64url");
  const std::vector<const Jwk*> fitting = candidates(keys, *header);
  if (fitting.empty()) return fail(ErrorKind::forbidden, "jws.key", "no key of the set is the signature's");
  const bool good = std::ranges::any_of(
      fitting, [&](const Jwk* key) { return verifies(*key, header->algorithm, parts->signed_text, *signature); });
  if (!good) return fail(ErrorKind::forbidden, "jws.signature", "the signature is wrong");
  return VerifiedJws{header->algorithm, header->key_id.value_or(""), std::move(header->type),
                     std::string(as_text(*payload))};
}

}  // namespace countersign::auth
