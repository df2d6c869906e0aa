// A door to plain Cedar for test suites and other programs: one JSON object a line in, one a line out. No server, no
// hold, nothing of Countersign. The format is docs/formats/authorize-jsonl.md. Any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace countersign::cli {

// Bytes of one line, without its line feed.
inline constexpr std::size_t kAuthorizeLineLimit = 64U << 20;

// The answer to one line, without a line feed: {"responses", "valid", "validation"}, or {"error"} when the line itself,
// its policies, schema or entities cannot be read. Never fails, whatever the line holds.
[[nodiscard]] std::string authorize_line(std::string_view line);

// Lines handed in as they arrive, in pieces of any size; whole ones are answered.
class AuthorizeStream {
 public:
  explicit AuthorizeStream(std::size_t limit = kAuthorizeLineLimit) : limit_(limit) {}

  // The answers, each ended by a line feed, to the lines that end within `piece`. Blank lines have none. A line over
  // the limit is answered with an error as soon as it passes the limit, and the rest of it is dropped.
  [[nodiscard]] std::string feed(std::string_view piece);
  // The answer to a last line that no line feed ends.
  [[nodiscard]] std::string finish();

 private:
  void take(std::string_view part, std::string& out);
  void end_line(std::string& out);

  std::size_t limit_;
  std::string line_;
  bool dropping_ = false;  // the rest of a line that was too long
};

}  // namespace countersign::cli
