// Git LFS beside git: what its API's requests do. Files themselves travel between client and store by addresses that
// the store has signed; they do not pass here. (git-lfs docs/api/batch.md, docs/api/locking.md) Pure functions, any
// thread.
#pragma once

#include <string>

#include "core/result.h"
#include "proxy/adapters/git_route.h"
#include "scopes/effect.h"

namespace countersign::adapters {

struct LfsRequest {
  std::string_view action;  // "git:lfs_upload"
  Effect effect = Effect::destroy;
  std::string ref;      // the ref it is for, where the request says: "refs/heads/main"
  std::string summary;  // "upload 3 LFS files to"
};

// `body` is the whole JSON body. Errors: json.*, git.bad_lfs (an operation that is neither download nor upload, a body
// that is not an object, or one that is no JSON media type).
Result<LfsRequest> read_lfs(GitService service, std::string_view body);

}  // namespace countersign::adapters
