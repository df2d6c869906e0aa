#include "core/sha256.h"

#include <gtest/gtest.h>

#include <thread>

namespace countersign {
namespace {

// FIPS 180-4 examples.
TEST(Sha256Test, KnownVectors) {
  EXPECT_EQ(to_hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(to_hex(sha256(std::string(1'000'000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256Test, PiecesMakeTheWholeAndFinishStartsAfresh) {
  Sha256 hash;
  hash.update("a");
  hash.update("");
  hash.update("bc");
  EXPECT_EQ(hash.finish(), sha256("abc"));
  EXPECT_EQ(hash.finish(), sha256(""));
}

// RFC 4231 test cases 1, 2, 3 and 6 (a key longer than a block).
TEST(HmacSha256, KnownVectors) {
  EXPECT_EQ(to_hex(hmac_sha256(Bytes(20, 0x0b), {as_bytes("Hi There")})),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(to_hex(hmac_sha256(as_bytes("Jefe"), {as_bytes("what do ya want "), as_bytes("for nothing?")})),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(to_hex(hmac_sha256(Bytes(20, 0xaa), {Bytes(50, 0xdd)})),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
  EXPECT_EQ(to_hex(hmac_sha256(Bytes(131, 0xaa), {as_bytes("Test Using Larger Than Block-Size Key - Hash Key First")})),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(HmacSha256, ManyThreadsAgree) {
  const Digest expected = hmac_sha256(as_bytes("key"), {as_bytes("text")});
  std::vector<std::thread> threads;
  std::array<bool, 4> same{};
  for (std::size_t i = 0; i < same.size(); ++i) {
    threads.emplace_back([&, i] {
      same[i] = true;
      for (int round = 0; round < 1000; ++round)
        same[i] = same[i] && hmac_sha256(as_bytes("key"), {as_bytes("te"), as_bytes("xt")}) == expected;
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (bool ok : same) EXPECT_TRUE(ok);
}

TEST(FieldDigestTest, NoTwoListsCollide) {
  auto digest = [](std::string_view domain, std::initializer_list<std::string_view> fields) {
    FieldDigest hash(domain);
    for (std::string_view field : fields) hash.field(field);
    return hash.finish();
  };
  EXPECT_EQ(digest("d", {"ab", "c"}), digest("d", {"ab", "c"}));
  EXPECT_NE(digest("d", {"ab", "c"}), digest("d", {"a", "bc"}));
  EXPECT_NE(digest("d", {"abc"}), digest("d", {"abc", ""}));
  EXPECT_NE(digest("d", {"abc"}), digest("e", {"abc"}));
}

}  // namespace
}  // namespace countersign
