#include "tests/approvals/fixture.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "core/sha256.h"

namespace countersign::approvals::test {

TempFolder::TempFolder() {
  std::string name = testing::TempDir() + "approvals-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) std::abort();
  path_ = name;
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::unique_ptr<Queue> open_queue(const std::filesystem::path& folder, const Queue::Options& options) {
  Result<std::unique_ptr<Queue>> queue = Queue::open(folder / "store.db", folder / "requests", options);
  EXPECT_TRUE(queue) << queue.error().message;
  return queue ? std::move(*queue) : nullptr;
}

HeldRequest draft(std::string_view identity, TimeMs now) {
  HeldRequest request;
  request.expires = now + 4 * kHour;
  request.requester = {.agent = "builder",
                       .owner = "alice",
                       .issuer = "",
                       .delegates = {"helper"},
                       .chain = {"root-1", "leaf-1"},
                       .scope = "all"};
  request.action = "http:PUT";
  request.effect = "write";
  request.environment = "production";
  request.summary = "PUT config.json on files";
  request.resources = {"HttpEndpoint::files/config.json"};
  request.input = "{}";
  request.frozen.protocol = "http";
  request.frozen.upstream = "files";
  request.frozen.head = R"({"method":"PUT","target":"/config.json"})";
  request.frozen.identity = identity;
  request.frozen.preconditions = "etag-1";
  request.policies = {"production-changes"};
  request.rules = {"solo"};
  request.policy_digest = "p1";
  request.operation = "op-1";
  return request;
}

void add_body(HeldRequest& request, const std::filesystem::path& folder, std::string_view bytes) {
  static int count = 0;
  request.frozen.body_file = folder / ("spool-" + std::to_string(++count));
  std::ofstream(request.frozen.body_file, std::ios::binary) << bytes;
  request.frozen.body_sha256 = to_hex(sha256(bytes));
  request.frozen.body_size = bytes.size();
}

Rules house_rules() {
  Problems problems;
  std::optional<Rules> rules = parse_rules("approvals.yaml", R"(
default_expires: 1h
rules:
  production-change:
    expires: 2h
    stages:
      - { name: platform, group: "team:platform", min_level: senior }
      - { name: director, group: anyone, min_level: director }
  pair:
    stages:
      - { name: two, count: 2, group: "team:platform" }
  solo:
    expires: 4h
    stages:
      - { name: one, group: anyone }
)",
                                           problems);
  EXPECT_TRUE(rules) << format_problems(problems);
  return rules.value_or(Rules{});
}

Approver bob() {
  return {.name = "bob", .level = Level::senior, .teams = {"platform"}, .chain = {"bob-token"}};
}
Approver carol() {
  return {.name = "carol", .level = Level::senior, .teams = {"platform"}, .chain = {"carol-token"}};
}
Approver dave() {
  return {.name = "dave", .level = Level::director, .teams = {}, .chain = {"dave-token"}};
}
Approver erin() {
  return {.name = "erin", .level = Level::junior, .teams = {"platform"}, .chain = {"erin-token"}};
}
Approver alice() {
  return {.name = "alice", .level = Level::vp, .teams = {"platform"}, .chain = {"alice-token"}};
}

Ballot yes(const Approver& approver) {
  return {.approver = approver, .choice = Choice::approve, .reason = "fine"};
}
Ballot no(const Approver& approver, std::string_view reason) {
  return {.approver = approver, .choice = Choice::deny, .reason = std::string(reason)};
}

std::string slurp(const std::filesystem::path& file) {
  std::ostringstream out;
  out << std::ifstream(file, std::ios::binary).rdbuf();
  return out.str();
}

}  // namespace countersign::approvals::test
