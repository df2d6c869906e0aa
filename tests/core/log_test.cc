#include "core/log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include "core/json.h"

namespace countersign {
namespace {

class LogTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = std::filesystem::temp_directory_path() / ("countersign-log-" + std::to_string(::getpid()));
    std::filesystem::remove(path_);
  }
  void TearDown() override { std::filesystem::remove(path_); }
  std::vector<std::string> lines() const {
    std::ifstream file(path_);
    std::vector<std::string> out;
    for (std::string line; std::getline(file, line);) out.push_back(line);
    return out;
  }
  std::filesystem::path path_;
};

TEST_F(LogTest, WritesJsonLines) {
  Log log(LogLevel::info, LogFormat::json, path_.c_str());
  log.debug("not written");
  log.warning("upstream \"does not\" answer", {{"upstream", "files\n{}"}, {"attempt", "3"}, {"level", "forged"}});
  auto written = lines();
  ASSERT_EQ(written.size(), 1U);
  Json line = parse_json(written[0]).value();
  EXPECT_EQ(line["level"], "warning");
  EXPECT_EQ(line["message"], "upstream \"does not\" answer");
  EXPECT_EQ(line["upstream"], "files\n{}");
  EXPECT_EQ(line["attempt"], "3");
  EXPECT_TRUE(line.contains("time"));
}

TEST_F(LogTest, HostileTextCannotForgeALine) {
  Log log(LogLevel::debug, LogFormat::human, path_.c_str());
  log.info("a\nb", {{"name", "x\n2026-11-21T00:00:00.000Z error forged"}, {"plain", "value"}, {"empty", ""}});
  auto written = lines();
  ASSERT_EQ(written.size(), 1U);
  EXPECT_NE(written[0].find(" info a\\x0ab name=\"x\\n2026"), std::string::npos) << written[0];
  EXPECT_TRUE(written[0].ends_with("plain=value empty=\"\"")) << written[0];
}

TEST_F(LogTest, FormatDirectivesAreText) {
  Log log(LogLevel::debug, LogFormat::human, path_.c_str());
  log.info("{} %v {0} %s");
  EXPECT_TRUE(lines().at(0).ends_with(" info {} %v {0} %s"));
}

TEST_F(LogTest, LinesOfManyThreadsStayWhole) {
  Log log(LogLevel::debug, LogFormat::json, path_.c_str());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) log.info("message", {{"field", "value"}});
    });
  }
  for (std::thread& thread : threads) thread.join();
  auto written = lines();
  EXPECT_EQ(written.size(), 800U);
  for (const std::string& line : written) EXPECT_TRUE(parse_json(line)) << line;
}

TEST(LogLevels, NamesAndOff) {
  EXPECT_EQ(log_level_from_name("warning"), LogLevel::warning);
  EXPECT_EQ(log_level_from_name("loud"), std::nullopt);
  Log log(LogLevel::off);
  EXPECT_FALSE(log.writes(LogLevel::error));
  EXPECT_FALSE(log.writes(LogLevel::off));
}

}  // namespace
}  // namespace countersign
