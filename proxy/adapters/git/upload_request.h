// What a client asks of git-upload-pack in version 2 of the protocol: the commands ls-refs and fetch. (gitprotocol-v2)
//
//   command=<name>  *capability  [delimiter  *argument]  flush
//
// One reading only; nothing may follow. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "proxy/adapters/git/object_id.h"

namespace countersign::adapters::git {

enum class UploadCommand : std::uint8_t { ls_refs, fetch };

struct UploadRequest {
  UploadCommand command = UploadCommand::ls_refs;
  ObjectFormat format = ObjectFormat::sha1;
  std::vector<std::string> prefixes;   // of ls-refs: "refs/heads/", "refs/heads/main"; none: all refs
  std::vector<std::string> wants;      // of fetch: names of objects
  std::vector<std::string> want_refs;  // of fetch: names of refs, where the server takes those
  std::size_t haves = 0;               // of fetch: how many objects the client says it has
};

struct UploadLimits {
  std::size_t bytes = 8U << 20;
  std::size_t names = 200'000;  // prefixes, wants and want-refs together
};

// Reads a whole request. Errors: git.bad_packet; git.truncated; git.bad_upload_request (another command, an argument
// that the command does not have or that is ill-formed, something behind the end); git.too_large.
Result<UploadRequest> read_upload_request(std::string_view body, const UploadLimits& limits = {});

// The same fetch in words that any git's upload-pack knows: capabilities other than `agent` and `object-format`, and
// the argument `packfile-uris`, which is a wish, are left out. For a request that read_upload_request() takes.
[[nodiscard]] std::string plain_fetch(std::string_view body);

}  // namespace countersign::adapters::git
