// What the gateway says about its own process to the system, and what follows from it.
#pragma once

#include <sys/types.h>

#include <set>

namespace countersign::cli {

// - Programs of the same user cannot read the memory of this one or take it over, and it leaves no core file: both
//   would hold keys (PR_SET_DUMPABLE; not in builds with a leak checker, which reads its own process that way).
// - Processes that leave the parents they had among our children become our own, and are told apart by it
//   (core/descent.h; PR_SET_CHILD_SUBREAPER).
// Before the first secret is read.
void shield_process();

// Processes that became ours in this way, or because we are a container's first one, are nobody's to wait for when they
// end. One thread.
class Orphans {
 public:
  // Collects what had ended at the sweep before already: what we start ourselves is collected within moments.
  // At most once in a while.
  void sweep();

 private:
  std::set<pid_t> ended_;
};

}  // namespace countersign::cli
