// The `open-intents` file: where the writer stood at some checkpoint, so that the next start reads only what came after
// it.
//
// Advisory: it saves time and is believed only when the log's own key signed it. Whatever it says is checked against
// the latest checkpoint once the records behind it have been read; when it is missing or wrong, everything is read.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "audit/checkpoint.h"
#include "audit/merkle.h"
#include "core/clock.h"

namespace countersign::audit {

// Everything a writer must know to go on.
struct Position {
  CompactRange tree;
  TimeMs last_time = 0;
  std::uint64_t segment = 0;                               // first seq of the current segment
  std::uint64_t offset = 0;                                // bytes of whole records in it
  std::map<std::string, std::uint64_t, std::less<>> open;  // operation → seq of its intent
};

[[nodiscard]] std::string write_position(const Position& position, const VerifierKey& name, const SigningKey& key);
// Malformed ("audit.position") or audit.signature.
Result<Position> read_position(std::string_view note, const VerifierKey& key);

inline constexpr std::size_t kMaxPositionBytes = 8U << 20;

}  // namespace countersign::audit
