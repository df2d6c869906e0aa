// Why an expression has no value: what went wrong, where, and with what operands. The sentence is made when somebody
// asks for it: most errors are only counted.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "policies/cedar/extensions/functions.h"
#include "policies/cedar/source.h"
#include "policies/cedar/value.h"

namespace cedar {

enum class ErrorCause : std::uint8_t {
  type,            // an operand of the wrong type
  overflow,        // 64-bit arithmetic
  missing_entity,  // an attribute or tag of an entity that is not there
  missing_attribute,
  missing_tag,
  extension,  // an extension function: wrong arguments, unreadable text, overflow
  unknown,    // depends on something marked unknown
};

struct EvaluationError {
  ErrorCause cause = ErrorCause::type;
  Span span;  // of the expression that failed, in the policy's source

  // Lower case, one sentence; for `unknown`, names what is unknown.
  std::string message() const;

  // What the sentence is made of; which of these count depends on the cause.
  ValueKind got = ValueKind::boolean;
  std::string_view expected;                    // type: a constant
  char sign = ' ';                              // overflow: + - *, or ~ for a negation
  Value left;                                   // the operands; the entity or record; the unknown value. Owned
  Value right;                                  // the second operand; the tag's name
  Text name;                                    // of the attribute
  const ExtensionFunction* function = nullptr;  // the one that failed, with `left` when it is a text
  ExtensionFault fault;
  std::uint32_t arguments = 0;
};

}  // namespace cedar
