// What an upstream answers to an LFS batch, before it reaches the agent.
//
// Addresses on other hosts pass as they are, pre-signed as they are. An address at the upstream itself becomes one at
// the gateway (git_lfs_ticket.h), and so does one that comes with the upstream's own credential, by whatever name it
// calls its host: servers that keep files themselves send back the Authorization they were asked with. An answer in
// which the credential still shows after that is not passed on.
//
// Pure functions, any thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/result.h"
#include "proxy/adapters/git_lfs_ticket.h"

namespace countersign::adapters {

// An http(s) address, taken apart. `host` in lower case, with its port where that is not the scheme's own.
struct LfsAddress {
  std::string scheme, host, target;  // target: path and query, "/" at least
  bool operator==(const LfsAddress&) const = default;
};
// nullopt: not http(s), user information, a fragment, or characters that no address has.
[[nodiscard]] std::optional<LfsAddress> read_lfs_address(std::string_view url);

struct LfsUpstream {
  std::string_view url;  // as configured
  // Whether a text shows the credential that requests to it carry.
  std::function<bool(std::string_view)> shows_credential;
};

// What an answer's tickets have in common.
struct LfsAsked {
  std::string gateway;  // address of tickets: "http://127.0.0.1:8700/origin/team/app.git/info/lfs/countersign/"
  std::string repository;
  const LfsRequest* request = nullptr;
  LfsStanding standing = LfsStanding::judged;
  TimeMs now = 0;
};

// How long a ticket lasts when the upstream sets no shorter time, in milliseconds; and one for what people approved,
// whose requester may collect it later.
inline constexpr TimeMs kTicketTime = 3'600'000;
inline constexpr TimeMs kApprovedTicketTime = 24 * 3'600'000;

// The answer as the agent gets it: `answer` itself, byte for byte, when nothing points to the upstream. Errors:
// git.lfs_answer (not JSON, actions at the upstream that are not known, for objects that were not asked for, or outside
// of the address it is configured with), git.lfs_credential (the upstream's credential would show).
Result<std::string> pass_lfs_answer(std::string answer, const LfsUpstream& upstream, const LfsTickets& tickets,
                                    const LfsAsked& asked);

// Where a download leads on: `location` as the agent gets it, sealed like `from` when it is at the upstream.
// Errors as above.
Result<std::string> pass_lfs_location(std::string_view location, const LfsUpstream& upstream, const LfsTickets& tickets,
                                      const std::string& gateway, LfsTicket from);

}  // namespace countersign::adapters
