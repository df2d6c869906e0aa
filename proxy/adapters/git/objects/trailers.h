// Trailers of commit messages, and what they say of AI assistance. (git-interpret-trailers(1)) Pure functions, any
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace countersign::adapters::git {

struct Trailer {
  std::string key;    // as written: "Signed-off-by"
  std::string value;  // continuation lines joined by spaces
};

// Those of the last paragraph, as git finds them: every line is a trailer or continues one, or at least one is of git's
// own and a quarter of the lines are trailers. At most `limit`.
[[nodiscard]] std::vector<Trailer> trailers_of(std::string_view message, std::size_t limit = 100);

enum class AssistanceKind : std::uint8_t {
  co_author,       // Co-Authored-By, Co-Developed-By, with an assistant's name or address
  assisted_by,     // Assisted-by, AI-Assisted-by: whatever it names
  generated_by,    // Generated-by, AI-Generated-by, Prompted-by
  generated_with,  // a line "Generated with …", with or without decoration in front
};

struct Assistance {
  AssistanceKind kind = AssistanceKind::co_author;
  std::string assistant;  // the name of our table: "claude"; empty when it is none of them
  std::string line;       // as written, at most 200 bytes
};

// Looks at every line of the message, not only at the last paragraph: who merges or squashes moves trailers about, and
// nobody should lose the mark by that. At most `limit`.
[[nodiscard]] std::vector<Assistance> assistance_of(std::string_view message, std::size_t limit = 20);

// The table's name for a text that mentions an assistant; empty when it mentions none.
[[nodiscard]] std::string_view assistant_in(std::string_view text);

[[nodiscard]] std::string_view name_of(AssistanceKind kind);

}  // namespace countersign::adapters::git
