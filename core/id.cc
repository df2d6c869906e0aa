#include "core/id.h"

#include "core/bytes.h"

namespace countersign {
namespace {

// The generator of the operating system costs a system call and OpenSSL's a lock; ids need neither for every call.
ByteView next_random(std::size_t count) {
  thread_local Bytes pool;
  thread_local std::size_t used = 0;
  if (used + count > pool.size()) {
    pool = random_bytes(1024);
    used = 0;
  }
  ByteView out = ByteView(pool).subspan(used, count);
  used += count;
  return out;
}

}  // namespace

std::string new_uuid(TimeMs now) {
  Bytes bytes;
  bytes.reserve(16);
  for (int shift = 40; shift >= 0; shift -= 8) bytes.push_back(static_cast<std::uint8_t>(now >> shift));
  ByteView random = next_random(10);
  bytes.insert(bytes.end(), random.begin(), random.end());
  bytes[6] = static_cast<std::uint8_t>(0x70 | (bytes[6] & 0x0f));
  bytes[8] = static_cast<std::uint8_t>(0x80 | (bytes[8] & 0x3f));
  std::string hex = to_hex(bytes);
  for (std::size_t at : {8U, 13U, 18U, 23U}) hex.insert(at, "-");
  return hex;
}

std::string new_short_id(std::string_view prefix, TimeMs now) {
  constexpr std::string_view kCrockford = "0123456789abcdefghjkmnpqrstvwxyz";
  std::string out(prefix);
  auto seconds = static_cast<std::uint64_t>(now / 1000);
  for (int shift = 25; shift >= 0; shift -= 5) out += kCrockford[(seconds >> shift) & 31];
  for (std::uint8_t byte : next_random(10)) out += kCrockford[byte & 31];
  return out;
}

}  // namespace countersign
