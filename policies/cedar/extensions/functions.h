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

// Why a call has no answer: either an argument is of the wrong kind, or `reason` (a constant) says what is the matter.
struct ExtensionFault {
  std::string_view reason;  // empty: `expected` was expected
  ValueKind expected = ValueKind::boolean;
  ValueKind got = ValueKind::boolean;
  const Value* unreadable = nullptr;  // the argument that is a text and cannot be read; `reason` is about it
};

// The answer, or a message.
using ExtensionResult = std::expected<Value, std::string>;

struct ExtensionFunction {
  using Arguments = std::span<const Value>;
  using Apply = std::expected<Value, ExtensionFault> (*)(Arguments arguments, Arena* arena);

  std::string_view name;
  CallStyle style;
  std::size_t arity;  // a method's receiver counts
  Apply apply;        // with exactly `arity` arguments; addresses are made in the arena when there is one

  bool is_constructor() const { return style == CallStyle::function; }
  // Arguments must hold nothing unknown; their number and kinds are checked here. The value is owned.
  ExtensionResult call(Arguments arguments) const;
  // The same without a message and without allocating: the value may be borrowed from `arena`.
  std::expected<Value, ExtensionFault> call(Arguments arguments, Arena& arena) const;
  // The message of a fault of this function. `unreadable`: the text that could not be read, if it was that.
  std::string describe(const ExtensionFault& fault, std::size_t arguments, const Value* unreadable) const;
};

}  // namespace cedar
