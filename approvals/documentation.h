// Documentation: what an agent says for a request before people are asked: why, which ticket, how it is undone, and
// what guidance it rests on.
//
//   {"intent":"…","ticket":"OPS-1","references":[{"updated":"2026-10-01","url":"https://…"}],"rollback":"…"}
//
// Every field is optional; approval rules say which they need. Pure functions and values; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/result.h"

namespace re2 {
class RE2;
}

namespace countersign::approvals {

struct HeldRequest;
struct Rules;

// Something a rule asks for (approvals.yaml: documentation).
struct DocumentationNeed {
  enum class Field : std::uint8_t { intent, ticket, rollback, references };
  Field field = Field::intent;
  std::size_t min_length = 1;               // of a text, in code points, without blanks around it
  std::shared_ptr<const re2::RE2> pattern;  // of a text, all of it; may be null
  TimeMs max_age = 0;                       // of every reference; 0 for any
};
[[nodiscard]] std::string_view field_name(DocumentationNeed::Field field);

inline constexpr std::size_t kMostDocumentationBytes = 16U << 10;

// The one spelling (RFC 8785) in which documentation is stored and signed. Refuses documentation.malformed: not JSON, a
// member it does not know or of another type, a reference without an http or https URL, or with a date (it may be
// left out) that is not one like "2026-10-01"; and documentation.too_large: over 16 KiB, more than 50 references. Empty
// text stays empty.
Result<std::string> canonical_documentation(std::string_view json);

// What is missing for all of these rules, a sentence each, without repetition: "ticket must match [A-Z]+-[0-9]+". Empty
// when nothing is. `documentation` is canonical, or empty for none; `now` is when the references were given.
[[nodiscard]] std::vector<std::string> missing_documentation(const Rules& rules, std::span<const std::string> names,
                                                             std::string_view documentation, TimeMs now);

// The same of a held request. Its references are judged by the day they were given: guidance that grows old while
// people decide was not too old.
[[nodiscard]] std::vector<std::string> missing_documentation(const HeldRequest& request, const Rules& rules);

// Refuses guidance that is too old for one of the rules, or dated more than a day ahead: documentation.stale_reference.
// To be asked when documentation is taken in.
Status check_references(const Rules& rules, std::span<const std::string> names, std::string_view documentation,
                        TimeMs now);

}  // namespace countersign::approvals
