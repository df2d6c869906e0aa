#include "proxy/upstream/mcp/stdio_session.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "core/json.h"
#include "loop.h"

namespace countersign::mcp::test {
namespace {

using CatalogueResult = Result<std::shared_ptr<const adapters::McpCatalogue>>;
using CallResult = Result<std::string>;

// A version manager's stand-in for python3 would add variables of its own.
std::string python() {
  return std::filesystem::exists("/usr/bin/python3") ? "/usr/bin/python3" : "python3";
}

class Stdio : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fresh_folder();
    options_.first_pause = 1;
    options_.last_pause = 2;
    options_.leave = 200;
    options_.version = "1";
  }
  void TearDown() override {
    stop();
    std::filesystem::remove_all(folder_);
  }

  StdioSession& start(const std::string& mode) {
    config::Upstream upstream;
    upstream.name = "odd";
    upstream.command = {python(), std::string(COUNTERSIGN_SOURCE_DIR) + "/tests/proxy/adapters/misbehaving_server.py",
                        mode, journal_path()};
    upstream.directory = folder_;
    upstream.environment = {{"CONFIGURED", "yes"}};
    return start(upstream);
  }
  StdioSession& start(const config::Upstream& upstream) {
    session_ = StdioSession::create(loops_.home(), upstream, options_, log_);
    return *session_;
  }
  void stop() {
    if (!session_) return;
    std::promise<void> gone;
    session_->stop([&] { gone.set_value(); });
    gone.get_future().get();
    session_.reset();
  }

  CatalogueResult catalogue() {
    return loops_.run<CatalogueResult>(loops_.other(), [this] { return session_->catalogue(); });
  }
  CallResult call(const std::string& tool, std::function<void(std::string)> on_progress = nullptr,
                  const std::string& arguments = "{}") {
    return loops_.run<CallResult>(loops_.other(),
                                  [&] { return session_->call("tools/call", params(tool, arguments), on_progress); });
  }
  static std::string params(const std::string& tool, const std::string& arguments = "{}") {
    return R"({"name":")" + tool + R"(","arguments":)" + arguments + "}";
  }
  // The JSON a tool of the script answered with.
  static Json said(const CallResult& result) {
    if (!result) throw std::runtime_error(result.error().code + ": " + result.error().message);
    return parse_json(parse_json(*result).value()["result"]["content"][0]["text"].get<std::string>()).value();
  }
  static std::string code(const CallResult& result) { return result ? "ok" : result.error().code; }
  std::string journal_path() const { return folder_ / "journal"; }
  std::vector<std::string> journal() const {
    std::ifstream file(journal_path());
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }
  std::size_t count(const std::string& line) const {
    auto lines = journal();
    return static_cast<std::size_t>(std::ranges::count(lines, line));
  }

  std::filesystem::path folder_;
  SessionOptions options_;
  Log log_{LogLevel::off};
  Loops loops_;
  std::unique_ptr<StdioSession> session_;
};

TEST_F(Stdio, ListsAllPages) {
  start("normal");
  EXPECT_EQ(session_->last_catalogue(), nullptr);
  auto listed = catalogue();
  ASSERT_TRUE(listed) << listed.error().message;
  EXPECT_EQ((*listed)->tools.size(), 13U);
  const adapters::McpTool* echo = (*listed)->find("echo");
  ASSERT_NE(echo, nullptr);
  EXPECT_TRUE(echo->annotated);
  EXPECT_TRUE(echo->read_only);
  EXPECT_TRUE((*listed)->find("die")->destructive);
  EXPECT_EQ(echo->definition, canonical_json(parse_json(echo->definition).value()).value());
  EXPECT_EQ((*listed)->instructions, "be careful");
  EXPECT_EQ(session_->last_catalogue(), *listed);
  EXPECT_EQ(count("started"), 1U);
}

TEST_F(Stdio, HandsArgumentsOnAsTheyAre) {
  start("normal");
  Json echoed = said(call("echo", nullptr, R"({"n":1.0,"u":"\u00e9","deep":{"a":[1,2,{"b":null}]}})"));
  EXPECT_EQ(echoed, (Json{{"name", "echo"},
                          {"arguments", {{"n", 1.0}, {"u", "é"}, {"deep", {{"a", {1, 2, {{"b", nullptr}}}}}}}}}));
}

