// The refs an upstream advertises before a push, trimmed to what this proxy understands. (gitprotocol-http "Smart
// Server Response", gitprotocol-capabilities) Pure functions, any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "proxy/adapters/git/object_id.h"

namespace countersign::adapters::git {

// The beginning of an advertisement, rewritten.
struct AdvertisementStart {
  std::string bytes;         // what takes the place of the first `replaced` bytes
  std::size_t replaced = 0;  // what follows them passes unchanged
  ObjectFormat format = ObjectFormat::sha1;
};

// Rewrites the capabilities of an answer to info/refs?service=git-receive-pack. Kept: those read_push() accepts. Added:
// no-thin, so that packs hold the objects their deltas build on and can be looked into without the upstream's.
// `bytes` is the answer or its beginning; nullopt: more of it is needed. Errors: git.bad_packet, git.bad_advertisement.
Result<std::optional<AdvertisementStart>> trim_push_advertisement(std::string_view bytes);

// Beyond this many bytes a first ref line cannot end.
inline constexpr std::size_t kMaxAdvertisementStart = 3 * 65520;

}  // namespace countersign::adapters::git
