// What AWS called a thing that was made: found in its answer. Pure functions, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace countersign::approvals {

// All that a request said, in whatever spelling: texts in lower case. nullopt: it is not known, or over 256 KiB.
// `input` is Operation::input, `body` the request's own, or empty where it is not at hand.
[[nodiscard]] std::optional<std::vector<std::string>> said_in_request(std::string_view input, std::string_view body);

// What an answer of AWS to a creation calls the new thing: values that look like ids or ARNs and did not stand in the
// request, neither in its body nor in what was `said`: an answer repeats what it was asked, and nobody shall name what
// is there by writing its name into a tag. At most 256, from an
// answer's first 1,000 that could be some.
[[nodiscard]] std::vector<std::string> names_in_answer(std::string_view answer, std::string_view request,
                                                       const std::vector<std::string>& said = {});

}  // namespace countersign::approvals
