#include "proxy/upstream/mcp/child.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "core/run_as.h"
#include "core/spawn.h"

namespace countersign::mcp {
namespace {

void close_if_open(int& descriptor) {
  if (descriptor >= 0) ::close(descriptor);
  descriptor = -1;
}

struct Pipe {
  int read = -1;
  int write = -1;
  Pipe() = default;
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close_if_open(read);
    close_if_open(write);
  }
  bool open() {
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0) return false;
    read = ends[0];
    write = ends[1];
    return true;
  }
};

// `user`: whose home it is; null: ours.
std::vector<std::string> clean_environment(const std::map<std::string, std::string>& configured,
                                           const SystemUser* user) {
  std::map<std::string, std::string> all;
  for (const char* name : {"PATH", "HOME", "LANG"}) {
    if (const char* value = std::getenv(name)) all[name] = value;
  }
  if (user != nullptr) all["HOME"] = user->home;
  for (const auto& [name, value] : configured) all[name] = value;
  std::vector<std::string> out;
  for (const auto& [name, value] : all) out.push_back(name + "=" + value);
  return out;
}

std::unexpected<Error> failed(std::string_view what, int code) {
  return fail(ErrorKind::unavailable, "upstream.connect_failed",
              "cannot start the upstream's command: " + std::string(what) + ": " + std::strerror(code));
}

struct Streams {
  int input;
  int output;
  int errors;
};

Result<pid_t> spawn(const ChildCommand& command, const Streams& streams) {
  SpawnPlan plan(streams.input, streams.output, streams.errors);
  if (!command.directory.empty()) ::posix_spawn_file_actions_addchdir_np(&plan.actions, command.directory.c_str());
  std::vector<std::string> arguments = command.arguments;
  std::vector<std::string> environment = clean_environment(command.environment, nullptr);
  std::vector<char*> argv = pointers_to(arguments);
  std::vector<char*> envp = pointers_to(environment);
  pid_t pid = -1;
  const int code = ::posix_spawnp(&pid, argv[0], &plan.actions, &plan.attributes, argv.data(), envp.data());
  if (code != 0) return failed(command.arguments.front(), code);
  return pid;
}

Result<pid_t> spawn_as_other(const ChildCommand& command, const Streams& streams) {
  auto refused = [&](const Error& error) {
    return fail(ErrorKind::unavailable, "upstream.connect_failed",
                "cannot start the upstream's command as " + command.run_as + ": " + error.message);
  };
  const Result<SystemUser> user = find_system_user(command.run_as);
  if (!user) return refused(user.error());
  const Result<Switch> way = may_run_as(*user);
  if (!way) return refused(way.error());
  if (*way == Switch::none) return spawn(command, streams);
  Result<pid_t> pid = spawn_as(*user, {.arguments = command.arguments,
                                       .environment = clean_environment(command.environment, &*user),
                                       .directory = command.directory,
                                       .input = streams.input,
                                       .output = streams.output,
                                       .errors = streams.errors});
  if (!pid) return refused(pid.error());
  return pid;
}

}  // namespace

Result<std::unique_ptr<ChildProcess>> ChildProcess::start(const ChildCommand& command) {
  Pipe input;
  Pipe output;
  Pipe errors;
  if (!input.open() || !output.open() || !errors.open()) return failed("pipe", errno);

  auto pid = command.run_as.empty() ? spawn(command, {input.read, output.write, errors.write})
                                    : spawn_as_other(command, {input.read, output.write, errors.write});
  if (!pid) return fail(pid.error());
  std::unique_ptr<ChildProcess> child(new ChildProcess(*pid));
  child->input_ = std::exchange(input.write, -1);
  child->output_ = std::exchange(output.read, -1);
  child->errors_ = std::exchange(errors.read, -1);
  child->pidfd_ = static_cast<int>(::syscall(SYS_pidfd_open, *pid, 0));
  if (child->pidfd_ < 0) return failed("pidfd_open", errno);
  return child;
}

ChildProcess::~ChildProcess() {
  for (int* descriptor : {&input_, &output_, &errors_, &pidfd_}) close_if_open(*descriptor);
  kill_group(SIGKILL);
  std::lock_guard lock(mutex_);
  while (!reaped_ && ::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  reaped_ = true;
}

int ChildProcess::take_input() {
  return std::exchange(input_, -1);
}
int ChildProcess::take_output() {
  return std::exchange(output_, -1);
}
int ChildProcess::take_errors() {
  return std::exchange(errors_, -1);
}
int ChildProcess::take_pidfd() {
  return std::exchange(pidfd_, -1);
}

std::string ChildProcess::reap() {
  std::lock_guard lock(mutex_);
  if (reaped_) return {};
  // Those it started may have outlived it. Its own pid, and with it the group's number, is ours until it is reaped.
  siginfo_t ended{};
  if (::waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOHANG | WNOWAIT) != 0 || ended.si_pid == 0)
    return {};
  ::kill(-pid_, SIGKILL);
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return {};
  reaped_ = true;
  if (WIFSIGNALED(status)) return "signal " + std::to_string(WTERMSIG(status));
  return "exit code " + std::to_string(WEXITSTATUS(status));
}

void ChildProcess::kill_group(int signal) {
  std::lock_guard lock(mutex_);
  if (!reaped_) ::kill(-pid_, signal);
}

}  // namespace countersign::mcp
