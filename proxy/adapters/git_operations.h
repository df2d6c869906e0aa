// What a git request does, in words that policies share.
//
//   git:fetch          read on Repository::"origin/team/app"; also for the refs that are advertised before
//   git:create_ref     write     git:create_tag  write       each on Ref::"origin/team/app/refs/heads/main"
//   git:update_ref     write     git:move_tag    destroy
//   git:force_update_ref  destroy
//   git:delete_ref     destroy   git:delete_tag  destroy
//   git:lfs_upload     write on Repository; git:lfs_lock, git:lfs_unlock write; git:lfs_force_unlock destroy
//
// A push is one operation with one access a ref, each with its own action. Many hosts ignore the case of letters in
// names of repositories: one spelt with capitals is judged under both spellings, and the stricter answer counts.
//
// Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>

#include "core/config.h"
#include "proxy/adapters/git/push_request.h"
#include "proxy/adapters/git_examination.h"
#include "proxy/adapters/git_route.h"
#include "scopes/operation.h"

namespace countersign::adapters {

// The effect and action of one command. What could not be found out about an update counts as forced.
struct RefAction {
  std::string_view name;
  Effect effect = Effect::destroy;
};
[[nodiscard]] RefAction action_of(const git::RefCommand& command, git::Ancestry ancestry);

// A fetch, or the advertisement before a fetch or a push: a read.
[[nodiscard]] Operation fetch_operation(const config::Upstream& upstream, const GitRoute& route);

// A push. `findings` may be null: nothing is known yet. The action is that of every ref, or "git:push" where they
// differ.
[[nodiscard]] Operation push_operation(const config::Upstream& upstream, const GitRoute& route,
                                       const git::PushRequest& push, const PushFindings* findings);

// "main" for refs/heads/main, "tag v1" for refs/tags/v1, else the whole name: for people.
[[nodiscard]] std::string short_name(std::string_view ref);

}  // namespace countersign::adapters
