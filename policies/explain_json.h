// Explanations as JSON: docs/formats/explain.md is the contract. Pure functions, any thread.
#pragma once

#include "core/json.h"
#include "policies/question.h"

namespace countersign::policies {

enum class Show : std::uint8_t { matching, all };  // policies whose head matches, or every policy

[[nodiscard]] Json to_json(const Explanation& explanation, const Question& question, Show show);
[[nodiscard]] Json to_json(const PlainExplanation& explanation, Show show);

}  // namespace countersign::policies
