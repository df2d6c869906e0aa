// git's packets: four hexadecimal digits of length, themselves included, then the payload. (gitprotocol-common)
//
// Lengths 0000, 0001 and 0002 are marks without payload; 0003 means nothing and is refused, as are lengths in upper
// case, which git never writes. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"

namespace countersign::adapters::git {

inline constexpr std::size_t kMaxPayload = 65516;  // LARGE_PACKET_DATA_MAX of the specification

enum class PktKind : std::uint8_t { data, flush, delimiter, response_end };

struct Pkt {
  PktKind kind = PktKind::flush;
  std::string_view payload;  // of data: may be empty ("0004"), may hold any byte
};

// Reads packets from the front of bytes that may be only the beginning of a body.
class PktReader {
 public:
  explicit PktReader(std::string_view bytes) : bytes_(bytes) {}

  // The next packet, or nullopt when the bytes end before it does (at_end() tells whether they end between packets).
  // Error: git.bad_packet, for a length that is none. Payloads are views into the bytes.
  Result<std::optional<Pkt>> next();

  // Bytes read so far: where the next packet, or whatever follows the packets, begins.
  [[nodiscard]] std::size_t position() const { return at_; }
  [[nodiscard]] bool at_end() const { return at_ == bytes_.size(); }
  [[nodiscard]] std::string_view rest() const { return bytes_.substr(at_); }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
};

// A payload without the line feed that text packets may end in.
[[nodiscard]] constexpr std::string_view text_of(Pkt packet) {
  std::string_view text = packet.payload;
  if (text.ends_with('\n')) text.remove_suffix(1);
  return text;
}

// Appends one packet. `payload` is at most kMaxPayload bytes.
void write_pkt(std::string& out, std::string_view payload);
void write_flush(std::string& out);
void write_delimiter(std::string& out);

// The side band (gitprotocol-pack "Packfile data"): a packet whose first byte is the channel.
enum class Band : std::uint8_t { data = 1, progress = 2, fatal = 3 };

// Appends `payload` on a channel, in as many packets as it needs. An empty payload appends nothing.
void write_band(std::string& out, Band band, std::string_view payload);

}  // namespace countersign::adapters::git
