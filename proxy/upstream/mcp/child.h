// A child process with pipes to its standard streams, in a process group of its own.
//
// It inherits nothing: no descriptor but the three, no environment but PATH, HOME, LANG and what is configured, no
// signal dispositions. As another user (core/run_as.h) it has that user's HOME. Its whole group is ended with it. One
// thread at a time; kill_group() from any.
#pragma once

#include <sys/types.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/result.h"

namespace countersign::mcp {

struct ChildCommand {
  std::vector<std::string> arguments;  // the program first; looked up in PATH unless it has a slash
  std::map<std::string, std::string> environment;
  std::string directory;
  std::string run_as;  // a user of this machine; empty: the one we are
};

class ChildProcess {
 public:
  // upstream.connect_failed, with the system's reason.
  static Result<std::unique_ptr<ChildProcess>> start(const ChildCommand& command);
  // Kills what still runs of the group, and waits for the child.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  // Our ends of its streams and its pidfd (readable once it has ended). The caller takes them over.
  [[nodiscard]] int take_input();
  [[nodiscard]] int take_output();
  [[nodiscard]] int take_errors();
  [[nodiscard]] int take_pidfd();

  // Collects the exit status if it has ended: "exit code 1", "signal 9"; empty while it runs.
  [[nodiscard]] std::string reap();
  // SIGTERM or SIGKILL to the group, as long as it is ours.
  void kill_group(int signal);

 private:
  explicit ChildProcess(pid_t pid) : pid_(pid) {}
  pid_t pid_;
  int input_ = -1;
  int output_ = -1;
  int errors_ = -1;
  int pidfd_ = -1;
  std::mutex mutex_;  // guards reaped_: a pid means nothing once it was reaped
  bool reaped_ = false;
};

}  // namespace countersign::mcp
