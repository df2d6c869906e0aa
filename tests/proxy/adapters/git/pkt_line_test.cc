#include "proxy/adapters/git/pkt_line.h"

#include <gtest/gtest.h>

namespace countersign::adapters::git {
namespace {

TEST(PktLine, ReadsPacketsAndMarks) {
  PktReader reader("0009hello0004000000010002rest");
  for (std::string_view payload : {"hello", ""}) {
    auto packet = reader.next();
    ASSERT_TRUE(packet && *packet);
    EXPECT_EQ((*packet)->kind, PktKind::data);
    EXPECT_EQ((*packet)->payload, payload);
  }
  for (PktKind kind : {PktKind::flush, PktKind::delimiter, PktKind::response_end}) {
    auto packet = reader.next();
    ASSERT_TRUE(packet && *packet);
    EXPECT_EQ((*packet)->kind, kind);
  }
  EXPECT_EQ(reader.rest(), "rest");
}

TEST(PktLine, EveryBeginningOfAPacketNeedsMore) {
  const std::string_view whole = "000ahello\n";
  for (std::size_t size = 0; size < whole.size(); ++size) {
    PktReader reader(whole.substr(0, size));
    auto packet = reader.next();
    ASSERT_TRUE(packet) << size;
    EXPECT_FALSE(*packet) << size;
    EXPECT_EQ(reader.position(), 0U);
  }
  PktReader reader(whole);
  auto packet = reader.next();
  ASSERT_TRUE(packet && *packet);
  EXPECT_EQ(text_of(**packet), "hello");
  EXPECT_TRUE(reader.at_end());
}

TEST(PktLine, LengthsThatAreNoneAreRefused) {
  for (std::string_view bytes : {"0003", "000Ahello", "xyz", "-001", " 009hello", "0x09hello", "fff1", "ffff"}) {
    PktReader reader(bytes);
    auto packet = reader.next();
    ASSERT_FALSE(packet) << bytes;
    EXPECT_EQ(packet.error().code, "git.bad_packet");
  }
}

TEST(PktLine, TheLongestPacketIsReadAndWritten) {
  std::string payload(kMaxPayload, 'x');
  std::string bytes;
  write_pkt(bytes, payload);
  EXPECT_TRUE(bytes.starts_with("fff0"));
  PktReader reader(bytes);
  auto packet = reader.next();
  ASSERT_TRUE(packet && *packet);
  EXPECT_EQ((*packet)->payload, payload);
}

TEST(PktLine, BandsAreSplitIntoPackets) {
  std::string payload(2 * kMaxPayload, 'y');
  std::string bytes;
  write_band(bytes, Band::progress, payload);
  write_band(bytes, Band::data, "");
  PktReader reader(bytes);
  std::string joined;
  int packets = 0;
  while (!reader.at_end()) {
    auto packet = reader.next();
    ASSERT_TRUE(packet && *packet);
    ASSERT_EQ((*packet)->payload.front(), '\2');
    joined += (*packet)->payload.substr(1);
    ++packets;
  }
  EXPECT_EQ(joined, payload);
  EXPECT_EQ(packets, 3);
}

}  // namespace
}  // namespace countersign::adapters::git
