// Collects what is found about the policies of one set, each thing once.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <tuple>

#include "policies/cedar/validator.h"

namespace cedar::validation {

class Report {
 public:
  explicit Report(const ValidationLimits& limits) : limits_(limits) {}

  // Findings from here on are about this policy.
  void begin(const std::string& policy, const std::shared_ptr<const Source>& source);
  // Puts what was found since begin() into order.
  void end();

  // Whether this has not been said yet of this policy: for skipping the work of saying it again. `detail` tells apart
  // what one place may be told for different requests (the type found there, …).
  bool is_new(Finding kind, Span span, std::uint64_t detail = 0);
  void error(Finding kind, Span span, std::string message, std::string help = {});
  void warning(Finding kind, Span span, std::string message, std::string help = {});

  // Where behind `is` the name stands, within `span`; all of it when it is written in parts.
  Span type_place(Span span, std::string_view name) const;
  // What the policy's text says there; cut when it is long.
  std::string text(Span span) const;

  Validation take() { return std::move(result_); }

 private:
  void add(std::vector<ValidationFinding>& to, Finding kind, Span span, std::string message, std::string help);

  ValidationLimits limits_;
  Validation result_;
  std::string policy_;
  std::shared_ptr<const Source> source_;
  std::set<std::tuple<Finding, std::uint32_t, std::uint32_t, std::uint64_t>> said_;
  std::set<std::tuple<Finding, std::uint32_t, std::uint32_t, std::string>> messages_;
  std::size_t first_error_ = 0;
  std::size_t first_warning_ = 0;
};

}  // namespace cedar::validation
