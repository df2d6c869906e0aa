// Compact JWS and key sets: what verifies, and the attacks that every verifier should know.
#include "auth/jws.h"

#include <gtest/gtest.h>

#include <fstream>
#include <random>

#include "jose_keys.h"

namespace countersign::auth::test {
namespace {

const std::vector<JwsAlgorithm> kAll = {JwsAlgorithm::rs256, JwsAlgorithm::ps256, JwsAlgorithm::es256,
                                        JwsAlgorithm::eddsa};
const std::string kPayload = R"({"sub":"alice"})";

JwkSet set_of(const Json& keys) {
  auto set = JwkSet::parse(Json{{"keys", keys}}.dump());
  EXPECT_TRUE(set) << set.error().message;
  return set ? std::move(*set) : JwkSet();
}

std::string verdict(std::string_view compact, const JwkSet& keys, std::span<const JwsAlgorithm> allowed = kAll) {
  auto verified = verify_jws(compact, keys, allowed);
  return verified ? "" : verified.error().code;
}

std::string b64(std::string_view text) {
  return to_base64url(as_bytes(text));
}

struct Jose : testing::Test {
  const SigningKey& rsa = rsa_key();
  const SigningKey& other = other_rsa_key();
  SigningKey ec{"P-256"};
  SigningKey ed{"Ed25519"};
  JwkSet keys = set_of({rsa.jwk("r"), ec.jwk("e"), ed.jwk("d")});
  std::string good = rsa.jws({{"alg", "RS256"}, {"kid", "r"}}, kPayload);
};

TEST_F(Jose, TheFourAlgorithmsVerify) {
  for (const auto& [algorithm, id, key] : std::vector<std::tuple<std::string, std::string, const SigningKey*>>{
           {"RS256", "r", &rsa}, {"PS256", "r", &rsa}, {"ES256", "e", &ec}, {"EdDSA", "d", &ed}}) {
    const std::string token = key->jws({{"alg", algorithm}, {"kid", id}, {"typ", "JWT"}}, kPayload);
    auto verified = verify_jws(token, keys, kAll);
    ASSERT_TRUE(verified) << algorithm << ": " << verified.error().message;
    EXPECT_EQ(name_of(verified->algorithm), algorithm);
    EXPECT_EQ(verified->key_id, id);
    EXPECT_EQ(verified->type, "JWT");
    EXPECT_EQ(verified->payload, kPayload);
  }
}

// RFC 8037, appendix A.4: a signature that others have made.
TEST(JoseVectors, Rfc8037) {
  JwkSet keys = set_of({{{"kty", "OKP"}, {"crv", "Ed25519"}, {"x", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}}});
  constexpr std::string_view kToken =
      "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
      "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
  auto verified = verify_jws(kToken, keys, kAll);
  ASSERT_TRUE(verified) << verified.error().message;
  EXPECT_EQ(verified->payload, "Example of Ed25519 signing");
}

// RFC 7515, appendix A.3: ES256.
TEST(JoseVectors, Rfc7515) {
  JwkSet keys = set_of({{{"kty", "EC"},
                         {"crv", "P-256"},
                         {"x", "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"},
                         {"y", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}}});
  constexpr std::string_view kToken =
      "eyJhbGciOiJFUzI1NiJ9."
      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
      "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
  EXPECT_EQ(verdict(kToken, keys), "");
}

TEST_F(Jose, EveryChangeOfABitIsNoticed) {
  std::mt19937 random(1);
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string changed = good;
    changed[i] = static_cast<char>(changed[i] ^ (1 << (random() % 7)));
    EXPECT_NE(verdict(changed, keys), "") << i;
  }
  for (std::size_t size = 0; size < good.size(); size += 7) EXPECT_NE(verdict(good.substr(0, size), keys), "") << size;
}

TEST_F(Jose, NoneIsNoAlgorithm) {
  for (const char* none : {"none", "None", "NONE", "nOnE", "", "null"}) {
    const std::string head = b64(Json{{"alg", none}, {"kid", "r"}}.dump()) + "." + b64(kPayload) + ".";
    EXPECT_EQ(verdict(head, keys), "jws.algorithm") << none;
    EXPECT_EQ(verdict(head + b64("x"), keys), "jws.algorithm") << none;
  }
  EXPECT_EQ(verdict(b64(R"({"alg":null})") + "." + b64(kPayload) + ".", keys), "jws.form");
  EXPECT_EQ(verdict(b64(R"({"alg":["RS256"]})") + "." + b64(kPayload) + ".", keys), "jws.form");
  EXPECT_EQ(verdict(b64("{}") + "." + b64(kPayload) + ".", keys), "jws.form");
}

TEST_F(Jose, APublicKeyIsNoHmacKey) {
  const std::string pem = rsa.pem();
  const std::string n = string_or(rsa.jwk("r"), "n", "");
  for (const std::string& secret : {pem, n, std::string("r"), std::string()}) {
    for (const char* algorithm : {"HS256", "HS384", "HS512", "hs256"}) {
      const std::string text = b64(Json{{"alg", algorithm}, {"kid", "r"}}.dump()) + "." + b64(kPayload);
      const Digest mac = hmac_sha256(as_bytes(secret), {as_bytes(text)});
      EXPECT_EQ(verdict(text + "." + to_base64url(ByteView(mac)), keys), "jws.algorithm");
    }
  }
  // A symmetric key in the set is passed over, so a secret that leaked there is worth nothing.
  Json symmetric = {{"kty", "oct"}, {"kid", "s"}, {"k", b64("secret secret secret secret secret")}};
  EXPECT_EQ(set_of({rsa.jwk("r"), symmetric}).keys().size(), 1U);
}

TEST_F(Jose, AKeyIsUsedWithItsOwnAlgorithmOnly) {
  // Signed well, but the header says another algorithm, or names a key of another type.
  EXPECT_EQ(verdict(rsa.jws({{"alg", "RS256"}, {"kid", "e"}}, kPayload), keys), "jws.key");
  EXPECT_EQ(verdict(ec.jws({{"alg", "ES256"}, {"kid", "r"}}, kPayload), keys), "jws.key");
  EXPECT_EQ(verdict(ed.jws({{"alg", "EdDSA"}, {"kid", "e"}}, kPayload), keys), "jws.key");
  const std::string as_pss = b64(R"({"alg":"PS256","kid":"r"})") + "." + b64(kPayload);
  EXPECT_EQ(verdict(as_pss + "." + to_base64url(rsa.sign("RS256", as_pss)), keys), "jws.signature");
  const std::string as_pkcs1 = b64(R"({"alg":"RS256","kid":"r"})") + "." + b64(kPayload);
  EXPECT_EQ(verdict(as_pkcs1 + "." + to_base64url(rsa.sign("PS256", as_pkcs1)), keys), "jws.signature");
  // A key that says PS256 is not for RS256.
  Json bound = rsa.jwk("r");
  bound["alg"] = "PS256";
  EXPECT_EQ(verdict(good, set_of(Json::array({bound}))), "jws.key");
  EXPECT_EQ(verdict(rsa.jws({{"alg", "PS256"}, {"kid", "r"}}, kPayload), set_of(Json::array({bound}))), "");
}

TEST_F(Jose, OnlyWhatTheCallerAllows) {
  const std::vector<JwsAlgorithm> es = {JwsAlgorithm::es256};
  EXPECT_EQ(verdict(good, keys, es), "jws.algorithm");
  EXPECT_EQ(verdict(good, keys, {}), "jws.algorithm");
}

TEST_F(Jose, AnotherKeysSignatureIsWrong) {
  EXPECT_EQ(verdict(other.jws({{"alg", "RS256"}, {"kid", "r"}}, kPayload), keys), "jws.signature");
  EXPECT_EQ(verdict(other.jws({{"alg", "RS256"}, {"kid", "unknown"}}, kPayload), keys), "jws.key");
}

TEST_F(Jose, KeysInTheHeaderAreNotLookedAt) {
  Json header = {{"alg", "RS256"},
                 {"kid", "r"},
                 {"jwk", other.jwk("r")},
                 {"jku", "https://evil.example/jwks"},
                 {"x5u", "https://evil.example/x5u"},
                 {"x5c", Json::array({"AAAA"})}};
  EXPECT_EQ(verdict(other.jws(header, kPayload), keys), "jws.signature");
  EXPECT_EQ(verdict(rsa.jws(header, kPayload), keys), "") << "nor are they a reason to refuse";
}

TEST_F(Jose, KeyIds) {
  for (const std::string& id : {std::string("../../dev/null"), std::string("' UNION SELECT 'x"), std::string("R"),
                                std::string("r "), std::string(256, 'r'), std::string("r\0", 2)})
    EXPECT_EQ(verdict(rsa.jws({{"alg", "RS256"}, {"kid", id}}, kPayload), keys), "jws.key") << id;
  EXPECT_EQ(verdict(rsa.jws({{"alg", "RS256"}, {"kid", std::string(257, 'r')}}, kPayload), keys), "jws.form");
  EXPECT_EQ(verdict(rsa.jws({{"alg", "RS256"}, {"kid", 7}}, kPayload), keys), "jws.form");
  EXPECT_EQ(verdict(rsa.jws({{"alg", "RS256"}, {"kid", nullptr}}, kPayload), keys), "jws.form");
  // Without an id there must be no choice.
  EXPECT_EQ(verdict(rsa.jws({{"alg", "RS256"}}, kPayload), keys), "");
  EXPECT_EQ(verdict(rsa.jws({{"alg", "RS256"}}, kPayload), set_of({rsa.jwk("a"), other.jwk("b")})), "jws.key");
  // Two keys of one id are both tried.
  EXPECT_EQ(verdict(good, set_of({other.jwk("r"), rsa.jwk("r")})), "");
}

TEST_F(Jose, ExtensionsAreRefused) {
  EXPECT_EQ(verdict(rsa.jws({{"alg", "RS256"}, {"kid", "r"}, {"crit", {"exp"}}, {"exp", 1}}, kPayload), keys),
            "jws.critical");
  EXPECT_EQ(verdict(rsa.jws({{"alg", "RS256"}, {"kid", "r"}, {"crit", Json::array()}}, kPayload), keys),
            "jws.critical");
  EXPECT_EQ(verdict(rsa.jws({{"alg", "RS256"}, {"kid", "r"}, {"crit", {"b64"}}, {"b64", false}}, kPayload), keys),
            "jws.critical");
  // RFC 7797 without `crit`: the payload as it is, unencoded.
  const std::string head = b64(R"({"alg":"RS256","kid":"r","b64":false})");
  const std::string text = head + "." + b64(kPayload);
  EXPECT_EQ(verdict(text + "." + to_base64url(rsa.sign("RS256", text)), keys), "jws.critical");
}

TEST_F(Jose, DuplicateMembersAreRefused) {
  for (const char* header : {R"({"alg":"RS256","alg":"none","kid":"r"})", R"({"alg":"none","alg":"RS256","kid":"r"})",
                             R"({"alg":"RS256","kid":"x","kid":"r"})", R"({"alg":"RS256","\u0061lg":"none"})"}) {
    const std::string text = b64(header) + "." + b64(kPayload);
    EXPECT_EQ(verdict(text + "." + to_base64url(rsa.sign("RS256", text)), keys), "jws.form") << header;
  }
}

TEST_F(Jose, FormsAreStrict) {
  const std::string signature = good.substr(good.rfind('.') + 1);
  const std::string text = good.substr(0, good.rfind('.'));
  for (const std::string& token : std::vector<std::string>{
           std::string(), std::string("."), std::string(".."), std::string("..."), text, good + ".", "." + good,
           good + "=", good + "==", " " + good, good + "\n", text + "." + signature + "." + signature,
           R"({"payload":"x","protected":"y","signature":"z"})"}) {
    EXPECT_EQ(verdict(token, keys), "jws.form") << token;
  }
  std::string plus = good;
  plus[10] = '+';
  EXPECT_EQ(verdict(plus, keys), "jws.form");
  EXPECT_EQ(verdict(std::string(kMaxJws + 1, 'A'), keys), "jws.too_large");
  EXPECT_EQ(verdict(std::string(kMaxJws - 10, 'A') + "..", keys), "jws.too_large");
  std::string deep = R"({"alg":"RS256","kid":"r","x":)" + std::string(20, '[') + std::string(20, ']') + "}";
  EXPECT_EQ(verdict(b64(deep) + "." + b64(kPayload) + "." + signature, keys), "jws.form");
}

TEST_F(Jose, Es256IsTwoNumbersOf32Bytes) {
  const std::string text = b64(R"({"alg":"ES256","kid":"e"})") + "." + b64(kPayload);
  const Bytes raw = ec.sign("ES256", text);
  auto with = [&](const Bytes& signature) { return verdict(text + "." + to_base64url(signature), keys); };
  EXPECT_EQ(with(raw), "");
  EXPECT_EQ(with(ec.sign("ES256", text, SigningKey::Form::der)), "jws.signature");
  EXPECT_EQ(with(Bytes(64, 0)), "jws.signature") << "r = s = 0 (CVE-2022-21449)";
  Bytes zero_r = raw;
  std::fill(zero_r.begin(), zero_r.begin() + 32, std::uint8_t{0});
  EXPECT_EQ(with(zero_r), "jws.signature");
  EXPECT_EQ(with(Bytes(64, 0xff)), "jws.signature");
  Bytes longer = raw;
  longer.push_back(0);
  EXPECT_EQ(with(longer), "jws.signature");
  EXPECT_EQ(with(Bytes(raw.begin(), raw.end() - 1)), "jws.signature");
  EXPECT_EQ(with({}), "jws.signature");
}

// --- key sets ---

std::size_t usable(const Json& key) {
  auto set = JwkSet::parse(Json{{"keys", {rsa_key().jwk("always"), key}}}.dump());
  return set ? set->keys().size() - 1 : 99;
}

TEST_F(Jose, KeysThatAreNotForUsArePassedOver) {
  auto with = [](Json jwk, const std::string& name, Json value) {
    jwk[name] = std::move(value);
    return jwk;
  };
  EXPECT_EQ(usable(ec.jwk("x")), 1U);
  EXPECT_EQ(usable(with(ec.jwk("x"), "use", "enc")), 0U);
  EXPECT_EQ(usable(with(ec.jwk("x"), "key_ops", {"sign"})), 0U);
  EXPECT_EQ(usable(with(ec.jwk("x"), "key_ops", {"verify"})), 1U);
  EXPECT_EQ(usable(with(ec.jwk("x"), "alg", "ES512")), 0U);
  EXPECT_EQ(usable(with(ec.jwk("x"), "d", "AAAA")), 0U) << "a private key";
  EXPECT_EQ(usable(with(ec.jwk("x"), "kid", std::string(257, 'x'))), 0U);
  EXPECT_EQ(usable(SigningKey("P-384").jwk("x")), 0U);
  EXPECT_EQ(usable(with(ec.jwk("x"), "y", ec.jwk("x")["x"])), 0U) << "not on the curve";
  EXPECT_EQ(usable(with(ec.jwk("x"), "x", to_base64url(Bytes(32, 0)))), 0U);
  EXPECT_EQ(usable(with(ec.jwk("x"), "x", to_base64url(Bytes(31, 1)))), 0U);
  EXPECT_EQ(usable(with(ed.jwk("x"), "x", to_base64url(Bytes(33, 1)))), 0U);
  EXPECT_EQ(usable(with(ed.jwk("x"), "crv", "X25519")), 0U);
  EXPECT_EQ(usable(SigningKey("RSA", 1024).jwk("x")), 0U);
  EXPECT_EQ(usable(with(rsa.jwk("x"), "e", "AQ")), 0U) << "exponent 1";
  EXPECT_EQ(usable(with(rsa.jwk("x"), "e", "Ag")), 0U) << "exponent 2";
  EXPECT_EQ(usable(with(rsa.jwk("x"), "e", to_base64url(Bytes(5, 0xff)))), 0U);
  EXPECT_EQ(usable(with(rsa.jwk("x"), "n", to_base64url(Bytes(2048, 0xff)))), 0U) << "16384 bits";
  EXPECT_EQ(usable(with(rsa.jwk("x"), "n", 7)), 0U);
  EXPECT_EQ(usable("text"), 0U);
  EXPECT_EQ(usable(nullptr), 0U);
  EXPECT_EQ(usable(Json::object()), 0U);
}

TEST_F(Jose, KeySetsAreBounded) {
  auto code = [](const std::string& text) {
    auto set = JwkSet::parse(text);
    return set ? "" : set.error().code;
  };
  Json keys = Json::array();
  for (std::size_t i = 0; i < kMaxJwks; ++i) keys.push_back(ec.jwk(std::to_string(i)));
  EXPECT_EQ(set_of(keys).keys().size(), kMaxJwks);
  keys.push_back(ec.jwk("one more"));
  EXPECT_EQ(code(Json{{"keys", keys}}.dump()), "jws.keys");
  for (const std::string& text :
       {std::string(), std::string("[]"), std::string("{}"), std::string(R"({"keys":{}})"),
        std::string(R"({"keys":[]})"), std::string(R"({"keys":[{"kty":"oct","k":"AAAA"}]})"),
        std::string(R"({"keys":[],"keys":[]})"), R"({"keys":[)" + std::string(kMaxJwkSet, ' ') + "]}",
        std::string(R"({"keys":)") + std::string(50, '[')})
    EXPECT_EQ(code(text), "jws.keys") << text.substr(0, 40);
}

}  // namespace
}  // namespace countersign::auth::test
