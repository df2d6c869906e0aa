#include "policies/run_git.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <tuple>
#include <utility>

namespace countersign::policies {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::size_t kErrorBytes = 4'096;
constexpr rlim_t kFileBytes = 1ULL << 30;  // of what a fetch may write

class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() { close(); }
  void close() {
    if (number_ >= 0) ::close(std::exchange(number_, -1));
  }
  [[nodiscard]] int get() const { return number_; }
  [[nodiscard]] bool is_open() const { return number_ >= 0; }

 private:
  int number_;
};

struct Pipe {
  Descriptor read;
  Descriptor write;
  bool open() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
    read = Descriptor(ends[0]);
    write = Descriptor(ends[1]);
    return true;
  }
  // A socket, because writing to one whose other end has gone is an error and not a signal.
  bool open_socket() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return false;
    read = Descriptor(ends[0]);
    write = Descriptor(ends[1]);
    return true;
  }
};

class SpawnPlan {
 public:
  SpawnPlan() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
};

void pass_on(const char* name, std::vector<std::string>& out) {
  if (const char* value = std::getenv(name)) out.push_back(std::string(name) + "=" + value);
}

std::vector<std::string> environment_of(const GitRun& command) {
  std::vector<std::string> out = {"LC_ALL=C",
                                  "GIT_TERMINAL_PROMPT=0",
                                  "GIT_ASKPASS=/bin/false",
                                  "GIT_NO_REPLACE_OBJECTS=1",
                                  "GIT_OPTIONAL_LOCKS=0",
                                  "GIT_ALLOW_PROTOCOL=file:http:https:ssh",
                                  "GIT_DIR=" + command.git_dir};
  const char* path = std::getenv("PATH");
  out.push_back(std::string("PATH=") + (path ? path : "/usr/bin:/bin"));
  if (command.settings == GitRun::Settings::users) {
    for (const char* name : {"HOME", "SSH_AUTH_SOCK", "GIT_SSH_COMMAND", "https_proxy", "http_proxy", "no_proxy"})
      pass_on(name, out);
    return out;
  }
  out.insert(out.end(), {"HOME=/nonexistent", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
                         "GIT_ATTR_NOSYSTEM=1", "GIT_NO_LAZY_FETCH=1"});
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

std::unexpected<Error> tool_failed(std::string why) {
  return fail(ErrorKind::unavailable, "git.tool_failed", "git cannot be run: " + std::move(why));
}

Result<pid_t> spawn(const GitRun& command, int input, int output, int errors) {
  SpawnPlan plan;
  ::posix_spawn_file_actions_adddup2(&plan.actions, input, 0);
  ::posix_spawn_file_actions_adddup2(&plan.actions, output, 1);
  ::posix_spawn_file_actions_adddup2(&plan.actions, errors, 2);
  ::posix_spawn_file_actions_addclosefrom_np(&plan.actions, 3);
  sigset_t all;
  sigset_t none;
  ::sigfillset(&all);
  ::sigemptyset(&none);
  ::posix_spawnattr_setsigdefault(&plan.attributes, &all);
  ::posix_spawnattr_setsigmask(&plan.attributes, &none);
  ::posix_spawnattr_setpgroup(&plan.attributes, 0);
  ::posix_spawnattr_setflags(&plan.attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  std::vector<std::string> arguments = {"git",
                                        "-c",
                                        "core.hooksPath=/dev/null",
                                        "-c",
                                        "gc.auto=0",
                                        "-c",
                                        "maintenance.auto=false",
                                        "-c",
                                        "safe.directory=*",
                                        "-c",
                                        "core.fsmonitor=false"};
  arguments.insert(arguments.end(), command.arguments.begin(), command.arguments.end());
  std::vector<std::string> environment = environment_of(command);
  std::vector<char*> argv = pointers(arguments);
  std::vector<char*> envp = pointers(environment);
  pid_t pid = -1;
  int code = ::posix_spawnp(&pid, "git", &plan.actions, &plan.attributes, argv.data(), envp.data());
  if (code == ENOENT) return fail(ErrorKind::unavailable, "git.tool_missing", "the git program is not installed");
  if (code != 0) return tool_failed(std::strerror(code));
  rlimit bound{.rlim_cur = kFileBytes, .rlim_max = kFileBytes};
  ::prlimit(pid, RLIMIT_FSIZE, &bound, nullptr);
  return pid;
}

int left_until(Steady::time_point end) {
  auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Steady::now()).count();
  return left < 0 ? 0 : static_cast<int>(left);
}

// Kills what still runs, and waits for it.
int reap(pid_t pid, bool kill) {
  if (kill) ::kill(-pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

enum class Fed : std::uint8_t { done, timeout, too_large };

// Moves bytes both ways until the command has closed its ends.
Fed feed(const GitRun& command, Descriptor input, Descriptor output, Descriptor errors, GitDone& done) {
  const Steady::time_point end = Steady::now() + command.time;
  std::string_view rest = command.input;
  std::array<char, 65'536> chunk{};
  if (rest.empty()) input.close();
  while (output.is_open() || errors.is_open()) {
    std::array<pollfd, 3> wait = {pollfd{input.get(), POLLOUT, 0}, pollfd{output.get(), POLLIN, 0},
                                  pollfd{errors.get(), POLLIN, 0}};
    int ready = ::poll(wait.data(), wait.size(), left_until(end));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return Fed::timeout;
    if (wait[0].revents != 0) {
      ssize_t put = ::send(input.get(), rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (put > 0) rest.remove_prefix(static_cast<std::size_t>(put));
      bool gone = put < 0 && errno != EAGAIN && errno != EINTR;
      if (rest.empty() || gone) input.close();
    }
    for (auto [at, descriptor, into, most] :
         {std::tuple(1U, &output, &done.output, command.output), std::tuple(2U, &errors, &done.errors, kErrorBytes)}) {
      if (wait[at].revents == 0) continue;
      ssize_t got = ::read(descriptor->get(), chunk.data(), chunk.size());
      if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) descriptor->close();
      if (got <= 0) continue;
      std::size_t room = most - std::min(most, into->size());
      into->append(chunk.data(), std::min(room, static_cast<std::size_t>(got)));
      if (at == 1 && static_cast<std::size_t>(got) > room) return Fed::too_large;
    }
  }
  return Fed::done;
}

}  // namespace

Result<GitDone> run_git(const GitRun& command) {
  Pipe in;
  Pipe out;
  Pipe err;
  if (!in.open_socket() || !out.open() || !err.open()) return tool_failed("no pipe can be made");
  auto pid = spawn(command, in.read.get(), out.write.get(), err.write.get());
  if (!pid) return fail(pid.error());
  in.read.close();
  out.write.close();
  err.write.close();
  GitDone done;
  Fed fed = feed(command, std::move(in.write), std::move(out.read), std::move(err.read), done);
  done.code = reap(*pid, fed != Fed::done);
  for (char& c : done.errors) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  if (fed == Fed::timeout) return fail(ErrorKind::unavailable, "git.tool_timeout", "git took too long");
  if (fed == Fed::too_large) {
    return fail(ErrorKind::unavailable, "git.tool_output_too_large", "git said more than it should have to say");
  }
  return done;
}

}  // namespace countersign::policies
