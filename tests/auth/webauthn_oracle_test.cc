// Our verification against libfido2's, on valid and on damaged assertions. What libfido2 refuses, we refuse. What it
// accepts, we accept, but for what it does not look at: see kStricter.
#include <fido.h>
#include <fido/eddsa.h>
#include <fido/es256.h>
#include <fido/rs256.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "auth/webauthn.h"
#include "core/sha256.h"
#include "tests/support/soft_key.h"

namespace countersign::auth {
namespace {

using countersign::testing::SoftKey;
namespace flags = countersign::testing;

constexpr std::string_view kParty = "countersign.example";
constexpr std::string_view kOrigin = "https://countersign.example";

// libfido2 verifies against a digest of the client data and never reads it, does not compare the flags for backup, and
// takes bytes after the end of the authenticator data and announced keys that are not there.
const std::set<std::string> kStricter = {
    "webauthn.type",        "webauthn.challenge",         "webauthn.origin", "webauthn.cross_origin", "webauthn.backup",
    "webauthn.client_data", "webauthn.authenticator_data"};

struct FreeAssert {
  void operator()(fido_assert_t* assertion) const { fido_assert_free(&assertion); }
};

class Oracle {
 public:
  explicit Oracle(CoseAlgorithm algorithm, const Bytes& cose) : algorithm_(algorithm) {
    auto tail = [&](std::size_t from_end, std::size_t size) { return ByteView(cose).last(from_end).first(size); };
    switch (algorithm) {
      case CoseAlgorithm::es256: {
        Bytes point(tail(67, 32).begin(), tail(67, 32).end());
        point.insert(point.end(), tail(32, 32).begin(), tail(32, 32).end());
        es256_ = es256_pk_new();
        EXPECT_EQ(es256_pk_from_ptr(es256_, point.data(), point.size()), FIDO_OK);
        break;
      }
      case CoseAlgorithm::eddsa:
        eddsa_ = eddsa_pk_new();
        EXPECT_EQ(eddsa_pk_from_ptr(eddsa_, tail(32, 32).data(), 32), FIDO_OK);
        break;
      case CoseAlgorithm::rs256: {
        Bytes both(tail(261, 256).begin(), tail(261, 256).end());
        both.insert(both.end(), tail(3, 3).begin(), tail(3, 3).end());
        rs256_ = rs256_pk_new();
        EXPECT_EQ(rs256_pk_from_ptr(rs256_, both.data(), both.size()), FIDO_OK);
        break;
      }
    }
  }
  ~Oracle() {
    es256_pk_free(&es256_);
    eddsa_pk_free(&eddsa_);
    rs256_pk_free(&rs256_);
  }
  Oracle(const Oracle&) = delete;
  Oracle& operator=(const Oracle&) = delete;

  bool accepts(const Bytes& data, const Bytes& client, const Bytes& signature) const {
    std::unique_ptr<fido_assert_t, FreeAssert> assertion(fido_assert_new());
    Digest digest = sha256(ByteView(client));
    const void* key = algorithm_ == CoseAlgorithm::es256   ? static_cast<const void*>(es256_)
                      : algorithm_ == CoseAlgorithm::eddsa ? static_cast<const void*>(eddsa_)
                                                           : static_cast<const void*>(rs256_);
    return fido_assert_set_count(assertion.get(), 1) == FIDO_OK &&
           fido_assert_set_clientdata_hash(assertion.get(), digest.data(), digest.size()) == FIDO_OK &&
           fido_assert_set_rp(assertion.get(), std::string(kParty).c_str()) == FIDO_OK &&
           fido_assert_set_up(assertion.get(), FIDO_OPT_TRUE) == FIDO_OK &&
           fido_assert_set_uv(assertion.get(), FIDO_OPT_TRUE) == FIDO_OK &&
           fido_assert_set_authdata_raw(assertion.get(), 0, data.data(), data.size()) == FIDO_OK &&
           fido_assert_set_sig(assertion.get(), 0, signature.data(), signature.size()) == FIDO_OK &&
           fido_assert_verify(assertion.get(), 0, static_cast<int>(algorithm_), key) == FIDO_OK;
  }

