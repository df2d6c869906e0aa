#include "proxy/adapters/git_route.h"

#include <algorithm>
#include <array>
#include <optional>

#include "proxy/adapters/resource_name.h"

namespace countersign::adapters {
namespace {

struct Endpoint {
  std::string_view method;
  std::string_view suffix;  // of the path, behind the repository
  std::string_view query;
  GitService service;
};

constexpr std::array kEndpoints = {
    Endpoint{"GET", "/info/refs", "service=git-upload-pack", GitService::advertise_fetch},
    Endpoint{"GET", "/info/refs", "service=git-receive-pack", GitService::advertise_push},
    Endpoint{"GET", "/info/refs", "", GitService::dumb},
    Endpoint{"GET", "/HEAD", "", GitService::dumb},
    Endpoint{"POST", "/git-upload-pack", "", GitService::fetch},
    Endpoint{"POST", "/git-receive-pack", "", GitService::push},
    Endpoint{"POST", "/info/lfs/objects/batch", "", GitService::lfs_batch},
    Endpoint{"POST", "/info/lfs/verify", "", GitService::lfs_verify},
    Endpoint{"POST", "/info/lfs/locks/verify", "", GitService::lfs_verify_locks},
    Endpoint{"POST", "/info/lfs/locks", "", GitService::lfs_lock},
};

// The part of `path` before "/objects/", when what follows is a file of the dumb protocol.
std::optional<std::string_view> before_objects(std::string_view path) {
  std::size_t at = path.rfind("/objects/");
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view file = path.substr(at + 9);
  bool known = file.starts_with("info/") || file.starts_with("pack/pack-") ||
               (file.size() > 3 && file[2] == '/' && file.find('/', 3) == std::string_view::npos);
  return known ? std::optional(path.substr(0, at)) : std::nullopt;
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
  return id.contains('/') ? std::nullopt : std::optional(path.substr(0, at));
}

Result<GitRoute> route_of(GitService service, std::string_view path) {
  Result<std::string> name = name_of_uri_path(path, RawUnicode::refused, "git.bad_path");
  if (!name) return fail(name.error());
  if (name->ends_with(".git")) name->resize(name->size() - 4);
  if (name->empty() || name->ends_with('/'))
    return fail(ErrorKind::not_found, "git.bad_path", "no repository is named");
  return GitRoute{service, std::move(*name)};
}

}  // namespace

Result<GitRoute> read_git_route(std::string_view method, std::string_view target) {
  if (method != "GET" && method != "POST")
    return fail(ErrorKind::unsupported, "http.method_not_supported", "git uses GET and POST only");
  std::size_t mark = target.find('?');
  std::string_view path = target.substr(0, mark);
  std::string_view query = mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
  bool known_path = false;
  for (const Endpoint& each : kEndpoints) {
    if (method != each.method || !path.ends_with(each.suffix)) continue;
    known_path = true;
    if (query == each.query) return route_of(each.service, path.substr(0, path.size() - each.suffix.size()));
  }
  if (known_path) return fail(ErrorKind::malformed, "git.bad_query", "this endpoint takes no such query");
  if (method == "GET" && path.ends_with("/info/lfs/locks"))
    return route_of(GitService::lfs_locks, path.substr(0, path.size() - std::string_view("/info/lfs/locks").size()));
  if (method == "POST") {
    if (auto repository = before_unlock(path)) return route_of(GitService::lfs_unlock, *repository);
  } else if (auto repository = before_objects(path); repository && query.empty()) {
    return route_of(GitService::dumb, *repository);
  }
  return fail(ErrorKind::not_found, "git.unknown_endpoint", "not an address of git's: nothing else passes here");
}

std::string lower_ascii(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

}  // namespace countersign::adapters
