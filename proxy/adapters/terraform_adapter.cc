#include "proxy/adapters/terraform_adapter.h"

#include <algorithm>

#include "proxy/adapters/http_fields.h"

namespace countersign::adapters {
namespace {

constexpr TimeMs kLongestWait = 600'000;
constexpr TimeMs kHeartbeat = 5'000;

// How long a held call waits. A lock is taken only while somebody asks for it: it is asked for a moment at least.
Patience patience_of(const RequestHead& head, TerraformVerb verb) {
  TimeMs at_most = head.headers.get("Prefer") ? preferred_wait(head.headers, kLongestWait) : kHoldPatience;
  if (verb == TerraformVerb::lock) at_most = std::max(at_most, kShortestAsk);
  return {.at_most = at_most, .heartbeat = kHeartbeat};
}

}  // namespace

Result<std::unique_ptr<TerraformAdapter>> TerraformAdapter::create(const config::Upstream& upstream,
                                                                   const std::filesystem::path& locks) {
  Result<std::unique_ptr<TerraformLocks>> opened = TerraformLocks::open(locks);
  if (!opened) return fail(opened.error());
  auto gate = std::make_unique<TerraformGate>();
  gate->upstream = upstream.name;
  gate->locks = std::move(*opened);
  return std::unique_ptr<TerraformAdapter>(new TerraformAdapter(std::move(gate)));
}

Challenge TerraformAdapter::challenge(std::string_view method, std::string_view rest) const {
  static_cast<void>(method);
  static_cast<void>(rest);
  return {.scheme = Challenge::Scheme::basic};
}

Task<Status> TerraformAdapter::prepare(Doors& doors) {
  static_cast<void>(doors);
  co_return Status();
}

Result<std::unique_ptr<Conversation>> TerraformAdapter::describe(const Inbound& inbound, Doors& doors) const {
  static_cast<void>(doors);
  Result<TerraformRequest> request = read_terraform_request(inbound);
  if (!request) return fail(request.error());
  const Patience patience = patience_of(*inbound.head, request->verb);
  auto out = std::make_unique<TerraformConversation>(*gate_, std::move(*request), inbound.body,
                                                     TerraformConversation::Origin::client);
  out->set_patience(patience);
  return out;
}

Result<std::unique_ptr<Conversation>> TerraformAdapter::thaw(const approvals::Frozen& frozen, std::string_view body,
                                                             Doors& doors) const {
  static_cast<void>(doors);
  Result<TerraformRequest> request = thaw_terraform_request(frozen, body);
  if (!request) return fail(request.error());
  const BodyView view{.size = frozen.body_size, .sha256 = frozen.body_sha256};
  auto out =
      std::make_unique<TerraformConversation>(*gate_, std::move(*request), view, TerraformConversation::Origin::stored);
  out->set_preconditions(frozen.preconditions);
  return out;
}

std::string TerraformAdapter::sentence(const approvals::Frozen& frozen, std::string_view body,
                                       std::string_view environment) const {
  static_cast<void>(body);
  Result<TerraformStory> story = thaw_story(frozen.shown);
  return story ? terraform_sentence(*story, gate_->upstream, environment) : std::string();
}

Preview TerraformAdapter::preview(const approvals::Frozen& frozen, std::string_view body) const {
  static_cast<void>(body);  // it holds secrets
  Result<TerraformStory> story = thaw_story(frozen.shown);
  if (!story) return {"The stored request cannot be read any more: " + story.error().message + ".", {}};
  return {terraform_sentence(*story, gate_->upstream, {}), terraform_preview(*story)};
}

Task<Status> TerraformAdapter::refuse(ReplySink& sink, Denial denial, const Inbound& inbound) const {
  const bool lock = inbound.head->method == "LOCK";
  co_return co_await send_refusal(sink, lock, std::move(denial));
}

}  // namespace countersign::adapters
