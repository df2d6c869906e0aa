// Passkeys and security keys: what a browser or the command line hands in, checked as W3C Web Authentication Level 3
// prescribes for a relying party (sections 7.1 and 7.2). Pure functions of their arguments; any thread. Nothing is
// stored here (auth/people.h does that), and challenges are the caller's: random and used once for sign-in and
// enrolment, SHA-256 of the statement for a vote.
//
// Stricter than the specification where it leaves room: the user must have been verified (PIN or biometrics) and not
// only present, always; frames of other origins are refused; a member that appears twice in the client data is refused;
// nothing may follow where a structure ends. Attestation is not asked for, and what comes anyway is not judged: an
// enrolment says that this key signs, not who made the device.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "core/json.h"
#include "core/result.h"

namespace countersign::auth {

// Decoded sizes; what is longer is refused with webauthn.too_large.
inline constexpr std::size_t kMaxClientData = 8U << 10;
inline constexpr std::size_t kMaxAttestationObject = 64U << 10;
inline constexpr std::size_t kMaxAuthenticatorData = 4U << 10;
inline constexpr std::size_t kMaxCredentialId = 1023;
inline constexpr std::size_t kMaxWebauthnSignature = 512;
inline constexpr std::size_t kMinChallenge = 16;

// A public key and what is known of the device that holds the private one.
struct Passkey {
  std::string id;                // base64url, as the browser names it
  std::string public_key;        // base64url of the COSE_Key, as it was handed in
  std::uint32_t sign_count = 0;  // of the last use; 0 when the device does not count
  bool backed_up = false;        // copied to other devices, as far as the device says
  bool backup_eligible = false;  // may ever be: fixed when it is made
  std::string aaguid;            // model of the device, "8-4-4-4-12" hexadecimal; zeros when it does not say
};

// Us, as browsers know us.
struct RelyingParty {
  std::string id;                    // a host name: "countersign.example"
  std::vector<std::string> origins;  // exactly these: "https://countersign.example"
};

// All base64url without padding.
struct Assertion {
  std::string credential;
  std::string authenticator_data;
  std::string client_data;
  std::string signature;
};

struct AssertionFacts {
  std::uint32_t sign_count = 0;  // to be stored
  bool backed_up = false;        // to be stored
  std::string origin;            // which of the relying party's
};

// A new passkey from navigator.credentials.create(): `client_data` is clientDataJSON and `attestation_object` is
// attestationObject, both base64url. Whether its id is taken already is the caller's to check.
//   webauthn.too_large           over a limit above                                     (too_large)
//   webauthn.client_data         not base64url of a JSON object with the members needed (malformed)
//   webauthn.attestation         the attestation object cannot be read                  (malformed)
//   webauthn.authenticator_data  nor its authenticator data                             (malformed)
//   webauthn.algorithm, webauthn.key  see auth/cose.h                                   (malformed)
//   webauthn.type, .challenge, .origin, .cross_origin  the client data is for something else, another challenge,
//   another
//                                origin, or was made in a frame of another site         (forbidden)
//   webauthn.relying_party       made for another relying party                         (forbidden)
//   webauthn.user_not_present, webauthn.user_not_verified                               (forbidden)
//   webauthn.backup              backed up, but not eligible for it                     (forbidden)
Result<Passkey> verify_registration(std::string_view client_data, std::string_view attestation_object,
                                    const RelyingParty& party, ByteView challenge);

// A use of `key` from navigator.credentials.get(). Errors as above, and:
//   webauthn.credential  another passkey signed                                             (forbidden)
//   webauthn.signature   the signature is not by this key                                   (forbidden)
//   webauthn.sign_count  the device's counter did not go up: there may be a copy of it      (forbidden)
//   webauthn.backup      eligibility for backup differs from when the key was made          (forbidden)
Result<AssertionFacts> verify_assertion(const Assertion& assertion, const Passkey& key, const RelyingParty& party,
                                        ByteView challenge);

// The same for a record of the past, when only id and public key are known: no counter, and as origin besides the
// party's own any that a browser lets use its id, https (or http on localhost) with the id as host, whatever the port.
Result<AssertionFacts> verify_past_assertion(const Assertion& assertion, std::string_view public_key,
                                             const RelyingParty& party, ByteView challenge);

// {"authenticator_data","client_data","credential","signature"}: exactly these members, all text. The requests of the
// admin API have this form. Errors: webauthn.assertion (invalid).
Result<Assertion> assertion_from_json(const Json& value);

// A text and the assertion whose challenge is its SHA-256: how signed votes are stored and recorded
// (docs/formats/signed-votes.md). The text is not looked at.
struct SignedText {
  std::string statement;
  Assertion assertion;
};
// The same members and "statement". Errors: webauthn.assertion (invalid).
Result<SignedText> signed_text_from_json(const Json& value);
// Canonical JSON of it.
[[nodiscard]] std::string signed_text_json(const SignedText& text);

// The client data that a client without a browser makes (section 5.8.1.1, serialization): `type` is "webauthn.create"
// or "webauthn.get".
[[nodiscard]] std::string client_data_json(std::string_view type, ByteView challenge, std::string_view origin);

}  // namespace countersign::auth
