// The test vectors of the specification. Some of them show what a relying party may accept and this one does not: users
// who were not verified, and frames of other sites. Those must be refused for exactly that, and their keys and
// signatures still be good.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>

#include "auth/cose.h"
#include "auth/webauthn.h"
#include "core/sha256.h"

namespace countersign::auth {
namespace {

struct Verdicts {
  std::string_view name;
  std::string_view registration;
  std::string_view assertion;
};
constexpr std::array kVerdicts = {
    Verdicts{"none.ES256", "webauthn.user_not_verified", "webauthn.user_not_verified"},
    Verdicts{"packed-self.ES256", "good", "webauthn.user_not_verified"},
    Verdicts{"none.ES256.crossOrigin", "webauthn.cross_origin", "webauthn.cross_origin"},
    Verdicts{"none.ES256.topOrigin", "webauthn.cross_origin", "webauthn.cross_origin"},
    Verdicts{"none.ES256.long-credential-id", "webauthn.user_not_verified", "good"},
    Verdicts{"packed.RS256", "good", "webauthn.user_not_verified"},
    Verdicts{"packed.EdDSA", "webauthn.user_not_verified", "webauthn.user_not_verified"},
};

Json load() {
  std::ifstream file(COUNTERSIGN_SOURCE_DIR "/tests/cases/webauthn/vectors.json");
  std::ostringstream text;
  text << file.rdbuf();
  return parse_json(text.str()).value();
}

Bytes bytes_of(const Json& part, std::string_view name) {
  return from_hex(string_or(part, name, "?")).value();
}
std::string base64url_of(const Json& part, std::string_view name) {
  return to_base64url(bytes_of(part, name));
}

TEST(WebauthnVectors, OfTheSpecification) {
  Json file = load();
  RelyingParty party{.id = file.at("relying_party"), .origins = {file.at("origin")}};
  ASSERT_EQ(file.at("vectors").size(), kVerdicts.size());
  for (std::size_t i = 0; i < kVerdicts.size(); ++i) {
    const Json& vector = file.at("vectors")[i];
    SCOPED_TRACE(vector.at("name").get<std::string>());
    ASSERT_EQ(string_or(vector, "name", ""), kVerdicts[i].name);

    const Json& made = vector.at("registration");
    std::string client = made.at("client_data");
    auto passkey = verify_registration(to_base64url(as_bytes(client)), base64url_of(made, "attestation_object"), party,
                                       bytes_of(made, "challenge"));
    EXPECT_EQ(passkey ? "good" : passkey.error().code, kVerdicts[i].registration);
    Bytes id = bytes_of(made, "credential_id");
    if (passkey) {
      EXPECT_EQ(passkey->id, to_base64url(id));
      std::string model = passkey->aaguid;
      std::erase(model, '-');
      EXPECT_EQ(model, string_or(made, "aaguid", ""));
    }

    // The key, wherever the rest stands: behind the credential id in the attestation object.
    Bytes object = bytes_of(made, "attestation_object");
    auto at = std::ranges::search(object, id);
    ASSERT_FALSE(at.empty());
    std::size_t used = 0;
    ByteView cose(at.end(), object.end());
    auto key = CoseKey::parse_front(cose, used);
    ASSERT_TRUE(key) << key.error().message;

    const Json& used_for = vector.at("assertion");
    std::string get_client = used_for.at("client_data");
    Bytes message = bytes_of(used_for, "authenticator_data");
    Digest digest = sha256(get_client);
    message.insert(message.end(), digest.begin(), digest.end());
    EXPECT_TRUE(key->verify(message, bytes_of(used_for, "signature")));

    Assertion assertion{.credential = to_base64url(id),
                        .authenticator_data = base64url_of(used_for, "authenticator_data"),
                        .client_data = to_base64url(as_bytes(get_client)),
                        .signature = base64url_of(used_for, "signature")};
    constexpr std::size_t kFlags = 32;
    Passkey stored{.id = assertion.credential,
                   .public_key = to_base64url(cose.first(used)),
                   .backup_eligible = (message[kFlags] & 0x08) != 0};
    auto facts = verify_assertion(assertion, stored, party, bytes_of(used_for, "challenge"));
    EXPECT_EQ(facts ? "good" : facts.error().code, kVerdicts[i].assertion);
  }
}

}  // namespace
}  // namespace countersign::auth
