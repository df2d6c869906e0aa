#include "proxy/adapters/git/push_request.h"

#include <gtest/gtest.h>

#include "proxy/adapters/git/pkt_line.h"

namespace countersign::adapters::git {
namespace {

using namespace std::string_literals;

const std::string kA(40, 'a');
const std::string kB(40, 'b');
const std::string kZero(40, '0');
const std::string kCaps =
    "\0 report-status-v2 side-band-64k quiet atomic push-options object-format=sha1 agent=git/2.39.5"s;
const std::string kPack = "PACK\0\0\0\2\0\0\0\0"s;

std::string pkt(std::string_view payload) {
  std::string out;
  write_pkt(out, payload);
  return out;
}

std::string command(const std::string& old_id, const std::string& new_id, const std::string& ref) {
  return old_id + " " + new_id + " " + ref;
}

Result<std::optional<PushRequest>> read(const std::string& body) {
  return read_push(body, body.size());
}

std::string code_of(const std::string& body) {
  auto request = read(body);
  return request ? "" : request.error().code;
}

TEST(Push, ReadsCommandsCapabilitiesAndOptions) {
  const std::string body = pkt("shallow " + kB) + pkt(command(kA, kB, "refs/heads/main") + kCaps + "\n") +
                           pkt(command(kZero, kB, "refs/heads/new")) + pkt(command(kA, kZero, "refs/tags/v1")) +
                           "0000" + pkt("ticket=42\n") + "0000" + kPack;
  auto request = read(body);
  ASSERT_TRUE(request && *request) << (request ? "needs more" : request.error().message);
  const PushRequest& push = **request;
  ASSERT_EQ(push.commands.size(), 3U);
  EXPECT_EQ(push.commands[0].kind(), CommandKind::update);
  EXPECT_EQ(push.commands[0].ref, "refs/heads/main");
  EXPECT_EQ(push.commands[1].kind(), CommandKind::create);
  EXPECT_EQ(push.commands[2].kind(), CommandKind::remove);
  EXPECT_EQ(push.options, std::vector<std::string>{"ticket=42"});
  EXPECT_EQ(push.shallow, std::vector<std::string>{kB});
  EXPECT_TRUE(push.capabilities.report_status_v2 && push.capabilities.atomic && push.capabilities.side_band_64k);
  EXPECT_FALSE(push.capabilities.report_status);
  EXPECT_EQ(push.capabilities.agent, "git/2.39.5");
  EXPECT_EQ(body.substr(push.pack_at), kPack);
}

TEST(Push, EveryBeginningNeedsMoreUntilThePackBegins) {
  const std::string front = pkt(command(kA, kB, "refs/heads/main") + kCaps) + "0000" + pkt("a=b") + "0000" + "PACK";
  const std::string body = front + std::string(1000, 'x');
  for (std::size_t size = 0; size < front.size(); ++size) {
    auto request = read_push(std::string_view(body).substr(0, size), body.size());
    ASSERT_TRUE(request) << size;
    EXPECT_FALSE(*request) << size;
    auto alone = read_push(std::string_view(body).substr(0, size), size);
    EXPECT_FALSE(alone) << size;  // as a whole body it is cut off
  }
  auto request = read_push(front, body.size());
  ASSERT_TRUE(request && *request);
}

TEST(Push, RemovingNeedsNoPackAndTakesNone) {
  const std::string remove = pkt(command(kA, kZero, "refs/heads/x") + "\0 report-status"s) + "0000";
  auto request = read(remove);
  ASSERT_TRUE(request && *request);
  EXPECT_FALSE((*request)->has_pack());
  EXPECT_EQ(code_of(remove + kPack), "git.bad_pack");
  EXPECT_EQ(code_of(pkt(command(kA, kB, "refs/heads/x") + "\0 report-status"s) + "0000"), "git.bad_pack");
  EXPECT_EQ(code_of(pkt(command(kA, kB, "refs/heads/x") + "\0 report-status"s) + "0000JUNK"), "git.bad_pack");
}

TEST(Push, Sha256) {
  const std::string a(64, 'a');
  const std::string zero(64, '0');
  auto request =
      read(pkt(command(zero, a, "refs/heads/x") + "\0 report-status object-format=sha256"s) + "0000" + kPack);
  ASSERT_TRUE(request && *request);
  EXPECT_EQ((*request)->commands[0].new_id, a);
  EXPECT_EQ(code_of(pkt(command(zero, a, "refs/heads/x") + "\0 report-status"s) + "0000" + kPack), "git.bad_command");
  EXPECT_EQ(code_of(pkt(command(kA, kB, "refs/heads/x") + "\0 object-format=sha256"s) + "0000" + kPack),
            "git.bad_command");
}

TEST(Push, WhatCouldBeReadTwoWaysIsRefused) {
  const std::string first = pkt(command(kA, kB, "refs/heads/a") + kCaps);
  const std::string end = "00000000" + kPack;  // no options
  struct Case {
    std::string code;
    std::string body;
  };
  const Case cases[] = {
      {"git.duplicate_ref", first + pkt(command(kB, kA, "refs/heads/a")) + end},
      {"git.bad_capability", first + pkt(command(kA, kB, "refs/heads/b") + "\0 atomic"s) + end},
      {"git.bad_capability", pkt(command(kA, kB, "refs/heads/a") + "\0 atomic atomic"s) + end},
      {"git.bad_capability",
       pkt(command(kA, kB, "refs/heads/a") + "\0 object-format=sha1 object-format=sha256"s) + end},
      {"git.bad_capability", pkt(command(kA, kB, "refs/heads/a") + "\0 no-such"s) + end},
      {"git.bad_capability", pkt(command(kA, kB, "refs/heads/a") + "\0 atomic=1"s) + end},
      {"git.bad_capability", pkt(command(kA, kB, "refs/heads/a") + "\0 agent=a\nb"s) + end},
      {"git.bad_capability", pkt(command(kA, kB, "refs/heads/a") + "\0 atomic\0quiet"s) + end},
      {"git.push_certificate", pkt("push-cert\0 atomic"s) + end},
      {"git.push_certificate", first + pkt("push-cert") + end},
      {"git.bad_command", first + pkt("shallow " + kA) + end},
      {"git.bad_command", pkt("shallow " + kA.substr(1)) + first + end},
      {"git.bad_command", pkt(command(kA, kB, "HEAD") + kCaps) + end},
      {"git.bad_command", pkt(command(kA, kB, "refs/heads/a..b") + kCaps) + end},
      {"git.bad_command", pkt(command(kA, kB, "refs/heads/a\nb") + kCaps) + end},
      {"git.bad_command", pkt(command(kA, kB, " refs/heads/a") + kCaps) + end},
      {"git.bad_command", pkt(command(kZero, kZero, "refs/heads/a") + kCaps) + end},
      {"git.bad_command", pkt(command(std::string(40, 'A'), kB, "refs/heads/a") + kCaps) + end},
      {"git.bad_command", pkt(kA + "\t" + kB + " refs/heads/a" + kCaps) + end},
      {"git.bad_command", pkt("") + first + end},
      {"git.bad_command", "0001" + first + end},
      {"git.bad_command", "0000" + kPack},
      {"git.bad_packet", "0003" + first + end},
      {"git.bad_option", first + "0000" + pkt("a\nb") + "0000" + kPack},
      {"git.bad_option", first + "00000001" + "0000" + kPack},
      {"git.truncated", first},
  };
  for (const Case& each : cases) EXPECT_EQ(code_of(each.body), each.code) << each.body.substr(0, 200);
}

TEST(Push, Limits) {
  PushLimits limits{.bytes = 4096, .commands = 3, .shallow = 2, .options = 1, .option_bytes = 4};
  auto code = [&](const std::string& body) {
    auto request = read_push(body, body.size(), limits);
    return request ? std::string() : request.error().code;
  };
  std::string commands = pkt(command(kA, kB, "refs/heads/0") + "\0 push-options"s);
  for (int i = 1; i < 3; ++i) commands += pkt(command(kA, kB, "refs/heads/" + std::to_string(i)));
  EXPECT_EQ(code(commands + "00000000" + kPack), "");
  EXPECT_EQ(code(commands + pkt(command(kA, kB, "refs/heads/4")) + "00000000" + kPack), "git.too_large");
  EXPECT_EQ(code(commands + "0000" + pkt("abcde") + "0000" + kPack), "git.too_large");
  EXPECT_EQ(code(commands + "0000" + pkt("a") + pkt("b") + "0000" + kPack), "git.too_large");
  EXPECT_EQ(code(pkt("shallow " + kA) + pkt("shallow " + kA) + pkt("shallow " + kA) + commands + "00000000" + kPack),
            "git.too_large");
  // A prefix that never ends is refused, whatever it says its size is.
  const std::string endless =
      pkt(command(kA, kB, "refs/heads/" + std::string(900, 'a')) + kCaps) + std::string(8192, '0');
  auto request = read_push(endless.substr(0, 4096), 1U << 30, limits);
  EXPECT_FALSE(request && *request);
}

TEST(Push, Probe) {
  EXPECT_TRUE(is_probe("0000"));
  EXPECT_FALSE(is_probe(""));
  EXPECT_FALSE(is_probe("00000000"));
}

}  // namespace
}  // namespace countersign::adapters::git
