#include "auth/cose.h"

#include <gtest/gtest.h>

#include "auth/cbor.h"
#include "tests/support/soft_key.h"

namespace countersign::auth {
namespace {

using countersign::testing::SoftKey;

std::string code_of(const Bytes& cbor) {
  auto key = CoseKey::parse(cbor);
  return key ? "good" : key.error().code;
}
Bytes hex(std::string_view text) {
  return from_hex(text).value();
}

TEST(Cose, ReadsWhatItsThreeAlgorithmsWrite) {
  for (CoseAlgorithm algorithm : {CoseAlgorithm::es256, CoseAlgorithm::eddsa, CoseAlgorithm::rs256}) {
    SoftKey soft(algorithm);
    Bytes cbor = soft.public_key();
    auto key = CoseKey::parse(cbor);
    ASSERT_TRUE(key) << key.error().message;
    EXPECT_EQ(key->algorithm(), algorithm);
    Bytes message = random_bytes(100);
    EXPECT_TRUE(key->verify(message, soft.sign(message)));
    EXPECT_FALSE(key->verify(ByteView(message).first(99), soft.sign(message)));
    EXPECT_FALSE(key->verify(message, {}));
    std::size_t used = 0;
    Bytes longer = cbor;
    longer.insert(longer.end(), {0xa0, 0xff});
    EXPECT_TRUE(CoseKey::parse_front(longer, used));
    EXPECT_EQ(used, cbor.size());
    EXPECT_EQ(code_of(longer), "webauthn.key");
    for (std::size_t size = 0; size < cbor.size(); ++size)
      EXPECT_EQ(code_of(Bytes(cbor.begin(), cbor.begin() + static_cast<std::ptrdiff_t>(size))), "webauthn.key");
  }
}

TEST(Cose, AnyOrderOfParametersButNoneTwice) {
  Bytes x(32);
  Bytes sorted = SoftKey(CoseAlgorithm::eddsa).public_key();
  std::ranges::copy(ByteView(sorted).last(32), x.begin());
  EXPECT_EQ(code_of(CborWriter()
                        .map(4)
                        .integer(-2)
                        .bytes(x)
                        .integer(-1)
                        .integer(6)
                        .integer(3)
                        .integer(-8)
                        .integer(1)
                        .integer(1)
                        .written()),
            "good");
  EXPECT_EQ(code_of(CborWriter()
                        .map(5)
                        .integer(1)
                        .integer(1)
                        .integer(3)
                        .integer(-8)
                        .integer(-1)
                        .integer(6)
                        .integer(-2)
                        .bytes(x)
                        .integer(-2)
                        .bytes(x)
                        .written()),
            "webauthn.key");
  EXPECT_EQ(code_of(CborWriter()
                        .map(5)
                        .integer(1)
                        .integer(1)
                        .integer(3)
                        .integer(-8)
                        .integer(3)
                        .integer(-8)
                        .integer(-1)
                        .integer(6)
                        .integer(-2)
                        .bytes(x)
                        .written()),
            "webauthn.key");
  // A private key, and a key id.
  EXPECT_EQ(code_of(CborWriter()
                        .map(5)
                        .integer(1)
                        .integer(1)
                        .integer(3)
                        .integer(-8)
                        .integer(-1)
                        .integer(6)
                        .integer(-2)
                        .bytes(x)
                        .integer(-4)
                        .bytes(x)
                        .written()),
            "webauthn.key");
  EXPECT_EQ(code_of(CborWriter()
                        .map(5)
                        .integer(1)
                        .integer(1)
                        .integer(2)
                        .bytes(x)
                        .integer(3)
                        .integer(-8)
                        .integer(-1)
                        .integer(6)
                        .integer(-2)
                        .bytes(x)
                        .written()),
            "webauthn.key");
  EXPECT_EQ(code_of(CborWriter()
                        .map(5)
                        .integer(1)
                        .integer(1)
                        .integer(3)
                        .integer(-8)
                        .integer(-1)
                        .integer(6)
                        .integer(-2)
                        .bytes(x)
                        .text("x")
                        .bytes(x)
                        .written()),
            "webauthn.key");
}

TEST(Cose, RefusesOtherAlgorithmsAndMismatches) {
  auto ec = [](std::int64_t type, std::int64_t algorithm, std::int64_t curve, std::size_t size) {
    return code_of(CborWriter()
                       .map(5)
                       .integer(1)
                       .integer(type)
                       .integer(3)
                       .integer(algorithm)
                       .integer(-1)
                       .integer(curve)
                       .integer(-2)
                       .bytes(Bytes(size, 1))
                       .integer(-3)
                       .bytes(Bytes(size, 1))
                       .written());
  };
  EXPECT_EQ(ec(2, -35, 2, 48), "webauthn.algorithm");  // ES384
  EXPECT_EQ(ec(2, -47, 8, 32), "webauthn.algorithm");  // ES256K
  EXPECT_EQ(ec(2, 5, 1, 32), "webauthn.algorithm");    // HMAC
  EXPECT_EQ(ec(2, -7, 2, 48), "webauthn.key");         // ES256 on P-384
  EXPECT_EQ(ec(2, -7, 8, 32), "webauthn.key");         // on secp256k1
  EXPECT_EQ(ec(1, -7, 1, 32), "webauthn.key");         // as OKP
  EXPECT_EQ(ec(2, -8, 1, 32), "webauthn.key");         // EdDSA with an EC key
  EXPECT_EQ(ec(2, -257, 1, 32), "webauthn.key");       // RS256 with an EC key
  EXPECT_EQ(ec(2, -7, 1, 31), "webauthn.key");
  EXPECT_EQ(ec(2, -7, 1, 33), "webauthn.key");
  EXPECT_EQ(ec(2, -7, 1, 32), "webauthn.key");  // not on the curve
  EXPECT_EQ(ec(2, -7, 1, 0), "webauthn.key");
  EXPECT_EQ(code_of(CborWriter().map(0).written()), "webauthn.algorithm");
  EXPECT_EQ(code_of(CborWriter().array(0).written()), "webauthn.key");
  // Ed448's and X25519's curves.
  for (std::int64_t curve : {7, 4}) {
    EXPECT_EQ(code_of(CborWriter()
                          .map(4)
                          .integer(1)
                          .integer(1)
                          .integer(3)
                          .integer(-8)
                          .integer(-1)
                          .integer(curve)
                          .integer(-2)
                          .bytes(Bytes(32, 9))
                          .written()),
              "webauthn.key");
  }
}

// Under a point of small order, one signature is good for many messages: R the neutral element, S zero.
TEST(Cose, RefusesPointsOfSmallOrder) {
  for (std::string_view point : {"0000000000000000000000000000000000000000000000000000000000000000",
                                 "0100000000000000000000000000000000000000000000000000000000000000",
                                 "0100000000000000000000000000000000000000000000000000000000000080",
                                 "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
                                 "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
                                 "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
                                 "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
                                 "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                                 "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                                 "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                                 "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"}) {
    EXPECT_EQ(code_of(CborWriter()
                          .map(4)
                          .integer(1)
                          .integer(1)
                          .integer(3)
                          .integer(-8)
                          .integer(-1)
                          .integer(6)
                          .integer(-2)
                          .bytes(hex(point))
                          .written()),
              "webauthn.key")
        << point;
  }
}

TEST(Cose, RsaKeysHaveASize) {
  auto rsa = [](const Bytes& modulus, const Bytes& exponent) {
    return code_of(CborWriter()
                       .map(4)
                       .integer(1)
                       .integer(3)
                       .integer(3)
                       .integer(-257)
                       .integer(-1)
                       .bytes(modulus)
                       .integer(-2)
                       .bytes(exponent)
                       .written());
  };
  auto modulus = [](std::size_t bytes) {
    Bytes out(bytes, 0xff);
    return out;
  };
  Bytes usual = {1, 0, 1};
  EXPECT_EQ(rsa(modulus(256), usual), "good");
  EXPECT_EQ(rsa(modulus(512), usual), "good");
  EXPECT_EQ(rsa(modulus(513), usual), "webauthn.key");
  EXPECT_EQ(rsa(modulus(255), usual), "webauthn.key");
  EXPECT_EQ(rsa(modulus(0), usual), "webauthn.key");
  Bytes even = modulus(256);
  even.back() = 0xfe;
  EXPECT_EQ(rsa(even, usual), "webauthn.key");
  Bytes zero = modulus(256);
  zero.insert(zero.begin(), 0);
  EXPECT_EQ(rsa(zero, usual), "webauthn.key");
  for (Bytes exponent : {Bytes{}, Bytes{1}, Bytes{3}, Bytes{1, 0, 0}, Bytes{0, 1, 0, 1}, Bytes{1, 0, 0, 0, 1}})
    EXPECT_EQ(rsa(modulus(256), exponent), "webauthn.key");
}

}  // namespace
}  // namespace countersign::auth
