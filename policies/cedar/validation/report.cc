#include "policies/cedar/validation/report.h"

#include <algorithm>
#include <utility>

#include "policies/cedar/utf8.h"

namespace cedar::validation {
namespace {

void sort_by_place(std::vector<ValidationFinding>& findings, std::size_t first) {
  std::ranges::sort(findings.begin() + static_cast<std::ptrdiff_t>(first), findings.end(), {},
                    [](const ValidationFinding& each) {
                      const Diagnostic& said = each.diagnostic;
                      return std::tuple(said.span.offset, said.span.length, each.kind, std::string_view(said.message));
                    });
}

}  // namespace

void Report::begin(const std::string& policy, const std::shared_ptr<const Source>& source) {
  policy_ = policy;
  source_ = source;
  said_.clear();
  messages_.clear();
  first_error_ = result_.errors.size();
  first_warning_ = result_.warnings.size();
}

void Report::end() {
  sort_by_place(result_.errors, first_error_);
  sort_by_place(result_.warnings, first_warning_);
}

bool Report::is_new(Finding kind, Span span, std::uint64_t detail) {
  return said_.insert({kind, span.offset, span.length, detail}).second;
}

void Report::error(Finding kind, Span span, std::string message, std::string help) {
  add(result_.errors, kind, span, std::move(message), std::move(help));
}

void Report::warning(Finding kind, Span span, std::string message, std::string help) {
  add(result_.warnings, kind, span, std::move(message), std::move(help));
}

Span Report::type_place(Span span, std::string_view name) const {
  std::string_view text =
      source_->text().substr(std::min<std::size_t>(span.offset, source_->text().size()), span.length);
  // From the right: what stands on the left of `is` may be any expression.
  for (std::size_t at = text.rfind(name); at != std::string_view::npos && at > 0; at = text.rfind(name, at - 1)) {
    std::string_view before = text.substr(0, at);
    std::size_t end = before.find_last_not_of(" \t\r\n");
    if (end == std::string_view::npos || end + 1 == at || !before.substr(0, end + 1).ends_with("is")) continue;
    return {span.offset + static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(name.size())};
  }
  return span;
}

std::string Report::text(Span span) const {
  constexpr std::size_t kLimit = 80;
  std::string_view text =
      source_->text().substr(std::min<std::size_t>(span.offset, source_->text().size()), span.length);
  return shortened(text, kLimit);
}

void Report::add(std::vector<ValidationFinding>& to, Finding kind, Span span, std::string message, std::string help) {
  // At least one is kept of every policy, so that no policy with an error looks as if it had none.
  std::size_t of_policy = to.size() - (&to == &result_.errors ? first_error_ : first_warning_);
  if (of_policy > 0 && to.size() >= limits_.findings) return;
  if (!messages_.insert({kind, span.offset, span.length, message}).second) return;
  to.push_back(
      {.kind = kind,
       .policy = policy_,
       .source = source_,
       .diagnostic = {
           .span = span, .position = source_->locate(span), .message = std::move(message), .help = std::move(help)}});
}

}  // namespace cedar::validation
