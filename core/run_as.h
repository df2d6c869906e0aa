// Starting a program as another user: what posix_spawn(3) cannot do. Only root can.
//
// The new process has that user's groups and no other, no way back (real, effective and saved ids), and no way to more
// through setuid programs (no_new_privs). Errors: run_as.unknown_user, run_as.root, run_as.not_root (all invalid),
// run_as.failed (unavailable).
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "core/result.h"

namespace countersign {

struct SystemUser {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // gid among them
  std::string home;
};

// run_as.unknown_user: the system has none of this name. May ask the network (nsswitch.conf(5)). Any thread.
[[nodiscard]] Result<SystemUser> find_system_user(const std::string& name);

// Whether a program is started as that user by spawn_as; `none` when it is the one we are anyway. run_as.not_root when
// we cannot; run_as.root when it is root, from whom nothing of the gateway's could be shut off.
enum class Switch : std::uint8_t { none, needed };
[[nodiscard]] Result<Switch> may_run_as(const SystemUser& user);

struct ProgramStart {
  std::vector<std::string> arguments;    // the program first; looked up in our PATH unless it has a slash
  std::vector<std::string> environment;  // all of it
  std::string directory;                 // empty: ours
  int input = -1;
  int output = -1;
  int errors = -1;  // these three become its standard streams; it has no other descriptor
};

// As core/spawn.h's SpawnPlan starts programs, but as `user`. Returns once the program runs. run_as.failed says at
// which step, with the system's reason. Any thread.
[[nodiscard]] Result<pid_t> spawn_as(const SystemUser& user, const ProgramStart& start);

}  // namespace countersign
