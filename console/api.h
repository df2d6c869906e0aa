// AdminApi: the admin API of docs/admin-api.md, and the pages of the console. One object serves both admin listeners
// through two Endpoints.
//
//   AdminApi api(services);
//   Endpoint tcp(api, Channel::tcp);
//   Endpoint socket(api, Channel::unix_socket);
//   http1::Server::start(workers, {…config.admin…}, tcp, observer);
//   http1::Server::start(workers, {.listen = {.address = "unix:<state>/admin.sock"}}, socket, observer);
//   …
//   api.close_streams();   // before the servers are drained: an event stream ends no other way
//
// Who may do what. A person is somebody of entities.yaml, known by a personal token (audience admin) or by the cookie
// of a session (console/session.cc); what they may do is said by the roles of the running policies. On the socket, no
// token is needed: its file permission says that this is the machine's administrator, who may administer but never
// vote, since an approval needs a person with a name (DESIGN, rule 4). Over TCP without a token or cookie: 401, but for
// the open routes.
//
// Every refusal leaves an audit record (phase refused); every change leaves one (phase admin or approval) that is
// durable before the answer. With the audit log unavailable nothing is changed, except that a revocation, a freeze and
// the end of a session take effect.
//
// `handle` blocks on the stores and may be called from any thread, many at a time.
#pragma once

#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "approvals/statement.h"
#include "audit/proof.h"
#include "audit/reader.h"
#include "console/call.h"
#include "console/challenges.h"
#include "console/events.h"
#include "console/lane.h"
#include "console/policy_desk.h"
#include "console/services.h"
#include "console/statistics.h"
#include "policies/roles.h"
#include "proxy/http1/server.h"

namespace countersign::console {

inline constexpr std::uint64_t kMaxBodyBytes = 64U << 10;
inline constexpr std::uint64_t kMaxPolicyBodyBytes = 16U << 20;  // a whole policy folder as JSON
// Of a burst, with one signature: each of its votes keeps the whole statement, in a record of 64 KiB.
inline constexpr std::size_t kMostSigned = 60;
inline constexpr TimeMs kMaxAgentTokenLife = 90LL * 86'400'000;
inline constexpr TimeMs kMaxUserTokenLife = 7LL * 86'400'000;

class AdminApi {
 public:
  explicit AdminApi(Services services);
  AdminApi(const AdminApi&) = delete;
  AdminApi& operator=(const AdminApi&) = delete;

  // Never throws. `head`, `body`, `channel` and `peer` of the call are read; the rest is filled here.
  [[nodiscard]] Answer handle(Call call);
  // The longest body that the route of this head takes.
  [[nodiscard]] std::uint64_t body_limit(const RequestHead& head) const;

  [[nodiscard]] net::ThreadPool& pool() { return services_.pool; }
  // Where a request waits instead of in pool(); null for most.
  [[nodiscard]] Lane* lane_of(const RequestHead& head);
  // For refusals outside `handle`, as a body that is too large. Does not block.
  void record_refusal(const Call& call, const Error& error);

  // What open event streams are told. Any thread; none of them blocks.
  void request_changed(const approvals::Change& change);
  void policies_changed(std::string_view digest);
  void agents_changed();
  void emergency_changed(const approvals::Emergency& emergency, approvals::EmergencyStep step);
  void close_streams() { events_.close(); }
  [[nodiscard]] std::size_t open_streams() const { return events_.size(); }
  // Whether everything that was published has been handed to the connections.
  [[nodiscard]] bool streams_are_idle() const { return events_.is_idle(); }
  void forget(const std::shared_ptr<EventStream>& stream) { events_.forget(stream); }

