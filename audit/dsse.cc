#include "audit/dsse.h"

#include <algorithm>

#include "core/json.h"
#include "core/json_writer.h"

namespace countersign::audit {
namespace {

std::unexpected<Error> malformed(std::string what) {
  return fail(ErrorKind::malformed, "dsse.malformed", "not a DSSE envelope: " + std::move(what));
}

std::unexpected<Error> too_large(std::string what) {
  return fail(ErrorKind::too_large, "dsse.too_large", std::move(what));
}

// The members of `object` that must be strings; nothing else may be there.
const std::string* text_member(const Json& object, std::string_view name) {
  const Json* member = find_member(object, name);
  return member != nullptr && member->is_string() ? member->get_ptr<const std::string*>() : nullptr;
}

// Standard or URL-safe, with or without the padding of the latter; one spelling each.
Result<Bytes> decode(const std::string& text) {
  if (text.find_first_of("-_") == std::string::npos) {
    if (auto standard = from_base64(text)) return standard;
  }
  std::string_view unpadded = text;
  for (int count = 0; count < 2 && text.size() % 4 == 0 && unpadded.ends_with('='); ++count) unpadded.remove_suffix(1);
  return from_base64url(unpadded);
}

Result<EnvelopeSignature> read_signature(const Json& json) {
  const std::string* keyid = json.is_object() ? text_member(json, "keyid") : nullptr;
  const std::string* sig = json.is_object() ? text_member(json, "sig") : nullptr;
  if (keyid == nullptr || sig == nullptr || json.size() != 2)
    return malformed("a signature is an object of `keyid` and `sig`");
  auto bytes = decode(*sig);
  if (!bytes) return malformed("a signature is not base64");
  return EnvelopeSignature{*keyid, std::move(*bytes)};
}

}  // namespace

std::string dsse_encoding(std::string_view payload_type, std::string_view body) {
  std::string out = "DSSEv1 " + std::to_string(payload_type.size()) + ' ';
  out.append(payload_type).append(" ").append(std::to_string(body.size())).append(" ").append(body);
  return out;
}

std::string keyid_of(const VerifierKey& key) {
  return key.name + '+' + to_hex(ByteView(key.id));
}

Result<Envelope> parse_envelope(std::string_view text) {
  constexpr std::size_t kDepth = 4;
  if (text.size() > kMaxEnvelopeBytes) return too_large("an envelope is larger than 16 MiB");
  auto json = parse_json(text, {.bytes = kMaxEnvelopeBytes, .depth = kDepth, .values = 5 * kMaxEnvelopeSignatures});
  if (!json) return malformed(json.error().message);
  if (!json->is_object()) return malformed("it is no object");
  const std::string* payload = text_member(*json, "payload");
  const std::string* type = text_member(*json, "payloadType");
  const Json* signatures = find_member(*json, "signatures");
  if (payload == nullptr || type == nullptr || signatures == nullptr || !signatures->is_array() || json->size() != 3)
    return malformed("it is an object of `payload`, `payloadType` and `signatures`");
  if (signatures->empty()) return malformed("it is not signed");
  if (signatures->size() > kMaxEnvelopeSignatures) return too_large("an envelope has more than 16 signatures");
  auto bytes = decode(*payload);
  if (!bytes) return malformed("the payload is not base64");
  Envelope envelope{std::string(as_text(*bytes)), *type, {}};
  for (const Json& each : *signatures) {
    auto signature = read_signature(each);
    if (!signature) return fail(signature.error());
    envelope.signatures.push_back(std::move(*signature));
  }
  return envelope;
}

Result<VerifierKey> check_signatures(const Envelope& envelope, std::span<const VerifierKey> keys) {
  const std::string signed_bytes = dsse_encoding(envelope.payload_type, envelope.payload);
  const VerifierKey* good = nullptr;
  for (const EnvelopeSignature& signature : envelope.signatures) {
    auto key = std::ranges::find(keys, signature.keyid, keyid_of);
    if (key == keys.end()) continue;
    if (!verify_ed25519(key->key, signed_bytes, signature.signature)) {
      return fail(ErrorKind::forbidden, "dsse.signature",
                  "the signature in the name of " + signature.keyid + " is wrong: forged, or changed after signing");
    }
    if (good == nullptr) good = &*key;
  }
  if (good == nullptr) {
    return fail(ErrorKind::forbidden, "dsse.unknown_key",
                "signed by " + envelope.signatures.front().keyid + ", which is none of the keys given");
  }
  return *good;
}

std::string sign_envelope(std::string_view payload_type, std::string_view payload, const VerifierKey& name,
                          const SigningKey& key) {
  const Signature signature = key.sign(dsse_encoding(payload_type, payload));
  std::string out;
  JsonWriter w(out);
  w.begin_object().member("payload", to_base64(as_bytes(payload))).member("payloadType", payload_type);
  w.key("signatures").begin_array().begin_object();
  w.member("keyid", keyid_of(name)).member("sig", to_base64(ByteView(signature)));
  w.end_object().end_array().end_object();
  return out;
}

}  // namespace countersign::audit
