// What a protocol must do to live behind Countersign. One Adapter a protocol; one Conversation a request.
//
// The pipeline (proxy/pipeline.cc) owns the order of things; an adapter only translates: bytes to an Operation, and
// decisions, pending approvals and results back to bytes its clients understand.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "approvals/request.h"
#include "audit/attestation.h"
#include "core/config.h"
#include "core/http_head.h"
#include "core/task.h"
#include "policies/decision.h"
#include "proxy/adapters/doors.h"
#include "proxy/adapters/reply.h"
#include "scopes/operation.h"

namespace countersign::adapters {

class Narrower;  // proxy/adapters/narrower.h

// A request as it arrived, after authentication: the credential is already stripped from the head.
struct Inbound {
  const RequestHead* head = nullptr;
  std::string_view rest;  // the target after the mount point, with its query; begins with '/' ("/mcp",
                          // "/orders/7?x=1"); for adapters that take signatures it may be empty or begin with '?'
  BodyView body;
  std::string_view owner;                 // a name for messages only
  BodySource* source = nullptr;           // the body once more, to be read from its start; nullptr when there is none
  const SignedFor* signed_for = nullptr;  // of a request that a signature authenticated
  const HeaderField* trailer = nullptr;   // the proven field that came behind the body; nullptr when none did
  std::string_view lineage = {};          // id of the caller's root token: who asks, whichever leaf of it
  Narrower* narrower = nullptr;           // keys of a narrower token, for callers that sign; outlives the conversation
};

// A refusal, to be put into the protocol's own words.
struct Denial {
  int status = 403;     // what plain HTTP would answer
  Error error;          // code and reason
  std::string request;  // id of the held request it belongs to, or empty
};

// A held request, to be put into the protocol's own words.
struct Pending {
  std::string request;  // "req_…"
  std::string link;     // where a human decides
  std::string reason;   // which policies hold it and who must approve
  TimeMs expires = 0;
  std::int64_t retry_after_seconds = 5;
  std::vector<std::string> undocumented;  // what the agent must say before people are asked, a sentence each
};

// What happened when an operation was forwarded: what the outcome record says.
struct Forwarded {
  std::string outcome;  // ok | client_error | server_error | timeout | cancelled | unknown | not_forwarded
  int status = 0;
  std::string body_sha256;  // of the answer's body as the upstream sent it; redacted, as the agent got it
  std::uint64_t body_bytes = 0;
  std::string detail;
  std::string refusal;  // the upstream answered, but refused all or a part of it: why; an approved request has failed
};

// What an operation added where others will want to see its approval.
struct Landed {
  std::string repository;
  std::vector<audit::AttestedRef> refs;
};

// A signed attestation (audit/attestation.h), to be left beside what it is about.
struct Evidence {
  std::string request;
  std::string envelope;
  TimeMs executed_at = 0;
};

// How long a held call may keep its connection, as the client asked. Zero: answer at once.
struct Patience {
  TimeMs at_most = 0;
  TimeMs heartbeat = 0;  // call Conversation::heartbeat this often while waiting; 0: never
};

// Whether an operation could be allowed or held for this caller: what listings are filtered with.
using Visible = std::function<bool(const Operation&)>;

class Conversation {
 public:
  virtual ~Conversation() = default;

  [[nodiscard]] virtual const Operation& operation() const = 0;
  // Finds out what the bytes alone do not say (the history a push builds on), before anything is decided; completes the
  // operation. `body` as in forward(). What stays unknown must not make the operation look harmless.
  virtual Task<Status> look_closer(Doors& doors, BodySource* body) {
    static_cast<void>(doors);
    static_cast<void>(body);
    co_return Status();
  }
  // Before freeze(), when people are going to be asked: whatever approvers must be shown that the stored bytes alone do
  // not say (Frozen::shown).
  virtual Task<Status> prepare_hold(Doors& doors) {
    static_cast<void>(doors);
    co_return Status();
  }
  // What will be stored and run if this is held, with the body's size and digest. The pipeline adds the body's file.
  [[nodiscard]] virtual approvals::Frozen freeze() const = 0;

  // What the agent says to the people who will be asked, as JSON (proxy/adapters/documentation.h), where its protocol
  // has a place for it; or empty.
  [[nodiscard]] virtual std::string documentation() const { return {}; }

  // Before an approved operation runs: whether what it builds on is still there. Error: request.stale, with what was
  // expected and what is there.
  virtual Task<Status> check_fresh(Doors& doors) {
    static_cast<void>(doors);
    co_return Status();
  }

  // When an approved operation's intent is durable, before it runs: keeps what it is about to destroy. Returns how to
  // get it back, for the outcome record; empty: nothing is lost. After an error the operation does not run.
  virtual Task<Result<std::string>> keep_safe(Doors& doors, std::string request) {
    static_cast<void>(doors);
    static_cast<void>(request);
    co_return std::string();
  }

  // Before forward(): whose operation it is, for upstreams that can be told.
  virtual void sent_for(Sender sender) { static_cast<void>(sender); }

  // Whether its answer waits until its outcome is durable although it is no change.
  [[nodiscard]] virtual bool awaits_record() const { return false; }
  // Before forward(): what was decided lets secrets in the answer reach the agent. Otherwise an adapter that knows
  // where they stand puts them out of sight.
  virtual void reveal_secrets() {}

  // Sends the operation upstream and the answer to `sink`. `body` is the request's body (nullptr when there is none).
  // For Reach::gateway: answers by itself. Never throws; what went wrong is in the result and, where possible, in the
  // answer.
  virtual Task<Forwarded> forward(Doors& doors, BodySource* body, ReplySink& sink, Visible visible) = 0;

