#include "approvals/queue_checks.h"

#include <string>
#include <vector>

#include "approvals/body_files.h"

namespace countersign::approvals {
namespace {

constexpr std::size_t kMostFieldBytes = 1U << 20;
constexpr std::size_t kMostListItems = 10'000;

}  // namespace

Status check_complete(const HeldRequest& draft, TimeMs now) {
  auto incomplete = [](std::string what) { return fail(ErrorKind::invalid, "approval.incomplete", std::move(what)); };
  if (draft.rules.empty()) return incomplete("a request without approval rules could never be approved");
  if (draft.frozen.identity.empty()) return incomplete("the request has no identity to know a retry by");
  if (draft.requester.agent.empty()) return incomplete("the request has no agent");
  if (draft.requester.chain.empty() || draft.requester.chain.front().empty()) {
    return incomplete("the request has no root token");
  }
  if (draft.expires <= now) return incomplete("the request's expiry is not ahead");
  if (draft.frozen.body_file.empty() && draft.frozen.body_size > 0) return incomplete("the request's body is missing");
  return {};
}

Status check_size(const HeldRequest& draft) {
  const Requester& from = draft.requester;
  const Frozen& frozen = draft.frozen;
  auto too_large = [] {
    return fail(ErrorKind::too_large, "approval.too_large", "the request is too large to be held for approval");
  };
  for (const std::string* text :
       {&from.agent, &from.owner, &from.issuer, &from.scope, &draft.action, &draft.effect, &draft.environment,
        &draft.summary, &draft.input, &frozen.protocol, &frozen.upstream, &frozen.head, &frozen.body_sha256,
        &frozen.identity, &frozen.preconditions, &draft.policy_digest, &draft.operation}) {
    if (text->size() > kMostFieldBytes) return too_large();
  }
  for (const std::vector<std::string>* list :
       {&from.delegates, &from.chain, &draft.resources, &draft.policies, &draft.rules}) {
    std::size_t bytes = 0;
    for (const std::string& item : *list) bytes += item.size();
    if (list->size() > kMostListItems || bytes > kMostFieldBytes) return too_large();
  }
  return {};
}

Status check_frozen_body(const Frozen& frozen) {
  if (frozen.body_file.empty()) return {};
  return check_body(frozen.body_file, frozen.body_sha256, frozen.body_size);
}

void reset_progress(HeldRequest& draft, TimeMs now) {
  draft.state = State::held;
  draft.created = now;
  draft.decided = 0;
  draft.finished = 0;
  draft.votes.clear();
  draft.decided_by.clear();
  draft.reason.clear();
  draft.code.clear();
  draft.reply.reset();
  draft.delivered = false;
  draft.reminded = 0;
  draft.edited_by.clear();
  draft.edited.clear();
  draft.supersedes.clear();
  draft.superseded_by.clear();
  draft.burst.clear();
}

std::unexpected<Error> not_what_you_saw() {
  return fail(ErrorKind::conflict, "approval.changed", "the request is not the one you were shown");
}

}  // namespace countersign::approvals
