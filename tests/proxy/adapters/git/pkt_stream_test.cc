#include "proxy/adapters/git/pkt_stream.h"

#include <gtest/gtest.h>

#include <vector>

namespace countersign::adapters::git {
namespace {

struct Read {
  std::vector<std::string> packets;  // payloads; "<0>" and the like for marks
  std::string problem;
  bool at_end = false;
};

Read read_in_pieces(std::string_view body, std::size_t piece) {
  Read out;
  PktStream stream;
  while (!body.empty()) {
    const std::string part(body.substr(0, piece));  // gone before the next one: nothing may point into it
    body.remove_prefix(part.size());
    stream.feed(part);
    while (true) {
      Result<std::optional<Pkt>> packet = stream.next();
      if (!packet) {
        out.problem = packet.error().code;
        return out;
      }
      if (!*packet) break;
      out.packets.push_back((*packet)->kind == PktKind::data
                                ? std::string((*packet)->payload)
                                : "<" + std::to_string(static_cast<int>((*packet)->kind)) + ">");
    }
  }
  out.at_end = stream.at_end();
  return out;
}

TEST(PktStream, ReadsTheSameInAnyPieces) {
  std::string body;
  write_pkt(body, "hello");
  write_delimiter(body);
  write_pkt(body, "");
  write_pkt(body, std::string(kMaxPayload, 'x'));
  write_flush(body);
  body += "0002";
  const std::vector<std::string> expected = {"hello", "<2>", "", std::string(kMaxPayload, 'x'), "<1>", "<3>"};
  for (std::size_t piece : {1U, 2U, 3U, 4U, 5U, 7U, 100U, 65'520U, 1'000'000U}) {
    SCOPED_TRACE(piece);
    const Read read = read_in_pieces(body, piece);
    EXPECT_EQ(read.packets, expected);
    EXPECT_EQ(read.problem, "");
    EXPECT_TRUE(read.at_end);
  }
}

TEST(PktStream, RefusesWhatIsNoLength) {
  for (std::string_view body : {"0003", "0004ab", "00A0", "fff5", "ffff", "-001", "0 04", "g"}) {
    for (std::size_t piece : {1U, 2U, 100U}) {
      const Read read = read_in_pieces(body, piece);
      if (body == "0004ab") {
        EXPECT_EQ(read.problem, "");
        EXPECT_FALSE(read.at_end);
      } else {
        EXPECT_EQ(read.problem, "git.bad_packet") << body << " in pieces of " << piece;
      }
    }
  }
}

TEST(PktStream, SaysWhenItEndsWithinAPacket) {
  for (std::string_view body : {"0", "0009", "0009hell"}) {
    const Read read = read_in_pieces(body, 3);
    EXPECT_EQ(read.problem, "");
    EXPECT_TRUE(read.packets.empty());
    EXPECT_FALSE(read.at_end);
  }
}

}  // namespace
}  // namespace countersign::adapters::git