  // After forward(): what there is to attest; nullopt: nothing.
  [[nodiscard]] virtual std::optional<Landed> landed() const { return std::nullopt; }

  virtual Task<Status> answer_denied(ReplySink& sink, Denial denial) = 0;

  // Whether an identical request that finds its predecessor finished is answered with that one's result. Else it is a
  // new operation: what was done then may have been undone since.
  [[nodiscard]] virtual bool takes_stored_result() const { return true; }
  [[nodiscard]] virtual Patience patience() const = 0;
  virtual Task<Status> heartbeat(ReplySink& sink, Pending pending) = 0;
  // The final answer of a request that stays held (after the patience is over).
  virtual Task<Status> answer_held(ReplySink& sink, Pending pending) = 0;
  // Told with deliver(): an approver changed the request before it ran, and how. For protocols whose requests can be
  // edited (Adapter::edit).
  virtual void tell_edit(std::string what) { static_cast<void>(what); }
  // The final answer from an approved request's stored result: what this adapter's own forward() wrote when it ran,
  // with `reply.head` holding the headers as a JSON array of [name, value] pairs.
  virtual Task<Status> deliver(ReplySink& sink, approvals::StoredReply reply) = 0;
};

struct PreviewPart {
  std::string title;
  std::string media_type;  // "application/json", "text/plain", "text/x-diff"
  std::string text;
};
struct Preview {
  std::string sentence;  // what it does, in one plain sentence
  std::vector<PreviewPart> parts;
};

// How a client of the protocol expects to be asked for its credential.
struct Challenge {
  enum class Scheme : std::uint8_t { bearer, basic };
  Scheme scheme = Scheme::bearer;
  // One word for what the request is about to do, shown behind the realm ("push"), so that a client's credential helper
  // can make a token for just that. Lives for ever. Empty: not said.
  std::string_view purpose;
};

// A stored request as an approver would rather have it run.
struct Edited {
  std::unique_ptr<Conversation> conversation;
  std::string body;  // to be stored in the place of the old one
};

class Adapter {
 public:
  virtual ~Adapter() = default;

  // `rest` as in Inbound. The request has not been authenticated: nothing but its address is looked at.
  [[nodiscard]] virtual Challenge challenge(std::string_view method, std::string_view rest) const {
    static_cast<void>(method);
    static_cast<void>(rest);
    return {};
  }
  // Whether requests are authenticated by AWS signatures, and by nothing else.
  [[nodiscard]] virtual bool takes_signatures() const { return false; }
  // Whether what is longer than `limits.memory_bytes` is of no concern to describe() and look_closer(): such a body may
  // be passed on while it arrives, where a signature has promised it (http1/spool.h).
  [[nodiscard]] virtual bool passes_bodies() const { return false; }
  // The longest request body, in bytes.
  [[nodiscard]] virtual std::uint64_t body_limit(const config::Limits& limits) const { return limits.body_bytes; }

  // Whatever must be fetched before `describe` can name the operation (an MCP upstream's tool list).
  virtual Task<Status> prepare(Doors& doors) = 0;

  // Names the operation. Must not guess: what it cannot name is refused, or has effect execute or destroy, never read.
  virtual Result<std::unique_ptr<Conversation>> describe(const Inbound& inbound, Doors& doors) const = 0;

  // The conversation of a stored request, to be executed; its sink stores the reply. Fails with "request.stale" when
  // the stored preconditions no longer hold. `body` is the stored body, as far as an adapter may want all of it at once
  // (memory_bytes).
  virtual Result<std::unique_ptr<Conversation>> thaw(const approvals::Frozen& frozen, std::string_view body,
                                                     Doors& doors) const = 0;

  // The stored request with a change made to it; `change` is a JSON object whose members the protocol defines: mcp
  // {"arguments": {…}} of a tool call, http {"body": TEXT}. `body` is the whole stored body. Errors:
  // approval.not_editable (unsupported), edit.malformed (invalid), and those of describe() and thaw().
  virtual Result<Edited> edit(const approvals::Frozen& frozen, std::string_view body, std::string_view change,
                              Doors& doors) const {
    static_cast<void>(frozen);
    static_cast<void>(body);
    static_cast<void>(change);
    static_cast<void>(doors);
    return fail(ErrorKind::unsupported, "approval.not_editable", "a request of this protocol is not edited: deny it");
  }

  // Leaves the evidence of the operation that was stored as `frozen` where those who check look for it. May be called
  // again with the same evidence.
  virtual Task<Status> publish(Doors& doors, const approvals::Frozen& frozen, Evidence evidence) {
    static_cast<void>(doors);
    static_cast<void>(frozen);
    static_cast<void>(evidence);
    co_return Status();
  }

  // What the stored request does, in one plain sentence of about 240 characters at most, from its bytes alone: votes
  // are bound to it. `body` as in preview(), or empty where a list does without it; `environment` is the held
  // request's. Empty: Operation::summary and the preview's own sentence say it.
  [[nodiscard]] virtual std::string sentence(const approvals::Frozen& frozen, std::string_view body,
                                             std::string_view environment) const {
    static_cast<void>(frozen);
    static_cast<void>(body);
    static_cast<void>(environment);
    return {};
  }

  // For approvers. `body` is the stored body (all of it, or its first 256 KiB).
  [[nodiscard]] virtual Preview preview(const approvals::Frozen& frozen, std::string_view body) const = 0;

  // A refusal before there is a conversation: in the protocol's words as far as it has any. Of a request that is not
  // authenticated, `inbound` has no more than its head and `rest`.
  virtual Task<Status> refuse(ReplySink& sink, Denial denial, const Inbound& inbound) const = 0;
};

}  // namespace countersign::adapters
