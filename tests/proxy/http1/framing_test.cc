// The table tests/cases/http1/framing.txt, and what does not fit into a table.
#include "proxy/http1/framing.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "proxy/http1/chunked.h"
#include "proxy/http1/head.h"

namespace countersign::http1 {
namespace {

std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    switch (text[++i]) {
      case 'r':
        out += '\r';
        break;
      case 'n':
        out += '\n';
        break;
      case 't':
        out += '\t';
        break;
      case '0':
        out += '\0';
        break;
      case 'x':
        out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
        i += 2;
        break;
      default:
        out += text[i];
    }
  }
  return out;
}

std::string name_of(BodyKind kind, std::uint64_t length) {
  switch (kind) {
    case BodyKind::none:
      return "none";
    case BodyKind::length:
      return "length:" + std::to_string(length);
    case BodyKind::chunked:
      return "chunked";
    case BodyKind::until_close:
      return "until_close";
  }
  return "?";
}

std::string name_of(Persistence persistence) {
  return persistence == Persistence::close ? "close" : "keep_alive";
}
std::string name_of(const Error& error) {
  return std::to_string(status_of(error)) + " " + error.code;
}

std::string outcome_of_request(const std::string& bytes) {
  auto parsed = parse_request(bytes, Limits{});
  if (!parsed) return name_of(parsed.error());
  return "accept " + parsed->head.method + " " + parsed->head.target + " " +
         name_of(parsed->framing.body, parsed->framing.length) + " " + name_of(parsed->framing.persistence);
}

std::string outcome_of_response(const std::string& bytes, const std::string& method) {
  auto parsed = parse_response(bytes, method, Limits{});
  if (!parsed) return name_of(parsed.error());
  return "accept " + std::to_string(parsed->head.status) + " " + name_of(parsed->framing.body, parsed->framing.length) +
         " " + name_of(parsed->framing.persistence);
}

TEST(Framing, Table) {
  std::ifstream file(COUNTERSIGN_SOURCE_DIR "/tests/cases/http1/framing.txt");
  ASSERT_TRUE(file);
  std::string name, kind, bytes, line;
  int cases = 0;
  while (std::getline(file, line)) {
    if (line.starts_with("[")) name = line;
    if (line.starts_with("request: ") || line.starts_with("response ")) {
      std::size_t colon = line.find(": ");
      kind = line.substr(0, colon);
      bytes = unescape(std::string_view(line).substr(colon + 2));
    }
    if (line.starts_with("=> ")) {
      ++cases;
      std::string expected = line.substr(3);
      EXPECT_EQ(kind == "request" ? outcome_of_request(bytes) : outcome_of_response(bytes, kind.substr(9)), expected)
          << name;
    }
  }
  EXPECT_GE(cases, 100);
}

TEST(Framing, FieldsArriveTrimmedAndInOrder) {
  auto parsed = parse_request("GET / HTTP/1.1\r\nHost: a\r\nX-One: \t 1 \r\nx-two:2\r\nX-Empty:\r\n\r\n", Limits{});
  ASSERT_TRUE(parsed) << parsed.error().message;
  ASSERT_EQ(parsed->head.headers.fields().size(), 4U);
  EXPECT_EQ(parsed->head.headers.fields()[1].name, "X-One");
  EXPECT_EQ(parsed->head.headers.get("x-one"), "1");
  EXPECT_EQ(parsed->head.headers.get("X-Two"), "2");
  EXPECT_EQ(parsed->head.headers.get("x-empty"), "");
}

TEST(Framing, Limits) {
  Limits limits{.head_bytes = 200, .header_count = 3, .target_bytes = 10};
  auto outcome = [&](const std::string& bytes) {
    auto checked = check_request(bytes, limits);
    return checked ? std::string("accept") : name_of(checked.error());
  };
  EXPECT_EQ(outcome("GET /123456789 HTTP/1.1\r\nHost: a\r\n\r\n"), "accept");
  EXPECT_EQ(outcome("GET /1234567890 HTTP/1.1\r\nHost: a\r\n\r\n"), "414 http.target_too_long");
  EXPECT_EQ(outcome("GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\n\r\n"), "accept");
  EXPECT_EQ(outcome("GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n"), "431 http.too_many_headers");
  EXPECT_EQ(outcome("GET / HTTP/1.1\r\nHost: a\r\nA: " + std::string(200, 'a') + "\r\n\r\n"),
            "431 http.head_too_large");
}

