// What a push asks for: the part of a git-receive-pack request before the pack. (gitprotocol-pack "Reference Update
// Request and Packfile Transfer", gitprotocol-capabilities)
//
//   *shallow-line  command with capabilities  *command  flush  [*push-option flush]  [PACK…]
//
// One reading only: what git's own server would take in two ways, or silently repair, is refused. Pure functions, any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "proxy/adapters/git/object_id.h"

namespace countersign::adapters::git {

enum class CommandKind : std::uint8_t { create, update, remove };

struct RefCommand {
  std::string old_id;  // what the ref must be now; all zeros: it must not exist
  std::string new_id;  // all zeros: it is removed
  std::string ref;     // "refs/heads/main"

  [[nodiscard]] CommandKind kind() const;
};

// Capabilities of receive-pack that a client may claim. Others are trimmed from what upstreams offer, so that an honest
// client never claims them: push certificates, whose commands stand elsewhere, above all.
struct PushCapabilities {
  bool report_status = false;
  bool report_status_v2 = false;
  bool side_band_64k = false;
  bool quiet = false;
  bool atomic = false;
  bool push_options = false;
  bool ofs_delta = false;
  bool delete_refs = false;
  ObjectFormat format = ObjectFormat::sha1;
  std::string agent;  // "git/2.39.5"; may be empty
};

struct PushRequest {
  std::vector<RefCommand> commands;  // at least one
  std::vector<std::string> shallow;  // object names
  PushCapabilities capabilities;
  std::vector<std::string> options;  // push options
  std::size_t pack_at = 0;           // bytes before the pack, or of the whole body when there is none

  // Whether a pack must follow: not when every command removes.
  [[nodiscard]] bool has_pack() const;
};

struct PushLimits {
  std::size_t bytes = 4U << 20;  // before the pack
  std::size_t commands = 1'000;
  std::size_t shallow = 100'000;
  std::size_t options = 100;
  std::size_t option_bytes = 1'024;  // of one
};

// Reads the front of a request. `bytes` is the whole body or its beginning; `body_size` is the size of the whole.
// nullopt: the request may be sound, but more of it is needed (never when the whole is there).
//
// Errors: git.bad_packet; git.bad_command (not `old new ref`, a ref outside refs/ or ill-formed, both names zero);
// git.duplicate_ref; git.bad_capability (unknown, repeated, or not on the first command); git.push_certificate;
// git.bad_option; git.bad_pack (the pack is missing, or there though nothing needs it); git.truncated; git.too_large.
Result<std::optional<PushRequest>> read_push(std::string_view bytes, std::uint64_t body_size,
                                             const PushLimits& limits = {});

// The four bytes "0000" that git sends first, alone, when a large body follows, to see whether it would be refused.
[[nodiscard]] bool is_probe(std::string_view body);

}  // namespace countersign::adapters::git
