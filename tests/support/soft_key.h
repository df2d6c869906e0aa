// A security key made of software: creates and answers WebAuthn ceremonies as a browser with an authenticator would
// hand them in. Every part that a relying party looks at can be made wrong. For tests only: private keys live in memory
// and nobody is asked for a touch.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "auth/cose.h"
#include "auth/webauthn.h"
#include "core/bytes.h"

namespace countersign::testing {

inline constexpr std::uint8_t kUserPresent = 0x01;
inline constexpr std::uint8_t kUserVerified = 0x04;
inline constexpr std::uint8_t kBackupEligible = 0x08;
inline constexpr std::uint8_t kBackedUp = 0x10;
inline constexpr std::uint8_t kAttested = 0x40;
inline constexpr std::uint8_t kExtensions = 0x80;

class SoftKey {
 public:
  explicit SoftKey(auth::CoseAlgorithm algorithm = auth::CoseAlgorithm::es256,
                   std::string_view relying_party_id = "localhost");

  // What navigator.credentials.create() gives, base64url.
  struct Created {
    std::string client_data;
    std::string attestation_object;
  };
  [[nodiscard]] Created create(ByteView challenge, std::string_view origin) const;
  // What navigator.credentials.get() gives; the counter goes up first, when the key counts.
  [[nodiscard]] auth::Assertion get(ByteView challenge, std::string_view origin);

  // The parts, for those who put them together differently.
  [[nodiscard]] const Bytes& id() const { return id_; }
  [[nodiscard]] Bytes public_key() const;  // COSE_Key
  [[nodiscard]] Bytes sign(ByteView message) const;
  [[nodiscard]] Bytes registration_data() const;  // authenticator data with key
  [[nodiscard]] Bytes assertion_data() const;     // and without
  // An assertion over exactly these bytes, truly signed.
  [[nodiscard]] auth::Assertion assertion_over(ByteView authenticator_data, std::string_view client_data) const;
  // The passkey a relying party stores.
  [[nodiscard]] auth::Passkey passkey() const;

  std::string relying_party_id;
  std::uint8_t flags = kUserPresent | kUserVerified;
  std::uint32_t sign_count = 0;  // 0: does not count; else of the last use
  Bytes extensions;              // CBOR map, appended when not empty

 private:
  struct Free {
    void operator()(evp_pkey_st* key) const;
  };
  auth::CoseAlgorithm algorithm_;
  std::unique_ptr<evp_pkey_st, Free> key_;
  Bytes id_;
};

// {"fmt":"none","attStmt":{},"authData":…}
[[nodiscard]] Bytes attestation_object(ByteView authenticator_data);

}  // namespace countersign::testing
