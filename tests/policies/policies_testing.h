// A policies folder on disk for one test, and upstreams to go with it.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "policies/decide.h"
#include "policies/snapshot.h"
#include "scopes/scope.h"

namespace countersign::policies {

class PolicyFolder {
 public:
  PolicyFolder() {
    static std::atomic<int> count = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("countersign-policies-" + std::to_string(::getpid()) + "-" + std::to_string(count++));
    std::filesystem::create_directories(path_ / "floor");
  }
  PolicyFolder(const PolicyFolder&) = delete;
  PolicyFolder& operator=(const PolicyFolder&) = delete;
  ~PolicyFolder() { std::filesystem::remove_all(path_); }

  PolicyFolder& write(const std::string& name, std::string_view text) {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return *this;
  }
  PolicyFolder& upstream(std::string name, std::string environment, std::int64_t tier) {
    config::Upstream upstream;
    upstream.name = std::move(name);
    upstream.labels.environment = std::move(environment);
    upstream.labels.tier = tier;
    upstream.protocol = "mcp";
    upstream.tools.push_back({.tool = "*", .resources = {{.pointer = "/path"}}, .resource_type = "File"});
    upstreams_.push_back(std::move(upstream));
    return *this;
  }

  [[nodiscard]] std::shared_ptr<const Snapshot> load() const {
    Problems problems;
    auto snapshot = Snapshot::load(path_, upstreams_, problems);
    EXPECT_TRUE(snapshot) << format_problems(problems);
    return snapshot;
  }
  // What loading says, without the folder's name; must fail when an error is among it.
  [[nodiscard]] std::string problems() const {
    Problems problems;
    auto snapshot = Snapshot::load(path_, upstreams_, problems);
    EXPECT_EQ(snapshot == nullptr, has_errors(problems));
    std::string out;
    for (const Problem& problem : problems) {
      std::string line = format_problem(problem);
      if (line.starts_with(path_.string() + "/")) line = line.substr(path_.string().size() + 1);
      out += line + "\n";
    }
    return out;
  }
  // The codes of what loading says, in order.
  [[nodiscard]] std::vector<std::string> codes() const {
    Problems problems;
    static_cast<void>(Snapshot::load(path_, upstreams_, problems));
    std::vector<std::string> out;
    for (const Problem& problem : problems) out.push_back(problem.code);
    return out;
  }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] const std::vector<config::Upstream>& upstreams() const { return upstreams_; }

 private:
  std::filesystem::path path_;
  std::vector<config::Upstream> upstreams_;
};

// Parameters of a tool call, as its adapter writes them.
inline std::string tool_call(const std::string& arguments, const std::string& tool = "tool") {
  return "{\"arguments\":" + arguments + ",\"tool\":\"" + tool + "\"}";
}

// A scope that admits everything.
inline Scope everything() {
  return Scope({ScopeBlock{{ScopeRule{}}, std::nullopt, std::nullopt}});
}

inline Access access(Effect effect, const std::string& type, const std::string& upstream, const std::string& name) {
  return {{type, upstream + "/" + name, name}, effect};
}

// What is decided about a call that writes File::"files/a".
inline Decision decide_write(const Snapshot& snapshot, const std::string& arguments,
                             std::span<const ApprovalFact> approvals, TimeMs now) {
  Operation call;
  call.protocol = "mcp";
  call.upstream = "files";
  call.action = "mcp:call_tool";
  call.input = tool_call(arguments);
  call.accesses = {access(Effect::write, "File", "files", "a")};
  Scope scope = everything();
  return decide(snapshot, {.agent = "builder", .owner = "mallory", .scope = &scope}, call, approvals, now);
}

}  // namespace countersign::policies
