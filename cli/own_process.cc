#include "cli/own_process.h"

#include <sys/prctl.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>

namespace countersign::cli {
namespace {

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define COUNTERSIGN_READS_ITSELF
#endif
#endif

bool has_ended(pid_t pid) {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

}  // namespace

void shield_process() {
#ifndef COUNTERSIGN_READS_ITSELF
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

void Orphans::sweep() {
  std::set<pid_t> ended;
  std::error_code error;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task", error)) {
    std::ifstream children(thread.path() / "children");
    for (pid_t pid = 0; children >> pid;) {
      if (!has_ended(pid)) continue;
      if (ended_.contains(pid)) {
        ::waitpid(pid, nullptr, WNOHANG);
      } else {
        ended.insert(pid);
      }
    }
  }
  ended_ = std::move(ended);
}

}  // namespace countersign::cli
