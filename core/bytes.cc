#include "core/bytes.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <array>
#include <cstdlib>

namespace countersign {
namespace {

constexpr std::string_view kStandard = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrl = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr std::array<std::int8_t, 256> reverse_table(std::string_view alphabet) {
  std::array<std::int8_t, 256> table{};
  table.fill(-1);
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
  }
  return table;
}
constexpr auto kStandardReverse = reverse_table(kStandard);
constexpr auto kUrlReverse = reverse_table(kUrl);

std::string encode64(ByteView bytes, std::string_view alphabet, bool pad) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  std::uint32_t window = 0;
  int bits = 0;
  for (std::uint8_t byte : bytes) {
    window = (window << 8) | byte;
    bits += 8;
    while (bits >= 6) {
      bits -= 6;
      out += alphabet[(window >> bits) & 63];
    }
  }
  if (bits > 0) out += alphabet[(window << (6 - bits)) & 63];
  while (pad && out.size() % 4 != 0) out += '=';
  return out;
}

Result<Bytes> decode64(std::string_view text, const std::array<std::int8_t, 256>& table) {
  Bytes out(text.size() * 3 / 4);
  std::size_t count = 0;
  std::uint32_t window = 0;
  int bits = 0;
  for (char c : text) {
    int value = table[static_cast<unsigned char>(c)];
    if (value < 0) return fail(ErrorKind::malformed, "base64.malformed", "not base64");
    window = (window << 6) | static_cast<std::uint32_t>(value);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out[count++] = static_cast<std::uint8_t>(window >> bits);
    }
  }
  bool canonical = bits < 6 && (window & ((1U << bits) - 1)) == 0;
  if (!canonical) return fail(ErrorKind::malformed, "base64.malformed", "not canonical base64");
  return out;
}

}  // namespace

std::string to_hex(ByteView bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (std::uint8_t byte : bytes) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

Result<Bytes> from_hex(std::string_view text) {
  auto digit = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  if (text.size() % 2 != 0) return fail(ErrorKind::malformed, "hex.malformed", "odd number of hexadecimal digits");
  Bytes out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    int high = digit(text[i]);
    int low = digit(text[i + 1]);
    if (high < 0 || low < 0) return fail(ErrorKind::malformed, "hex.malformed", "not hexadecimal");
    out.push_back(static_cast<std::uint8_t>(high * 16 + low));
  }
  return out;
}

std::string to_base64url(ByteView bytes) {
  return encode64(bytes, kUrl, false);
}
Result<Bytes> from_base64url(std::string_view text) {
  return decode64(text, kUrlReverse);
}
std::string to_base64(ByteView bytes) {
  return encode64(bytes, kStandard, true);
}

Result<Bytes> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return fail(ErrorKind::malformed, "base64.malformed", "base64 without its padding");
  if (text.ends_with("==")) {
    text.remove_suffix(2);
  } else if (text.ends_with('=')) {
    text.remove_suffix(1);
  }
  return decode64(text, kStandardReverse);
}

bool equal_constant_time(ByteView a, ByteView b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

Bytes random_bytes(std::size_t count) {
  Bytes out(count);
  if (RAND_bytes(out.data(), static_cast<int>(count)) != 1) std::abort();
  return out;
}

}  // namespace countersign
