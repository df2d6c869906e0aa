#include "policies/cedar/evaluation_error.h"

namespace cedar {

std::string EvaluationError::message() const {
  std::string subject = left.is(ValueKind::entity) ? "`" + left.to_text() + "`" : "the record";
  switch (cause) {
    case ErrorCause::type:
      return "expected " + std::string(expected) +
             (name.view().empty() ? "" : " before `." + std::string(name.view()) + "`") + ", got " +
             std::string(describe(got));
    case ErrorCause::overflow:
      if (sign == '~') return "integer overflow while negating " + left.to_text();
      return "integer overflow in " + left.to_text() + " " + std::string(1, sign) + " " + right.to_text();
    case ErrorCause::missing_entity:
      return "the entity " + subject + " does not exist";
    case ErrorCause::missing_attribute:
      return subject + " has no attribute `" + std::string(name.view()) + "`";
    case ErrorCause::missing_tag:
      return subject + " has no tag " + right.to_text();
    case ErrorCause::extension:
      return function->describe(fault, arguments, left.is(ValueKind::string) ? &left : nullptr);
    case ErrorCause::unknown:
      return "`" + std::string(left.unknown_name()) + "` is not known yet";
  }
  return {};
}

}  // namespace cedar
