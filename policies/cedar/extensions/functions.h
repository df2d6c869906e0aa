// The extension functions by name: which exist (asked by the parser), how many arguments they take, what they answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>

#include "policies/cedar/value.h"

namespace cedar {

// How a function is written: `ip("…")` or `x.isIpv4()`.
enum class CallStyle : std::uint8_t { function, method };

struct ExtensionFunction;

// nullptr when no extension function has this name. The result is a constant of the program.
const ExtensionFunction* find_extension(std::string_view name);

// The answer, or a message. Arguments must hold nothing unknown; their number and kinds are checked here.
using ExtensionResult = std::expected<Value, std::string>;

struct ExtensionFunction {
  std::string_view name;
  CallStyle style;
  std::size_t arity;                                           // a method's receiver counts
  ExtensionResult (*apply)(std::span<const Value> arguments);  // with exactly `arity` arguments

  bool is_constructor() const { return style == CallStyle::function; }
  ExtensionResult call(std::span<const Value> arguments) const;
};

}  // namespace cedar
