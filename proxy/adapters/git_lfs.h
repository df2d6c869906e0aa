// Git LFS beside git: what its API's requests do. (git-lfs docs/api/batch.md, docs/api/locking.md)
//
// A batch asks where files can be fetched or put; an upload is judged there, on the ref it says it is for, or on the
// repository where it names none. The files themselves travel directly where the upstream's answer points to another
// host, and through the gateway where it points to the upstream (git_lfs_answer.h). Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/http_head.h"
#include "core/result.h"
#include "proxy/adapters/git_route.h"
#include "scopes/effect.h"

namespace countersign::adapters {

inline constexpr std::size_t kMaxLfsBody = 1U << 20;                // of a request, in bytes
inline constexpr std::size_t kMaxLfsObjects = 1000;                 // of a batch
inline constexpr std::int64_t kMaxLfsSize = std::int64_t{1} << 50;  // of one file, in bytes

struct LfsObject {
  std::string oid;  // SHA-256 of the file, 64 lower-case hexadecimal digits
  std::int64_t size = 0;
  auto operator<=>(const LfsObject&) const = default;
};

struct LfsRequest {
  std::string_view action;  // "git:lfs_upload"
  Effect effect = Effect::destroy;
  std::string ref;                 // the ref it is for, where the request says: "refs/heads/main"
  std::string summary;             // "upload 3 LFS files (12 MB) to"
  std::string input;               // parameters for policies, a JSON object; empty for reads
  std::vector<LfsObject> objects;  // of a batch, or the one that was uploaded
};

// `body` is the whole JSON body (empty for lfs_locks); `headers` of the request. For every service but lfs_object.
// Errors: json.*, git.bad_lfs (not an object, an operation that is neither download nor upload, objects or a ref that
// are none, no JSON media type, a compressed body), git.too_large (more than kMaxLfsObjects).
Result<LfsRequest> read_lfs(GitService service, const HeaderList& headers, std::string_view body);

// The parameters of a change for policies: {"bytes":…,"objects":…,"ref":…}; a ref that is not known is left out.
[[nodiscard]] std::string lfs_input(std::string_view ref, const std::vector<LfsObject>& objects);

// "3 LFS files (12 MB)".
[[nodiscard]] std::string lfs_amount(const std::vector<LfsObject>& objects);

// An LFS error document, {"message":…}: what git-lfs prints. `message` is one line.
[[nodiscard]] std::string lfs_message(std::string_view message);
inline constexpr std::string_view kLfsMediaType = "application/vnd.git-lfs+json";

}  // namespace countersign::adapters
