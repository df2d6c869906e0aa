// Caller: who is acting, as established from a credential. The only way to one is Authenticator::identify.
#pragma once

#include <string>
#include <vector>

#include "scopes/scope.h"

namespace countersign::auth {

enum class CallerKind {
  agent,  // a program with a token for the agents listener
  user,   // a human with a personal token for the admin listener
};

struct Caller {
  CallerKind kind = CallerKind::agent;
  std::string agent;               // name of the agent; empty for a user
  std::string owner;               // the human or team the token was issued to; the user's own name for a user
  std::vector<std::string> chain;  // hex token ids from the root to the leaf: what audit shows and revocation names
  std::vector<std::string>
      delegates;  // names given by `who` caveats along the chain: sub-agents, nearest to the root first
  Scope scope;
  TimeMs issued = 0;
  TimeMs expires = 0;  // the earliest expiry along the chain

  // The leaf's id: what distinguishes this token from its parents and siblings.
  [[nodiscard]] std::string_view token() const {
    return chain.empty() ? std::string_view() : std::string_view(chain.back());
  }
};

}  // namespace countersign::auth
