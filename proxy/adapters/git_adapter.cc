#include "proxy/adapters/git_adapter.h"

#include <algorithm>
#include <charconv>

#include "proxy/adapters/git/objects/evidence_pack.h"
#include "proxy/adapters/git_body.h"
#include "proxy/adapters/git_preview.h"
#include "proxy/adapters/git_push.h"
#include "proxy/adapters/git_review_conversation.h"
#include "proxy/adapters/git_words.h"
#include "proxy/adapters/http_fields.h"
#include "proxy/adapters/outcome.h"

namespace countersign::adapters {
namespace {

constexpr TimeMs kMaxWait = 600'000;

// Seconds of the last `countersign.wait=N` among the push options.
TimeMs wished_wait(const git::PushRequest& push) {
  TimeMs wait = 0;
  for (const std::string& option : push.options) {
    if (!option.starts_with(kWaitOption)) continue;
    std::string_view digits = std::string_view(option).substr(kWaitOption.size());
    std::int64_t seconds = 0;
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
    bool whole = error == std::errc() && end == digits.data() + digits.size() && seconds >= 0;
    if (whole) wait = std::min(seconds, kMaxWait / 1000) * 1000;
  }
  return wait;
}

Status check_push_fields(const HeaderList& headers) {
  if (headers.get("Content-Encoding"))
    return fail(ErrorKind::malformed, "git.encoded_push", "a push is not compressed: git never does that");
  if (!equal_ignoring_case(headers.get("Content-Type").value_or(""), "application/x-git-receive-pack-request"))
    return fail(ErrorKind::malformed, "git.bad_content_type", "not the media type of a push");
  return {};
}

}  // namespace

Challenge GitAdapter::challenge(std::string_view method, std::string_view rest) const {
  Challenge out{Challenge::Scheme::basic, ""};
  Result<GitRoute> route = read_git_route(method, rest);
  if (!route || is_lfs(route->service)) return out;
  const bool push = route->service == GitService::advertise_push || route->service == GitService::push;
  out.purpose = push ? "push" : "fetch";
  return out;
}

Task<Status> GitAdapter::prepare(Doors& doors) {
  static_cast<void>(doors);
  co_return Status();
}

Result<std::unique_ptr<Conversation>> GitAdapter::describe(const Inbound& inbound, Doors& doors) const {
  static_cast<void>(doors);
  const RequestHead& head = *inbound.head;
  Status fields = check_request_fields(head.headers);
  if (!fields) return fail(fields.error());
  Result<GitRoute> route = read_git_route(head.method, inbound.rest);
  if (!route) return fail(route.error());
  if (is_lfs(route->service)) return describe_lfs(upstream_, lfs_, std::move(*route), inbound, LfsStanding::judged);
  GitRequest request{std::move(*route), {head.method, std::string(inbound.rest), fields_to_forward(head.headers)}, {}};
  Patience patience{.at_most = preferred_wait(head.headers, kMaxWait)};

  if (request.route.service == GitService::push) {
    Status sound = check_push_fields(head.headers);
    if (!sound) return fail(sound.error());
    if (!git::is_probe(inbound.body.in_memory)) {
      Result<git::PushRequest> push = read_front(inbound.source);
      if (!push) return fail(push.error());
      patience.at_most = std::max(patience.at_most, wished_wait(*push));
      return std::make_unique<GitPush>(upstream_, *workshop_, std::move(request), std::move(*push), inbound.body,
                                       patience);
    }
    request.operation = fetch_operation(upstream_, request.route);
    request.operation.reach = Reach::gateway;
  } else {
    request.operation = fetch_operation(upstream_, request.route);
    if (auto review = read_review_request(*reviews_, upstream_, request.route, inbound)) {
      return std::make_unique<GitReviewConversation>(*reviews_, std::move(*review), std::move(request), inbound.body,
                                                     patience);
    }
  }
  return std::make_unique<GitConversation>(std::move(request), workshop_->memory(), inbound.body, patience);
}

Result<std::unique_ptr<Conversation>> GitAdapter::thaw(const approvals::Frozen& frozen, std::string_view body,
                                                       Doors& doors) const {
  Result<RequestHead> stored = thaw_git_head(frozen.head);
  if (!stored) return fail(stored.error());
  FileSource source(frozen.body_file, frozen.body_size);
  Inbound inbound;
  inbound.head = &*stored;
  inbound.rest = stored->target;
  inbound.body = {.size = frozen.body_size, .sha256 = frozen.body_sha256, .in_memory = body};
  inbound.source = frozen.body_size > 0 ? &source : nullptr;
  Result<GitRoute> route = read_git_route(stored->method, stored->target);
  if (route && is_lfs(route->service))
    return describe_lfs(upstream_, lfs_, std::move(*route), inbound, LfsStanding::approved);
  return describe(inbound, doors);
}

Preview GitAdapter::preview(const approvals::Frozen& frozen, std::string_view body) const {
  static_cast<void>(body);
  return read_preview(frozen.shown);
}

Task<Status> GitAdapter::publish(Doors& doors, const approvals::Frozen& frozen, Evidence evidence) {
  Result<RequestHead> stored = thaw_git_head(frozen.head);
  if (!stored) co_return fail(stored.error());
  HttpDoor* door = doors.http(upstream_.name);
  if (door == nullptr) co_return fail(not_connected());
  std::string path = stored->target.substr(0, stored->target.rfind('/'));
  GitUpstream upstream(*door, workshop_->memory(), upstream_.name, std::move(path));
  const std::string ref = std::string(git::kAttestationRefs) + evidence.request;
  std::vector<std::string> names = {ref};
  auto refs = co_await upstream.refs(std::move(names));
  if (!refs) co_return fail(refs.error());
  auto pack = git::attestation_pack(refs->format, evidence.request, evidence.envelope, evidence.executed_at);
  if (!pack) co_return fail(pack.error());
  if (const git::ListedRef* there = refs->find(ref); there != nullptr) {
    if (there->id == pack->commit) co_return Status();  // an earlier attempt arrived
    co_return fail(ErrorKind::conflict, "attestation.ref_taken", ref + " holds something else");
  }
  std::vector<git::RefCommand> commands;
  commands.push_back({std::string(git::hex_length(refs->format), '0'), pack->commit, ref});
  auto report = co_await upstream.push(std::move(commands), std::move(pack->pack));
  if (!report) co_return fail(report.error());
  if (!report->all_ok())
    co_return fail(ErrorKind::unavailable, "git.upstream_refused", "the upstream does not take the attestation");
  co_return Status();
}

Task<Status> GitAdapter::refuse(ReplySink& sink, Denial denial, const Inbound& inbound) const {
  if (inbound.body.in_memory.starts_with('{')) {  // nothing of git's but an LFS request begins like that
    std::string message = lfs_denied_message(denial);
    co_return co_await send_lfs_message(sink, denial.status, std::move(message));
  }
  std::string lines = denied_lines(denial);
  co_return co_await send_lines(sink, denial.status, std::move(lines));
}

}  // namespace countersign::adapters
