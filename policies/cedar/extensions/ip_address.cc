#include "policies/cedar/extensions/ip_address.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <optional>

namespace cedar {
namespace {

constexpr std::size_t kLongest = 43;

std::optional<unsigned> number(std::string_view digits, std::size_t longest, unsigned most, int base) {
  unsigned value = 0;
  if (digits.empty() || digits.size() > longest) return std::nullopt;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (error != std::errc{} || end != digits.data() + digits.size() || value > most) return std::nullopt;
  if (base == 10 && digits.size() > 1 && digits.front() == '0') return std::nullopt;
  return value;
}

bool parse_v4(std::string_view text, IpAddress& out) {
  for (std::size_t i = 0; i < 4; ++i) {
    std::size_t end = text.find('.');
    if ((end == std::string_view::npos) != (i == 3)) return false;
    std::optional<unsigned> part = number(text.substr(0, end), 3, 255, 10);
    if (!part) return false;
    out.bytes.at(i) = static_cast<std::uint8_t>(*part);
    if (i < 3) text.remove_prefix(end + 1);
  }
  return true;
}

struct Groups {
  std::array<unsigned, 8> values{};
  std::size_t count = 0;
};

// Groups of `a:b:c`; nullopt when there are more than eight, or one of them is not one to four hexadecimal digits. An
// empty text has no groups.
std::optional<Groups> groups(std::string_view text) {
  Groups out;
  while (!text.empty()) {
    std::size_t end = text.find(':');
    std::optional<unsigned> group = number(text.substr(0, end), 4, 0xFFFF, 16);
    if (!group || end == text.size() - 1 || out.count == out.values.size()) return std::nullopt;
    out.values.at(out.count++) = *group;
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return out;
}

bool parse_v6(std::string_view text, IpAddress& out) {
  std::size_t gap = text.find("::");
  auto head = groups(text.substr(0, gap));
  auto tail = groups(gap == std::string_view::npos ? std::string_view() : text.substr(gap + 2));
  if (!head || !tail) return false;
  std::size_t given = head->count + tail->count;
  if (gap == std::string_view::npos ? given != 8 : given > 7) return false;  // `::` stands for at least one group
  for (std::size_t i = 0; i < 8; ++i) {
    std::size_t from_tail = i + tail->count;  // groups of the tail stand at the end
    unsigned group = i < head->count ? head->values.at(i) : from_tail >= 8 ? tail->values.at(from_tail - 8) : 0;
    out.bytes.at(2 * i) = static_cast<std::uint8_t>(group >> 8);
    out.bytes.at(2 * i + 1) = static_cast<std::uint8_t>(group & 0xFF);
  }
  return true;
}

bool same_prefix(const IpAddress& a, const IpAddress& b, unsigned bits) {
  std::size_t whole = bits / 8;
  if (!std::equal(a.bytes.begin(), a.bytes.begin() + static_cast<std::ptrdiff_t>(whole), b.bytes.begin())) return false;
  unsigned rest = bits % 8;
  return rest == 0 || (a.bytes.at(whole) >> (8 - rest)) == (b.bytes.at(whole) >> (8 - rest));
}

}  // namespace

std::expected<IpAddress, std::string_view> IpAddress::parse(std::string_view text) {
  auto refuse = [] {
    return std::unexpected(
        std::string_view("this is no ip address: expected something like `10.0.0.0/8` or `2001:db8::/32`"));
  };
  if (text.size() > kLongest) return refuse();
  std::size_t slash = text.find('/');
  std::string_view address = text.substr(0, slash);
  IpAddress out;
  bool is_v6 = address.contains(':');
  if (is_v6 ? !parse_v6(address, out) : !parse_v4(address, out)) return refuse();
  out.family = is_v6 ? Family::v6 : Family::v4;
  unsigned most = is_v6 ? 128 : 32;
  out.prefix = static_cast<std::uint8_t>(most);
  if (slash != std::string_view::npos) {
    std::optional<unsigned> prefix = number(text.substr(slash + 1), is_v6 ? 3 : 2, most, 10);
    if (!prefix) return refuse();
    out.prefix = static_cast<std::uint8_t>(*prefix);
  }
  return out;
}

std::string IpAddress::to_text() const {
  std::string out;
  if (family == Family::v4) {
    for (std::size_t i = 0; i < 4; ++i) out += (i == 0 ? "" : ".") + std::to_string(bytes.at(i));
  } else {
    for (std::size_t i = 0; i < 8; ++i) {
      std::array<char, 5> group{};
      auto [end, error] =
          std::to_chars(group.data(), group.data() + group.size(), bytes.at(2 * i) * 256 + bytes.at(2 * i + 1), 16);
      if (i > 0) out += ":";
      out.append(group.data(), end);
    }
  }
  if (prefix != (family == Family::v4 ? 32 : 128)) out += "/" + std::to_string(prefix);
  return out;
}

bool IpAddress::is_in_range(const IpAddress& range) const {
  return family == range.family && prefix >= range.prefix && same_prefix(*this, range, range.prefix);
}

bool IpAddress::is_loopback() const {
  IpAddress range{.family = family, .prefix = 8};
  range.bytes[0] = 127;
  if (family == Family::v6) {
    range.prefix = 128;
    range.bytes[0] = 0;
    range.bytes[15] = 1;
  }
  return is_in_range(range);
}

bool IpAddress::is_multicast() const {
  IpAddress range{.family = family, .prefix = 4};
  range.bytes[0] = 224;
  if (family == Family::v6) {
    range.prefix = 8;
    range.bytes[0] = 0xFF;
  }
  return is_in_range(range);
}

}  // namespace cedar
