// Cedar's `ipaddr`: an IPv4 or IPv6 address with a prefix length. The host bits stay, so 192.168.0.1/24 differs from
// 192.168.0.8/24. (cedar-docs, operators: ipaddr; cedar-policy-core extensions/ipaddr.rs)
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace cedar {

struct IpAddress {
  enum class Family : std::uint8_t { v4, v6 };

  Family family = Family::v4;
  std::uint8_t prefix = 32;              // bits: at most 32 for v4, 128 for v6
  std::array<std::uint8_t, 16> bytes{};  // network order; v4 uses the first four

  // At most 43 bytes; no leading zeros in v4 parts and prefixes, no v4 inside v6, no zone.
  static std::expected<IpAddress, std::string_view> parse(std::string_view text);
  std::string to_text() const;  // the prefix is left out when it is the full length

  bool is_loopback() const;                        // the whole range lies in 127.0.0.0/8 or is ::1
  bool is_multicast() const;                       // the whole range lies in 224.0.0.0/4 or ff00::/8
  bool is_in_range(const IpAddress& range) const;  // every address of this range is in `range`; false across families

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;
};

}  // namespace cedar
