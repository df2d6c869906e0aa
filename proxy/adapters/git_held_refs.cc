#include "proxy/adapters/git_held_refs.h"

#include <algorithm>

#include "proxy/adapters/git_body.h"
#include "proxy/adapters/git_conversation.h"
#include "proxy/adapters/git_route.h"

namespace countersign::adapters {
namespace {

constexpr std::string_view kService = "/git-receive-pack";

std::unexpected<Error> not_held() {
  return fail(ErrorKind::not_found, "git.not_held", "no push to this repository is held under this id");
}

bool is_open(approvals::State state) {
  return state == approvals::State::held || state == approvals::State::approved || state == approvals::State::executing;
}

}  // namespace

std::vector<HeldTip> held_tips(std::string_view request, const git::PushRequest& push) {
  constexpr std::string_view kRefs = "refs/";
  const std::string name = std::string(kHeldRefs) + std::string(request);
  std::vector<HeldTip> out;
  for (const git::RefCommand& command : push.commands) {
    if (command.kind() == git::CommandKind::remove) continue;
    out.push_back({std::string(request), name + "/" + command.ref.substr(kRefs.size()), command.new_id});
  }
  if (out.size() == 1) out.front().name = name;
  return out;
}

std::string_view request_of(std::string_view ref) {
  constexpr std::string_view kPrefix = "req_";
  constexpr std::size_t kIdSize = 20;
  if (!ref.starts_with(kHeldRefs)) return {};
  const std::string_view rest = ref.substr(kHeldRefs.size());
  const std::string_view id = rest.substr(0, rest.find('/'));
  const bool plain =
      std::ranges::all_of(id, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
  return id.size() == kIdSize && id.starts_with(kPrefix) && plain ? id : std::string_view();
}

Result<HeldPush> read_held_push(const approvals::HeldRequest& request) {
  if (request.frozen.protocol != "git" || !is_open(request.state) || request.frozen.body_file.empty())
    return not_held();
  Result<RequestHead> head = thaw_git_head(request.frozen.head);
  if (!head) return not_held();
  Result<GitRoute> route = read_git_route(head->method, head->target);
  if (!route || route->service != GitService::push) return not_held();
  FileSource body(request.frozen.body_file, request.frozen.body_size);
  Result<git::PushRequest> push = read_front(&body);
  if (!push) return not_held();
  std::string path = head->target;
  path.resize(path.size() - kService.size());  // the route is a push: it ends with it
  return HeldPush{request.id, std::move(path), std::move(route->repository), std::move(*push),
                  request.frozen.body_file};
}

bool may_show(std::string_view fetched, std::string_view pushed) {
  return pushed == fetched || pushed == lower_ascii(fetched);
}

}  // namespace countersign::adapters
