// Packets of a body that arrives in pieces. Keeps at most the one packet that has not ended yet. One thread at a time.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "proxy/adapters/git/pkt_line.h"

namespace countersign::adapters::git {

//   stream.feed(piece);
//   while (true) {
//     Result<std::optional<Pkt>> packet = stream.next();
//     …
//   }
class PktStream {
 public:
  // The next piece of the body. The one before must have been read to its end: next() has returned nullopt.
  void feed(std::string_view piece) { piece_ = piece; }

  // The next packet, or nullopt when more is needed. Its payload is valid until the next call of next(), and as long as
  // the piece. Error: git.bad_packet.
  Result<std::optional<Pkt>> next();

  // Whether what was fed so far ends with a packet.
  [[nodiscard]] bool at_end() const { return piece_.empty() && begun_.empty(); }

 private:
  std::string_view piece_;
  std::string begun_;  // the front of a packet whose rest has not come
  std::string whole_;  // the packet last returned, when it came in several pieces
};

}  // namespace countersign::adapters::git
