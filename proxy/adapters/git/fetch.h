// The command `fetch` of protocol version 2: what asks for a pack, and a reader of what comes. (gitprotocol-v2 "fetch")
//
// Everything is asked for in one round: the request says `done`, so the answer is a pack and no negotiation. Packs are
// never thin.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "proxy/adapters/git/object_id.h"
#include "proxy/adapters/git/pkt_stream.h"
#include "proxy/adapters/git/refs.h"

namespace countersign::adapters::git {

struct FetchCommand {
  std::vector<std::string> wants;  // names of objects of any type
  std::vector<std::string> haves;
  std::string_view filter;  // "blob:none"; empty: none
  std::uint32_t depth = 0;  // 0: all
};

// The body of POST …/git-upload-pack. What the upstream does not offer (`filter`, `deepen`) is left out: it sends more.
[[nodiscard]] std::string write_fetch(const FetchCommand& command, const Advertisement& upstream);

// Reads the answer in any pieces, and hands the pack out as it comes. Sections other than the pack are passed over.
// One thread at a time.
//
// Errors of feed() and finish(): git.upstream_bad_answer (it breaks a rule of the protocol, names packs elsewhere, or
// ends early); git.upstream_refused (ERR, or the side band's channel 3; the upstream's words are in the message, made
// visible); git.upstream_lacks_object (so refused because it has no such object); git.upstream_too_large (the sections
// before the pack). Nothing is read behind an error.
class FetchReader {
 public:
  // Appends to `pack` what of it the piece holds: at most the piece's size and one packet.
  Status feed(std::string_view piece, std::string& pack);
  // The body is over.
  Status finish();

  // What the upstream said meanwhile, its first bytes, as it said it.
  [[nodiscard]] const std::string& progress() const { return progress_; }

 private:
  enum class State : std::uint8_t { header, section, pack, ended };
  Status take(Pkt packet, std::string& pack);
  Status begin_section(std::string_view name);
  Status take_band(std::string_view payload, std::string& pack);

  PktStream packets_;
  State state_ = State::header;
  int section_ = -1;             // which of the specification's order was last
  std::size_t other_bytes_ = 0;  // outside the pack
  std::string progress_;
};

}  // namespace countersign::adapters::git
