#include "auth/cbor.h"

#include <gtest/gtest.h>

#include <limits>

namespace countersign::auth {
namespace {

CborFault fault_of(std::string_view hex) {
  Bytes bytes = *from_hex(hex);
  CborReader in{ByteView(bytes)};
  in.skip();
  in.finish();
  return in.fault();
}

TEST(Cbor, WritesAndReadsBackEveryType) {
  CborWriter out;
  out.map(3);
  out.text("a").array(4).uint(23).uint(24).uint(65536).integer(-256);
  out.text("b").bytes(as_bytes("xyz"));
  out.text("c").map(1).text("yes").boolean(true);
  CborReader in{ByteView(out.written())};
  ASSERT_EQ(in.map(), 3U);
  EXPECT_EQ(in.text(), "a");
  EXPECT_EQ(in.peek(), CborType::array);
  ASSERT_EQ(in.array(), 4U);
  EXPECT_EQ(in.uint(), 23U);
  EXPECT_EQ(in.uint(), 24U);
  EXPECT_EQ(in.uint(), 65536U);
  EXPECT_EQ(in.peek(), CborType::nint);
  EXPECT_EQ(in.integer(), -256);
  EXPECT_EQ(in.text(), "b");
  EXPECT_EQ(as_text(in.bytes()), "xyz");
  EXPECT_EQ(in.text(), "c");
  ASSERT_EQ(in.map(), 1U);
  EXPECT_EQ(in.text(), "yes");
  EXPECT_TRUE(in.boolean());
  in.finish();
  EXPECT_EQ(in.fault(), CborFault::none);
}

TEST(Cbor, IntegersAtEveryWidthAreShortest) {
  for (std::uint64_t value : {0ULL, 23ULL, 24ULL, 255ULL, 256ULL, 65535ULL, 65536ULL, 4294967295ULL, 4294967296ULL,
                              18446744073709551615ULL}) {
    CborWriter out;
    out.uint(value);
    CborReader in{ByteView(out.written())};
    EXPECT_EQ(in.uint(), value);
    in.finish();
    EXPECT_EQ(in.fault(), CborFault::none) << value;
  }
  for (std::int64_t value : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{-24}, std::int64_t{-25},
                             std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
    CborWriter out;
    out.integer(value);
    CborReader in{ByteView(out.written())};
    EXPECT_EQ(in.integer(), value);
    EXPECT_EQ(in.fault(), CborFault::none);
  }
}

TEST(Cbor, NamesTheFault) {
  EXPECT_EQ(fault_of("1817"), CborFault::not_deterministic);
  EXPECT_EQ(fault_of("5f4101ff"), CborFault::not_deterministic);
  EXPECT_EQ(fault_of("a26162006161"
                     "00"),
            CborFault::not_deterministic);
  EXPECT_EQ(fault_of("a2616100616100"), CborFault::duplicate_key);
  EXPECT_EQ(fault_of("c000"), CborFault::unsupported);
  EXPECT_EQ(fault_of("f97e00"), CborFault::unsupported);
  EXPECT_EQ(fault_of("f6"), CborFault::unsupported);
  EXPECT_EQ(fault_of("0000"), CborFault::trailing);
  EXPECT_EQ(fault_of("81"), CborFault::malformed);
  EXPECT_EQ(fault_of("a18000"), CborFault::malformed);
  EXPECT_EQ(fault_of("818181818181818180"), CborFault::too_deep);
}

TEST(Cbor, CountsItemsAcrossContainers) {
  CborWriter out;
  out.array(kCborItems);
  for (std::size_t i = 0; i < kCborItems; ++i) out.uint(0);
  CborReader in{ByteView(out.written())};
  in.skip();
  EXPECT_EQ(in.fault(), CborFault::too_large);
}

TEST(Cbor, TheFirstFaultSticksAndEndsLoops) {
  Bytes bytes = *from_hex("8261610a");
  CborReader in{ByteView(bytes)};
  ASSERT_EQ(in.array(), 2U);
  EXPECT_EQ(in.uint(), 0U);  // it is text
  EXPECT_EQ(in.fault(), CborFault::unexpected_type);
  EXPECT_EQ(in.text(), "");
  EXPECT_EQ(in.array(), 0U);
  EXPECT_FALSE(in.boolean());
  in.finish();
  EXPECT_EQ(in.fault(), CborFault::unexpected_type);
}

TEST(Cbor, AnUnfinishedContainerIsNotFinished) {
  Bytes bytes = *from_hex("820102");
  CborReader in{ByteView(bytes)};
  ASSERT_EQ(in.array(), 2U);
  EXPECT_EQ(in.uint(), 1U);
  in.finish();
  EXPECT_EQ(in.fault(), CborFault::malformed);
}

TEST(Cbor, IntegersOutsideInt64AreNotGuessed) {
  for (std::string_view hex : {"1b8000000000000000", "3b8000000000000000"}) {
    Bytes bytes = *from_hex(hex);
    CborReader in{ByteView(bytes)};
    EXPECT_EQ(in.integer(), 0);
    EXPECT_EQ(in.fault(), CborFault::unexpected_type);
  }
}

}  // namespace
}  // namespace countersign::auth
