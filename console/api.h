// AdminApi: the admin API of docs/admin-api.md. One object serves both admin listeners through two Endpoints.
//
//   AdminApi api(services);
//   Endpoint tcp(api, Channel::tcp);
//   Endpoint socket(api, Channel::unix_socket);
//   http1::Server::start(workers, {…config.admin…}, tcp, observer);
//   http1::Server::start(workers, {.listen = {.address = "unix:<state>/admin.sock"}}, socket, observer);
//
// Who may do what. A personal token (audience admin) of a user in entities.yaml makes a person. On the socket, no token
// is needed: its file permission says that this is the machine's administrator, who may administer but never vote,
// since an approval needs a person with a name (DESIGN, rule 4). Over TCP without a token: 401, but for the open
// routes.
//
// Every refusal leaves an audit record (phase refused); every change leaves one (phase admin or approval) that is
// durable before the answer. With the audit log unavailable nothing is changed, except that a revocation takes effect.
//
// `handle` blocks on the stores and may be called from any thread, many at a time.
#pragma once

#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "audit/proof.h"
#include "audit/reader.h"
#include "console/call.h"
#include "console/services.h"
#include "proxy/http1/server.h"

namespace countersign::console {

inline constexpr std::uint64_t kMaxBodyBytes = 64U << 10;
inline constexpr TimeMs kMaxAgentTokenLife = 90LL * 86'400'000;
inline constexpr TimeMs kMaxUserTokenLife = 7LL * 86'400'000;

class AdminApi {
 public:
  explicit AdminApi(Services services);
  AdminApi(const AdminApi&) = delete;
  AdminApi& operator=(const AdminApi&) = delete;

  // Never throws. `head`, `body`, `channel` and `peer` of the call are read; the rest is filled here.
  [[nodiscard]] Answer handle(Call call);

  [[nodiscard]] net::ThreadPool& pool() { return services_.pool; }
  // For refusals outside `handle`, as a body that is too large. Does not block.
  void record_refusal(const Call& call, const Error& error);

 private:
  using Run = Result<Answer> (AdminApi::*)(const Call&);
  enum class Access : std::uint8_t {
    open,    // everybody
    known,   // a person, or the local administrator
    socket,  // only through admin.sock
  };
  struct Route {
    std::string_view method;
    std::string_view pattern;  // `{}` stands for one segment, a final `{…}` for the rest
    Access access;
    Run run;
  };
  static std::span<const Route> routes();

  Result<Answer> dispatch(Call& call);
  Result<Principal> authenticate(const Call& call, Access access) const;

  // requests.cc
  Result<Answer> list_requests(const Call& call);
  Result<Answer> show_request(const Call& call);
  Result<Answer> approve_request(const Call& call);
  Result<Answer> deny_request(const Call& call);
  Result<Answer> cancel_request(const Call& call);
  Result<Answer> vote(const Call& call, approvals::Choice choice);
  // The state that a vote or a cancellation led to, when it is another one.
  void record_move(const Call& call, const approvals::HeldRequest& before, const approvals::HeldRequest& after);
  // audit.cc
  Result<Answer> query_audit(const Call& call);
  Result<Answer> show_record(const Call& call);
  Result<Answer> prove_record(const Call& call);
  Result<Answer> show_key(const Call& call);
  Result<Answer> log_file(const Call& call);
  Result<audit::Reader> reader() const;
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
  // status.cc
  Result<Answer> list_upstreams(const Call& call);
  Result<Answer> healthz(const Call& call);
  Result<Answer> readyz(const Call& call);
  Result<Answer> metrics(const Call& call);
  Result<Answer> index(const Call& call);
  Result<Answer> request_link(const Call& call);

  // record.cc
  // A record with who asks filled in.
  [[nodiscard]] audit::Entry entry_of(const Call& call, audit::Phase phase) const;
  // Waits until the record is durable. The log's error otherwise.
  Status record(audit::Entry entry);
  // That somebody has read something; nobody waits for it.
  void record_look(const Call& call);
  // What must hold before anything is changed: the log takes records, and revocations are known.
  [[nodiscard]] Status may_change() const;

  Services services_;
  std::vector<std::string> hosts_;
  std::mutex tree_lock_;  // of tree_
  std::optional<audit::HashTree> tree_;
};

// One listener's way into the API: reads the body, runs `handle` on the pool, answers.
class Endpoint final : public http1::Handler {
 public:
  Endpoint(AdminApi& api, Channel channel) : api_(api), channel_(channel) {}
  [[nodiscard]] Task<void> handle(http1::Exchange* exchange) override;

 private:
  AdminApi& api_;
  Channel channel_;
};

}  // namespace countersign::console
