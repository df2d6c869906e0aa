#include "auth/webauthn.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>

#include "auth/cbor.h"
#include "auth/cose.h"
#include "core/json_reader.h"
#include "core/sha256.h"

namespace countersign::auth {
namespace {

std::unexpected<Error> malformed(std::string_view code, std::string message) {
  return fail(ErrorKind::malformed, code, std::move(message));
}
std::unexpected<Error> refused(std::string_view code, std::string message) {
  return fail(ErrorKind::forbidden, code, std::move(message));
}

// `limit` is of the decoded bytes.
Result<Bytes> decode(std::string_view text, std::size_t limit, std::string_view code, std::string_view what) {
  if (text.size() > (limit * 4 + 2) / 3)
    return fail(ErrorKind::too_large, "webauthn.too_large", std::string(what) + " is too long");
  auto bytes = from_base64url(text);
  if (!bytes) return malformed(code, std::string(what) + " is not base64url");
  return bytes;
}

// Section 6.1.
struct AuthenticatorData {
  ByteView relying_party;  // SHA-256 of its id
  std::uint8_t flags = 0;
  std::uint32_t sign_count = 0;
  ByteView aaguid;  // these three only when a credential is attested
  ByteView credential;
  ByteView public_key;

  [[nodiscard]] bool has(unsigned flag) const { return (flags & flag) != 0; }
};
constexpr unsigned kUserPresent = 0x01;
constexpr unsigned kUserVerified = 0x04;
constexpr unsigned kBackupEligible = 0x08;
constexpr unsigned kBackedUp = 0x10;
constexpr unsigned kAttested = 0x40;
constexpr unsigned kExtensions = 0x80;

enum class Ceremony : std::uint8_t { registration, assertion };

Result<AuthenticatorData> read_authenticator_data(ByteView data, Ceremony ceremony) {
  constexpr std::size_t kDigestBytes = 32;
  constexpr std::size_t kAaguidBytes = 16;
  auto bad = [](std::string_view what) {
    return malformed("webauthn.authenticator_data", "the authenticator data " + std::string(what));
  };
  std::size_t at = 0;
  auto take = [&](std::size_t bytes) -> std::optional<ByteView> {
    if (data.size() - at < bytes) return std::nullopt;
    return data.subspan(std::exchange(at, at + bytes), bytes);
  };
  AuthenticatorData out;
  if (data.size() > kMaxAuthenticatorData)
    return fail(ErrorKind::too_large, "webauthn.too_large", "the authenticator data is too long");
  auto digest = take(kDigestBytes);
  auto flags = take(1);
  auto count = take(4);
  if (!digest || !flags || !count) return bad("is cut short");
  out.relying_party = *digest;
  out.flags = flags->front();
  for (std::uint8_t byte : *count) out.sign_count = (out.sign_count << 8) | byte;
  if (out.has(kAttested) != (ceremony == Ceremony::registration))
    return bad(out.has(kAttested) ? "brings a key where none is made" : "has no key");
  if (out.has(kAttested)) {
    auto aaguid = take(kAaguidBytes);
    auto length = take(2);
    if (!aaguid || !length) return bad("is cut short");
    std::size_t id_bytes = static_cast<std::size_t>((*length)[0]) << 8 | (*length)[1];
    if (id_bytes == 0 || id_bytes > kMaxCredentialId) return bad("has a credential id of a length that none has");
    auto id = take(id_bytes);
    if (!id) return bad("is cut short");
    std::size_t used = 0;
    auto key = CoseKey::parse_front(data.subspan(at), used);
    if (!key) return fail(key.error());
    out.aaguid = *aaguid;
    out.credential = *id;
    out.public_key = data.subspan(at, used);
    at += used;
  }
  if (out.has(kExtensions)) {
    CborReader in(data.subspan(at), CborKeys::any_order);
    if (in.peek() != CborType::map) return bad("has extensions that are not a map");
    in.skip();
    if (!in.complete_item()) return bad("has extensions that cannot be read");
    at += in.consumed();
  }
  if (at != data.size()) return bad("has bytes after its end");
  return out;
}

Result<void> check_authenticator_data(const AuthenticatorData& data, std::string_view relying_party_id) {
  if (!std::ranges::equal(data.relying_party, sha256(relying_party_id)))
    return refused("webauthn.relying_party", "the key answered to another relying party");
  if (!data.has(kUserPresent)) return refused("webauthn.user_not_present", "nobody touched the key");
  if (!data.has(kUserVerified))
    return refused("webauthn.user_not_verified", "the key was used without its PIN or biometrics");
  if (data.has(kBackedUp) && !data.has(kBackupEligible))
    return refused("webauthn.backup", "the key says that it is backed up and that it never can be");
  return {};
}

// Section 5.8.1. Members beside those checked are allowed: browsers add some on purpose. Returns the origin.
Result<std::string> check_client_data(ByteView bytes, std::string_view type, ByteView challenge) {
  constexpr JsonLimits kLimits{.bytes = kMaxClientData, .depth = 8, .values = 256};
  auto bad = [](std::string_view what) {
    return malformed("webauthn.client_data", "the client data " + std::string(what));
  };
  auto json = parse_json(as_text(bytes), kLimits);
  if (!json || !json->is_object()) return bad("is not a JSON object with every member once");
  auto text = [&](std::string_view name) -> const std::string* {
    const Json* found = find_member(*json, name);
    return found && found->is_string() ? found->get_ptr<const std::string*>() : nullptr;
  };
  const std::string* given_type = text("type");
  const std::string* given_challenge = text("challenge");
  const std::string* origin = text("origin");
  if (!given_type || !given_challenge || !origin) return bad("lacks type, challenge or origin");
  const Json* cross = find_member(*json, "crossOrigin");
  if (cross && !cross->is_boolean()) return bad("has a crossOrigin that is neither true nor false");
  if (*given_type != type) return refused("webauthn.type", "this is not what `" + std::string(type) + "` makes");
  auto given = from_base64url(*given_challenge);
  if (!given || challenge.size() < kMinChallenge || !equal_constant_time(*given, challenge))
    return refused("webauthn.challenge", "the answer is to another challenge");
  // topOrigin is only there when a frame of another site asked.
  if ((cross && cross->get<bool>()) || find_member(*json, "topOrigin"))
    return refused("webauthn.cross_origin", "the key was used in a frame of another site");
  return *origin;
}

Result<void> check_origin(std::string_view origin, const RelyingParty& party) {
  if (std::ranges::find(party.origins, origin) == party.origins.end())
    return refused("webauthn.origin", "the key was used on another site");
  return {};
}

// An origin at which a browser lets a page use this relying party id, its host being the id itself.
bool is_origin_of(std::string_view origin, std::string_view relying_party_id) {
  bool secure = origin.starts_with("https://");
  if (!secure && !(relying_party_id == "localhost" && origin.starts_with("http://"))) return false;
  origin.remove_prefix(secure ? 8 : 7);
  if (!origin.starts_with(relying_party_id)) return false;
  origin.remove_prefix(relying_party_id.size());
  if (origin.empty()) return true;
  constexpr std::size_t kPortDigits = 5;
  return origin.front() == ':' && origin.size() > 1 && origin.size() <= 1 + kPortDigits &&
         std::ranges::all_of(origin.substr(1), [](char c) { return c >= '0' && c <= '9'; });
}

// fmt, attStmt and authData, each once (section 6.5.4). The statement is passed over.
Result<ByteView> authenticator_data_of(ByteView attestation_object) {
  auto bad = [](std::string_view what) {
    return malformed("webauthn.attestation", "the attestation object " + std::string(what));
  };
  CborReader in(attestation_object, CborKeys::any_order);
  ByteView data;
  std::array<bool, 3> seen{};
  for (std::size_t pairs = in.map(); pairs > 0 && in.fault() == CborFault::none; --pairs) {
    std::string_view name = in.text();
    std::size_t member = name == "fmt" ? 0 : name == "attStmt" ? 1 : name == "authData" ? 2 : 3;
    if (member == seen.size()) return bad("has a member that does not belong in it");
    if (std::exchange(seen[member], true)) return bad("has a member twice");
    if (member == 0) (void)in.text();
    if (member == 1) {
      if (in.peek() != CborType::map) return bad("has a statement that is not a map");
      in.skip();
    }
    if (member == 2) data = in.bytes();
  }
  in.finish();
  if (in.fault() != CborFault::none) return bad("is not readable: " + std::string(cbor_fault_text(in.fault())));
  if (!std::ranges::all_of(seen, std::identity())) return bad("lacks a member");
  return data;
}

// 16 bytes as a UUID is written.
std::string uuid_text(ByteView bytes) {
  std::string text = to_hex(bytes);
  for (std::size_t at : {20U, 16U, 12U, 8U}) text.insert(at, "-");
  return text;
}

struct Checked {
  AssertionFacts facts;
  bool backup_eligible = false;
};

// Everything of an assertion but the origin, the counter and what was said when the key was made.
Result<Checked> check_assertion(const Assertion& assertion, std::string_view public_key,
                                std::string_view relying_party_id, ByteView challenge) {
  auto data = decode(assertion.authenticator_data, kMaxAuthenticatorData, "webauthn.authenticator_data",
                     "the authenticator data");
  if (!data) return fail(data.error());
  auto client = decode(assertion.client_data, kMaxClientData, "webauthn.client_data", "the client data");
  if (!client) return fail(client.error());
  auto signature = decode(assertion.signature, kMaxWebauthnSignature, "webauthn.signature", "the signature");
  if (!signature) return fail(signature.error());
  auto stored = from_base64url(public_key);
  if (!stored) return malformed("webauthn.key", "the public key is not base64url");
  auto key = CoseKey::parse(*stored);
  if (!key) return fail(key.error());

  auto origin = check_client_data(*client, "webauthn.get", challenge);
  if (!origin) return fail(origin.error());
  auto read = read_authenticator_data(*data, Ceremony::assertion);
  if (!read) return fail(read.error());
  if (auto good = check_authenticator_data(*read, relying_party_id); !good) return fail(good.error());

  Bytes message = *data;
  Digest client_digest = sha256(ByteView(*client));
  message.insert(message.end(), client_digest.begin(), client_digest.end());
  if (!key->verify(message, *signature)) return refused("webauthn.signature", "the signature is not by this key");
  return Checked{
      .facts = {.sign_count = read->sign_count, .backed_up = read->has(kBackedUp), .origin = std::move(*origin)},
      .backup_eligible = read->has(kBackupEligible)};
}

}  // namespace

Result<Passkey> verify_registration(std::string_view client_data, std::string_view attestation_object,
                                    const RelyingParty& party, ByteView challenge) {
  auto client = decode(client_data, kMaxClientData, "webauthn.client_data", "the client data");
  if (!client) return fail(client.error());
  auto object = decode(attestation_object, kMaxAttestationObject, "webauthn.attestation", "the attestation object");
  if (!object) return fail(object.error());
  auto origin = check_client_data(*client, "webauthn.create", challenge);
  if (!origin) return fail(origin.error());
  if (auto known = check_origin(*origin, party); !known) return fail(known.error());
  auto data = authenticator_data_of(*object);
  if (!data) return fail(data.error());
  auto read = read_authenticator_data(*data, Ceremony::registration);
  if (!read) return fail(read.error());
  if (auto good = check_authenticator_data(*read, party.id); !good) return fail(good.error());
  return Passkey{.id = to_base64url(read->credential),
                 .public_key = to_base64url(read->public_key),
                 .sign_count = read->sign_count,
                 .backed_up = read->has(kBackedUp),
                 .backup_eligible = read->has(kBackupEligible),
                 .aaguid = uuid_text(read->aaguid)};
}

Result<AssertionFacts> verify_assertion(const Assertion& assertion, const Passkey& key, const RelyingParty& party,
                                        ByteView challenge) {
  if (assertion.credential != key.id) return refused("webauthn.credential", "another key answered");
  auto checked = check_assertion(assertion, key.public_key, party.id, challenge);
  if (!checked) return fail(checked.error());
  if (auto known = check_origin(checked->facts.origin, party); !known) return fail(known.error());
  if (checked->backup_eligible != key.backup_eligible)
    return refused("webauthn.backup", "the key was made with another answer to whether it can be backed up");
  bool counts = checked->facts.sign_count != 0 || key.sign_count != 0;
  if (counts && checked->facts.sign_count <= key.sign_count)
    return refused("webauthn.sign_count", "the key's counter did not go up: there may be a copy of it");
  return std::move(checked->facts);
}

Result<AssertionFacts> verify_past_assertion(const Assertion& assertion, std::string_view public_key,
                                             const RelyingParty& party, ByteView challenge) {
  auto checked = check_assertion(assertion, public_key, party.id, challenge);
  if (!checked) return fail(checked.error());
  if (!is_origin_of(checked->facts.origin, party.id)) {
    if (auto known = check_origin(checked->facts.origin, party); !known) return fail(known.error());
  }
  return std::move(checked->facts);
}

std::string client_data_json(std::string_view type, ByteView challenge, std::string_view origin) {
  std::string out = R"({"type":)";
  append_json_string(type, out);
  out += R"(,"challenge":)";
  append_json_string(to_base64url(challenge), out);
  out += R"(,"origin":)";
  append_json_string(origin, out);
  out += R"(,"crossOrigin":false})";
  return out;
}

}  // namespace countersign::auth
