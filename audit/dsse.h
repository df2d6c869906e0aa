// DSSE envelopes (Dead Simple Signing Envelope v1, secure-systems-lab/dsse: protocol.md and envelope.md), signed with
// the log's Ed25519 key. Pure functions, any thread.
//
//   {"payload":"<base64>","payloadType":"application/vnd.in-toto+json","signatures":[{"keyid":"<name>+<hash>","sig":"…"}]}
//
// What is signed is the pre-authentication encoding: "DSSEv1 <length> <type> <length> <body>". The same key signs the
// notes of the audit log, and neither can be taken for the other: a checkpoint's first line is the log's origin, which
// has no space, the other notes begin with a title of their own, and every encoding begins with "DSSEv1 ".
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "audit/checkpoint.h"
#include "audit/signing_key.h"
#include "core/result.h"

namespace countersign::audit {

inline constexpr std::size_t kMaxEnvelopeBytes = 16U << 20;
inline constexpr std::size_t kMaxEnvelopeSignatures = 16;

// The bytes that are signed: PAE(type, body).
[[nodiscard]] std::string dsse_encoding(std::string_view payload_type, std::string_view body);

struct EnvelopeSignature {
  std::string keyid;
  Bytes signature;
};

struct Envelope {
  std::string payload;  // decoded
  std::string payload_type;
  std::vector<EnvelopeSignature> signatures;  // 1 to kMaxEnvelopeSignatures
};

// What `keyid` holds for a key: "<name>+<key hash, 8 hex digits>", as its verifier key begins and its notes name it.
[[nodiscard]] std::string keyid_of(const VerifierKey& key);

// Reads an envelope. Stricter than DSSE where that loses nothing: `keyid` is required, members that we do not know are
// refused (nothing outside the payload is signed), and duplicate keys too. Base64 may be the standard or the URL-safe
// one, as DSSE demands. Errors: dsse.malformed, dsse.too_large (kMaxEnvelopeBytes, kMaxEnvelopeSignatures).
Result<Envelope> parse_envelope(std::string_view text);

// The envelope's signature by one of `keys`, checked: every signature whose keyid names one of them must be good, and
// there must be at least one; those of other keys are passed over. Returns the key that signed.
// Errors: dsse.unknown_key (forbidden: signed, but by none of these keys), dsse.signature (forbidden: a signature in
// the name of one of the keys is wrong: somebody forged or damaged it).
Result<VerifierKey> check_signatures(const Envelope& envelope, std::span<const VerifierKey> keys);

// A signed envelope as canonical JSON, without a line feed.
[[nodiscard]] std::string sign_envelope(std::string_view payload_type, std::string_view payload,
                                        const VerifierKey& name, const SigningKey& key);

}  // namespace countersign::audit
