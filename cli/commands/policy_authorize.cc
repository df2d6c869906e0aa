// policy authorize: the Cedar engine alone, for programs: a line in, a line out.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "cli/authorize_jsonl.h"
#include "cli/commands/commands.h"
#include "cli/report.h"

namespace countersign::cli {
namespace {

// Every answer leaves as soon as its line is complete, so that the other side may wait for it.
int answer_all(int input) {
  AuthorizeStream stream;
  std::array<char, 1U << 16> buffer{};
  while (true) {
    ssize_t count = read(input, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0)
      return report(Error{ErrorKind::internal, "authorize.read", "cannot read: " + std::string(std::strerror(errno))});
    std::string answers = count == 0 ? stream.finish() : stream.feed({buffer.data(), static_cast<std::size_t>(count)});
    if (!answers.empty() && !print(answers)) return kUnreachable;
    if (count == 0) return kDone;
  }
}

}  // namespace

int run_policy_authorize(const PolicyAuthorizeOptions& options) {
  if (!options.jsonl) return report_usage("say how requests are written", "policy authorize --jsonl [FILE]");
  if (options.file.empty() || options.file == "-") return answer_all(STDIN_FILENO);
  int file = open(options.file.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return report_usage("cannot open `" + options.file + "`: " + std::strerror(errno), "name a file of JSON lines");
  int code = answer_all(file);
  close(file);
  return code;
}

}  // namespace countersign::cli
