// One running git command: started without a shell, in a process group of its own, with an environment that names
// nothing of this machine's users, and killed and reaped by its destructor.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/result.h"
#include "proxy/adapters/git/objects/descriptor.h"

namespace countersign::adapters::git {

using SteadyTime = std::chrono::steady_clock::time_point;

// What one command may use; `memory` and `file_size` are set in the instant after it has been started. Over `time` it
// is killed with all it started (git.tool_timeout); over `memory` its own allocations fail.
struct ToolLimits {
  std::chrono::milliseconds time{60'000};
  std::uint64_t memory = 2ULL << 30;     // address space, RLIMIT_AS; mapped packs count
  std::uint64_t file_size = 4ULL << 30;  // of any file it writes, RLIMIT_FSIZE
  std::size_t output = 16U << 20;        // kept in memory
  std::size_t errors = 4U << 10;         // what it says for people; the rest is dropped
};

struct ChildCommand {
  std::vector<std::string> arguments;                            // behind "git": {"index-pack", "--stdin"}
  std::string git_dir;                                           // GIT_DIR; empty: none is set
  std::vector<std::pair<std::string, std::string>> environment;  // more of it: {"GIT_PROTOCOL", "version=2"}
};

class Child {
 public:
  // Starts the command with the three descriptors as its standard ones; nothing else is handed down. The descriptors
  // stay the caller's. Errors: git.tool_missing, git.tool_failed (no process could be made).
  static Result<Child> start(const ChildCommand& command, const ToolLimits& limits, int input, int output, int errors);

  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;  // what was here ends with `other`
  ~Child();                                  // kills what still runs, and waits for it

  // Readable when the command has ended.
  [[nodiscard]] int ended_descriptor() const { return pidfd_.get(); }

  // Waits until the command has ended. The wait status of waitpid(2), or nullopt at the deadline. What it started and
  // left behind is killed before.
  std::optional<int> wait(SteadyTime deadline);

 private:
  explicit Child(pid_t pid) : pid_(pid) {}
  int reap();

  pid_t pid_ = -1;  // -1: reaped or moved from
  Descriptor pidfd_;
};

// Milliseconds for poll(2) until then: 0 when it has passed.
[[nodiscard]] int milliseconds_until(SteadyTime deadline);

}  // namespace countersign::adapters::git
