#include "core/problem.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace countersign {
namespace {

TEST(Problems, FormatAndOrder) {
  Problems problems = {{"b.yaml", 1, 1, "z"},
                       {"a.yaml", 10, 1, "y"},
                       {"a.yaml", 2, 5, "x", Severity::warning},
                       {"a.yaml", 2, 5, "w"},
                       {"c.yaml", 0, 0, "v"}};
  sort_problems(problems);
  EXPECT_EQ(format_problems(problems), "a.yaml:2: warning: x\na.yaml:2: w\na.yaml:10: y\nb.yaml:1: z\nc.yaml: v\n");
  EXPECT_TRUE(has_errors(problems));
  EXPECT_FALSE(has_errors({{"a", 1, 1, "x", Severity::warning}}));
}

TEST(Closest, FindsSlipsOfTheFingerOnly) {
  EXPECT_EQ(closest("upstraems", {"state", "upstreams", "store"}), "upstreams");
  EXPECT_EQ(closest("sotre", {"state", "upstreams", "store"}), "store");
  EXPECT_EQ(closest("colour", {"state", "upstreams", "store"}), "");
  EXPECT_EQ(closest(std::string(100'000, 'a'), {"a"}), "");
}

TEST(ReadFile, ReadsExactlyAndRefusesTheRest) {
  auto folder = std::filesystem::temp_directory_path() / ("countersign-read-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  std::string path = folder / "file";
  std::ofstream(path, std::ios::binary) << std::string("a\0b\r\n", 5);
  EXPECT_EQ(read_file(path, 5).value(), std::string("a\0b\r\n", 5));
  EXPECT_EQ(read_file(path, 4).error().code, "file.too_large");
  EXPECT_EQ(read_file(folder / "none", 4).error().code, "file.missing");
  EXPECT_EQ(read_file(folder, 4).error().code, "file.unreadable");
  EXPECT_EQ(read_file("/dev/zero", 4).error().code, "file.unreadable");
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace countersign
