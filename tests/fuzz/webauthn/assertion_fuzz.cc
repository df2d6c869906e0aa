// Use of a passkey: twice two bytes of length with the client data and the authenticator data, and the signature. No
// private key is known to the fuzzer, so only one input in the world is accepted: the one it starts from.
#include <cstdlib>
#include <string>

#include "auth/webauthn.h"

namespace {

using namespace countersign;
using namespace countersign::auth;

void require(bool good) {
  if (!good) std::abort();
}

ByteView take(ByteView& input) {
  if (input.size() < 2) return {};
  std::size_t length = std::min<std::size_t>(static_cast<std::size_t>(input[0]) << 8 | input[1], input.size() - 2);
  ByteView part = input.subspan(2, length);
  input = input.subspan(2 + length);
  return part;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const RelyingParty party{.id = "example.org", .origins = {"https://example.org"}};
  static const Bytes challenge = from_hex("ef1deba56dce48f674a447ccf63b9599258ce87648e5c396f2ef0ca1da460e3b").value();
  static const Passkey key{
      .id = "AQ",
      .public_key =
          to_base64url(from_hex("a50102032620012158203b8176b7504489cc593046d7988abb7905a742de6ac2cdc748a873c663e9"
                                "0cb12258201436d5edc9a75f23999eef9d5950a5c2455514ee1014084720f841a06b828a11")
                           .value()),
      .backup_eligible = true};
  ByteView rest(data, size);
  ByteView client = take(rest);
  ByteView authenticator = take(rest);
  Assertion assertion{.credential = "AQ",
                      .authenticator_data = to_base64url(authenticator),
                      .client_data = to_base64url(client),
                      .signature = to_base64url(rest)};
  auto facts = verify_assertion(assertion, key, party, challenge);
  auto past = verify_past_assertion(assertion, key.public_key, party, challenge);
  require(!facts || past);
  if (past) {
    constexpr std::string_view kSigned =
        R"({"type":"webauthn.get","challenge":"7x3rpW3OSPZ0pEfM9juVmSWM6HZI5cOW8u8ModpGDjs","origin":"https://example.org","crossOrigin":false})";
    require(as_text(client) == kSigned && authenticator.size() == 37 && facts->sign_count == 0);
  }
  // The text as it stands, for what reads JSON of an assertion.
  if (auto json = parse_json(as_text(ByteView(data, size)))) {
    if (auto read = signed_text_from_json(*json))
      require(signed_text_json(*read) == canonical_json(*json).value_or(""));
    (void)assertion_from_json(*json);
  }
  return 0;
}
