#include "proxy/adapters/git/pkt_line.h"

#include <algorithm>
#include <array>

namespace countersign::adapters::git {
namespace {

constexpr std::size_t kLengthDigits = 4;

std::optional<std::size_t> read_length(std::string_view digits) {
  std::size_t length = 0;
  for (char digit : digits) {
    std::size_t value = 0;
    if (digit >= '0' && digit <= '9') {
      value = static_cast<std::size_t>(digit - '0');
    } else if (digit >= 'a' && digit <= 'f') {
      value = static_cast<std::size_t>(digit - 'a') + 10;
    } else {
      return std::nullopt;
    }
    length = length * 16 + value;
  }
  return length;
}

void write_length(std::string& out, std::size_t length) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (int shift = 12; shift >= 0; shift -= 4) out += kDigits[(length >> shift) & 0xF];
}

}  // namespace

Result<std::optional<Pkt>> PktReader::next() {
  std::string_view left = bytes_.substr(at_);
  if (left.size() < kLengthDigits) {
    // What is there already must be able to become a length.
    if (read_length(left)) return std::nullopt;
    return fail(ErrorKind::malformed, "git.bad_packet", "a packet does not begin with its length");
  }
  auto length = read_length(left.substr(0, kLengthDigits));
  if (!length) return fail(ErrorKind::malformed, "git.bad_packet", "a packet does not begin with its length");
  if (*length < kLengthDigits) {
    constexpr std::array kMarks = {PktKind::flush, PktKind::delimiter, PktKind::response_end};
    if (*length >= kMarks.size()) return fail(ErrorKind::malformed, "git.bad_packet", "0003 is not a packet's length");
    at_ += kLengthDigits;
    return Pkt{kMarks.at(*length), {}};
  }
  if (*length > kMaxPayload + kLengthDigits)
    return fail(ErrorKind::malformed, "git.bad_packet", "a packet is longer than 65520 bytes");
  if (left.size() < *length) return std::nullopt;
  at_ += *length;
  return Pkt{PktKind::data, left.substr(kLengthDigits, *length - kLengthDigits)};
}

void write_pkt(std::string& out, std::string_view payload) {
  write_length(out, payload.size() + kLengthDigits);
  out += payload;
}

void write_flush(std::string& out) {
  out += "0000";
}

void write_delimiter(std::string& out) {
  out += "0001";
}

void write_band(std::string& out, Band band, std::string_view payload) {
  while (!payload.empty()) {
    std::string_view piece = payload.substr(0, std::min(payload.size(), kMaxPayload - 1));
    write_length(out, piece.size() + 1 + kLengthDigits);
    out += static_cast<char>(band);
    out += piece;
    payload.remove_prefix(piece.size());
  }
}

}  // namespace countersign::adapters::git
