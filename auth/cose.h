// Public keys as authenticators write them (COSE_Key, RFC 9052 section 7 and RFC 9053), and signatures under them.
//
// Three kinds, as many as WebAuthn authenticators in use have: ES256 (ECDSA on P-256 with SHA-256, ASN.1 DER
// signatures), EdDSA (Ed25519 only), and RS256 (RSASSA-PKCS1-v1_5 with SHA-256). A key names its algorithm, and
// nothing that arrives with a signature can choose another one.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "core/bytes.h"
#include "core/result.h"

struct evp_pkey_st;

namespace countersign::auth {

enum class CoseAlgorithm : int { es256 = -7, eddsa = -8, rs256 = -257 };

class CoseKey {
 public:
  // The whole of `cbor` is one key. Map keys may stand in any order (not every passkey provider sorts them), but none
  // twice. Refused, all malformed:
  //   webauthn.algorithm  not one of the three
  //   webauthn.key        not a COSE_Key; a point that is not on the curve; a small-order Ed25519 key, under which one
  //                       signature is good for many messages; an RSA modulus outside 2048 to 4096 bits, or an exponent
  //                       under 65537 or over 32 bits; parameters that do not belong (a private key)
  static Result<CoseKey> parse(ByteView cbor);
  // Reads a key at the front of `cbor` and says in `used` how many bytes it has.
  static Result<CoseKey> parse_front(ByteView cbor, std::size_t& used);

  [[nodiscard]] CoseAlgorithm algorithm() const { return algorithm_; }

  // Whether `signature` is one of `message` under this key. Strict: exact DER for ES256, exact length for the others.
  // An ES256 signature (r, s) has a twin (r, n − s) that anybody can make and that is good too: no rule may rest on two
  // valid signatures being different. Any thread.
  [[nodiscard]] bool verify(ByteView message, ByteView signature) const;

 private:
  struct Free {
    void operator()(evp_pkey_st* key) const;
  };
  using Handle = std::unique_ptr<evp_pkey_st, Free>;
  CoseKey(CoseAlgorithm algorithm, Handle key) : algorithm_(algorithm), key_(std::move(key)) {}

  CoseAlgorithm algorithm_;
  Handle key_;
};

}  // namespace countersign::auth