TEST_F(Stdio, ServesManyCallsAtOnceFromBothWorkers) {
  start("normal");
  std::vector<std::future<CallResult>> calls;
  for (int i = 0; i < 200; ++i) {
    net::Worker& worker = i % 2 == 0 ? loops_.home() : loops_.other();
    std::string text = params("echo", "{\"i\":" + std::to_string(i) + "}");
    calls.push_back(
        loops_.begin<CallResult>(worker, [this, text] { return session_->call("tools/call", text, nullptr); }));
  }
  for (int i = 0; i < 200; ++i) EXPECT_EQ(said(calls[static_cast<std::size_t>(i)].get())["arguments"]["i"], i);
  EXPECT_EQ(count("call echo"), 200U);
}

TEST_F(Stdio, AChildThatDiesFailsItsCallOnceAndIsStartedAgain) {
  start("normal");
  ASSERT_TRUE(catalogue());
  auto never = loops_.begin<CallResult>(loops_.other(),
                                        [this] { return session_->call("tools/call", params("never"), nullptr); });
  auto died = call("die");
  EXPECT_EQ(code(died), "upstream.broken");
  EXPECT_FALSE(adapters::nothing_was_sent(died.error()));
  EXPECT_EQ(code(never.get()), "upstream.broken");
  ASSERT_TRUE(catalogue());
  EXPECT_EQ(code(call("echo")), "ok");
  EXPECT_EQ(count("started"), 2U);
  EXPECT_EQ(count("call die"), 1U) << "a call is never sent a second time";
  EXPECT_EQ(count("call never"), 1U);
}

// The moment between a child's death and the next child's start must lose no call.
TEST_F(Stdio, CallsRightAfterADeathWaitForTheNextChild) {
  start("normal");
  constexpr std::size_t kRounds = 20;
  for (std::size_t i = 0; i < kRounds; ++i) {
    EXPECT_EQ(code(call("die")), "upstream.broken");
    EXPECT_EQ(code(call("echo")), "ok");
  }
  EXPECT_EQ(count("call die"), kRounds);
  EXPECT_EQ(count("call echo"), kRounds);
}

TEST_F(Stdio, GarbageIsPassedOver) {
  start("normal");
  EXPECT_EQ(said(call("garbage")), "after the garbage");
  EXPECT_EQ(said(call("twice")), "first");
  EXPECT_EQ(said(call("unreadable")), "readable");
  EXPECT_EQ(said(call("flood")), "flooded");
  EXPECT_EQ(code(call("echo")), "ok");
  EXPECT_EQ(count("started"), 1U);
}

TEST_F(Stdio, ALineWithoutEndEndsTheChild) {
  options_.line_bytes = 64U << 10;
  start("normal");
  EXPECT_EQ(code(call("huge")), "upstream.broken");
  EXPECT_EQ(code(call("echo")), "ok");
  EXPECT_EQ(count("call huge"), 1U);
}

TEST_F(Stdio, ACallWithoutAnswerTimesOutAndIsCancelled) {
  options_.call = 100;
  start("normal");
  ASSERT_TRUE(catalogue());
  auto late = call("never");
  EXPECT_EQ(code(late), "upstream.timeout");
  EXPECT_FALSE(adapters::nothing_was_sent(late.error()));
  EXPECT_EQ(said(call("cancelled")).size(), 1U);
}

TEST_F(Stdio, ProgressArrivesBeforeTheAnswer) {
  start("normal");
  std::vector<std::string> steps;
  Json answer = said(call("progress", [&](std::string text) { steps.push_back(std::move(text)); }));
  EXPECT_EQ(answer["token"], true);
  ASSERT_EQ(steps.size(), 3U);
  EXPECT_EQ(parse_json(steps[2]).value()["progress"], 3);
  EXPECT_EQ(said(call("progress"))["token"], false) << "nobody listens, so none is asked for";
}

Task<CallResult> call_never(StdioSession* session, std::function<void(std::string)> on_progress) {
  std::string text = R"({"name":"never"})";
  co_return co_await session->call("tools/call", std::move(text), std::move(on_progress));
}

