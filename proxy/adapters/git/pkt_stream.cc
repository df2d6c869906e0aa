#include "proxy/adapters/git/pkt_stream.h"

#include <algorithm>
#include <charconv>

namespace countersign::adapters::git {
namespace {

constexpr std::size_t kLengthDigits = 4;

// The whole length of a packet whose digits PktReader has not refused.
std::size_t length_of(std::string_view packet) {
  std::size_t length = 0;
  std::from_chars(packet.data(), packet.data() + kLengthDigits, length, 16);
  return std::max(length, kLengthDigits);
}

}  // namespace

Result<std::optional<Pkt>> PktStream::next() {
  while (true) {
    if (begun_.empty()) {
      PktReader reader(piece_);
      Result<std::optional<Pkt>> packet = reader.next();
      if (!packet) return fail(packet.error());
      if (*packet) {
        piece_.remove_prefix(reader.position());
        return *packet;
      }
      begun_ = piece_;
      piece_ = {};
      return std::nullopt;
    }
    PktReader reader(begun_);
    Result<std::optional<Pkt>> packet = reader.next();
    if (!packet) return fail(packet.error());
    if (*packet) {
      whole_.swap(begun_);  // not moved: the payload is a view of what begun_ held
      begun_.clear();
      PktReader again(whole_);
      return again.next();
    }
    if (piece_.empty()) return std::nullopt;
    const std::size_t wanted = begun_.size() < kLengthDigits ? kLengthDigits : length_of(begun_);
    const std::size_t taken = std::min(wanted - begun_.size(), piece_.size());
    begun_ += piece_.substr(0, taken);
    piece_.remove_prefix(taken);
  }
}

}  // namespace countersign::adapters::git
