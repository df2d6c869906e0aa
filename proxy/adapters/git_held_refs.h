// The refs by which held pushes can be fetched before they land:
//
//   refs/approvals/req_…              what a push would leave in the one ref that it creates or moves
//   refs/approvals/req_…/heads/main   of several refs each, without its "refs/"; refs that are removed have none
//
// Held means: waiting for a decision, or approved and not over. Any thread.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "approvals/request.h"
#include "core/result.h"
#include "proxy/adapters/git/push_request.h"

namespace countersign::adapters {

inline constexpr std::string_view kHeldRefs = "refs/approvals/";

struct HeldTip {
  std::string request;  // "req_…"
  std::string name;     // "refs/approvals/req_…"
  std::string id;       // the object
};
// In the order of the push's commands.
[[nodiscard]] std::vector<HeldTip> held_tips(std::string_view request, const git::PushRequest& push);

// The id of the request in "refs/approvals/<id>" or "refs/approvals/<id>/…"; empty when no whole id stands there.
[[nodiscard]] std::string_view request_of(std::string_view ref);

struct HeldPush {
  std::string request;
  std::string path;        // as the client spelt it: "/team/app.git"
  std::string repository;  // as GitRoute has it: "team/app"
  git::PushRequest push;
  std::filesystem::path body_file;
};
// Reads the beginning of the stored body: blocks. Error: git.not_held (it is no push, or over; one error for all, so
// that nobody learns which).
Result<HeldPush> read_held_push(const approvals::HeldRequest& request);

// Whether whoever may read `fetched` may read what was pushed to `pushed`: a name is judged as it is spelt and in lower
// case (git_operations.h).
[[nodiscard]] bool may_show(std::string_view fetched, std::string_view pushed);

}  // namespace countersign::adapters
