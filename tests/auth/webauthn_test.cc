#include "auth/webauthn.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "auth/cbor.h"
#include "core/sha256.h"
#include "tests/support/soft_key.h"

namespace countersign::auth {
namespace {

using countersign::testing::attestation_object;
using countersign::testing::SoftKey;
namespace flags = countersign::testing;

const RelyingParty kParty{.id = "countersign.example", .origins = {"https://countersign.example"}};
constexpr std::string_view kOrigin = "https://countersign.example";

template <class T>
std::string code_of(const Result<T>& result) {
  return result ? "good" : result.error().code;
}

class EveryAlgorithm : public ::testing::TestWithParam<CoseAlgorithm> {
 protected:
  SoftKey key{GetParam(), kParty.id};
  Bytes challenge = random_bytes(32);

  std::string client(std::string_view type = "webauthn.get") const {
    return client_data_json(type, challenge, kOrigin);
  }
  std::string asserted(const Assertion& assertion) const {
    return code_of(verify_assertion(assertion, key.passkey(), kParty, challenge));
  }
  // An assertion that is truly signed over this client data.
  std::string asserted_with_client(std::string_view client_data) const {
    return asserted(key.assertion_over(key.assertion_data(), client_data));
  }
  std::string asserted_with_data(ByteView data) const { return asserted(key.assertion_over(data, client())); }
  std::string registered(std::string_view client_data, ByteView object) const {
    return code_of(verify_registration(to_base64url(as_bytes(client_data)), to_base64url(object), kParty, challenge));
  }
  std::string registered_with_data(ByteView data) const {
    return registered(client("webauthn.create"), attestation_object(data));
  }
};
INSTANTIATE_TEST_SUITE_P(Webauthn, EveryAlgorithm,
                         ::testing::Values(CoseAlgorithm::es256, CoseAlgorithm::eddsa, CoseAlgorithm::rs256),
                         [](const auto& each) {
                           return each.param == CoseAlgorithm::es256   ? "es256"
                                  : each.param == CoseAlgorithm::eddsa ? "eddsa"
                                                                       : "rs256";
                         });

TEST_P(EveryAlgorithm, IsEnrolledAndSigns) {
  key.sign_count = 41;
  key.flags |= flags::kBackupEligible | flags::kBackedUp;
  auto created = key.create(challenge, kOrigin);
  auto passkey = verify_registration(created.client_data, created.attestation_object, kParty, challenge);
  ASSERT_TRUE(passkey) << passkey.error().message;
  EXPECT_EQ(passkey->id, to_base64url(key.id()));
  EXPECT_EQ(passkey->public_key, to_base64url(key.public_key()));
  EXPECT_EQ(passkey->sign_count, 41U);
  EXPECT_TRUE(passkey->backed_up);
  EXPECT_TRUE(passkey->backup_eligible);
  EXPECT_EQ(passkey->aaguid, "00000000-0000-0000-0000-000000000000");

  Bytes again = random_bytes(32);
  key.flags &= static_cast<std::uint8_t>(~flags::kBackedUp);
  auto facts = verify_assertion(key.get(again, kOrigin), *passkey, kParty, again);
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_EQ(facts->sign_count, 42U);
  EXPECT_FALSE(facts->backed_up);
  EXPECT_EQ(facts->origin, kOrigin);
}

TEST_P(EveryAlgorithm, AnAssertionIsForOneChallengeOneSiteAndOnePurpose) {
  EXPECT_EQ(asserted(key.get(challenge, kOrigin)), "good");
  Bytes other = challenge;
  other.back() ^= 1U;
  EXPECT_EQ(asserted(key.get(other, kOrigin)), "webauthn.challenge");
  EXPECT_EQ(asserted(key.get(ByteView(challenge).first(31), kOrigin)), "webauthn.challenge");
  EXPECT_EQ(asserted_with_client(client("webauthn.create")), "webauthn.type");
  EXPECT_EQ(asserted_with_client(client("payment.get")), "webauthn.type");
  for (std::string_view origin :
       {"https://countersign.example.", "https://countersign.example:443", "https://countersign.example:8701",
        "http://countersign.example", "https://countersign.example/", "https://COUNTERSIGN.example",
        "https://evil.example", "https://evil.countersign.example", "https://countersign.example.evil.example",
        "https://evil.example#https://countersign.example", "null", "", "android:apk-key-hash:abc"}) {
    EXPECT_EQ(asserted(key.get(challenge, origin)), "webauthn.origin") << origin;
  }
  key.relying_party_id = "evil.example";
  EXPECT_EQ(asserted(key.get(challenge, kOrigin)), "webauthn.relying_party");
}

TEST_P(EveryAlgorithm, AnEnrolmentIsForOneChallengeOneSiteAndOnePurpose) {
  Bytes object = attestation_object(key.registration_data());
  EXPECT_EQ(registered(client("webauthn.create"), object), "good");
  EXPECT_EQ(registered(client("webauthn.get"), object), "webauthn.type");
  EXPECT_EQ(registered(client_data_json("webauthn.create", random_bytes(32), kOrigin), object), "webauthn.challenge");
  EXPECT_EQ(registered(client_data_json("webauthn.create", challenge, "https://evil.example"), object),
            "webauthn.origin");
  key.relying_party_id = "evil.example";
  EXPECT_EQ(registered_with_data(key.registration_data()), "webauthn.relying_party");
}

TEST_P(EveryAlgorithm, ThePersonWasThereAndWasVerified) {
  struct Case {
    std::uint8_t flags;
    std::string_view code;
  };
  for (Case each : {Case{flags::kUserPresent, "webauthn.user_not_verified"},
                    Case{flags::kUserVerified, "webauthn.user_not_present"}, Case{0, "webauthn.user_not_present"},
                    Case{flags::kUserPresent | flags::kUserVerified | flags::kBackedUp, "webauthn.backup"},
                    Case{flags::kUserPresent | flags::kUserVerified | 0x22, "good"}}) {  // reserved bits mean nothing
    key.flags = each.flags;
    EXPECT_EQ(asserted_with_data(key.assertion_data()), each.code);
    EXPECT_EQ(registered_with_data(key.registration_data()), each.code);
  }
}

TEST_P(EveryAlgorithm, EligibilityForBackupIsFixedWhenTheKeyIsMade) {
  Passkey stored = key.passkey();
  key.flags |= flags::kBackupEligible;
  EXPECT_EQ(code_of(verify_assertion(key.get(challenge, kOrigin), stored, kParty, challenge)), "webauthn.backup");
  stored.backup_eligible = true;
  EXPECT_EQ(code_of(verify_assertion(key.get(challenge, kOrigin), stored, kParty, challenge)), "good");
}

TEST_P(EveryAlgorithm, TheCounterGoesUp) {
  struct Case {
    std::uint32_t stored;
    std::uint32_t given;
    std::string_view code;
  };
  for (Case each : {Case{0, 0, "good"}, Case{0, 1, "good"}, Case{7, 8, "good"}, Case{7, 0xffff'ffffU, "good"},
                    Case{7, 7, "webauthn.sign_count"}, Case{7, 6, "webauthn.sign_count"},
                    Case{7, 0, "webauthn.sign_count"}, Case{0xffff'ffffU, 0, "webauthn.sign_count"}}) {
    key.sign_count = each.given;
    Passkey stored = key.passkey();
    stored.sign_count = each.stored;
    auto assertion = key.assertion_over(key.assertion_data(), client());
    EXPECT_EQ(code_of(verify_assertion(assertion, stored, kParty, challenge)), each.code)
        << each.stored << " " << each.given;
  }
}

TEST_P(EveryAlgorithm, ClientDataIsReadStrictlyButMayHaveMore) {
  std::string good = client();
  auto with = [&](std::string_view more) { return good.substr(0, good.size() - 1) + std::string(more) + "}"; };
  EXPECT_EQ(asserted_with_client(with(R"(,"other_keys_can_be_added_here":"do not compare to a template")")), "good");
  EXPECT_EQ(asserted_with_client(with(R"(,"tokenBinding":{"status":"supported"})")), "good");
  EXPECT_EQ(asserted_with_client(" " + good + "\n"), "good");
  EXPECT_EQ(asserted_with_client("\xef\xbb\xbf" + good), "good");  // section 7.2 step 9 decodes as browsers do
  // Older browsers leave crossOrigin out.
  EXPECT_EQ(asserted_with_client(R"({"type":"webauthn.get","challenge":")" + to_base64url(challenge) +
                                 R"(","origin":"https://countersign.example"})"),
            "good");
  EXPECT_EQ(asserted_with_client(with(R"(,"topOrigin":"https://evil.example")")), "webauthn.cross_origin");
  std::string crossed = good;
  crossed.replace(crossed.find("false"), 5, "true");
  EXPECT_EQ(asserted_with_client(crossed), "webauthn.cross_origin");
  crossed.replace(crossed.find("true"), 4, "\"no\"");
  EXPECT_EQ(asserted_with_client(crossed), "webauthn.client_data");
  for (std::string bad :
       {std::string(), std::string("[]"), std::string("{}"), good + "}", good + good, good.substr(0, good.size() - 1),
        with(R"(,"type":"webauthn.get")"), with(R"(,"origin":"https://countersign.example")"),
        with(R"(,"crossOrigin":false)"), with(R"(,"a":[[[[[[[[[[]]]]]]]]]])"), with(",\"a\":\"\xff\""),
        std::string(R"({"type":1,"challenge":"","origin":""})")}) {
    EXPECT_EQ(asserted_with_client(bad), "webauthn.client_data") << bad;
  }
  EXPECT_EQ(asserted_with_client(with(",\"a\":\"" + std::string(kMaxClientData, 'x') + "\"")), "webauthn.too_large");
  std::string padded = good;
  padded.replace(padded.find(to_base64url(challenge)), to_base64url(challenge).size(), to_base64(challenge));
  EXPECT_EQ(asserted_with_client(padded), "webauthn.challenge");
}

TEST_P(EveryAlgorithm, NothingSignsForAnotherKey) {
  SoftKey other(GetParam(), kParty.id);
  Assertion stolen = other.get(challenge, kOrigin);
  EXPECT_EQ(asserted(stolen), "webauthn.credential");
  stolen.credential = to_base64url(key.id());
  EXPECT_EQ(asserted(stolen), "webauthn.signature");
  for (CoseAlgorithm algorithm : {CoseAlgorithm::es256, CoseAlgorithm::eddsa, CoseAlgorithm::rs256}) {
    Passkey swapped = key.passkey();
    swapped.public_key = SoftKey(algorithm, kParty.id).passkey().public_key;
    EXPECT_EQ(code_of(verify_assertion(key.get(challenge, kOrigin), swapped, kParty, challenge)), "webauthn.signature");
  }
}

TEST_P(EveryAlgorithm, EveryChangedByteIsNoticed) {
  Assertion good = key.get(challenge, kOrigin);
  ASSERT_EQ(asserted(good), "good");
  for (std::string Assertion::* part :
       {&Assertion::authenticator_data, &Assertion::client_data, &Assertion::signature}) {
    Bytes bytes = from_base64url(good.*part).value();
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      for (std::uint8_t mask : {std::uint8_t{0x01}, std::uint8_t{0x80}}) {
        Assertion changed = good;
        Bytes other = bytes;
        other[at] ^= mask;
        changed.*part = to_base64url(other);
        EXPECT_NE(asserted(changed), "good") << at;
      }
    }
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      Assertion cut = good;
      cut.*part = to_base64url(ByteView(bytes).first(size));
      EXPECT_NE(asserted(cut), "good") << size;
    }
    Bytes longer = bytes;
    longer.push_back(0);
    Assertion more = good;
    more.*part = to_base64url(longer);
    EXPECT_NE(asserted(more), "good");
    for (std::string text : {good.*part + "=", good.*part + "\n", "!" + good.*part, std::string()}) {
      Assertion spelled = good;
      spelled.*part = text;
      EXPECT_NE(asserted(spelled), "good") << text;
    }
  }
}

TEST_P(EveryAlgorithm, AuthenticatorDataEndsWhereItEnds) {
  Bytes good = key.assertion_data();
  EXPECT_EQ(asserted_with_data(good), "good");
  Bytes more = good;
  more.push_back(0);
  EXPECT_EQ(asserted_with_data(more), "webauthn.authenticator_data");
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_EQ(asserted_with_data(ByteView(good).first(size)), "webauthn.authenticator_data");
  EXPECT_EQ(asserted_with_data(key.registration_data()), "webauthn.authenticator_data");
  Bytes attested = good;
  attested[32] |= flags::kAttested;
  EXPECT_EQ(asserted_with_data(attested), "webauthn.authenticator_data");
  EXPECT_EQ(asserted_with_data(Bytes(kMaxAuthenticatorData + 1)), "webauthn.too_large");

  Bytes made = key.registration_data();
  EXPECT_EQ(registered_with_data(made), "good");
  for (std::size_t size = 0; size < made.size(); ++size)
    EXPECT_NE(registered_with_data(ByteView(made).first(size)), "good") << size;
  made.push_back(0);
  EXPECT_EQ(registered_with_data(made), "webauthn.authenticator_data");
  EXPECT_EQ(registered_with_data(good), "webauthn.authenticator_data");
}

TEST_P(EveryAlgorithm, ExtensionsAreReadOverAndNotTrusted) {
  key.extensions = CborWriter().map(2).text("credProtect").uint(2).text("hmac-secret").boolean(true).written();
  EXPECT_EQ(asserted_with_data(key.assertion_data()), "good");
  EXPECT_EQ(registered_with_data(key.registration_data()), "good");
  Bytes cut = key.assertion_data();
  cut.pop_back();
  EXPECT_EQ(asserted_with_data(cut), "webauthn.authenticator_data");
  for (Bytes bad : {Bytes{0x80}, Bytes{0xf6}, Bytes{0xbf, 0xff}, Bytes{0xa0, 0xa0}, Bytes{0xa1, 0x01}}) {
    key.extensions = bad;
    EXPECT_EQ(asserted_with_data(key.assertion_data()), "webauthn.authenticator_data");
    EXPECT_EQ(registered_with_data(key.registration_data()), "webauthn.authenticator_data");
  }
  // Announced and not there.
  key.extensions.clear();
  key.flags |= flags::kExtensions;
  EXPECT_EQ(asserted_with_data(key.assertion_data()), "webauthn.authenticator_data");
}

TEST_P(EveryAlgorithm, AttestationObjectsAreReadStrictly) {
  std::string create = client("webauthn.create");
  Bytes data = key.registration_data();
  auto object = [&](const std::function<void(CborWriter&)>& write) {
    CborWriter out;
    write(out);
    return registered(create, out.written());
  };
  // Another order, and a statement of a kind that is not judged.
  EXPECT_EQ(object([&](CborWriter& out) {
              out.map(3).text("authData").bytes(data).text("fmt").text("packed").text("attStmt");
              out.map(2).text("sig").bytes(Bytes(70)).text("alg").integer(-7);
            }),
            "good");
  auto with = [&](std::size_t members, const std::function<void(CborWriter&)>& more) {
    return object([&](CborWriter& out) {
      out.map(members).text("fmt").text("none").text("authData").bytes(data);
      more(out);
    });
  };
  EXPECT_EQ(with(2, [](CborWriter&) {}), "webauthn.attestation");
  EXPECT_EQ(with(3, [](CborWriter& out) { out.text("fmt").text("none"); }), "webauthn.attestation");
  EXPECT_EQ(with(3, [](CborWriter& out) { out.text("other").map(0); }), "webauthn.attestation");
  EXPECT_EQ(with(3, [](CborWriter& out) { out.text("attStmt").array(0); }), "webauthn.attestation");
  EXPECT_EQ(with(3, [](CborWriter& out) { out.text("attStmt").map(0).map(0); }), "webauthn.attestation");
  EXPECT_EQ(with(4, [](CborWriter& out) { out.text("attStmt").map(0).text("attStmt").map(0); }),
            "webauthn.attestation");
  EXPECT_EQ(with(3,
                 [](CborWriter& out) {
                   out.text("attStmt").map(1).text("x");
                   for (int depth = 0; depth < 10; ++depth) out.array(1);
                   out.uint(1);
                 }),
            "webauthn.attestation");
  EXPECT_EQ(registered(create, Bytes{}), "webauthn.attestation");
  EXPECT_EQ(registered(create, Bytes(kMaxAttestationObject + 1, 0)), "webauthn.too_large");
  Bytes good = attestation_object(data);
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_NE(registered(create, ByteView(good).first(size)), "good");
}

TEST_P(EveryAlgorithm, CredentialIdsHaveALength) {
  Bytes data = key.registration_data();
  constexpr std::size_t kLength = 32 + 1 + 4 + 16;
  auto with_id = [&](std::size_t size) {
    Bytes out(data.begin(), data.begin() + kLength);
    out.push_back(static_cast<std::uint8_t>(size >> 8));
    out.push_back(static_cast<std::uint8_t>(size));
    out.resize(out.size() + size, 7);
    Bytes cose = key.public_key();
    out.insert(out.end(), cose.begin(), cose.end());
    return registered_with_data(out);
  };
  EXPECT_EQ(with_id(0), "webauthn.authenticator_data");
  EXPECT_EQ(with_id(1), "good");
  EXPECT_EQ(with_id(kMaxCredentialId), "good");
  EXPECT_EQ(with_id(kMaxCredentialId + 1), "webauthn.authenticator_data");
}

TEST_P(EveryAlgorithm, APastAssertionNeedsTheRelyingPartyOnly) {
  std::string stored = key.passkey().public_key;
  auto past = [&](std::string_view origin, std::string_view party) {
    key.relying_party_id = party;
    RelyingParty known{.id = std::string(party), .origins = {"http://gateway.lan:8701"}};
    return code_of(verify_past_assertion(key.get(challenge, origin), stored, known, challenge));
  };
  EXPECT_EQ(past("https://countersign.example", "countersign.example"), "good");
  EXPECT_EQ(past("https://countersign.example:8701", "countersign.example"), "good");
  EXPECT_EQ(past("http://localhost:8701", "localhost"), "good");
  EXPECT_EQ(past("https://localhost", "localhost"), "good");
  EXPECT_EQ(past("http://gateway.lan:8701", "countersign.example"), "good");
  EXPECT_EQ(past("http://gateway.lan:8702", "countersign.example"), "webauthn.origin");
  for (std::string_view bad :
       {"http://countersign.example", "https://countersign.example.evil", "https://evil.countersign.example",
        "https://countersign.example:", "https://countersign.example:x", "https://countersign.example:123456",
        "https://countersign.example/", "https://", "", "countersign.example"}) {
    EXPECT_EQ(past(bad, "countersign.example"), "webauthn.origin") << bad;
  }
  EXPECT_EQ(past("http://127.0.0.1:8701", "localhost"), "webauthn.origin");
  key.relying_party_id = "evil.example";
  EXPECT_EQ(code_of(verify_past_assertion(key.get(challenge, kOrigin), stored, kParty, challenge)),
            "webauthn.relying_party");
}

TEST(Webauthn, AChallengeMustBeOne) {
  SoftKey key(CoseAlgorithm::es256, kParty.id);
  for (std::size_t size : {0U, 1U, 15U}) {
    Bytes weak(size, 1);
    EXPECT_EQ(code_of(verify_assertion(key.get(weak, kOrigin), key.passkey(), kParty, weak)), "webauthn.challenge");
  }
}

TEST(Webauthn, AnEs256SignatureHasOneSpelling) {
  SoftKey key(CoseAlgorithm::es256, kParty.id);
  Bytes challenge = random_bytes(32);
  Assertion good = key.get(challenge, kOrigin);
  Bytes der = from_base64url(good.signature).value();
  auto verdict = [&](const Bytes& signature) {
    Assertion other = good;
    other.signature = to_base64url(signature);
    return code_of(verify_assertion(other, key.passkey(), kParty, challenge));
  };
  ASSERT_EQ(verdict(der), "good");
  Bytes long_form = der;  // 30 81 len
  long_form.insert(long_form.begin() + 1, 0x81);
  EXPECT_EQ(verdict(long_form), "webauthn.signature");
  Bytes padded = der;  // r with one zero more
  padded[1] = static_cast<std::uint8_t>(padded[1] + 1);
  padded[3] = static_cast<std::uint8_t>(padded[3] + 1);
  padded.insert(padded.begin() + 4, 0);
  EXPECT_EQ(verdict(padded), "webauthn.signature");
  Bytes indefinite = der;
  indefinite[1] = 0x80;
  indefinite.insert(indefinite.end(), {0, 0});
  EXPECT_EQ(verdict(indefinite), "webauthn.signature");
  Bytes inside = der;  // one byte more inside the sequence
  inside[1] = static_cast<std::uint8_t>(inside[1] + 1);
  inside.push_back(0);
  EXPECT_EQ(verdict(inside), "webauthn.signature");
  EXPECT_EQ(verdict({0x30, 0x06, 0x02, 0x01, 0x00, 0x02, 0x01, 0x00}), "webauthn.signature");  // r = s = 0
  EXPECT_EQ(verdict({0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01}), "webauthn.signature");
  EXPECT_EQ(verdict(Bytes(64, 1)), "webauthn.signature");  // r ‖ s as JWS has it
  EXPECT_EQ(verdict(Bytes(kMaxWebauthnSignature + 1)), "webauthn.too_large");
}

TEST(Webauthn, SignedTextsAreReadStrictly) {
  SignedText text{.statement = "{\"a\":1}",
                  .assertion = {.credential = "a", .authenticator_data = "b", .client_data = "c", .signature = "d"}};
  std::string written = signed_text_json(text);
  EXPECT_EQ(written,
            R"({"authenticator_data":"b","client_data":"c","credential":"a","signature":"d","statement":"{\"a\":1}"})");
  auto read = signed_text_from_json(parse_json(written).value());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->statement, text.statement);
  EXPECT_EQ(signed_text_json(*read), written);
  for (std::string_view bad :
       {R"({"authenticator_data":"b","client_data":"c","credential":"a","signature":"d"})",
        R"({"authenticator_data":"b","client_data":"c","credential":"a","signature":"","statement":"s"})",
        R"({"authenticator_data":"b","client_data":"c","credential":"a","signature":1,"statement":"s"})",
        R"({"authenticator_data":"b","client_data":"c","credential":"a","signature":"d","statement":"s","x":1})",
        R"({"authenticator_data":"b","client_data":"c","signature":"d","statement":"s","x":"1"})", "[]", "1"}) {
    EXPECT_EQ(code_of(signed_text_from_json(parse_json(bad).value())), "webauthn.assertion") << bad;
  }
  EXPECT_EQ(code_of(assertion_from_json(parse_json(written).value())), "webauthn.assertion");
  EXPECT_EQ(
      code_of(assertion_from_json(
          parse_json(R"({"authenticator_data":"b","client_data":"c","credential":"a","signature":"d"})").value())),
      "good");
}

}  // namespace
}  // namespace countersign::auth
