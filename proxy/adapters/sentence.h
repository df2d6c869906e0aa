// The one sentence in which approvers read what a request does. What it says comes from agents, so nothing in it can
// pass for the sentence itself: a value that is not plain is quoted, characters that hide or reorder others are spelt
// out, and what is left out is counted.
//
// Pure functions, any thread; equal arguments make equal sentences, because votes are bound to them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"

namespace countersign::adapters {

inline constexpr std::size_t kMaxSentence = 240;  // characters

// "1,204 characters", "1 byte".
[[nodiscard]] std::string count_of(std::uint64_t number, std::string_view thing);

// Text as it stands in a sentence: itself where it is one plain word, else in quotes with `"`, `\` and whatever hides
// or runs from right to left escaped. Of more than `most` characters only the beginning and the end are shown, with the
// number of all: "abc"…"xyz" (104 characters).
[[nodiscard]] std::string said(std::string_view text, std::size_t most);

// A value of JSON likewise. Prose and whatever is named like a secret are counted, not shown: "1,204 characters".
[[nodiscard]] std::string said_value(std::string_view name, const Json& value);

// Members as phrases, "path production/x" with `between` " ": those named in `first` in that order, then the others in
// the order of their names.
[[nodiscard]] std::vector<std::string> said_members(const Json& object, const std::vector<std::string>& first,
                                                    std::string_view between);

// Appends `intro` and as many of `phrases` as fit, so that the sentence has at most `most` characters; those that do
// not are counted: " and 3 more". Nothing where there are no phrases.
void say(std::string& sentence, std::string_view intro, const std::vector<std::string>& phrases, std::size_t most);

// " on files (production)".
[[nodiscard]] std::string place(std::string_view upstream, std::string_view environment);

}  // namespace countersign::adapters
