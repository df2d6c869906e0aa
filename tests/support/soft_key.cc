#include "tests/support/soft_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>

#include <array>
#include <cstdlib>

#include "auth/cbor.h"
#include "core/sha256.h"

namespace countersign::testing {
namespace {

using auth::CoseAlgorithm;

// A test without a key cannot go on.
void must(bool done) {
  if (!done) std::abort();
}

EVP_PKEY* make(CoseAlgorithm algorithm) {
  switch (algorithm) {
    case CoseAlgorithm::es256:
      return EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
    case CoseAlgorithm::eddsa:
      return EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
    case CoseAlgorithm::rs256:
      return EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048});
  }
  return nullptr;
}

// `bytes` 0: as many as it needs.
Bytes number(EVP_PKEY* key, const char* name, int bytes) {
  BIGNUM* value = nullptr;
  must(EVP_PKEY_get_bn_param(key, name, &value) == 1);
  int size = bytes == 0 ? BN_num_bytes(value) : bytes;
  Bytes out(static_cast<std::size_t>(size));
  must(BN_bn2binpad(value, out.data(), size) == size);
  BN_free(value);
  return out;
}

void append(Bytes& out, ByteView more) {
  out.insert(out.end(), more.begin(), more.end());
}

}  // namespace

void SoftKey::Free::operator()(evp_pkey_st* key) const {
  EVP_PKEY_free(key);
}

SoftKey::SoftKey(CoseAlgorithm algorithm, std::string_view party)
    : relying_party_id(party), algorithm_(algorithm), key_(make(algorithm)), id_(random_bytes(32)) {
  must(key_ != nullptr);
}

Bytes SoftKey::public_key() const {
  auth::CborWriter out;
  constexpr int kCoordinate = 32;
  switch (algorithm_) {
    case CoseAlgorithm::es256:
      out.map(5).integer(1).integer(2).integer(3).integer(-7).integer(-1).integer(1);
      out.integer(-2).bytes(number(key_.get(), OSSL_PKEY_PARAM_EC_PUB_X, kCoordinate));
      out.integer(-3).bytes(number(key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y, kCoordinate));
      break;
    case CoseAlgorithm::eddsa: {
      Bytes point(kCoordinate);
      std::size_t size = point.size();
      must(EVP_PKEY_get_raw_public_key(key_.get(), point.data(), &size) == 1);
      out.map(4).integer(1).integer(1).integer(3).integer(-8).integer(-1).integer(6).integer(-2).bytes(point);
      break;
    }
    case CoseAlgorithm::rs256:
      out.map(4).integer(1).integer(3).integer(3).integer(-257);
      out.integer(-1).bytes(number(key_.get(), OSSL_PKEY_PARAM_RSA_N, 0));
      out.integer(-2).bytes(number(key_.get(), OSSL_PKEY_PARAM_RSA_E, 0));
      break;
  }
  return out.written();
}

Bytes SoftKey::sign(ByteView message) const {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  const char* digest = algorithm_ == CoseAlgorithm::eddsa ? nullptr : "SHA256";
  must(EVP_DigestSignInit_ex(context, nullptr, digest, nullptr, nullptr, key_.get(), nullptr) == 1);
  std::size_t size = 0;
  must(EVP_DigestSign(context, nullptr, &size, message.data(), message.size()) == 1);
  Bytes out(size);
  must(EVP_DigestSign(context, out.data(), &size, message.data(), message.size()) == 1);
  out.resize(size);
  EVP_MD_CTX_free(context);
  return out;
}

Bytes SoftKey::assertion_data() const {
  Bytes out;
  append(out, sha256(relying_party_id));
  out.push_back(extensions.empty() ? flags : flags | kExtensions);
  for (unsigned shift : {24U, 16U, 8U, 0U}) out.push_back(static_cast<std::uint8_t>(sign_count >> shift));
  append(out, extensions);
  return out;
}

Bytes SoftKey::registration_data() const {
  constexpr std::size_t kFixed = 32 + 1 + 4;
  constexpr std::size_t kFlags = 32;
  Bytes out = assertion_data();
  out.resize(kFixed);
  out[kFlags] |= kAttested;
  append(out, Bytes(16, 0));  // no model of any maker
  out.push_back(static_cast<std::uint8_t>(id_.size() >> 8));
  out.push_back(static_cast<std::uint8_t>(id_.size()));
  append(out, id_);
  append(out, public_key());
  append(out, extensions);
  return out;
}

Bytes attestation_object(ByteView authenticator_data) {
  auth::CborWriter out;
  out.map(3).text("fmt").text("none").text("attStmt").map(0).text("authData").bytes(authenticator_data);
  return out.written();
}

SoftKey::Created SoftKey::create(ByteView challenge, std::string_view origin) const {
  std::string client = auth::client_data_json("webauthn.create", challenge, origin);
  return {.client_data = to_base64url(as_bytes(client)),
          .attestation_object = to_base64url(attestation_object(registration_data()))};
}

auth::Assertion SoftKey::assertion_over(ByteView authenticator_data, std::string_view client_data) const {
  Bytes message(authenticator_data.begin(), authenticator_data.end());
  append(message, sha256(client_data));
  return {.credential = to_base64url(id_),
          .authenticator_data = to_base64url(authenticator_data),
          .client_data = to_base64url(as_bytes(client_data)),
          .signature = to_base64url(sign(message))};
}

auth::Assertion SoftKey::get(ByteView challenge, std::string_view origin) {
  if (sign_count != 0) ++sign_count;
  return assertion_over(assertion_data(), auth::client_data_json("webauthn.get", challenge, origin));
}

auth::Passkey SoftKey::passkey() const {
  return {.id = to_base64url(id_),
          .public_key = to_base64url(public_key()),
          .sign_count = sign_count,
          .backed_up = (flags & kBackedUp) != 0,
          .backup_eligible = (flags & kBackupEligible) != 0,
          .aaguid = "00000000-0000-0000-0000-000000000000"};
}

}  // namespace countersign::testing
