#include "cli/prompt.h"

#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>

namespace countersign::cli {
namespace {

constexpr std::size_t kLongestAnswer = 1000;

// Echo is off while this lives; signals stay on, and the terminal is restored whatever happens in between but a kill.
class Silence {
 public:
  Silence() : active_(::tcgetattr(STDIN_FILENO, &before_) == 0) {
    if (!active_) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
  }
  ~Silence() {
    if (active_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;

 private:
  termios before_{};
  bool active_;
};

}  // namespace

void tell(std::string_view line) {
  std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
}

Result<Secret> ask_secret(std::string_view question) {
  const bool terminal = ::isatty(STDIN_FILENO) == 1;
  if (terminal) std::fprintf(stderr, "%.*s ", static_cast<int>(question.size()), question.data());
  std::string line;
  bool ended = false;
  {
    Silence silence;
    // A byte at a time: what follows the line is the next question's answer.
    for (char c = 0; line.size() <= kLongestAnswer && ::read(STDIN_FILENO, &c, 1) == 1;) {
      ended = c == '\n';
      if (ended) break;
      line.push_back(c);
    }
  }
  if (terminal) std::fputc('\n', stderr);
  if (line.ends_with('\r')) line.pop_back();
  Secret answer(line);
  std::ranges::fill(line, '\0');
  if (answer.empty() || (!ended && answer.expose().size() > kLongestAnswer))
    return fail(ErrorKind::invalid, "cli.no_answer", "no answer was given");
  return answer;
}

}  // namespace countersign::cli