 private:
  using Run = Result<Answer> (AdminApi::*)(const Call&);
  using Permission = policies::Permission;
  enum class Access : std::uint8_t {
    open,    // everybody
    known,   // a person with the route's permission, or the local administrator
    person,  // a person with the route's permission only
    socket,  // only through admin.sock
  };
  enum class Waits : std::uint8_t {
    briefly,
    for_hash,      // Argon2 (auth/passwords.h)
    for_provider,  // somebody else's server (auth/oidc.h)
  };
  struct Route {
    std::string_view method;
    std::string_view pattern;  // `{}` stands for one segment, a final `{…}` for the rest
    Access access;
    std::optional<Permission> permission;  // nullopt: none in particular
    Run run;
    std::uint64_t body_bytes = kMaxBodyBytes;
    Waits waits = Waits::briefly;
  };
  static std::span<const Route> routes();
  static const Route* find_route(std::string_view method, std::string_view path);

  Result<Answer> dispatch(Call& call);

  // session.cc
  Result<Principal> authenticate(const Call& call, Access access) const;
  Result<Principal> by_token(const Call& call) const;
  Result<Principal> by_cookie(const Call& call, std::string_view cookie) const;
  // What a page of another site could not send along; for changes made with a cookie.
  [[nodiscard]] Status check_same_site(const Call& call, std::string_view csrf) const;
  [[nodiscard]] bool is_own_origin(const Call& call) const;
  // admin.not_permitted when a person does not have it; the local administrator is not asked.
  [[nodiscard]] Status permit(const Call& call, Permission permission) const;
  [[nodiscard]] bool may(const Principal& principal, Permission permission) const;
  // Whether what the principal was known by still holds; for what goes on for long.
  [[nodiscard]] bool still_known(const Principal& principal) const;

  // sign_in.cc
  Result<Answer> sign_in_methods(const Call& call);
  Result<Answer> sign_in_password(const Call& call);
  Result<Answer> sign_in_passkey_challenge(const Call& call);
  Result<Answer> sign_in_passkey(const Call& call);
  Result<Answer> sign_in_oidc(const Call& call);
  Result<Answer> sign_in_oidc_callback(const Call& call);
  Result<Answer> oidc_backchannel_logout(const Call& call);
  Result<Answer> sign_in_invitation(const Call& call);
  Result<Answer> sign_out(const Call& call);
  Result<Answer> show_session(const Call& call);
  Result<Answer> list_sessions(const Call& call);
  Result<Answer> end_session(const Call& call);
  Json session_json(const auth::Session& session) const;
  // The answer to a sign-in that succeeded: recorded, with the cookie. `redirect`: a path to go to, or empty.
  Result<Answer> signed_in(const Call& call, Result<auth::SignedIn> signed_in, std::string_view redirect);
  // The answer to one that failed: recorded as such, once.
  Answer sign_in_failed(const Call& call, const auth::PersonEvent& event, const Error& error);
  Status record_events(const Call& call, const auth::PersonEvents& events);

  // passkeys.cc
  Result<Answer> passkey_challenge(const Call& call);
  Result<Answer> add_passkey(const Call& call);
  Result<Answer> remove_passkey(const Call& call);
  // As `audit verify` reads it (docs/formats/signed-votes.md).
  [[nodiscard]] audit::Entry passkey_entry(const Call& call, std::string_view action,
                                           const auth::StoredPasskey& passkey) const;

  // people_api.cc
  Result<Answer> list_people(const Call& call);
  Result<Answer> invite_person(const Call& call);
  Result<Answer> reset_person(const Call& call);
  // people_admin.cc
  Result<Answer> list_person_sessions(const Call& call);
  Result<Answer> sign_out_person(const Call& call);

  // requests.cc
  Result<Answer> list_requests(const Call& call);
  Result<Answer> show_request(const Call& call);
  Result<Answer> cancel_request(const Call& call);
  // The state that a vote or a cancellation led to, when it is another one.
  void record_move(const Call& call, const approvals::HeldRequest& before, const approvals::HeldRequest& after);
  // The person as the rules of this moment see them.
  [[nodiscard]] std::optional<approvals::Approver> approver_of(const Principal& principal,
                                                               const approvals::Ruleset& ruleset) const;
  // request_summary() with the sentence of Services::sentence.
  Json summary_json(const approvals::HeldRequest& request, const approvals::Rules& rules, TimeMs now,
                    const std::vector<std::string>& conflicts = {}) const;
  Json preview_json(const approvals::HeldRequest& request) const;
  // What the one who asks may do about it.
  Json you_json(const Principal& principal, const approvals::HeldRequest& request,
                const approvals::Ruleset& ruleset) const;

