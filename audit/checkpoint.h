// Signed notes and checkpoints in the C2SP formats (signed-note, tlog-checkpoint), Ed25519 signature type 0x01. Pure
// functions, any thread.
//
//   <origin>\n<tree size>\n<base64 root>\n\n— <key name> <base64 of key id ‖ signature>\n
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "audit/signing_key.h"
#include "core/result.h"
#include "core/sha256.h"

namespace countersign::audit {

// The public half of a log's key, with its name: "<name>+<id, 8 hex digits>+<base64 of 0x01 ‖ public key>".
struct VerifierKey {
  std::string name;  // the log's origin; no white space and no '+', at most 255 bytes
  std::array<std::uint8_t, 4> id{};
  PublicKey key{};

  // Invalid ("audit.origin") for a name a signed note cannot carry.
  static Result<VerifierKey> make(std::string_view name, const PublicKey& key);
  // Malformed ("audit.vkey") unless the text is exactly what `text()` of some key gives.
  static Result<VerifierKey> parse(std::string_view text);
  [[nodiscard]] std::string text() const;

  bool operator==(const VerifierKey&) const = default;
};

// `text` ends in a newline. Returns text, an empty line and one signature line.
[[nodiscard]] std::string sign_note(std::string_view text, const VerifierKey& name, const SigningKey& key);

// The text of a note that carries a good signature by `key`; signatures of other keys (witnesses) are passed over.
// audit.note_malformed: not a signed note, or over 1 MiB or 16 signatures; audit.signature: no good signature by this
// key.
Result<std::string_view> open_note(std::string_view note, const VerifierKey& key);

struct Checkpoint {
  std::string origin;
  std::uint64_t size = 0;
  Digest root{};

  [[nodiscard]] std::string text() const;
  bool operator==(const Checkpoint&) const = default;
};

struct SignedCheckpoint {
  Checkpoint checkpoint;
  std::string note;
};

// open_note, and the text is a checkpoint of the log `key` names. audit.checkpoint_malformed otherwise.
Result<SignedCheckpoint> open_checkpoint(std::string_view note, const VerifierKey& key);

}  // namespace countersign::audit
