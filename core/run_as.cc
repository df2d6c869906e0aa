#include "core/run_as.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <tuple>

#include "core/spawn.h"

namespace countersign {
namespace {

enum class Step : int { streams, groups, group, user, privileges, directory, program };

struct Failure {
  Step step = Step::streams;
  int code = 0;
};

const char* name_of(Step step) {
  switch (step) {
    case Step::streams:
      return "its streams";
    case Step::groups:
      return "its groups";
    case Step::group:
      return "its group";
    case Step::user:
      return "its user";
    case Step::privileges:
      return "giving up privileges";
    case Step::directory:
      return "its directory";
    case Step::program:
      return "its program";
  }
  return "";
}

struct Plan {
  const SystemUser* user;
  const char* directory;  // null: ours
  char* const* arguments;
  char* const* environment;
  std::array<int, 3> streams;
  int report;  // where a Failure is written; closed by a program that starts
};

[[noreturn]] void give_up(int report, Step step) {
  const Failure failure{step, errno};
  std::ignore = ::write(report, &failure, sizeof failure);
  ::_exit(127);
}

// Between fork and exec in a program with threads: nothing but system calls, and no memory is taken.
[[noreturn]] void become(const Plan& plan) {
  constexpr int kAbove = 16;
  constexpr int kReport = 3;
  int report = plan.report;
  ::setpgid(0, 0);
  struct sigaction as_set_by_the_system{};
  as_set_by_the_system.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &as_set_by_the_system, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);

  // Out of the way first: any of them may have one of the numbers that the others are to get.
  std::array<int, 3> streams = plan.streams;
  report = ::fcntl(report, F_DUPFD_CLOEXEC, kAbove);
  if (report < 0) give_up(plan.report, Step::streams);
  for (int& stream : streams) {
    stream = ::fcntl(stream, F_DUPFD_CLOEXEC, kAbove);
    if (stream < 0) give_up(report, Step::streams);
  }
  for (int at = 0; at < 3; ++at) {
    if (::dup2(streams[static_cast<std::size_t>(at)], at) < 0) give_up(report, Step::streams);
  }
  if (::dup3(report, kReport, O_CLOEXEC) < 0) give_up(report, Step::streams);
  report = kReport;
  if (::syscall(SYS_close_range, kReport + 1, ~0U, 0) != 0) give_up(report, Step::streams);

  // The system calls themselves: the library's functions of these names would talk to threads that are not here.
  const SystemUser& user = *plan.user;
  if (::syscall(SYS_setgroups, user.groups.size(), user.groups.data()) != 0) give_up(report, Step::groups);
  if (::syscall(SYS_setresgid, user.gid, user.gid, user.gid) != 0) give_up(report, Step::group);
  if (::syscall(SYS_setresuid, user.uid, user.uid, user.uid) != 0) give_up(report, Step::user);
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) give_up(report, Step::privileges);
  if (::syscall(SYS_setresuid, -1, 0, -1) == 0) {
    errno = EPERM;
    give_up(report, Step::privileges);
  }
  // As that user: what it may not enter is not its directory.
  if (plan.directory != nullptr && ::chdir(plan.directory) != 0) give_up(report, Step::directory);
  ::execvpe(plan.arguments[0], plan.arguments, plan.environment);
  give_up(report, Step::program);
}

std::unexpected<Error> failed(std::string_view what, int code) {
  return fail(ErrorKind::unavailable, "run_as.failed", std::string(what) + ": " + std::strerror(code));
}

}  // namespace

Result<SystemUser> find_system_user(const std::string& name) {
  constexpr std::size_t kMostGroups = 65'536;  // of Linux
  std::vector<char> text(16U << 10);
  passwd entry{};
  passwd* found = nullptr;
  const int code = ::getpwnam_r(name.c_str(), &entry, text.data(), text.size(), &found);
  if (found == nullptr) {
    return fail(ErrorKind::invalid, "run_as.unknown_user",
                "this machine has no user `" + name + "`" + (code == 0 ? "" : std::string(": ") + std::strerror(code)));
  }
  SystemUser user{.name = name, .uid = entry.pw_uid, .gid = entry.pw_gid, .groups = {}, .home = entry.pw_dir};
  int count = 64;
  user.groups.resize(static_cast<std::size_t>(count));
  if (::getgrouplist(name.c_str(), user.gid, user.groups.data(), &count) < 0) {
    if (count < 0 || static_cast<std::size_t>(count) > kMostGroups) return failed("its groups", E2BIG);
    user.groups.resize(static_cast<std::size_t>(count));
    if (::getgrouplist(name.c_str(), user.gid, user.groups.data(), &count) < 0) return failed("its groups", E2BIG);
  }
  user.groups.resize(static_cast<std::size_t>(count));
  return user;
}

Result<Switch> may_run_as(const SystemUser& user) {
  if (user.uid == 0) return fail(ErrorKind::invalid, "run_as.root", "`run_as` is for users other than root");
  if (user.uid == ::geteuid()) return Switch::none;
  if (::geteuid() != 0) {
    return fail(ErrorKind::invalid, "run_as.not_root",
                "only a gateway that runs as root can start a program as `" + user.name + "`");
  }
  return Switch::needed;
}

Result<pid_t> spawn_as(const SystemUser& user, const ProgramStart& start) {
  std::vector<std::string> arguments = start.arguments;
  std::vector<std::string> environment = start.environment;
  if (arguments.empty()) return failed("its program", ENOENT);
  const std::vector<char*> argv = pointers_to(arguments);
  const std::vector<char*> envp = pointers_to(environment);
  std::array<int, 2> report{-1, -1};
  if (::pipe2(report.data(), O_CLOEXEC) != 0) return failed("a pipe", errno);
  const Plan plan{.user = &user,
                  .directory = start.directory.empty() ? nullptr : start.directory.c_str(),
                  .arguments = argv.data(),
                  .environment = envp.data(),
                  .streams = {start.input, start.output, start.errors},
                  .report = report[1]};
  // No handler of ours may run in the child: it would see memory and threads that are not there.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = ::fork();
  if (pid == 0) become(plan);
  const int why_not = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::close(report[1]);
  if (pid < 0) {
    ::close(report[0]);
    return failed("fork", why_not);
  }
  Failure failure;
  ssize_t count = 0;
  do {
    count = ::read(report[0], &failure, sizeof failure);
  } while (count < 0 && errno == EINTR);
  ::close(report[0]);
  if (count == 0) return pid;
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  return failed(name_of(failure.step), failure.code);
}

}  // namespace countersign
