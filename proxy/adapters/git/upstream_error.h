// Reading an upstream's answers, and what goes wrong with them, in the words of refs.h and fetch.h. Pure functions, any
// thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "proxy/adapters/git/pkt_stream.h"

namespace countersign::adapters::git {

[[nodiscard]] std::unexpected<Error> bad_answer(std::string message);  // git.upstream_bad_answer
[[nodiscard]] std::unexpected<Error> too_large(std::string message);   // git.upstream_too_large

// What the upstream says in an ERR packet or on the side band's channel 3: git.upstream_lacks_object, or
// git.upstream_refused. Its words are in the message, their beginning, made visible.
[[nodiscard]] Error refusal_of(std::string_view words);

// Hands each packet that ends with the next piece of an answer to `take`, a Status(Pkt), up to its first error.
template <class Take>
Status take_packets(PktStream& packets, std::string_view piece, Take take) {
  packets.feed(piece);
  while (true) {
    Result<std::optional<Pkt>> packet = packets.next();
    if (!packet) return bad_answer(packet.error().message);
    if (!*packet) return {};
    Status taken = take(**packet);
    if (!taken) return taken;
  }
}

}  // namespace countersign::adapters::git
