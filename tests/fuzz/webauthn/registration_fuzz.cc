// Enrolment of a passkey: two bytes of length, the client data, the attestation object. The bytes are read as a COSE
// key, too.
#include <cstdlib>
#include <string>

#include "auth/cose.h"
#include "auth/webauthn.h"

namespace {

using namespace countersign;
using namespace countersign::auth;

void require(bool good) {
  if (!good) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const RelyingParty party{.id = "example.org", .origins = {"https://example.org"}};
  static const Bytes challenge = from_hex("7869c2b772d4b58eba9378cf8f29e26cf935aa77df0da89fa99c0bdc0a76f7e5").value();
  ByteView input(data, size);
  std::size_t used = 0;
  if (auto key = CoseKey::parse_front(input, used)) {
    require(used <= size);
    require(CoseKey::parse(input.first(used)).has_value());
    require(!key->verify(input, input));
  }
  if (size < 2) return 0;
  std::size_t length = std::min<std::size_t>(static_cast<std::size_t>(data[0]) << 8 | data[1], size - 2);
  ByteView client = input.subspan(2, length);
  ByteView object = input.subspan(2 + length);
  auto passkey = verify_registration(to_base64url(client), to_base64url(object), party, challenge);
  if (!passkey) return 0;
  // What is stored can be read again.
  auto id = from_base64url(passkey->id);
  auto key = from_base64url(passkey->public_key);
  require(id && !id->empty() && id->size() <= kMaxCredentialId);
  require(key && CoseKey::parse(*key));
  constexpr std::size_t kUuid = 36;
  require(passkey->aaguid.size() == kUuid);
  return 0;
}
