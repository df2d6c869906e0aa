#include "auth/cose.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "auth/cbor.h"

namespace countersign::auth {
namespace {

constexpr std::size_t kPointBytes = 32;
constexpr int kMinModulusBits = 2048;
constexpr std::size_t kMaxModulusBytes = 4096 / 8;
constexpr std::size_t kMaxExponentBytes = 4;
constexpr std::uint64_t kMinExponent = 65'537;

// Labels and values of RFC 9052 section 7.1 and RFC 9053 section 7.
constexpr std::int64_t kKeyType = 1;
constexpr std::int64_t kAlgorithm = 3;
constexpr std::int64_t kCurveOrModulus = -1;  // a curve of OKP and EC2, the modulus of RSA
constexpr std::int64_t kXOrExponent = -2;
constexpr std::int64_t kY = -3;
constexpr std::int64_t kTypeOkp = 1;
constexpr std::int64_t kTypeEc2 = 2;
constexpr std::int64_t kTypeRsa = 3;
constexpr std::int64_t kCurveP256 = 1;
constexpr std::int64_t kCurveEd25519 = 6;

// The y coordinates of all points of small order, in every spelling, without the sign bit (y and y + p; p = 2^255 −
// 19).
constexpr std::array<std::array<std::uint8_t, 32>, 7> kSmallOrder = {{
    {0x00},
    {0x01},
    {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
     0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
    {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
     0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
    {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    {0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    {0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
}};

// What stands under the labels, before it is known what they mean for this type of key.
struct Parts {
  std::optional<std::int64_t> type;
  std::optional<std::int64_t> algorithm;
  std::optional<std::int64_t> curve;  // label -1 as an integer
  std::optional<ByteView> modulus;    // label -1 as bytes
  std::optional<ByteView> second;     // label -2: x, or the exponent
  std::optional<ByteView> y;
};

std::unexpected<Error> bad_key(std::string_view what) {
  return fail(ErrorKind::malformed, "webauthn.key", "the public key " + std::string(what));
}

// Every label at most once, and none but those that public keys of these kinds have.
Result<Parts> read_parts(CborReader& in) {
  Parts parts;
  bool repeated = false;
  auto integer_once = [&](std::optional<std::int64_t>& slot) {
    repeated = repeated || slot.has_value();
    slot = in.integer();
  };
  auto bytes_once = [&](std::optional<ByteView>& slot) {
    repeated = repeated || slot.has_value();
    slot = in.bytes();
  };
  for (std::size_t pairs = in.map(); pairs > 0 && in.fault() == CborFault::none; --pairs) {
    switch (in.integer()) {
      case kKeyType:
        integer_once(parts.type);
        break;
      case kAlgorithm:
        integer_once(parts.algorithm);
        break;
      case kCurveOrModulus:
        if (in.peek() == CborType::bytes) {
          bytes_once(parts.modulus);
        } else {
          integer_once(parts.curve);
        }
        break;
      case kXOrExponent:
        bytes_once(parts.second);
        break;
      case kY:
        bytes_once(parts.y);
        break;
      default:
        if (in.fault() == CborFault::none) return bad_key("has a parameter that does not belong in it");
    }
  }
  if (in.fault() != CborFault::none) return bad_key("is not readable: " + std::string(cbor_fault_text(in.fault())));
  if (repeated) return bad_key("has a parameter twice");
  return parts;
}

struct FreeNumber {
  void operator()(BIGNUM* number) const { BN_free(number); }
};
struct FreeBuilder {
  void operator()(OSSL_PARAM_BLD* builder) const { OSSL_PARAM_BLD_free(builder); }
};
struct FreeParameters {
  void operator()(OSSL_PARAM* parameters) const { OSSL_PARAM_free(parameters); }
};
struct FreeContext {
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
};
struct FreeDigest {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Number = std::unique_ptr<BIGNUM, FreeNumber>;

Number number_of(ByteView bytes) {
  return Number(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
}

// Errors of a refused key must not stay behind for whoever looks at OpenSSL's error queue next.
EVP_PKEY* make_key(const char* type, OSSL_PARAM* parameters) {
  std::unique_ptr<EVP_PKEY_CTX, FreeContext> context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1) {
    ERR_clear_error();
    return nullptr;
  }
  return key;
}

// OpenSSL checks that the point is on the curve.
EVP_PKEY* make_p256(ByteView x, ByteView y) {
  std::array<std::uint8_t, 1 + 2 * kPointBytes> point{4};
  std::ranges::copy(x, point.begin() + 1);
  std::ranges::copy(y, point.begin() + 1 + kPointBytes);
  std::string group = "P-256";
  std::array parameters = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group.data(), 0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()),
      OSSL_PARAM_construct_end(),
  };
  return make_key("EC", parameters.data());
}

EVP_PKEY* make_rsa(const BIGNUM* modulus, const BIGNUM* exponent) {
  std::unique_ptr<OSSL_PARAM_BLD, FreeBuilder> builder(OSSL_PARAM_BLD_new());
  if (!builder || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent) != 1) {
    return nullptr;
  }
  std::unique_ptr<OSSL_PARAM, FreeParameters> parameters(OSSL_PARAM_BLD_to_param(builder.get()));
  return parameters ? make_key("RSA", parameters.get()) : nullptr;
}

bool is_small_order(ByteView point) {
  std::array<std::uint8_t, kPointBytes> y{};
  std::ranges::copy(point, y.begin());
  y.back() &= 0x7f;
  return std::ranges::find(kSmallOrder, y) != kSmallOrder.end();
}

Result<EVP_PKEY*> es256_key(const Parts& parts) {
  if (parts.type != kTypeEc2 || parts.curve != kCurveP256 || !parts.second || !parts.y || parts.modulus)
    return bad_key("is not one of P-256");
  if (parts.second->size() != kPointBytes || parts.y->size() != kPointBytes)
    return bad_key("has a coordinate of the wrong length");
  EVP_PKEY* key = make_p256(*parts.second, *parts.y);
  if (!key) return bad_key("is not a point of P-256");
  return key;
}

Result<EVP_PKEY*> eddsa_key(const Parts& parts) {
  if (parts.type != kTypeOkp || parts.curve != kCurveEd25519 || !parts.second || parts.y || parts.modulus)
    return bad_key("is not one of Ed25519");
  if (parts.second->size() != kPointBytes) return bad_key("has a coordinate of the wrong length");
  if (is_small_order(*parts.second)) return bad_key("is a point of small order");
  EVP_PKEY* key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, parts.second->data(), kPointBytes);
  if (!key) return bad_key("is not one of Ed25519");
  return key;
}

Result<EVP_PKEY*> rs256_key(const Parts& parts) {
  if (parts.type != kTypeRsa || parts.curve || !parts.modulus || !parts.second || parts.y)
    return bad_key("is not one of RSA");
  // RFC 8230 section 4: no leading zeros. It also keeps one key at one spelling.
  if (parts.modulus->size() > kMaxModulusBytes || parts.second->size() > kMaxExponentBytes || parts.second->empty() ||
      parts.modulus->empty() || parts.modulus->front() == 0 || parts.second->front() == 0) {
    return bad_key("has a modulus or exponent that is too long or begins with a zero");
  }
  Number modulus = number_of(*parts.modulus);
  Number exponent = number_of(*parts.second);
  if (!modulus || !exponent) return bad_key("could not be loaded");
  int bits = BN_num_bits(modulus.get());
  if (bits < kMinModulusBits || BN_is_odd(modulus.get()) == 0)
    return bad_key("has a modulus of fewer than 2048 bits, or an even one");
  if (BN_get_word(exponent.get()) < kMinExponent || BN_is_odd(exponent.get()) == 0)
    return bad_key("has an exponent under 65537, or an even one");
  EVP_PKEY* key = make_rsa(modulus.get(), exponent.get());
  if (!key) return bad_key("could not be loaded");
  return key;
}

}  // namespace

void CoseKey::Free::operator()(evp_pkey_st* key) const {
  EVP_PKEY_free(key);
}

Result<CoseKey> CoseKey::parse_front(ByteView cbor, std::size_t& used) {
  CborReader in(cbor, CborKeys::any_order);
  auto parts = read_parts(in);
  if (!parts) return fail(parts.error());
  if (!in.complete_item()) return bad_key("is not readable");
  used = in.consumed();
  auto load = [&](CoseAlgorithm algorithm, Result<EVP_PKEY*> key) -> Result<CoseKey> {
    if (!key) return fail(key.error());
    return CoseKey(algorithm, Handle(*key));
  };
  if (parts->algorithm == static_cast<int>(CoseAlgorithm::es256)) return load(CoseAlgorithm::es256, es256_key(*parts));
  if (parts->algorithm == static_cast<int>(CoseAlgorithm::eddsa)) return load(CoseAlgorithm::eddsa, eddsa_key(*parts));
  if (parts->algorithm == static_cast<int>(CoseAlgorithm::rs256)) return load(CoseAlgorithm::rs256, rs256_key(*parts));
  return fail(ErrorKind::malformed, "webauthn.algorithm",
              "the public key is for an algorithm other than ES256, EdDSA and RS256");
}

Result<CoseKey> CoseKey::parse(ByteView cbor) {
  std::size_t used = 0;
  auto key = parse_front(cbor, used);
  if (key && used != cbor.size()) return bad_key("has bytes after its end");
  return key;
}

bool CoseKey::verify(ByteView message, ByteView signature) const {
  std::unique_ptr<EVP_MD_CTX, FreeDigest> context(EVP_MD_CTX_new());
  const char* digest = algorithm_ == CoseAlgorithm::eddsa ? nullptr : "SHA256";
  bool good = context &&
              EVP_DigestVerifyInit_ex(context.get(), nullptr, digest, nullptr, nullptr, key_.get(), nullptr) == 1 &&
              EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(), message.size()) == 1;
  if (!good) ERR_clear_error();
  return good;
}

}  // namespace countersign::auth
