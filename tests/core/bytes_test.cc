#include "core/bytes.h"

#include <gtest/gtest.h>

#include "core/secret.h"

namespace countersign {
namespace {

TEST(Hex, WritesLowerCaseAndReadsBoth) {
  EXPECT_EQ(to_hex(as_bytes(std::string_view("\x00\xff\x1a", 3))), "00ff1a");
  EXPECT_EQ(as_text(from_hex("4A6b").value()), "Jk");
  EXPECT_TRUE(from_hex("").value().empty());
}

TEST(Hex, RefusesWhatIsNotHex) {
  for (std::string_view bad : {"0", "0g", " 00", "0x00", "00\n"}) {
    EXPECT_FALSE(from_hex(bad)) << bad;
  }
}

// RFC 4648 section 10.
TEST(Base64, KnownVectors) {
  const std::pair<std::string_view, std::string_view> vectors[] = {{"", ""},
                                                                   {"f", "Zg=="},
                                                                   {"fo", "Zm8="},
                                                                   {"foo", "Zm9v"},
                                                                   {"foob", "Zm9vYg=="},
                                                                   {"fooba", "Zm9vYmE="},
                                                                   {"foobar", "Zm9vYmFy"}};
  for (auto [plain, encoded] : vectors) {
    EXPECT_EQ(to_base64(as_bytes(plain)), encoded);
    EXPECT_EQ(as_text(from_base64(encoded).value()), plain);
    std::string unpadded(encoded.substr(0, encoded.find('=')));
    EXPECT_EQ(to_base64url(as_bytes(plain)), unpadded);
    EXPECT_EQ(as_text(from_base64url(unpadded).value()), plain);
  }
}

TEST(Base64, UrlAlphabetAndStandardAlphabetAreApart) {
  Bytes bytes = {0xfb, 0xff};
  EXPECT_EQ(to_base64url(bytes), "-_8");
  EXPECT_EQ(to_base64(bytes), "+/8=");
  EXPECT_FALSE(from_base64url("+/8"));
  EXPECT_FALSE(from_base64("-_8="));
}

// One value, one spelling: tokens are compared and revoked by their bytes.
TEST(Base64, RefusesSecondSpellings) {
  for (std::string_view bad : {"Zh", "Zm9", "Z", "Zg==", "Zg=", "Z g", "Zg\n", "Zm9v="}) {
    EXPECT_FALSE(from_base64url(bad)) << bad;
  }
  for (std::string_view bad : {"Zg", "Zh==", "Zm9=", "====", "Z===", "Zg==Zg=="}) {
    EXPECT_FALSE(from_base64(bad)) << bad;
  }
}

TEST(Bytes, ConstantTimeComparisonComparesAllBytesAndLengths) {
  EXPECT_TRUE(equal_constant_time(as_bytes("abc"), as_bytes("abc")));
  EXPECT_FALSE(equal_constant_time(as_bytes("abc"), as_bytes("abd")));
  EXPECT_FALSE(equal_constant_time(as_bytes("abc"), as_bytes("ab")));
  EXPECT_TRUE(equal_constant_time({}, {}));
}

TEST(Bytes, RandomBytesDiffer) {
  EXPECT_EQ(random_bytes(32).size(), 32U);
  EXPECT_NE(random_bytes(32), random_bytes(32));
}

TEST(SecretTest, MovesAndLeavesNothingBehind) {
  Secret first(std::string("hunter2"));
  Secret second = std::move(first);
  EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move): that it is empty is the promise
  EXPECT_EQ(second.expose(), "hunter2");
  Secret copy = second.duplicate();
  EXPECT_EQ(copy.expose(), "hunter2");
  EXPECT_EQ(second.expose(), "hunter2");
}

}  // namespace
}  // namespace countersign
