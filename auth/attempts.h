// Failed attempts to guess a password, counted per name and per network; part of People.
//
// The first five for a name and the first twenty from a network are free. Each further one must wait: 1 s, 2 s, 4 s, …
// up to 15 minutes for a name and to one minute for a network (behind one address there may be a whole office, or a
// proxy of ours). A name's failures are forgotten a day after the last one, a network's after an hour. An attempt that
// has to wait is not counted, so nobody can keep a person out for good by asking on.
//
// Names that nobody has are counted the same way, by digest, so that waiting tells nothing about who exists. Tables are
// bounded: 4,096 such names and 8,192 networks; past that the one with the fewest failures goes.
//
// Functions are called inside PeopleStore::transact().
#pragma once

#include <string>
#include <string_view>

#include "auth/people_store.h"
#include "core/clock.h"
#include "core/result.h"

namespace countersign::auth {

inline constexpr std::size_t kMaxUnknownNames = 4'096;
inline constexpr std::size_t kMaxNetworks = 8'192;

enum class NameKind : std::uint8_t { listed, unknown };

// "192.0.2.7:5000" is "192.0.2.0/24", "[2001:db8:1:2::3]:5000" is "2001:db8:1::/56"; what is neither stands for itself.
[[nodiscard]] std::string network_of(std::string_view peer);

// Counts an attempt as failed before it is made. When it has to wait, counts nothing and returns until when; otherwise
// 0.
Result<TimeMs> begin_attempt(PeopleStore& store, std::string_view user, NameKind kind, std::string_view peer,
                             TimeMs now);
// It was right after all: forgets the name's failures and takes this one off the network's.
Status attempt_succeeded(PeopleStore& store, std::string_view user, std::string_view peer);

// Until when the next attempt for a listed name has to wait; 0: not at all.
Result<TimeMs> locked_until(PeopleStore& store, std::string_view user, TimeMs now);
Status forget_attempts(PeopleStore& store, std::string_view user);
Status clean_up_attempts(PeopleStore& store, TimeMs now);

}  // namespace countersign::auth
