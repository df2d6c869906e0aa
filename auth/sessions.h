// The table of sessions, for the parts of People. Functions are called inside PeopleStore::transact().
#pragma once

#include <string_view>
#include <vector>

#include "auth/people.h"
#include "auth/people_store.h"

namespace countersign::auth {

// A new session of somebody listed. The session of `old_cookie`, if any, ends.
Result<SignedIn> insert_session(PeopleStore& store, const PeopleOptions& options, const Authenticated& who, TimeMs now,
                                std::string_view old_cookie);

// Those of a person that work now, last used first.
Result<std::vector<Session>> live_sessions(PeopleStore& store, const PeopleOptions& options, std::string_view user,
                                           TimeMs now);

// The number that were live.
Result<std::size_t> delete_sessions(PeopleStore& store, const PeopleOptions& options, std::string_view user,
                                    TimeMs now);

}  // namespace countersign::auth
