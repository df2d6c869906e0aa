#include "proxy/adapters/git_route.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "core/http_head.h"
#include "proxy/adapters/resource_name.h"

namespace countersign::adapters {
namespace {

constexpr std::string_view kLfs = "/info/lfs/";
constexpr std::string_view kTickets = "/info/lfs/countersign/";
constexpr std::string_view kGit = ".git";

struct Endpoint {
  std::string_view method;
  std::string_view suffix;  // of the path, behind the repository
  std::string_view query;
  GitService service;
};

constexpr std::array kEndpoints = {
    Endpoint{"GET", "/info/refs", "service=git-upload-pack", GitService::advertise_fetch},
    Endpoint{"GET", "/info/refs", "service=git-receive-pack", GitService::advertise_push},
    Endpoint{"GET", "/info/refs", "service=git-upload-archive", GitService::advertise_fetch},
    Endpoint{"GET", "/info/refs", "", GitService::dumb},
    Endpoint{"GET", "/HEAD", "", GitService::dumb},
    Endpoint{"POST", "/git-upload-pack", "", GitService::fetch},
    Endpoint{"POST", "/git-receive-pack", "", GitService::push},
    Endpoint{"POST", "/git-upload-archive", "", GitService::archive},
    Endpoint{"POST", "/info/lfs/objects/batch", "", GitService::lfs_batch},
    Endpoint{"POST", "/info/lfs/verify", "", GitService::lfs_verify},
    Endpoint{"POST", "/info/lfs/locks/verify", "", GitService::lfs_verify_locks},
    Endpoint{"POST", "/info/lfs/locks", "", GitService::lfs_lock},
};

bool is_hex(std::string_view text, std::initializer_list<std::size_t> lengths) {
  const bool sized = std::ranges::find(lengths, text.size()) != lengths.end();
  return sized && std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// A file below objects/: lists of packs and alternates, a loose object, a pack or its index.
bool is_object_file(std::string_view file) {
  for (std::string_view list : {"info/packs", "info/alternates", "info/http-alternates"}) {
    if (file == list) return true;
  }
  constexpr std::string_view kPack = "pack/pack-";
  if (file.starts_with(kPack)) {
    std::string_view name = file.substr(kPack.size());
    const std::size_t dot = std::min(name.find('.'), name.size());
    return is_hex(name.substr(0, dot), {40, 64}) && (name.substr(dot) == ".pack" || name.substr(dot) == ".idx");
  }
  return file.size() > 3 && file[2] == '/' && is_hex(file.substr(0, 2), {2}) && is_hex(file.substr(3), {38, 62});
}

// The part of `path` before "/objects/", when what follows is a file of the dumb protocol.
std::optional<std::string_view> before_objects(std::string_view path) {
  constexpr std::string_view kObjects = "/objects/";
  std::size_t at = path.rfind(kObjects);
  if (at == std::string_view::npos || !is_object_file(path.substr(at + kObjects.size()))) return std::nullopt;
  return path.substr(0, at);
}

// The part of `path` before "/info/lfs/locks/<id>/unlock".
std::optional<std::string_view> before_unlock(std::string_view path) {
  constexpr std::string_view kLocks = "/info/lfs/locks/";
  constexpr std::string_view kUnlock = "/unlock";
  std::size_t at = path.rfind(kLocks);
  if (at == std::string_view::npos || !path.ends_with(kUnlock)) return std::nullopt;
  std::string_view id = path.substr(at + kLocks.size());
  if (id.size() <= kUnlock.size()) return std::nullopt;
  id.remove_suffix(kUnlock.size());
  // The upstream must read the same id: nothing in it may separate, or be decoded into something that does.
  const bool plain = std::ranges::all_of(id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
  return plain ? std::optional(path.substr(0, at)) : std::nullopt;
}

// Parameters of a listing of locks (git-lfs docs/api/locking.md), each at most once.
bool is_lock_query(std::string_view query) {
  std::vector<std::string_view> seen;
  while (!query.empty()) {
    std::size_t end = std::min(query.find('&'), query.size());
    std::string_view parameter = query.substr(0, end);
    std::string_view name = parameter.substr(0, parameter.find('='));
    constexpr std::array<std::string_view, 5> kKnown = {"path", "id", "cursor", "limit", "refspec"};
    const bool known = std::ranges::find(kKnown, name) != kKnown.end();
    if (!known || std::ranges::find(seen, name) != seen.end()) return false;
    seen.push_back(name);
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return true;
}

// A folder below NAME.git is no repository of its own: a linked worktree there is NAME itself by another name. And
// hosts that ignore case take `.GIT` for `.git`.
bool lies_within_a_repository(std::string_view name) {
  while (!name.empty()) {
    std::size_t end = std::min(name.find('/'), name.size());
    std::string_view segment = name.substr(0, end);
    if (segment.size() >= kGit.size() && equal_ignoring_case(segment.substr(segment.size() - kGit.size()), kGit))
      return true;
    name.remove_prefix(std::min(end + 1, name.size()));
  }
  return false;
}

Result<GitRoute> route_of(GitService service, std::string_view path) {
  Result<std::string> name = name_of_uri_path(path, RawUnicode::refused, "git.bad_path");
  if (!name) return fail(name.error());
  if (name->ends_with(kGit)) name->resize(name->size() - kGit.size());
  if (name->empty() || name->ends_with('/'))
    return fail(ErrorKind::not_found, "git.bad_path", "no repository is named");
  if (lies_within_a_repository(*name))
    return fail(ErrorKind::malformed, "git.bad_path", "the path leads into a repository, or spells `.git` otherwise");
  return GitRoute{service, std::move(*name)};
}

Result<GitRoute> route_of_ticket(std::string_view method, std::string_view path, std::string_view query) {
  if (!query.empty()) return fail(ErrorKind::malformed, "git.bad_query", "this endpoint takes no such query");
  const GitService service = method == "POST" ? GitService::lfs_verify_object : GitService::lfs_object;
  return route_of(service, lfs_repository_path(path));
}

}  // namespace

std::string_view lfs_repository_path(std::string_view target) {
  std::string_view path = target.substr(0, target.find('?'));
  const std::size_t at = path.rfind(kLfs);
  return at == std::string_view::npos ? std::string_view() : path.substr(0, at);
}

std::string_view lfs_ticket_of(std::string_view target) {
  const std::size_t at = target.rfind(kTickets);
  return at == std::string_view::npos ? std::string_view() : target.substr(at + kTickets.size());
}

Result<GitRoute> read_git_route(std::string_view method, std::string_view target) {
  std::size_t mark = target.find('?');
  std::string_view path = target.substr(0, mark);
  std::string_view query = mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
  const bool ticket = !lfs_ticket_of(path).empty() && !lfs_ticket_of(path).contains('/');
  if (ticket && (method == "GET" || method == "PUT" || method == "POST")) return route_of_ticket(method, path, query);
  if (method != "GET" && method != "POST")
    return fail(ErrorKind::unsupported, "http.method_not_supported", "git uses GET and POST only");
  bool known_path = false;
  for (const Endpoint& each : kEndpoints) {
    if (method != each.method || !path.ends_with(each.suffix)) continue;
    known_path = true;
    if (query == each.query) return route_of(each.service, path.substr(0, path.size() - each.suffix.size()));
  }
  if (method == "GET" && path.ends_with("/info/lfs/locks")) {
    known_path = true;
    if (is_lock_query(query)) return route_of(GitService::lfs_locks, lfs_repository_path(path));
  }
  if (known_path) return fail(ErrorKind::malformed, "git.bad_query", "this endpoint takes no such query");
  auto repository = method == "POST" ? before_unlock(path) : before_objects(path);
  if (repository && query.empty())
    return route_of(method == "POST" ? GitService::lfs_unlock : GitService::dumb, *repository);
  return fail(ErrorKind::not_found, "git.unknown_endpoint", "not an address of git's: nothing else passes here");
}

std::string lower_ascii(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

}  // namespace countersign::adapters
