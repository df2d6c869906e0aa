// JSON Web Signatures in compact form, verified; and the JSON Web Key Sets that hold the keys.
//
// Sources: RFC 7515, RFC 7517, RFC 7518 sections 3 and 6, RFC 8037 (EdDSA), RFC 8725 (best current practice). Only
// RS256, PS256, ES256 and EdDSA (Ed25519), and of these only those the caller names: what a header says chooses among
// them, and a key is used with the algorithms of its own type, and of its own `alg` where it has one. There is no code
// for `none` or for HMAC. Header members that bring keys along (jwk, jku, x5c, x5u) are not looked at; `crit` and `b64`
// are refused, since no extension is understood.
//
// Pure functions and immutable values; any thread.
//
// Errors (all malformed unless said otherwise); no message has a part of what was signed:
//   jws.too_large  (too_large)       over a limit below
//   jws.form                         not three parts of base64url, or the header is not a JSON object without
//   duplicates jws.algorithm  (forbidden)       none that is allowed here jws.critical   (forbidden)       `crit` or
//   `b64` jws.key        (forbidden)       no key of the set fits; worth fetching the set again when it has another
//   `kid` jws.signature  (forbidden)       it does not verify jws.keys                         not a JWK Set, more than
//   kMaxJwks keys, or none that can be used
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "core/result.h"

struct evp_pkey_st;

namespace countersign::auth {

inline constexpr std::size_t kMaxJws = 32U << 10;  // characters
inline constexpr std::size_t kMaxJwsHeader = 4U << 10;
inline constexpr std::size_t kMaxJwkSet = 512U << 10;
inline constexpr std::size_t kMaxJwks = 64;

enum class JwsAlgorithm : std::uint8_t { rs256, ps256, es256, eddsa };
[[nodiscard]] std::string_view name_of(JwsAlgorithm algorithm);                            // "RS256", …
[[nodiscard]] std::optional<JwsAlgorithm> jws_algorithm_from_name(std::string_view name);  // exact

struct Jwk {
  enum class Type : std::uint8_t { rsa, p256, ed25519 };
  Type type = Type::rsa;
  std::string id;                         // kid; empty: none
  std::optional<JwsAlgorithm> algorithm;  // the only one it is for
  std::shared_ptr<evp_pkey_st> key;
};

class JwkSet {
 public:
  // {"keys": […]}. As RFC 7517 section 5 has it, keys that are not understood are passed over: other types and curves,
  // `use` or `key_ops` for something else, an RSA modulus outside 2048 to 8192 bits or an exponent that is not an odd
  // number from 3 to 2^32, points off the curve, and what contains a private or a symmetric key.
  [[nodiscard]] static Result<JwkSet> parse(std::string_view json);

  [[nodiscard]] const std::vector<Jwk>& keys() const { return keys_; }

 private:
  std::vector<Jwk> keys_;
};

struct VerifiedJws {
  JwsAlgorithm algorithm = JwsAlgorithm::rs256;
  std::string key_id;  // the header's kid; empty: none
  std::string type;    // the header's typ; empty: none
  std::string payload;
};

// With a `kid`, keys of that id are tried; without, there must be exactly one key that fits the algorithm.
[[nodiscard]] Result<VerifiedJws> verify_jws(std::string_view compact, const JwkSet& keys,
                                             std::span<const JwsAlgorithm> allowed);

}  // namespace countersign::auth
