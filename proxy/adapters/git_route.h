// Which of git's HTTP endpoints a request is for, and of which repository. (gitprotocol-http; git-lfs docs/api)
//
//   GET  /team/app.git/info/refs?service=git-upload-pack | git-receive-pack | git-upload-archive
//   POST /team/app.git/git-upload-pack | git-receive-pack | git-upload-archive
//   GET  /team/app.git/HEAD, info/refs, objects/…        the "dumb" protocol
//   POST /team/app.git/info/lfs/objects/batch, …         LFS
//   GET, PUT, POST /team/app.git/info/lfs/countersign/…  LFS files that the upstream keeps itself (git_lfs_ticket.h)
//
// Everything else is refused: what is not git's does not pass through a git upstream. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace countersign::adapters {

enum class GitService : std::uint8_t {
  advertise_fetch,    // refs, before a fetch or an archive
  advertise_push,     // refs, before a push
  fetch,              // git-upload-pack
  archive,            // git-upload-archive: `git archive --remote`
  push,               // git-receive-pack
  dumb,               // a file of the dumb protocol
  lfs_batch,          // POST info/lfs/objects/batch
  lfs_verify,         // POST info/lfs/verify: an upload is complete
  lfs_locks,          // GET info/lfs/locks
  lfs_verify_locks,   // POST info/lfs/locks/verify: lists them
  lfs_lock,           // POST info/lfs/locks
  lfs_unlock,         // POST info/lfs/locks/<id>/unlock
  lfs_object,         // GET, PUT info/lfs/countersign/<ticket>: one LFS file
  lfs_verify_object,  // POST info/lfs/countersign/<ticket>
};

[[nodiscard]] constexpr bool is_lfs(GitService service) {
  return service >= GitService::lfs_batch;
}

struct GitRoute {
  GitService service = GitService::fetch;
  // The repository's name for policies, decoded once, without `.git`: "team/app". Both spellings of an address name one
  // repository.
  std::string repository;
};

// `target` is the request's target behind the mount, with its query. Errors: git.bad_path (spelt in a way another
// reader could take for another path, or a repository inside another one's folder), git.unknown_endpoint, git.bad_query
// (other parameters than the endpoint's, or one twice), http.method_not_supported.
Result<GitRoute> read_git_route(std::string_view method, std::string_view target);

// The part of an LFS request's target before "/info/lfs/": the repository's address as the client spells it. Empty when
// it is none.
[[nodiscard]] std::string_view lfs_repository_path(std::string_view target);
// What follows "/info/lfs/countersign/" in a target, or empty.
[[nodiscard]] std::string_view lfs_ticket_of(std::string_view target);

// The two names a repository may go by where an upstream ignores the case of letters, as the big hosts do: as spelt,
// and in lower case. One name when they are equal.
[[nodiscard]] std::string lower_ascii(std::string_view text);

}  // namespace countersign::adapters
