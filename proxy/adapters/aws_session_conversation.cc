#include "proxy/adapters/aws_session_conversation.h"

#include "core/id.h"
#include "proxy/adapters/aws_answers.h"

namespace countersign::adapters {
namespace {

constexpr std::size_t kActionsInARule = 64;

// The block that makes the child: nothing but this upstream, no longer than was asked for, and what the session policy
// allows.
auth::Caveats caveats_of(const AwsSession& session, const std::string& upstream, TimeMs now) {
  auth::Caveats out;
  out.who = delegate_of(session);
  out.expires = now + session.duration;
  for (std::size_t at = 0; at == 0 || at < session.actions.size(); at += kActionsInARule) {
    ScopeRule rule;
    rule.upstreams = {upstream};
    const std::size_t end = std::min(at + kActionsInARule, session.actions.size());
    for (std::size_t i = at; i < end; ++i) rule.actions.push_back(session.actions[i]);
    out.scope.push_back(std::move(rule));
  }
  return out;
}

// AWS's own word for a session that says too much is about a policy; ours is about the token that it is put into.
Error in_words_of_sessions(Error error) {
  if (error.code == "token.too_large" || error.code == "token.too_deep")
    return {ErrorKind::invalid, "aws.session_too_deep",
            "the token has no room for another session: it was narrowed too often, or the session policy is too long. "
            "Ask with the keys that the first session was made with"};
  return error;
}

}  // namespace

Result<NarrowedKeys> AwsSessionConversation::keys() const {
  if (!narrower_)
    return fail(ErrorKind::forbidden, "aws.session_unsigned", "keys are given to who has signed for them, at once");
  return narrower_->narrow(caveats_of(session_, upstream_, narrower_->now()));
}

Task<Forwarded> AwsSessionConversation::forward(Doors& doors, BodySource* body, ReplySink& sink, Visible visible) {
  static_cast<void>(doors);
  static_cast<void>(body);
  static_cast<void>(visible);
  Result<NarrowedKeys> made = keys();
  if (!made) {
    Error error = in_words_of_sessions(made.error());
    Forwarded refused{.outcome = "not_forwarded", .status = http_status(error.kind), .detail = error.message};
    std::ignore = co_await answer_error(sink, std::move(error));
    co_return refused;
  }
  const std::string_view accept = request_.head.headers.get("Accept").value_or("");
  const AwsSessionForm form =
      accept.find("application/json") != std::string_view::npos ? AwsSessionForm::json : AwsSessionForm::xml;
  const std::string id = new_uuid(narrower_->now());
  const auth::AwsCredentials& credentials = made->credentials;
  const AwsSessionKeys shown{credentials.key_id, credentials.secret.expose(), credentials.session_token, made->expires};
  std::string text = session_answer(session_, shown, id, form);
  Forwarded done{.outcome = "ok", .status = 200};
  done.detail = "gave keys of the token " + made->token + ", narrowed from " + made->parent + ", until " +
                format_time(made->expires);
  if (!session_.name.empty()) done.detail += ", as " + delegate_of(session_);
  HeaderList headers;
  headers.add("x-amzn-RequestId", id);
  headers.add("Cache-Control", "no-store");
  headers.add("Countersign-Token", made->token);
  std::string type = form == AwsSessionForm::json ? "application/json" : "text/xml";
  Status sent = co_await send(sink, 200, std::move(type), std::move(text), std::move(headers));
  if (!sent) done.detail += "; the agent did not take the answer";
  co_return done;
}

Task<Status> AwsSessionConversation::answer_error(ReplySink& sink, Error error) {
  const int status = error.kind == ErrorKind::invalid ? 400 : http_status(error.kind);
  AwsFault fault = fault_of(request_.tongue, status, error, "");
  co_return co_await send_fault(sink, request_.tongue, std::move(fault));
}

Task<Status> AwsSessionConversation::answer_denied(ReplySink& sink, Denial denial) {
  AwsFault fault = fault_of(request_.tongue, denial.status, denial.error, denial.request);
  co_return co_await send_fault(sink, request_.tongue, std::move(fault));
}

// What only narrows is never held: policies refuse it or let it be. Should a pipeline think otherwise, the client hears
// a refusal.
Task<Status> AwsSessionConversation::heartbeat(ReplySink& sink, Pending pending) {
  static_cast<void>(sink);
  static_cast<void>(pending);
  co_return Status();
}

Task<Status> AwsSessionConversation::answer_held(ReplySink& sink, Pending pending) {
  Error error{ErrorKind::forbidden, "aws.session_held",
              "nobody decides about keys that only narrow: " + pending.reason};
  co_return co_await answer_error(sink, std::move(error));
}

Task<Status> AwsSessionConversation::deliver(ReplySink& sink, approvals::StoredReply reply) {
  static_cast<void>(reply);
  Error error{ErrorKind::forbidden, "aws.session_held", "keys are not given twice"};
  co_return co_await answer_error(sink, std::move(error));
}

}  // namespace countersign::adapters
