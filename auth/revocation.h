// Revoked chain ids, kept in <state>/revoked: a line each, "<32 hex digits>\t<RFC 3339 time>\t<actor>\t<reason>".
//
// Revoking an id kills every token whose chain contains it. It takes effect in this process before `revoke` returns,
// whether or not the line could be written; when it could not, the caller is told, and `healthy()` is false from then
// on.
//
// Any thread may call any method. A look-up takes a shared lock and a hash look-up for each id of the chain.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "auth/block.h"
#include "auth/durable_lines.h"
#include "core/clock.h"
#include "core/result.h"

namespace countersign::auth {

inline constexpr std::size_t kMaxActorBytes = 200;
inline constexpr std::size_t kMaxReasonBytes = 1000;

struct Revocation {
  TimeMs at = 0;
  std::string actor;   // who revoked, cut to kMaxActorBytes, control characters replaced by spaces
  std::string reason;  // cut to kMaxReasonBytes, likewise
};

class Revocations {
 public:
  // Never fails: a file that cannot be read or holds a line that is none leaves an object that is not healthy, so that
  // reads can go on and changes are refused. `problem()` says what is wrong. What could be read is in force.
  static std::unique_ptr<Revocations> open(const std::filesystem::path& path);

  Revocations(const Revocations&) = delete;
  Revocations& operator=(const Revocations&) = delete;

  // Durable when it returns without error. "token.revocation_unavailable": in force here, but not on disk.
  // Revoking twice is no error; the first actor and reason stay.
  [[nodiscard]] Status revoke(const TokenId& id, std::string_view actor, std::string_view reason, TimeMs now);

  // Whether any id of the chain is revoked.
  [[nodiscard]] bool is_revoked(std::span<const TokenId> chain) const;
  [[nodiscard]] std::optional<Revocation> find(const TokenId& id) const;

  // Whether everything ever revoked is known here and a new revocation would last. Looks at the file, so that one that
  // was removed or replaced is noticed: two system calls.
  [[nodiscard]] bool healthy() const;
  // Empty while nothing was wrong when the file was read.
  [[nodiscard]] std::string_view problem() const { return problem_; }

 private:
  // Chain ids are output of HMAC-SHA256: any eight bytes of one are as good as a hash of it.
  struct IdHash {
    std::size_t operator()(const TokenId& id) const;
  };

  Revocations() = default;

  std::string problem_;
  mutable std::shared_mutex lock_;  // of revoked_
  std::unordered_map<TokenId, Revocation, IdHash> revoked_;
  std::mutex writing_;                // one revoke() at a time
  std::optional<DurableLines> file_;  // set once, by open()
};

}  // namespace countersign::auth