 private:
  CoseAlgorithm algorithm_;
  es256_pk_t* es256_ = nullptr;
  eddsa_pk_t* eddsa_ = nullptr;
  rs256_pk_t* rs256_ = nullptr;
};

class WebauthnOracle : public ::testing::TestWithParam<CoseAlgorithm> {};
INSTANTIATE_TEST_SUITE_P(Libfido2, WebauthnOracle,
                         ::testing::Values(CoseAlgorithm::es256, CoseAlgorithm::eddsa, CoseAlgorithm::rs256));

TEST_P(WebauthnOracle, Agrees) {
  std::mt19937 random(7);
  auto below = [&](std::size_t end) { return std::uniform_int_distribution<std::size_t>(0, end - 1)(random); };
  SoftKey key(GetParam(), kParty);
  Oracle theirs(GetParam(), key.public_key());
  RelyingParty party{.id = std::string(kParty), .origins = {std::string(kOrigin)}};
  int accepted = 0;
  int stricter = 0;
  constexpr int kRounds = 3000;
  for (int round = 0; round < kRounds; ++round) {
    // Signed as it is, so that what is wrong inside is not hidden behind a bad signature …
    key.flags = round % 3 == 0 ? static_cast<std::uint8_t>(below(32))
                               : static_cast<std::uint8_t>(flags::kUserPresent | flags::kUserVerified);
    key.relying_party_id = below(8) == 0 ? "evil.example" : kParty;
    Bytes challenge = random_bytes(32);
    Assertion assertion = key.get(challenge, kOrigin);
    Bytes data = from_base64url(assertion.authenticator_data).value();
    Bytes client = from_base64url(assertion.client_data).value();
    if (below(4) == 0) {
      if (below(2) == 0) data.push_back(static_cast<std::uint8_t>(below(256)));
      if (below(2) == 0) data[32 + below(5)] ^= static_cast<std::uint8_t>(1U << below(8));
      if (below(2) == 0) client[below(client.size())] ^= static_cast<std::uint8_t>(1U << below(8));
      assertion = key.assertion_over(data, as_text(client));
    }
    Bytes signature = from_base64url(assertion.signature).value();
    // … and damaged afterwards.
    if (below(2) == 0) {
      Bytes& part = below(3) == 0 ? data : below(2) == 0 ? client : signature;
      switch (below(4)) {
        case 0:
          part.resize(below(part.size()));
          break;
        case 1:
          part.insert(part.begin() + static_cast<std::ptrdiff_t>(below(part.size() + 1)),
                      static_cast<std::uint8_t>(below(256)));
          break;
        default:
          part[below(part.size())] ^= static_cast<std::uint8_t>(1U << below(8));
      }
    }
    assertion.authenticator_data = to_base64url(data);
    assertion.client_data = to_base64url(client);
    assertion.signature = to_base64url(signature);
    Passkey stored = key.passkey();
    stored.backup_eligible = false;
    auto ours = verify_assertion(assertion, stored, party, challenge);
    bool good = theirs.accepts(data, client, signature);
    if (ours) {
      EXPECT_TRUE(good) << round;
      ++accepted;
    } else if (good) {
      EXPECT_TRUE(kStricter.contains(ours.error().code)) << round << " " << ours.error().code;
      ++stricter;
    }
  }
  // The rounds above must have had all three: agreed, refused by both, and refused by us alone.
  EXPECT_GT(accepted, kRounds / 10);
  EXPECT_GT(stricter, 10);
  EXPECT_LT(accepted + stricter, kRounds * 8 / 10);
}

}  // namespace
}  // namespace countersign::auth
