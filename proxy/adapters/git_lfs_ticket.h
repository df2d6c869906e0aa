// Tickets: addresses below the gateway for LFS files that the upstream keeps itself.
//
// Where a batch's answer points to the upstream, a client would need the upstream's credential. It gets an address of
// the gateway instead, …/info/lfs/countersign/<ticket>, in which the upstream's path is sealed together with what it is
// for. Only paths that the upstream handed out in answer to a judged batch can be reached so, each with its own method,
// for its own object, until it expires; the bytes of an upload must be the object.
//
//   ticket = base64url(JSON) "." base64url(HMAC-SHA256(key, JSON))
//
// It is no credential: the request still needs a token, and is judged again.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "core/bytes.h"
#include "core/clock.h"
#include "core/result.h"
#include "core/secret.h"
#include "proxy/adapters/git_lfs.h"

namespace countersign::adapters {

inline constexpr std::size_t kMaxLfsPath = 4096;

// People have said yes to this upload (by its object's SHA-256): it is not put to them again.
enum class LfsStanding : std::uint8_t { judged, approved };

struct LfsTicket {
  std::string method;      // GET, PUT, POST
  std::string path;        // at the upstream, relative to its base, with its query
  std::string repository;  // GitRoute::repository
  LfsObject object;
  std::string ref;  // that the batch named, or empty
  TimeMs expires = 0;
  LfsStanding standing = LfsStanding::judged;
};

// Immutable; any thread.
class LfsTickets {
 public:
  // `key`: at least 32 random bytes.
  explicit LfsTickets(Secret key) : key_(std::move(key)) {}

  // Those of one upstream, under a key that is kept in `file` and made where there is none: addresses handed out for an
  // approved upload outlast a restart. Error: git.lfs_key.
  static Result<LfsTickets> open_with_key(const std::filesystem::path& file, std::string_view upstream);

  [[nodiscard]] std::string seal(const LfsTicket& ticket) const;
  // Errors: git.lfs_ticket (not sealed here, or expired by `now`).
  [[nodiscard]] Result<LfsTicket> open(std::string_view text, TimeMs now) const;

 private:
  Secret key_;
};

}  // namespace countersign::adapters
