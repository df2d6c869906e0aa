// Cedar's `decimal`: a signed 64-bit count of ten-thousandths. (cedar-docs, operators: decimal)
#pragma once

#include <compare>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace cedar {

struct Decimal {
  std::int64_t ten_thousandths = 0;

  // `-?digits.digits` with one to four fraction digits; otherwise a sentence that says what is wrong.
  static std::expected<Decimal, std::string_view> parse(std::string_view text);
  std::string to_text() const;  // at least one fraction digit: "1.5", "-0.0001", "2.0"

  friend auto operator<=>(const Decimal&, const Decimal&) = default;
};

}  // namespace cedar