  // votes.cc
  struct Intent;    // what a person wants to vote (console/votes.cc)
  struct Stated;    // what that means for one request
  struct Prepared;  // a vote that nothing speaks against
  Result<Answer> vote_challenge(const Call& call);
  Result<Answer> approve_request(const Call& call);
  Result<Answer> deny_request(const Call& call);
  Result<Answer> vote_batch(const Call& call);
  Result<Answer> vote(const Call& call, approvals::Choice choice);
  // Reads what both kinds of vote have in common; with a signature, checks it and spends its nonce.
  Result<Intent> intent_of(const Call& call, const Json& body, approvals::Choice choice);
  Status verify_signature(const Call& call, const Json& signature, Intent& intent);
  // Votes on one request, and returns what the answer says about it.
  Result<Json> vote_one(const Call& call, const Intent& intent, const std::string& id, std::string_view seen_sha256);
  // The same without doing it: everything that can be said against it is said here.
  Result<Prepared> prepare_vote(const Call& call, const Intent& intent, const approvals::Approver& person,
                                const approvals::HeldRequest& before, const approvals::Rules& rules,
                                std::string_view seen_sha256) const;
  [[nodiscard]] Result<approvals::Approver> voter(const Call& call, const approvals::Ruleset& ruleset) const;
  [[nodiscard]] Json voted_json(const Call& call, const Intent& intent, const approvals::HeldRequest& after,
                                const approvals::Rules& rules) const;
  // What this vote means for one request, from the server's own data of this moment.
  Result<Stated> stated(const Intent& intent, const approvals::Approver& person, const approvals::HeldRequest& request,
                        const approvals::Rules& rules) const;

  // bursts.cc
  Result<Answer> show_burst(const Call& call);
  Result<Answer> approve_burst(const Call& call);
  Result<Answer> deny_burst(const Call& call);
  Result<Answer> vote_burst(const Call& call, approvals::Choice choice);
  // The id when people see it as a burst: of two or more; empty otherwise.
  [[nodiscard]] std::string burst_shown(const approvals::HeldRequest& request) const;
  // What lists say about it, by any of its requests.
  [[nodiscard]] Json burst_json(const approvals::HeldRequest& any) const;

  // break_glass.cc
  Result<Answer> list_emergencies(const Call& call);
  Result<Answer> open_emergency(const Call& call);
  Result<Answer> close_emergency(const Call& call);
  Result<Answer> review_emergency(const Call& call);
  // edits.cc
  Result<Answer> edit_request(const Call& call);
  // grants.cc
  Result<Answer> list_grants(const Call& call);
  Result<Answer> show_grant(const Call& call);
  Result<Answer> propose_grant(const Call& call);
  Result<Answer> revoke_grant(const Call& call);

  // agents.cc
  struct Agents;  // what is known of all of them
  [[nodiscard]] Agents agents() const;
  [[nodiscard]] bool is_known_agent(const Agents& agents, const std::string& name) const;
  [[nodiscard]] bool may_freeze(const Principal& principal, const Agents& agents, const std::string& name) const;
  [[nodiscard]] Json agent_json(const Agents& agents, const std::string& name, std::size_t open) const;
  Result<Answer> list_agents(const Call& call);
  Result<Answer> show_agent(const Call& call);
  Result<Answer> freeze_agent(const Call& call);
  Result<Answer> thaw_agent(const Call& call);

  // overview.cc
  Result<Answer> show_overview(const Call& call);

