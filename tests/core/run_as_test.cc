// Programs started as another user. What needs root is skipped without it.
#include "core/run_as.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

namespace countersign {
namespace {

std::string output_of(const SystemUser& user, std::vector<std::string> arguments, int* status = nullptr,
                      const std::string& directory = "/") {
  std::array<int, 2> out{};
  EXPECT_EQ(::pipe2(out.data(), O_CLOEXEC), 0);
  auto pid = spawn_as(user, {.arguments = std::move(arguments),
                             .environment = {"PATH=/usr/bin:/bin"},
                             .directory = directory,
                             .input = out[0],
                             .output = out[1],
                             .errors = out[1]});
  ::close(out[1]);
  std::string text;
  if (!pid) text = pid.error().code + " " + pid.error().message;
  char byte = 0;
  while (pid && ::read(out[0], &byte, 1) == 1) text += byte;
  ::close(out[0]);
  int ended = 0;
  if (pid) ::waitpid(*pid, &ended, 0);
  if (status != nullptr) *status = ended;
  return text;
}

class RunAs : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can start programs as somebody else";
    auto found = find_system_user("nobody");
    ASSERT_TRUE(found) << found.error().message;
    nobody_ = std::move(*found);
  }
  SystemUser nobody_;
};

TEST(SystemUser, UnknownOnesAndRootAreRefused) {
  auto unknown = find_system_user("nobody-of-this-name-at-all");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, "run_as.unknown_user");
  auto root = find_system_user("root");
  ASSERT_TRUE(root);
  auto way = may_run_as(*root);
  ASSERT_FALSE(way);
  EXPECT_EQ(way.error().code, "run_as.root");
}

TEST(SystemUser, OnlyRootBecomesSomebodyElse) {
  auto nobody = find_system_user("nobody");
  ASSERT_TRUE(nobody);
  auto way = may_run_as(*nobody);
  if (::geteuid() == 0) {
    ASSERT_TRUE(way);
    EXPECT_EQ(*way, Switch::needed);
  } else if (::geteuid() != nobody->uid) {
    ASSERT_FALSE(way);
    EXPECT_EQ(way.error().code, "run_as.not_root");
  }
}

TEST_F(RunAs, TheProgramHasThatUsersIdsAndGroupsAndNothingLeft) {
  const std::string status = output_of(nobody_, {"cat", "/proc/self/status"});
  const std::string uid = std::to_string(nobody_.uid);
  EXPECT_NE(status.find("Uid:\t" + uid + "\t" + uid + "\t" + uid + "\t" + uid), std::string::npos) << status;
  const std::string gid = std::to_string(nobody_.gid);
  EXPECT_NE(status.find("Gid:\t" + gid + "\t" + gid + "\t" + gid + "\t" + gid), std::string::npos) << status;
  EXPECT_NE(status.find("Groups:\t" + gid + " \n"), std::string::npos) << status;
  EXPECT_NE(status.find("NoNewPrivs:\t1"), std::string::npos) << status;
  for (const char* set : {"CapPrm:\t", "CapEff:\t", "CapAmb:\t"})
    EXPECT_NE(status.find(std::string(set) + "0000000000000000"), std::string::npos) << status;
  EXPECT_NE(status.find("SigBlk:\t0000000000000000"), std::string::npos) << status;
}

TEST_F(RunAs, ItCannotReadWhatIsRootsAndHasNoDescriptorOfOurs) {
  std::string path = "/tmp/countersign-run-as-XXXXXX";
  const int file = ::mkstemp(path.data());
  ASSERT_GE(file, 0);
  ASSERT_EQ(::write(file, "secret", 6), 6);
  EXPECT_EQ(output_of(nobody_, {"cat", path}).find("secret"), std::string::npos);
  EXPECT_EQ(output_of(nobody_, {"sh", "-c", "cat <&" + std::to_string(file)}).find("secret"), std::string::npos);
  ::close(file);
  ::unlink(path.c_str());
}

TEST_F(RunAs, ItSaysAtWhichStepItFailed) {
  EXPECT_EQ(output_of(nobody_, {"/usr/bin/no-such-program"}), "run_as.failed its program: No such file or directory");
  EXPECT_EQ(output_of(nobody_, {"true"}, nullptr, "/no-such-folder"),
            "run_as.failed its directory: No such file or directory");
  EXPECT_EQ(output_of(nobody_, {"true"}, nullptr, "/root"), "run_as.failed its directory: Permission denied");
  int status = 0;
  EXPECT_EQ(output_of(nobody_, {"sh", "-c", "exit 7"}, &status), "");
  EXPECT_EQ(WEXITSTATUS(status), 7);
}

}  // namespace
}  // namespace countersign
