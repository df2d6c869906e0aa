// Whether a process was started by this one, directly or through others. For doors whose only lock is "the same user":
// what the gateway starts itself runs as that user, too.
//
// A process that daemonizes leaves its parents: it is then a child of the nearest subreaper above (prctl(2),
// PR_SET_CHILD_SUBREAPER), which is this process if it has said so, and otherwise of init.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace countersign {

enum class Descent : std::uint8_t {
  ours,     // a child of this process, a child's child, …
  foreign,  // this process itself, or one that it has not started
  unknown,  // it has ended, or its parents changed while they were looked at, or there are more than 128 of them
};

// `pid` as the kernel says it (SO_PEERCRED); 0 is a process that our PID namespace does not see, and so no child of
// ours. Reads /proc, at most a few hundred small files. Any thread.
[[nodiscard]] Descent descent_of(pid_t pid);

}  // namespace countersign