  // audit.cc
  Result<Answer> query_audit(const Call& call);
  Result<Answer> export_audit(const Call& call);
  Result<Answer> show_record(const Call& call);
  Result<Answer> prove_record(const Call& call);
  Result<Answer> show_key(const Call& call);
  Result<Answer> log_file(const Call& call);
  Result<audit::Reader> reader() const;
  // plans.cc
  Result<Answer> list_plans(const Call& call);
  Result<Answer> show_plan(const Call& call);
  // Which plan announced a request, and as what; null when none did.
  [[nodiscard]] Json announced_json(const approvals::HeldRequest& request) const;

  // attestations.cc
  Result<Answer> list_attestations(const Call& call);
  Result<Answer> show_attestation(const Call& call);
  Result<audit::AttestationStore*> attestations() const;
  // tokens.cc
  Result<Answer> list_tokens(const Call& call);
  Result<Answer> issue_token(const Call& call);
  Result<Answer> revoke_token(const Call& call);
  // policies.cc
  Result<Answer> show_policies(const Call& call);
  Result<Answer> reload_policies(const Call& call);
  // policies_edit.cc
  Result<Answer> policy_files(const Call& call);
  Result<Answer> policy_schema(const Call& call);
  Result<Answer> check_policies(const Call& call);
  Result<Answer> diff_policies(const Call& call);
  Result<Answer> replay_policies(const Call& call);
  Result<Answer> propose_policies(const Call& call);
  Result<Answer> roll_back_policies(const Call& call);
  Result<Answer> proposed(const Call& call, Result<Proposal> proposal);
  Result<Answer> list_proposals(const Call& call);
  Result<Answer> show_proposal(const Call& call);
  Result<Answer> activate_proposal(const Call& call);
  Result<Answer> withdraw_proposal(const Call& call);
  Result<Answer> policy_history(const Call& call);
  Result<PolicyDesk*> desk() const;
  // status.cc
  Result<Answer> list_upstreams(const Call& call);
  Result<Answer> healthz(const Call& call);
  Result<Answer> readyz(const Call& call);
  Result<Answer> metrics(const Call& call);
  Result<Answer> open_events(const Call& call);
  // pages.cc
  Result<Answer> page(const Call& call);
  Result<Answer> request_link(const Call& call);
  Result<Answer> asset(const Call& call);

  // record.cc
  // A record with who asks filled in.
  [[nodiscard]] audit::Entry entry_of(const Call& call, audit::Phase phase) const;
  // Of a refusal: as it is for those who are known, at a bounded rate for others.
  void append_refusal(const Call& call, audit::Entry entry);
  // Waits until the record is durable. The log's error otherwise.
  Status record(audit::Entry entry);
  // All of them, or the first error.
  Status record(std::vector<audit::Entry> entries);
  // That somebody has read something; nobody waits for it.
  void record_look(const Call& call);
  // What must hold before anything is changed: the log takes records, and revocations are known.
  [[nodiscard]] Status may_change() const;

  Services services_;
  std::vector<std::string> hosts_;
  auth::RelyingParty relying_party_;
  PendingChallenges pending_;
  SignInChallenges sign_in_challenges_;
  EventHub events_;
  Statistics statistics_;
  std::mutex tree_lock_;  // of tree_
  std::optional<audit::HashTree> tree_;
  Lane passwords_{2, 16};
  Lane provider_{2, 16};  // the last members: what still runs there uses the others
};

// One listener's way into the API: reads the body, runs `handle` on the pool, answers.
class Endpoint final : public http1::Handler {
 public:
  static constexpr TimeMs kHeartbeat = 15'000;

  Endpoint(AdminApi& api, Channel channel) : api_(api), channel_(channel) {}
  [[nodiscard]] Task<void> handle(http1::Exchange* exchange) override;

 private:
  Task<Status> send_pieces(http1::Exchange* exchange, std::shared_ptr<Pieces> pieces);
  Task<Status> send_events(http1::Exchange* exchange, std::shared_ptr<EventStream> stream);

  AdminApi& api_;
  Channel channel_;
};

}  // namespace countersign::console