TEST(Framing, ExpectContinueNeedsABodyAndHttp11) {
  auto expectation = [](const std::string& bytes) { return check_request(bytes, Limits{})->expectation; };
  EXPECT_EQ(expectation("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-Continue\r\n\r\n"),
            Expectation::continue_100);
  EXPECT_EQ(expectation("PUT / HTTP/1.0\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"),
            Expectation::none);
  EXPECT_EQ(expectation("GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n"), Expectation::none);
}

TEST(Framing, HeadEndIsFoundByteByByte) {
  std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  for (std::size_t size = 1; size < head.size(); ++size) {
    EXPECT_EQ(*find_head_end(std::string_view(head).substr(0, size), size - 1), 0U) << size;
  }
  EXPECT_EQ(*find_head_end(head + "POST", head.size() - 1), head.size());
  EXPECT_EQ(*find_head_end(head + "POST", 0), head.size());
}

TEST(Framing, HopelessBytesAreRefusedBeforeTheHeadEnds) {
  EXPECT_EQ(find_head_end("GET / HTTP/1.1\n", 0).error().code, "http.bare_lf");
  EXPECT_EQ(find_head_end("\x16\x03\x01", 0).error().code, "http.bad_request_line");
  EXPECT_EQ(find_head_end(std::string_view("\0", 1), 0).error().code, "http.bad_request_line");
}

// --- chunked ---

struct Decoded {
  std::string payload;
  std::string rest;
  std::string code;  // empty: ended properly
};

// Feeds `input` in pieces of `step` bytes into an output of `room` bytes.
Decoded decode(std::string_view input, std::size_t step, std::size_t room) {
  ChunkDecoder decoder;
  Decoded result;
  std::string pending;
  Bytes out(room);
  std::size_t at = 0;
  while (!decoder.done()) {
    auto done = decoder.decode(as_bytes(pending), out);
    if (!done) {
      result.code = done.error().code;
      return result;
    }
    result.payload += as_text(ByteView(out).first(done->produced));
    pending.erase(0, done->consumed);
    if (decoder.done()) break;
    if (done->consumed > 0 || done->produced > 0) continue;
    if (at == input.size()) {
      result.code = "incomplete";
      return result;
    }
    pending += input.substr(at, step);
    at = std::min(at + step, input.size());
  }
  result.rest = pending + std::string(input.substr(at));
  return result;
}

TEST(Chunked, EverySplitGivesTheSame) {
  std::string_view wire = "5\r\nhello\r\nB;ext=\"1\"\r\n, big world\r\n0\r\nX-Trailer: 1\r\n\r\nGET";
  for (std::size_t step = 1; step <= wire.size(); ++step) {
    for (std::size_t room : {1U, 3U, 64U}) {
      Decoded decoded = decode(wire, step, room);
      EXPECT_EQ(decoded.code, "");
      EXPECT_EQ(decoded.payload, "hello, big world");
      EXPECT_EQ(decoded.rest, "GET");
    }
  }
}

TEST(Chunked, Refusals) {
  auto code = [](std::string_view wire) { return decode(wire, 7, 16).code; };
  EXPECT_EQ(code("\r\n"), "http.bad_chunk");
  EXPECT_EQ(code("0x5\r\nhello\r\n"), "http.bad_chunk");
  EXPECT_EQ(code("+5\r\nhello\r\n"), "http.bad_chunk");
  EXPECT_EQ(code(" 5\r\nhello\r\n"), "http.bad_chunk");
  EXPECT_EQ(code("5 \r\nhello\r\n"), "http.bad_chunk");
  EXPECT_EQ(code("5\nhello\r\n"), "http.bad_chunk");
  EXPECT_EQ(code("5\r\nhello0\r\n"), "http.bad_chunk");
  EXPECT_EQ(code("5\r\nhello\n0\r\n\r\n"), "http.bad_chunk");
  EXPECT_EQ(code("1000000000000000\r\n"), "http.bad_chunk");
  EXPECT_EQ(code("5;a\rb\r\nhello\r\n"), "http.bad_chunk");
  EXPECT_EQ(code("0\r\nbad trailer\r\n\r\n"), "http.bad_chunk");
  EXPECT_EQ(code("0\r\n folded: 1\r\n\r\n"), "http.bad_chunk");
  EXPECT_EQ(code("5;" + std::string(2000, 'a') + "\r\nhello\r\n"), "http.chunk_overhead");
  std::string trailers = "0\r\n";
  for (int i = 0; i < 200; ++i) trailers += "X-Trailer-With-A-Long-Name: and some value to fill the line\r\n";
  EXPECT_EQ(code(trailers + "\r\n"), "http.chunk_overhead");
  EXPECT_EQ(code("5\r\nhel"), "incomplete");
  EXPECT_EQ(code("0\r\n"), "incomplete");
}

}  // namespace
}  // namespace countersign::http1
