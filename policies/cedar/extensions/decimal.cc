#include "policies/cedar/extensions/decimal.h"

#include <algorithm>

namespace cedar {
namespace {

bool all_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::expected<Decimal, std::string_view> Decimal::parse(std::string_view text) {
  constexpr std::size_t kFractionDigits = 4;
  bool negative = text.starts_with('-');
  std::string_view digits = negative ? text.substr(1) : text;
  std::size_t point = digits.find('.');
  if (point == std::string_view::npos || !all_digits(digits.substr(0, point)) ||
      !all_digits(digits.substr(point + 1))) {
    return std::unexpected<std::string_view>(
        "a decimal is written like `12.34`, with digits on both sides of the point");
  }
  std::string_view fraction = digits.substr(point + 1);
  if (fraction.size() > kFractionDigits)
    return std::unexpected<std::string_view>("a decimal has at most four digits after the point");
  Decimal out;
  auto append = [&out, negative](int digit) {
    return !__builtin_mul_overflow(out.ten_thousandths, 10, &out.ten_thousandths) &&
           !__builtin_add_overflow(out.ten_thousandths, negative ? -digit : digit, &out.ten_thousandths);
  };
  bool fits = std::ranges::all_of(digits.substr(0, point), [&](char c) { return append(c - '0'); }) &&
              std::ranges::all_of(fraction, [&](char c) { return append(c - '0'); });
  for (std::size_t i = fraction.size(); fits && i < kFractionDigits; ++i) fits = append(0);
  if (!fits) return std::unexpected<std::string_view>("this decimal is out of range");
  return out;
}

std::string Decimal::to_text() const {
  std::uint64_t size = ten_thousandths < 0 ? 0U - static_cast<std::uint64_t>(ten_thousandths)
                                           : static_cast<std::uint64_t>(ten_thousandths);
  std::string fraction = std::to_string(10'000 + size % 10'000).substr(1);
  while (fraction.size() > 1 && fraction.back() == '0') fraction.pop_back();
  return (ten_thousandths < 0 ? "-" : "") + std::to_string(size / 10'000) + "." + fraction;
}

}  // namespace cedar
