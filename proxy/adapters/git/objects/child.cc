#include "proxy/adapters/git/objects/child.h"

#include <poll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "core/spawn.h"

namespace countersign::adapters::git {
namespace {

// Settings of every command, given by environment because that outranks the files git would read, and because what
// git starts itself (pack-objects below upload-pack) inherits it.
constexpr std::pair<const char*, const char*> kSettings[] = {
    {"protocol.allow", "never"},  // nothing is ever fetched by a command
    {"safe.directory", "*"},      // folders are ours by their place, whoever runs the tests
    {"core.hooksPath", "/dev/null"},
    {"core.attributesFile", "/dev/null"},
    {"core.fsmonitor", "false"},       // would be a command of the repository's choosing
    {"core.bigFileThreshold", "16m"},  // larger blobs are streamed, not held in memory
    {"core.packedGitWindowSize", "32m"},
    {"core.packedGitLimit", "512m"},  // with the address space limit: mapped packs must fit
    {"core.deltaBaseCacheLimit", "64m"},
    // What is stored here can be had again, from the spooled push or from the upstream: a lost write costs time only.
    {"core.fsync", "none"},
    {"pack.writeReverseIndex", "false"},
    {"core.multiPackIndex", "false"},
    {"core.commitGraph", "false"},
    {"pack.threads", "1"},  // one push must not take the machine
    {"pack.windowMemory", "64m"},
    {"gc.auto", "0"},
    {"maintenance.auto", "false"},
    {"transfer.advertiseSID", "false"},
};

std::vector<std::string> environment_of(const ChildCommand& command) {
  const char* path = std::getenv("PATH");
  std::vector<std::string> out = {std::string("PATH=") + (path == nullptr ? "/usr/bin:/bin" : path),
                                  "HOME=/nonexistent",
                                  "LC_ALL=C",
                                  "GIT_CONFIG_NOSYSTEM=1",
                                  "GIT_CONFIG_GLOBAL=/dev/null",
                                  "GIT_ATTR_NOSYSTEM=1",
                                  "GIT_TERMINAL_PROMPT=0",
                                  "GIT_ASKPASS=/bin/false",
                                  "GIT_NO_REPLACE_OBJECTS=1",
                                  "GIT_NO_LAZY_FETCH=1",
                                  "GIT_OPTIONAL_LOCKS=0",
                                  "GIT_CEILING_DIRECTORIES=/",
                                  "GIT_PAGER=cat"};
  std::size_t count = 0;
  for (const auto& [name, value] : kSettings) {
    std::string number = std::to_string(count++);
    out.push_back("GIT_CONFIG_KEY_" + number + "=" + name);
    out.push_back("GIT_CONFIG_VALUE_" + number + "=" + value);
  }
  out.push_back("GIT_CONFIG_COUNT=" + std::to_string(count));
  if (!command.git_dir.empty()) out.push_back("GIT_DIR=" + command.git_dir);
  for (const auto& [name, value] : command.environment) out.push_back(name + "=" + value);
  return out;
}

void limit(pid_t pid, decltype(RLIMIT_AS) resource, std::uint64_t value) {
  rlimit bound{.rlim_cur = value, .rlim_max = value};
  ::prlimit(pid, resource, &bound, nullptr);
}

}  // namespace

int milliseconds_until(SteadyTime deadline) {
  auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
}

Result<Child> Child::start(const ChildCommand& command, const ToolLimits& limits, int input, int output, int errors) {
  SpawnPlan plan(input, output, errors);
  std::vector<std::string> arguments = {"git"};
  arguments.insert(arguments.end(), command.arguments.begin(), command.arguments.end());
  std::vector<std::string> environment = environment_of(command);
  std::vector<char*> argv = pointers_to(arguments);
  std::vector<char*> envp = pointers_to(environment);
  pid_t pid = -1;
  int code = ::posix_spawnp(&pid, "git", &plan.actions, &plan.attributes, argv.data(), envp.data());
  if (code == ENOENT) return fail(ErrorKind::unavailable, "git.tool_missing", "the git program is not installed");
  if (code != 0) {
    return fail(ErrorKind::unavailable, "git.tool_failed",
                std::string("git cannot be started: ") + std::strerror(code));
  }
  Child child(pid);
  // posix_spawn cannot set limits. The command has only just been loaded: what it may have allocated by now is small.
  limit(pid, RLIMIT_AS, limits.memory);
  limit(pid, RLIMIT_FSIZE, limits.file_size);
  limit(pid, RLIMIT_CORE, 0);
  child.pidfd_ = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!child.pidfd_.is_open()) return fail(ErrorKind::unavailable, "git.tool_failed", "git cannot be watched");
  return child;
}

Child::Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)) {}

Child& Child::operator=(Child&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(pidfd_, other.pidfd_);
  return *this;
}

Child::~Child() {
  if (pid_ > 0) reap();
}

// The group is killed while its leader is not reaped yet: until then the number can belong to nobody else.
int Child::reap() {
  ::kill(-pid_, SIGKILL);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return status;
}

std::optional<int> Child::wait(SteadyTime deadline) {
  pollfd ended{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
  while (true) {
    int count = ::poll(&ended, 1, milliseconds_until(deadline));
    if (count > 0) break;
    if (count == 0) return std::nullopt;
    if (errno != EINTR) break;
  }
  return reap();
}

}  // namespace countersign::adapters::git