TEST_F(Stdio, ACancelledCallIsCancelledUpstream) {
  start("normal");
  ASSERT_TRUE(catalogue());
  boost::asio::cancellation_signal signal;
  std::promise<CallResult> ended;
  loops_.other().post([&] {
    // Emitted once the upstream has shown that it has the call, from the worker's own thread.
    std::function<void(std::string)> on_progress = [&](std::string) {
      signal.emit(boost::asio::cancellation_type::terminal);
    };
    boost::asio::co_spawn(
        loops_.other().executor(), call_never(session_.get(), std::move(on_progress)),
        boost::asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr error, CallResult result) {
          if (error)
            ended.set_exception(error);
          else
            ended.set_value(std::move(result));
        }));
  });
  std::future<CallResult> future = ended.get_future();
  std::string outcome;
  try {
    outcome = code(future.get());
  } catch (const boost::system::system_error& error) {
    outcome = error.code() == boost::asio::error::operation_aborted ? "upstream.cancelled" : error.what();
  }
  EXPECT_EQ(outcome, "upstream.cancelled");
  EXPECT_EQ(said(call("cancelled")).size(), 1U);
}

TEST_F(Stdio, ServersAskInVainButAreAnswered) {
  start("normal");
  Json replies = said(call("ask"));
  ASSERT_EQ(replies.size(), 4U);
  EXPECT_EQ(replies[0], (Json{{"id", "q0"}, {"jsonrpc", "2.0"}, {"result", Json::object()}}));
  for (std::size_t i = 1; i < 4; ++i) EXPECT_EQ(replies[i]["error"]["code"], -32601);
}

TEST_F(Stdio, AChangedListIsListedAgainBeforeItIsUsed) {
  start("normal");
  ASSERT_TRUE(catalogue());
  EXPECT_EQ(session_->last_catalogue()->find("grown"), nullptr);
  EXPECT_EQ(said(call("grow")), "grew");
  auto listed = catalogue();
  ASSERT_TRUE(listed);
  EXPECT_NE((*listed)->find("grown"), nullptr);
  EXPECT_EQ(count("started"), 1U);
}

TEST_F(Stdio, TheChildInheritsNothing) {
  ::setenv("COUNTERSIGN_TEST_SECRET", "do not inherit", 1);
  start("normal");
  Json who = said(call("who"));
  ::unsetenv("COUNTERSIGN_TEST_SECRET");
  std::vector<std::string> names = who["environment"];
  for (const std::string& name : names) {
    bool expected = name == "PATH" || name == "HOME" || name == "LANG" || name == "CONFIGURED" ||
                    name == "LC_CTYPE";  // the last is Python's own
    EXPECT_TRUE(expected) << name;
  }
  EXPECT_NE(std::ranges::find(names, "CONFIGURED"), names.end());
  EXPECT_EQ(who["directory"], folder_.string());
  EXPECT_EQ(who["leader"], true);
  EXPECT_LE(who["descriptors"].size(), 4U) << who["descriptors"].dump() << ": 0, 1, 2, and the folder being listed";
}

TEST_F(Stdio, AsAnotherUserItHasThatUsersHomeAndNothingOfOurs) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can start programs as somebody else";
  std::filesystem::permissions(folder_, std::filesystem::perms::all);
  config::Upstream upstream;
  upstream.name = "odd";
  upstream.command = {"/bin/sh", "-c",
                      "id -un > " + folder_.string() + "/who; echo $HOME >> " + folder_.string() + "/who"};
  upstream.directory = folder_;
  upstream.run_as = "nobody";
  start(upstream);
  EXPECT_FALSE(catalogue());  // it is no MCP server, and ends at once
  std::ifstream file(folder_ / "who");
  std::string user;
  std::string home;
  std::getline(file, user);
  std::getline(file, home);
  EXPECT_EQ(user, "nobody");
  EXPECT_EQ(home, "/nonexistent");
}

TEST_F(Stdio, AUserThatIsNotThereStartsNothing) {
  config::Upstream upstream;
  upstream.name = "odd";
  upstream.command = {"/bin/true"};
  upstream.directory = folder_;
  upstream.run_as = "nobody-of-this-name";
  start(upstream);
  auto listed = catalogue();
  ASSERT_FALSE(listed);
  EXPECT_NE(listed.error().message.find("nobody-of-this-name"), std::string::npos) << listed.error().message;
}

TEST_F(Stdio, WhatCannotBeStartedIsSaidSo) {
  config::Upstream upstream;
  upstream.name = "odd";
  upstream.command = {"/nonexistent/program"};
  options_.last_pause = 60'000;
  options_.first_pause = 60'000;
  start(upstream);
  auto listed = catalogue();
  ASSERT_FALSE(listed);
  EXPECT_EQ(listed.error().code, "upstream.connect_failed");
  EXPECT_TRUE(adapters::nothing_was_sent(listed.error()));
  auto again = call("echo");
  EXPECT_EQ(code(again), "upstream.connect_failed") << "at once, while it pauses for long";
}

