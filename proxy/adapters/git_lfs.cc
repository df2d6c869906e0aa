#include "proxy/adapters/git_lfs.h"

#include "core/json_reader.h"
#include "proxy/adapters/git/object_id.h"

namespace countersign::adapters {
namespace {

std::unexpected<Error> bad(std::string message) {
  return fail(ErrorKind::malformed, "git.bad_lfs", std::move(message));
}

Status read_batch(JsonValue root, LfsRequest& out) {
  std::optional<std::string_view> operation = root.member("operation").string();
  const std::string files = std::to_string(root.member("objects").size()) + " LFS files";
  if (operation == "download") {
    out = {"git:fetch", Effect::read, out.ref, "download " + files + " from"};
    return {};
  }
  if (operation == "upload") {
    out = {"git:lfs_upload", Effect::write, out.ref, "upload " + files + " to"};
    return {};
  }
  return bad("an LFS batch is for download or for upload");
}

}  // namespace

Result<LfsRequest> read_lfs(GitService service, std::string_view body) {
  if (service == GitService::lfs_locks) return LfsRequest{"git:fetch", Effect::read, "", "list the LFS locks of"};
  Result<JsonDocument> document = JsonDocument::parse(body);
  if (!document) return fail(document.error());
  JsonValue root = document->root();
  if (!root.is_object()) return bad("an LFS request is a JSON object");
  LfsRequest out;
  if (std::optional<std::string_view> ref = root.at("/ref/name").string()) {
    if (!git::is_ref_name(*ref)) return bad("an LFS request names a ref that is none");
    out.ref = *ref;
  }
  switch (service) {
    case GitService::lfs_batch: {
      Status read = read_batch(root, out);
      if (!read) return fail(read.error());
      return out;
    }
    case GitService::lfs_verify:
      return LfsRequest{"git:fetch", Effect::read, out.ref, "ask whether an LFS upload arrived in"};
    case GitService::lfs_verify_locks:
      return LfsRequest{"git:fetch", Effect::read, out.ref, "list the LFS locks of"};
    case GitService::lfs_lock:
      return LfsRequest{"git:lfs_lock", Effect::write, out.ref, "lock a file of"};
    case GitService::lfs_unlock:
      if (root.member("force").boolean().value_or(false))
        return LfsRequest{"git:lfs_force_unlock", Effect::destroy, out.ref, "break somebody's lock on a file of"};
      return LfsRequest{"git:lfs_unlock", Effect::write, out.ref, "unlock a file of"};
    default:
      return bad("not an LFS request");
  }
}

}  // namespace countersign::adapters
