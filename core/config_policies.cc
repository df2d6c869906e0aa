#include "core/config_policies.h"

#include <algorithm>

namespace countersign::config {
namespace {

constexpr TimeMs kLongestPause = 86'400'000;

// A branch's short name, as `git check-ref-format --branch` would take it, and a little stricter.
bool is_branch(std::string_view name) {
  bool plain = !name.empty() && name.size() <= 200 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-' || c == '/';
  });
  return plain && name.front() != '-' && name.front() != '/' && name.front() != '.' && name.back() != '/' &&
         name.back() != '.' && name.find("..") == std::string_view::npos && name.find("//") == std::string_view::npos &&
         name.find("/.") == std::string_view::npos && !name.ends_with(".lock");
}

// Relative, without anything that leads out of the repository.
bool is_inner_path(std::string_view path) {
  if (path.empty() || path.size() > 500 || path.front() == '/' || path.back() == '/') return false;
  while (!path.empty()) {
    std::size_t end = std::min(path.find('/'), path.size());
    std::string_view part = path.substr(0, end);
    if (part.empty() || part == "." || part == ".." || part.front() == '-' || part.find('\\') != part.npos ||
        part.find(':') != part.npos)
      return false;
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return true;
}

// A path of this machine or an address that git may be sent to: nothing that starts a program of its own (ext::…).
bool is_repository(std::string_view text) {
  if (text.empty() || text.size() > 2'000 || text.front() == '-') return false;
  for (std::string_view scheme : {"https://", "http://", "ssh://", "file:///"}) {
    if (text.starts_with(scheme)) return text.size() > scheme.size();
  }
  return text.find(':') == std::string_view::npos;
}

void read_git(Reading& reading, const yaml::Node& node, Config& config) {
  PolicyRepository out;
  yaml::Map map(reading.file, node, "`policies.git`", reading.problems);
  if (map.require("repository")) {
    if (const yaml::Node* at = map.string("repository", out.repository)) {
      if (!is_repository(out.repository))
        map.problem(*at, "`repository` must be a path, or a URL that begins with https://, ssh:// or file:///");
      if (out.repository.find("://") == std::string::npos) out.repository = reading.resolve(out.repository);
    }
  }
  if (const yaml::Node* at = map.string("branch", out.branch); at && !is_branch(out.branch))
    map.problem(*at, "`branch` must be the name of a branch, like main");
  if (const yaml::Node* at = map.string("path", out.path); at && !is_inner_path(out.path))
    map.problem(*at, "`path` must be a folder inside of the repository, like policies");
  if (map.require("allowed_signers")) {
    if (const yaml::Node* at = map.string("allowed_signers", out.allowed_signers))
      reading.file_at(*at, out.allowed_signers);
  }
  map.duration("every", out.every, kLongestPause);
  map.boolean("two_people", out.two_people);
  map.finish();
  config.policies = config.state / "policies-from-git";
  config.policy_repository = std::move(out);
}

}  // namespace

void read_policies(Reading& reading, yaml::Map& root, const yaml::Node& root_node, Config& config) {
  std::string folder = "./policies";
  const yaml::Node* node = root.any("policies");
  const yaml::Node* at = node ? node : &root_node;
  if (node && node->kind == yaml::Node::Kind::map) {
    yaml::Map map(reading.file, *node, "`policies`", reading.problems);
    const yaml::Node* folder_at = map.string("folder", folder);
    const yaml::Node* git = map.map("git");
    map.finish();
    if (git && folder_at) return map.problem(*folder_at, "`folder` and `git` exclude each other");
    if (git) return read_git(reading, *git, config);
    if (folder_at) at = folder_at;
  } else if (node) {
    const yaml::Node* text = root.string("policies", folder);
    if (!text) return;
  }
  reading.folder_at(*at, folder);
  config.policies = folder;
}

void read_journal(Reading& reading, yaml::Map& root, Journal& out) {
  constexpr std::uint64_t kMiB = 1U << 20;
  const yaml::Node* node = root.map("journal");
  if (!node) return;
  yaml::Map map(reading.file, *node, "`journal`", reading.problems);
  std::int64_t days = out.days;
  if (map.integer("days", days, 0, 366)) out.days = static_cast<int>(days);
  map.byte_size("bytes", out.bytes, kMiB, kMiB << 20);
  map.finish();
}

}  // namespace countersign::config
