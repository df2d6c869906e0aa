#include "proxy/adapters/terraform_conversation.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <tuple>

#include "core/sha256.h"
#include "proxy/adapters/http_fields.h"
#include "proxy/adapters/outcome.h"
#include "proxy/adapters/relay.h"
#include "proxy/adapters/terraform_present.h"
#include "proxy/adapters/text_source.h"

namespace countersign::adapters {
namespace {

constexpr std::string_view kLockField = "Countersign-Lock";

// For how long a lock that somebody else has is asked for again: a plan of a colleague must not use up an approval.
constexpr std::chrono::seconds kLongestContention(20);
constexpr std::chrono::milliseconds kBetweenAttempts(500);

Task<void> pause() {
  auto executor = co_await boost::asio::this_coro::executor;
  boost::asio::steady_timer timer(executor, kBetweenAttempts);
  const auto wait = boost::asio::as_tuple(boost::asio::use_awaitable);
  std::ignore = co_await timer.async_wait(wait);
}

bool is_taken(int status) {
  return status == 423 || status == 409;
}

bool succeeded(int status) {
  return status >= 200 && status < 300;
}

HeaderList fields_for_agent(const HeaderList& headers) {
  HeaderList fields = fields_to_answer(headers);
  fields.remove("Location");  // of the upstream's own
  fields.remove("Content-Location");
  return fields;
}

std::string extra_of(const std::string& request) {
  return request.empty() ? std::string() : "\"request\":\"" + request + "\"";
}

Task<Status> send_lock_answer(ReplySink& sink, LockAnswer answer, HeaderList fields) {
  fields.add("Cache-Control", "no-store");
  std::string type = "application/problem+json";
  std::string body = lock_answer(answer);
  co_return co_await send(sink, 423, std::move(type), std::move(body), std::move(fields));
}

}  // namespace

Task<Status> send_refusal(ReplySink& sink, bool lock, Denial denial) {
  // A server that cannot answer now is asked again by Terraform, when it says so.
  if (!lock || denial.status >= 500 || denial.status == 401) {
    std::string extra = extra_of(denial.request);
    co_return co_await send_problem(sink, denial.status, std::move(denial.error), std::move(extra));
  }
  LockAnswer answer{.code = denial.error.code,
                    .told = "refused by Countersign (" + denial.error.code + "): " + denial.error.message,
                    .detail = denial.error.message,
                    .request = denial.request,
                    .link = {},
                    .operation = {}};
  HeaderList none;
  co_return co_await send_lock_answer(sink, std::move(answer), std::move(none));
}

TerraformConversation::TerraformConversation(TerraformGate& gate, TerraformRequest request, const BodyView& body,
                                             Origin origin)
    : gate_(gate), request_(std::move(request)), body_sha256_(body.sha256), body_size_(body.size), origin_(origin) {
  story_.state = request_.state;
  story_.lock = request_.lock;
  tell();
}

// Names the operation from what is known by now.
void TerraformConversation::tell() {
  const bool own = gate_.locks->is_own(request_.state, request_.lock.id, request_.lineage);
  switch (request_.verb) {
    case TerraformVerb::read_state:
      story_.action = "terraform:read_state";
      story_.effect = Effect::read;
      break;
    case TerraformVerb::lock:
      story_.action = "terraform:lock";
      story_.effect = Effect::write;
      break;
    case TerraformVerb::unlock:
      story_.action = own ? "terraform:unlock" : "terraform:force_unlock";
      story_.effect = own ? Effect::write : Effect::administer;
      break;
    case TerraformVerb::delete_state:
      story_.action = "terraform:delete_state";
      story_.effect = Effect::destroy;
      break;
    case TerraformVerb::write_state: {
      const std::optional<KnownLock> lock = gate_.locks->find(request_.state);
      const bool licence = own && lock && !is_plan(lock->operation);
      story_.action = "terraform:write_state";
      story_.own_lock = licence ? StateLock::own : StateLock::none;
      story_.locked_for = licence ? lock->operation : std::string();
      story_.effect = story_.known ? effect_of(story_.change, story_.own_lock) : Effect::destroy;
      break;
    }
  }
  operation_ = operation_of(story_, gate_.upstream);
}

Task<Status> TerraformConversation::look_closer(Doors& doors, BodySource* body) {
  const bool writes = request_.verb == TerraformVerb::write_state;
  if (request_.verb == TerraformVerb::lock) {
    const std::optional<KnownLock> known = gate_.locks->find(request_.state);
    const bool other = known && known->id == request_.lock.id && known->lineage != request_.lineage;
    if (other && origin_ == Origin::client)
      co_return fail(ErrorKind::conflict, "terraform.lock_id_taken", "a lock of this ID is somebody else's");
  }
  if (!writes && request_.verb != TerraformVerb::delete_state) co_return Status();

  FoundState next;
  if (writes) {
    std::move_only_function<Result<FoundState>()> read = [body, this]() -> Result<FoundState> {
      return read_written_state(body, request_.head.headers);
    };
    Result<FoundState> written = co_await blocking<FoundState>(&doors, std::move(read));
    if (!written) co_return fail(written.error());
    next = std::move(*written);
  }
  std::string path(request_.head.path());
  Result<FoundState> present = co_await find_present_state(doors, gate_.upstream, std::move(path));
  if (!present) co_return fail(present.error());
  story_.change = writes ? compare_states(*present, next) : compare_with_nothing(*present);
  story_.known = true;
  preconditions_ = recognised_by(*present);
  tell();
  co_return Status();
}

approvals::Frozen TerraformConversation::freeze() const {
  approvals::Frozen frozen;
  frozen.protocol = "terraform";
  frozen.upstream = gate_.upstream;
  frozen.head = freeze_terraform_request(request_);
  frozen.body_sha256 = body_sha256_;
  frozen.body_size = body_size_;
  frozen.identity = terraform_identity(request_);
  frozen.preconditions = preconditions_;
  frozen.shown = freeze_story(story_);
  if (request_.verb == TerraformVerb::lock) frozen.retry_identity = approvals::RetryIdentity::identity;
  return frozen;
}

Task<Status> TerraformConversation::check_fresh(Doors& doors) {
  if (request_.verb == TerraformVerb::lock) {
    if (gate_.askers.find(asking_key())) co_return Status();
    co_return fail(ErrorKind::unavailable, "terraform.nobody_asks",
                   "the lock is taken when Terraform asks for it again: the one that did has ended");
  }
  if (expected_.empty()) co_return Status();
  std::string path(request_.head.path());
  Result<FoundState> present = co_await find_present_state(doors, gate_.upstream, std::move(path));
  if (!present) co_return fail(present.error());
  if (is_recognised(*present, expected_)) co_return Status();
  std::string message = "the state has been written meanwhile";
  if (present->kind == FoundState::Kind::readable)
    message += ": its serial is " + std::to_string(present->state.serial) + " by now";
  co_return fail(ErrorKind::conflict, "request.stale", std::move(message));
}

Task<Forwarded> TerraformConversation::forward(Doors& doors, BodySource* body, ReplySink& sink, Visible visible) {
  static_cast<void>(visible);
  if (request_.verb == TerraformVerb::lock) co_return co_await forward_lock(doors, sink);
  RequestHead head = request_.head;
  Result<std::unique_ptr<HttpReply>> reply = co_await ask_upstream(doors, gate_.upstream, std::move(head), body);
  if (!reply) {
    Error error = reply.error();
    co_return co_await answer_failure(sink, std::move(error));
  }
  HttpReply& answer = **reply;
  std::string unkept;
  if (request_.verb == TerraformVerb::unlock && succeeded(answer.head().status)) {
    auto released = [this] { return gate_.locks->released(request_.state); };
    Status kept = co_await doors.run_blocking(std::move(released));
    if (!kept) unkept = kept.error().message;
  }
  RelayStart start{.fields = fields_for_agent(answer.head().headers)};
  Forwarded done = co_await relay(answer, sink, std::move(start));
  if (!unkept.empty()) done.detail = unkept;
  co_return done;
}

// Of an answer to LOCK: whose the state's lock is now.
Task<Status> TerraformConversation::learn(Doors& doors, int status, std::string body) {
  KnownLock lock{request_.lock.id, request_.lineage, request_.lock.operation};
  if (is_taken(status)) {
    Result<TerraformLock> other = read_terraform_lock(body, LockId::needed);
    const std::optional<KnownLock> known = gate_.locks->find(request_.state);
    if (!other || other->id == request_.lock.id || (known && known->id == other->id)) co_return Status();
    lock = {other->id, "", other->operation};
  } else if (!succeeded(status)) {
    co_return Status();
  }
  auto taken = [this, lock = std::move(lock)] { return gate_.locks->taken(request_.state, lock); };
  co_return co_await doors.run_blocking(std::move(taken));
}

Task<Result<TerraformConversation::LockReply>> TerraformConversation::ask_for_lock(Doors& doors) {
  RequestHead head = request_.head;
  TextSource body(request_.body);
  BodySource* source = &body;
  Result<std::unique_ptr<HttpReply>> reply = co_await ask_upstream(doors, gate_.upstream, std::move(head), source);
  if (!reply) co_return fail(reply.error());
  HttpReply& answer = **reply;
  LockReply out{.status = answer.head().status, .fields = fields_for_agent(answer.head().headers), .body = {}};
  out.fields.remove("Content-Length");
  // Whatever it says, the lock has been granted or not: an answer that breaks off is one without words.
  Error too_long{ErrorKind::unavailable, "terraform.bad_answer", "the upstream's answer to a LOCK is too long"};
  Result<std::string> told = co_await read_all(answer, kMaxLockBytes, std::move(too_long));
  if (told) out.body = std::move(*told);
  co_return out;
}

Task<Forwarded> TerraformConversation::forward_lock(Doors& doors, ReplySink& sink) {
  const std::string key = asking_key();
  if (origin_ == Origin::stored) {
    std::optional<LockAskers::Asked> asked = gate_.askers.find(key);
    if (!asked) {
      co_return Forwarded{.outcome = "not_forwarded",
                          .detail = "the Terraform that waited for the lock has just ended: start it again"};
    }
    request_.lock.id = asked->id;
    request_.head.headers.remove("Content-MD5");
    if (asked->md5) request_.head.headers.add("Content-MD5", *asked->md5);
    request_.body = std::move(asked->body);
  }
  Result<LockReply> reply = co_await ask_for_lock(doors);
  const auto until = std::chrono::steady_clock::now() + kLongestContention;
  while (origin_ == Origin::stored && reply && is_taken(reply->status) && std::chrono::steady_clock::now() < until) {
    std::optional<LockAskers::Asked> asked = gate_.askers.find(key);
    if (!asked || asked->id != request_.lock.id) break;
    co_await pause();
    reply = co_await ask_for_lock(doors);
  }
  if (!reply) {
    Error error = reply.error();
    co_return co_await answer_failure(sink, std::move(error));
  }
  Forwarded done{.outcome = outcome_of_status(reply->status), .status = reply->status};
  done.body_sha256 = to_hex(sha256(reply->body));
  done.body_bytes = reply->body.size();
  std::string learnt = reply->body;
  Status kept = co_await learn(doors, reply->status, std::move(learnt));
  if (!kept) done.detail = kept.error().message;
  reply->fields.set(kLockField, request_.lock.id);
  std::string no_type;  // it is among the fields
  Status sent =
      co_await send(sink, reply->status, std::move(no_type), std::move(reply->body), std::move(reply->fields));
  if (!sent) done.detail = "the agent did not take the answer: " + sent.error().message;
  co_return done;
}

Task<Status> TerraformConversation::answer_denied(ReplySink& sink, Denial denial) {
  asking_.reset();
  const bool lock = request_.verb == TerraformVerb::lock;
  co_return co_await send_refusal(sink, lock, std::move(denial));
}

// Called for as long as the client waits: that is what makes a LOCK worth taking.
Task<Status> TerraformConversation::heartbeat(ReplySink& sink, Pending pending) {
  if (request_.verb != TerraformVerb::lock || asking_) co_return Status();
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(patience_.at_most);
  LockAskers::Asked asked{.id = request_.lock.id, .md5 = {}, .body = request_.body, .until = until};
  if (auto md5 = request_.head.headers.get("Content-MD5")) asked.md5 = *md5;
  asking_ = gate_.askers.ask(asking_key(), std::move(asked));
  if (asking_) co_return Status();
  Error twice{ErrorKind::conflict, "terraform.already_asking",
              "another run of the same command waits for this approval already: let that one go on"};
  Denial denial{409, twice, pending.request};
  Status sent = co_await answer_denied(sink, std::move(denial));
  if (!sent) co_return fail(sent.error());
  co_return fail(std::move(twice));
}

Task<Status> TerraformConversation::answer_held(ReplySink& sink, Pending pending) {
  asking_.reset();
  std::string told = "held by Countersign as " + pending.request + " until people approve it: " + pending.link + " (" +
                     pending.reason + "; until " + format_time(pending.expires) +
                     "). Run it again then, or with -lock-timeout=30m to wait for them";
  for (const std::string& missing : pending.undocumented) told += "; " + missing;
  LockAnswer answer{.code = pending.undocumented.empty() ? "approval.pending" : "approval.documentation_needed",
                    .told = std::move(told),
                    .detail = pending.reason,
                    .request = pending.request,
                    .link = pending.link,
                    .operation = request_.lock.operation};
  HeaderList fields;
  fields.add("Location", "/.countersign/requests/" + pending.request);
  fields.add("Retry-After", std::to_string(pending.retry_after_seconds));
  co_return co_await send_lock_answer(sink, std::move(answer), std::move(fields));
}

Task<Status> TerraformConversation::deliver(ReplySink& sink, approvals::StoredReply reply) {
  asking_.reset();
  Result<HeaderList> headers = decode_headers(reply.head);
  if (reply.truncated || !headers) {
    Error error = headers ? Error{ErrorKind::internal, "approval.reply_truncated",
                                  "the approved request ran and was answered with status " +
                                      std::to_string(reply.status) + ", but the answer was too long to be kept"}
                          : headers.error();
    std::string none;
    co_return co_await send_problem(sink, 502, std::move(error), std::move(none));
  }
  const std::string taken(headers->get(kLockField).value_or(""));
  if (request_.verb == TerraformVerb::lock && succeeded(reply.status) && taken != request_.lock.id) {
    Denial denial{409,
                  {ErrorKind::conflict, "terraform.lock_taken_before",
                   "the approved lock was taken for an earlier run that has ended; release it with: terraform "
                   "force-unlock " +
                       taken},
                  ""};
    co_return co_await answer_denied(sink, std::move(denial));
  }
  std::string no_type;  // it is among the stored headers
  co_return co_await send(sink, reply.status, std::move(no_type), std::move(reply.body), std::move(*headers));
}

}  // namespace countersign::adapters
