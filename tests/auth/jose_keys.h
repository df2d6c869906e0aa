// Signing keys for tests: what an identity provider has and we only verify.
#pragma once

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "core/bytes.h"
#include "core/json.h"
#include "core/sha256.h"

namespace countersign::auth::test {

// A private key of one of the kinds "RSA", "P-256", "P-384" or "Ed25519".
class SigningKey {
 public:
  explicit SigningKey(const std::string& kind, unsigned bits = 2048) : kind_(kind) {
    EVP_PKEY* made = nullptr;
    if (kind == "RSA") made = EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", static_cast<std::size_t>(bits));
    if (kind == "P-256" || kind == "P-384") made = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", kind.c_str());
    if (kind == "Ed25519") made = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
    if (made == nullptr) throw std::runtime_error("no key");
    key_ = std::shared_ptr<EVP_PKEY>(made, [](EVP_PKEY* key) { EVP_PKEY_free(key); });
  }

  [[nodiscard]] Json jwk(const std::string& id) const {
    Json out = {{"kid", id}, {"use", "sig"}};
    if (kind_ == "RSA") {
      out["kty"] = "RSA";
      out["n"] = number(OSSL_PKEY_PARAM_RSA_N, 0);
      out["e"] = number(OSSL_PKEY_PARAM_RSA_E, 0);
    } else if (kind_ == "Ed25519") {
      Bytes raw(32);
      std::size_t size = raw.size();
      EVP_PKEY_get_raw_public_key(key_.get(), raw.data(), &size);
      out["kty"] = "OKP";
      out["crv"] = "Ed25519";
      out["x"] = to_base64url(raw);
    } else {
      const int width = kind_ == "P-256" ? 32 : 48;
      out["kty"] = "EC";
      out["crv"] = kind_;
      out["x"] = number(OSSL_PKEY_PARAM_EC_PUB_X, width);
      out["y"] = number(OSSL_PKEY_PARAM_EC_PUB_Y, width);
    }
    return out;
  }
  // SubjectPublicKeyInfo in PEM: what alg-confusion attacks use as an HMAC key.
  [[nodiscard]] std::string pem() const {
    std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), &BIO_free);
    PEM_write_bio_PUBKEY(out.get(), key_.get());
    char* data = nullptr;
    const long size = BIO_get_mem_data(out.get(), &data);
    return {data, static_cast<std::size_t>(size)};
  }

  enum class Form { jose, der };  // of ES256
  [[nodiscard]] Bytes sign(const std::string& algorithm, const std::string& text, Form form = Form::jose) const {
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    EVP_PKEY_CTX* settings = nullptr;
    const EVP_MD* digest = algorithm == "EdDSA" ? nullptr : EVP_sha256();
    EVP_DigestSignInit(context.get(), &settings, digest, nullptr, key_.get());
    if (algorithm == "PS256") {
      EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING);
      EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, RSA_PSS_SALTLEN_DIGEST);
    }
    std::size_t size = 0;
    EVP_DigestSign(context.get(), nullptr, &size, as_bytes(text).data(), text.size());
    Bytes signature(size);
    EVP_DigestSign(context.get(), signature.data(), &size, as_bytes(text).data(), text.size());
    signature.resize(size);
    if (algorithm != "ES256" || form == Form::der) return signature;
    const unsigned char* at = signature.data();
    std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> both(
        d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(signature.size())), &ECDSA_SIG_free);
    Bytes out(64);
    BN_bn2binpad(ECDSA_SIG_get0_r(both.get()), out.data(), 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(both.get()), out.data() + 32, 32);
    return out;
  }

  // header.payload.signature
  [[nodiscard]] std::string jws(const Json& header, const std::string& payload) const {
    const std::string text = to_base64url(as_bytes(header.dump())) + "." + to_base64url(as_bytes(payload));
    return text + "." + to_base64url(sign(string_or(header, "alg", ""), text));
  }

 private:
  [[nodiscard]] std::string number(const char* name, int width) const {
    BIGNUM* value = nullptr;
    EVP_PKEY_get_bn_param(key_.get(), name, &value);
    Bytes bytes(static_cast<std::size_t>(width == 0 ? BN_num_bytes(value) : width));
    BN_bn2binpad(value, bytes.data(), static_cast<int>(bytes.size()));
    BN_free(value);
    return to_base64url(bytes);
  }

  std::string kind_;
  std::shared_ptr<EVP_PKEY> key_;
};

// Made once: RSA keys take their time.
inline const SigningKey& rsa_key() {
  static const SigningKey key("RSA");
  return key;
}
inline const SigningKey& other_rsa_key() {
  static const SigningKey key("RSA");
  return key;
}

}  // namespace countersign::auth::test
