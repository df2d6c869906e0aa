#include "core/descent.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <optional>
#include <string>
#include <string_view>

namespace countersign {
namespace {

constexpr int kMostParents = 128;
constexpr int kTries = 3;

struct Process {
  pid_t parent = 0;
  std::uint64_t started = 0;  // in ticks since the machine was
};

template <class Number>
std::optional<Number> field(std::string_view text, int index) {
  for (; index > 0; --index) {
    const std::size_t blank = text.find(' ');
    if (blank == std::string_view::npos) return std::nullopt;
    text.remove_prefix(blank + 1);
  }
  Number number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  return number;
}

// proc_pid_stat(5): "pid (name) state ppid …", the start in field 22. A name may have blanks and parentheses.
std::optional<Process> read_process(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/stat";
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return std::nullopt;
  std::array<char, 1024> buffer{};
  const ssize_t count = ::read(file, buffer.data(), buffer.size());
  ::close(file);
  if (count <= 0) return std::nullopt;
  std::string_view text(buffer.data(), static_cast<std::size_t>(count));
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string_view::npos || name_end + 2 > text.size()) return std::nullopt;
  text.remove_prefix(name_end + 2);
  const auto parent = field<pid_t>(text, 1);
  const auto started = field<std::uint64_t>(text, 19);
  if (!parent || !started) return std::nullopt;
  return Process{*parent, *started};
}

// Where /proc hides other users' processes (hidepid), they are there all the same. None of them is a child of ours:
// what could take another user's rights is started with privileges that only root has, and from root nothing is hidden.
bool is_hidden(pid_t pid) {
  return ::kill(pid, 0) != 0 && errno == EPERM;
}

Descent walk(pid_t pid) {
  const pid_t self = ::getpid();
  std::uint64_t child_started = UINT64_MAX;
  for (int above = 0; above <= kMostParents; ++above) {
    if (pid == self) return above == 0 ? Descent::foreign : Descent::ours;
    if (pid <= 0) return Descent::foreign;
    const std::optional<Process> process = read_process(pid);
    if (!process) return is_hidden(pid) ? Descent::foreign : Descent::unknown;
    // A parent that is younger than its child is another process, which got the number of one that has ended.
    if (process->started > child_started) return Descent::unknown;
    child_started = process->started;
    pid = process->parent;
  }
  return Descent::unknown;
}

}  // namespace

Descent descent_of(pid_t pid) {
  Descent found = Descent::unknown;
  for (int at = 0; at < kTries && found == Descent::unknown; ++at) found = walk(pid);
  return found;
}

}  // namespace countersign
