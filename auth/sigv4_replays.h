// Signatures that changes came with, so that nobody carries one out a second time by sending its bytes again. A time
// stamp has whole seconds, and some clients sign nothing else that differs, so two equal requests of one second are one
// signature: those are let through for a second, unless the client signs an id of each call (amz-sdk-invocation-id) or
// the body is another one, which a signature that does not cover the body would let happen.
// Any thread may call any method.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string_view>
#include <unordered_map>

#include "auth/sigv4.h"
#include "core/result.h"
#include "core/sha256.h"

namespace countersign::auth {

class SigV4Replays {
 public:
  static constexpr std::size_t kDefaultEntries = 1U << 17U;  // in each of two generations; 20 MB together
  static constexpr TimeMs kSameSecond = 1000;

  explicit SigV4Replays(const SigV4Limits& limits, std::size_t entries = kDefaultEntries)
      : remembered_(2 * limits.skew), entries_(entries) {}

  // For a change whose claim verify_sigv4 has accepted, right before it is acted upon. sigv4.replayed
  // (unauthenticated); sigv4.replays_full (unavailable): more changes than can be remembered for as long as their
  // signatures are accepted. Presigned URLs are made to be used again until they expire, and always pass.
  [[nodiscard]] Status admit(const SigV4Claim& claim, TimeMs now, std::string_view body_sha256 = {});
  // For what is answered with keys: nothing that is seen a second time passes, not even within its second, and a
  // presigned URL, which whoever reads it can use, never does (sigv4.link, forbidden).
  [[nodiscard]] Status admit_once(const SigV4Claim& claim, TimeMs now);

 private:
  enum class Again : std::uint8_t { passes_within_a_second, is_refused };
  Status remember(const SigV4Claim& claim, TimeMs now, std::string_view body_sha256, Again again);

  struct Hash {
    std::size_t operator()(const Digest& signature) const;
  };
  struct Seen {
    TimeMs first = 0;
    std::uint64_t body = 0;  // the first 8 bytes of its SHA-256
  };
  using Generation = std::unordered_map<Digest, Seen, Hash>;

  const TimeMs remembered_;
  const std::size_t entries_;
  std::mutex lock_;
  TimeMs begun_ = 0;  // of the younger generation
  Generation younger_;
  Generation older_;
};

}  // namespace countersign::auth
