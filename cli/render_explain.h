// Explanations for people (policies/explain.h), at most 100 columns wide. Everything in them counts as untrusted and is
// made harmless. Pure functions, any thread.
#pragma once

#include <string>

#include "cli/text.h"
#include "policies/explain_json.h"

namespace countersign::cli {

[[nodiscard]] std::string render_explanation(const policies::Explanation& explanation,
                                             const policies::Question& question, policies::Show show,
                                             const Terminal& terminal);
[[nodiscard]] std::string render_explanation(const policies::PlainExplanation& explanation, policies::Show show,
                                             const Terminal& terminal);

}  // namespace countersign::cli