TEST_F(Stdio, ServersThatCannotBeUsedAreRefused) {
  options_.first_pause = 60'000;
  options_.last_pause = 60'000;
  for (const char* mode : {"dead", "ancient", "doubles", "endless"}) {
    start(mode);
    auto listed = catalogue();
    EXPECT_FALSE(listed) << mode;
    if (!listed) {
      EXPECT_EQ(listed.error().code, "upstream.connect_failed") << mode;
    }
    EXPECT_EQ(session_->last_catalogue(), nullptr) << mode;
    stop();
  }
  options_.handshake = 100;
  start("silent");
  EXPECT_FALSE(catalogue());
}

bool exists(pid_t pid) {
  if (::kill(pid, 0) != 0) return false;
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(stat, text);
  return text.empty() ? false : text[text.rfind(')') + 2] != 'Z';  // nobody but init is left to collect it
}

TEST_F(Stdio, StoppingEndsTheWholeGroup) {
  start("stubborn");
  ASSERT_TRUE(catalogue());
  std::istringstream pids(journal().at(0).substr(5));
  pid_t child = 0;
  pid_t grandchild = 0;
  pids >> child >> grandchild;
  ASSERT_GT(child, 1);
  ASSERT_GT(grandchild, 1);
  EXPECT_TRUE(exists(child));
  EXPECT_TRUE(exists(grandchild));
  stop();
  EXPECT_FALSE(exists(child));
  // Its parent is gone, so the kernel ends it without telling us: wait for what must come.
  while (exists(grandchild)) std::this_thread::yield();
  EXPECT_EQ(count("end of input"), 1U) << "its input was closed first";
}

TEST_F(Stdio, StoppingFailsWhatIsInFlight) {
  start("normal");
  ASSERT_TRUE(catalogue());
  std::promise<void> sent;
  auto never = loops_.begin<CallResult>(loops_.other(), [&] {
    return session_->call("tools/call", params("never"), [&](std::string) { sent.set_value(); });
  });
  sent.get_future().get();
  std::promise<void> gone;
  session_->stop([&] { gone.set_value(); });
  gone.get_future().get();
  EXPECT_EQ(code(never.get()), "upstream.broken");
  EXPECT_EQ(code(call("echo")), "upstream.connect_failed");
  EXPECT_EQ(count("call echo"), 0U);
  session_.reset();
}

TEST_F(Stdio, TheOfficialFileServer) {
  const std::filesystem::path modules = std::filesystem::path(COUNTERSIGN_SOURCE_DIR) / "tests/e2e/node_modules";
  if (!std::filesystem::exists(modules / ".bin/mcp-server-filesystem")) {
    GTEST_SKIP() << "tests/e2e/node_modules is missing: run scripts/setup";
  }
  std::filesystem::create_directories(folder_ / "data");
  config::Upstream upstream;
  upstream.name = "files";
  upstream.command = {modules / ".bin/node", modules / ".bin/mcp-server-filesystem", "."};
  upstream.directory = folder_ / "data";
  start(upstream);
  auto listed = catalogue();
  ASSERT_TRUE(listed) << listed.error().message;
  const adapters::McpTool* write = (*listed)->find("write_file");
  const adapters::McpTool* read = (*listed)->find("read_text_file");
  ASSERT_TRUE(write && read);
  EXPECT_TRUE(write->annotated && write->destructive && !write->read_only);
  EXPECT_TRUE(read->read_only);
  auto written = call("write_file", nullptr, R"({"path":"x.txt","content":"h\u00e9llo\n"})");
  ASSERT_TRUE(written) << written.error().message;
  std::ifstream file(folder_ / "data/x.txt");
  std::string content((std::istreambuf_iterator<char>(file)), {});
  EXPECT_EQ(content, "héllo\n");
  auto reading = call("read_text_file", nullptr, R"({"path":"x.txt"})");
  ASSERT_TRUE(reading);
  EXPECT_EQ(parse_json(*reading).value()["result"]["structuredContent"]["content"], "héllo\n");
  auto missing = call("read_text_file", nullptr, R"({"path":"missing.txt"})");
  ASSERT_TRUE(missing);
  EXPECT_EQ(parse_json(*missing).value()["result"]["isError"], true);
}

}  // namespace
}  // namespace countersign::mcp::test
