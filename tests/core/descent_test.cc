// Which processes are this one's children, however far down.
#include "core/descent.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

namespace countersign {
namespace {

// A process that stays until it is released, `depth` forks below this one; those between it and us end at once when
// `orphaned`.
class Descendant {
 public:
  enum class Parents { stay, leave };
  Descendant(int depth, Parents parents) {
    std::array<int, 2> told{};
    EXPECT_EQ(::pipe(told.data()), 0);
    EXPECT_EQ(::pipe(hold_.data()), 0);
    first_ = ::fork();
    if (first_ == 0) {
      ::close(hold_[1]);
      for (int at = 1; at < depth; ++at) {
        const pid_t next = ::fork();
        if (next == 0) continue;
        if (parents == Parents::stay) ::waitpid(next, nullptr, 0);
        ::_exit(0);
      }
      const pid_t self = ::getpid();
      std::ignore = ::write(told[1], &self, sizeof self);
      char byte = 0;
      std::ignore = ::read(hold_[0], &byte, 1);
      ::_exit(0);
    }
    EXPECT_EQ(::read(told[0], &pid_, sizeof pid_), static_cast<ssize_t>(sizeof pid_));
    for (int end : told) ::close(end);
    if (parents == Parents::leave && depth > 1) ::waitpid(first_, nullptr, 0);
  }
  ~Descendant() {
    for (int end : hold_) ::close(end);
    while (::waitpid(-1, nullptr, 0) > 0) {
    }
  }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  std::array<int, 2> hold_{};
  pid_t first_ = 0;
  pid_t pid_ = 0;
};

TEST(Descent, ChildrenAndTheirChildrenAreOurs) {
  for (int depth : {1, 2, 5}) {
    Descendant below(depth, Descendant::Parents::stay);
    EXPECT_EQ(descent_of(below.pid()), Descent::ours) << depth;
  }
}

TEST(Descent, WeOurselvesOurParentsAndTheFirstProcessAreNot) {
  EXPECT_EQ(descent_of(::getpid()), Descent::foreign);
  EXPECT_EQ(descent_of(::getppid()), Descent::foreign);
  EXPECT_EQ(descent_of(0), Descent::foreign);
  if (::getpid() != 1) EXPECT_EQ(descent_of(1), Descent::foreign);
}

TEST(Descent, NobodyKnowsOfOneThatHasEnded) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(descent_of(child), Descent::unknown);
}

TEST(Descent, OneThatLeftItsParentsComesBackToUs) {
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
  Descendant daemon(3, Descendant::Parents::leave);
  EXPECT_EQ(descent_of(daemon.pid()), Descent::ours);
}

TEST(Descent, AChainThatIsTooLongIsNotBelieved) {
  Descendant below(150, Descendant::Parents::stay);
  EXPECT_EQ(descent_of(below.pid()), Descent::unknown);
}

}  // namespace
}  // namespace countersign
