#include "cli/gateway.h"

#include <algorithm>
#include <thread>

#include "approvals/record.h"
#include "audit/signing_key.h"
#include "core/config_load.h"
#include "core/config_notifications.h"
#include "core/id.h"
#include "core/run_as.h"
#include "core/words.h"
#include "proxy/spending.h"

namespace countersign::cli {
namespace fs = std::filesystem;

namespace {

Status make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (!error) fs::permissions(folder, fs::perms::owner_all, error);  // what lies there is nobody else's business
  if (error)
    return fail(ErrorKind::unavailable, "state.folder", "cannot use " + folder.string() + ": " + error.message());
  return {};
}

http1::ServerOptions server_options(const config::Config& config, const fs::path& spool) {
  http1::ServerOptions options;
  options.limits.head_bytes = config.limits.header_bytes;
  options.timeouts.head = config.limits.header_time;
  options.timeouts.body_gap = config.limits.request_time;
  options.listen.max_connections = config.limits.connections;
  options.spool = {spool, config.limits.memory_bytes};
  return options;
}

std::optional<net::ServerTls> tls_of(const std::optional<config::Tls>& tls) {
  if (!tls) return std::nullopt;
  return net::ServerTls{tls->certificate, tls->key};
}

// Whose rights the commands of upstreams get.
Status check_users(const config::Config& config, const Log& log) {
  for (const config::Upstream& upstream : config.upstreams) {
    if (upstream.command.empty()) continue;
    if (upstream.run_as.empty()) {
      log.warning("its command runs as the gateway's own user, who can read the gateway's keys; `run_as` names another",
                  {{"upstream", upstream.name}});
      continue;
    }
    const auto user = find_system_user(upstream.run_as);
    const auto way = user ? may_run_as(*user) : Result<Switch>(fail(user.error()));
    if (!way) return fail(way.error().kind, way.error().code, "upstream " + upstream.name + ": " + way.error().message);
    if (*way == Switch::none)
      log.warning("`run_as` names the gateway's own user, who can read the gateway's keys",
                  {{"upstream", upstream.name}});
  }
  return {};
}

std::string without_final_slash(std::string url) {
  if (url.ends_with('/')) url.pop_back();
  return url;
}

}  // namespace

Result<std::unique_ptr<Gateway>> Gateway::start(config::Config config, const Log& log) {
  std::unique_ptr<Gateway> gateway(new Gateway(std::move(config), log));
  if (Status ok = gateway->open_state(); !ok) return fail(ok.error());
  if (Status ok = gateway->open_people(); !ok) return fail(ok.error());
  if (Status ok = gateway->open_upstreams(); !ok) return fail(ok.error());
  if (Status ok = gateway->open_queue(); !ok) return fail(ok.error());
  if (Status ok = gateway->open_notifications(); !ok) return fail(ok.error());
  if (Status ok = gateway->listen(); !ok) return fail(ok.error());
  return gateway;
}

Status Gateway::open_state() {
  folders_ = {config_.state, config_.state / "spool", config_.state / "requests", config_.state / "audit",
              config_.state / "keys"};
  for (const fs::path& folder : {folders_.state, folders_.spool, folders_.requests}) {
    if (Status made = make_folder(folder); !made) return made;
  }
  http1::Spool::remove_leftovers(folders_.spool);

  auto keyring = auth::Keyring::open(folders_.keys, clock_.now());
  if (!keyring) return fail(keyring.error());
  keyring_ = std::move(*keyring);
  revocations_ = auth::Revocations::open(folders_.state / "revoked");
  if (!revocations_->problem().empty())
    log_.error("revocations are incomplete: no change will pass", {{"why", revocations_->problem()}});
  frozen_ = auth::FrozenAgents::open(folders_.state / "frozen_agents.jsonl");
  if (!frozen_->problem().empty())
    log_.error("the list of frozen agents is incomplete: no change will pass", {{"why", frozen_->problem()}});
  auto registry = auth::Registry::open(folders_.state / "tokens.jsonl");
  if (!registry) return fail(registry.error());
  registry_ = std::move(*registry);
  auto vault = auth::Vault::open(config_.upstreams);
  if (!vault) return fail(vault.error());
  vault_ = std::move(*vault);
  authenticator_ = std::make_unique<auth::Authenticator>(*keyring_, *revocations_, frozen_.get());

  if (config_.policy_repository) {
    policy_follow_ = std::make_unique<PolicyFollow>(config_, clock_, log_);
    if (Status ready = policy_follow_->prepare(); !ready) return ready;
  }
  Problems problems;
  auto ruleset = approvals::load_ruleset(config_.policies, config_.upstreams, clock_.now(), problems);
  for (const Problem& problem : problems) log_.warning(format_problem(problem));
  if (!ruleset)
    return fail(ErrorKind::invalid, "policies.invalid",
                "the policies in " + config_.policies.string() + " do not load");
  rulesets_ = std::make_unique<approvals::RulesetStore>(config_.policies, config_.upstreams, std::move(ruleset));

  const policies::JournalLimits kept{.days = config_.journal.days, .bytes = config_.journal.bytes};
  auto journal = policies::Journal::open(folders_.state / "operations", kept, clock_, log_);
  if (!journal) return fail(journal.error());
  journal_ = std::move(*journal);
  auto desk = console::PolicyDesk::open({.rulesets = *rulesets_,
                                         .clock = clock_,
                                         .state = folders_.state,
                                         .journal = journal_.get(),
                                         .reload = [this] { return load_policies("a proposal was activated"); },
                                         .read_only = policy_follow_ ? policy_follow_->read_only_reason() : ""});
  if (!desk) return fail(desk.error());
  policy_desk_ = std::move(*desk);

  auto key = audit::SigningKey::load_or_create(folders_.state / "audit-signing.pem");
  if (!key) return fail(key.error());
  const std::size_t workers = config_.workers > 0 ? static_cast<std::size_t>(config_.workers)
                                                  : std::max(1U, std::thread::hardware_concurrency());
  workers_ = std::make_unique<net::Workers>(workers);
  auto log = audit::Log::open(folders_.audit, audit::Options{}, std::move(*key), clock_);
  if (!log) return fail(log.error());
  audit_ = std::move(*log);
  counted_refusals_ = std::make_unique<audit::Refusals>(*audit_, clock_);
  auto same_key = audit::SigningKey::load_or_create(folders_.state / "audit-signing.pem");
  if (!same_key) return fail(same_key.error());
  auto attester = audit::Attester::make(std::move(*same_key), audit_->verifier_key());
  if (!attester) return fail(attester.error());
  attester_ = std::move(*attester);
  const auto& repairs = audit_->repairs();
  if (repairs.closed_intents > 0 || repairs.cut_bytes > 0) {
    log_.warning("the last run ended without notice",
                 {{"operations_closed_as_unknown", std::to_string(repairs.closed_intents)},
                  {"bytes_cut", std::to_string(repairs.cut_bytes)}});
  }
  recorder_ = std::make_unique<proxy::Recorder>(*audit_, *counted_refusals_, metrics_);
  return {};
}

Status Gateway::open_people() {
  auth::PeopleOptions options{
      .idle = config_.sign_in.idle,
      .absolute = config_.sign_in.absolute,
      .is_listed =
          [this](std::string_view user) {
            return rulesets_->current()->policies->directory().find_user(user) != nullptr;
          },
  };
  auto people = auth::People::open(folders_.state, std::move(options));
  if (!people) return fail(people.error());
  people_ = std::move(*people);
  if (!config_.sign_in.oidc) return {};
  auto oidc = auth::oidc_options(config_);
  if (!oidc) return fail(oidc.error());
  oidc_ = std::make_unique<auth::Oidc>(std::move(*oidc));
  return {};
}

Status Gateway::open_upstreams() {
  if (Status possible = check_users(config_, log_); !possible) return possible;
  auto origins = proxy::parse_origins(config_);
  if (!origins) return fail(origins.error());
  origins_ = std::move(*origins);
  upstream::ClientOptions options;
  options.first_byte = options.gap = config_.limits.request_time;
  clients_ = std::make_unique<upstream::Clients>(*workers_, options);
  auto tokens = proxy::GithubTokens::open(config_, clock_);
  if (!tokens) return fail(tokens.error());
  github_tokens_ = std::move(*tokens);
  aws_sessions_ = std::make_unique<proxy::AwsSessions>(config_, *vault_, clock_);
  const http1::SpoolOptions spool{folders_.spool, config_.limits.memory_bytes};
  adapter_pool_ = std::make_unique<net::ThreadPool>(std::max<std::size_t>(4, 2 * workers_->size()));
  for (std::size_t i = 0; i < workers_->size(); ++i) {
    net::Worker& worker = workers_->at(i);
    doors_.push_back(std::make_unique<proxy::WorkerDoors>(
        origins_, proxy::Leaving{worker, clients_->on(worker), *vault_, *github_tokens_, *aws_sessions_, clock_, spool},
        sessions_, *adapter_pool_));
  }
  // A session lives on the first worker; calls from the others cross over to it.
  sessions_ = proxy::open_mcp_sessions(config_, workers_->at(0), *doors_[0], log_);
  auto mounts = proxy::Mounts::build(config_, folders_.state, clock_, held_pushes(), log_, metrics_);
  if (!mounts) return fail(mounts.error());
  mounts_ = std::move(*mounts);
  return {};
}

Status Gateway::open_queue() {
  recall_histories();
  auto queue = approvals::Queue::open(folders_.state / "countersign.db", folders_.requests, {});
  if (!queue) return fail(queue.error());
  queue_ = std::move(*queue);
  queue_->observe([this](const approvals::Change& change) { on_change(change); });
  auto emergencies = approvals::Emergencies::open(folders_.state / "countersign.db", {});
  if (!emergencies) return fail(emergencies.error());
  emergencies_ = std::move(*emergencies);
  emergencies_->observe([this](const approvals::Emergency& emergency, approvals::EmergencyStep step) {
    if (api_) api_->emergency_changed(emergency, step);
    if (courier_) courier_->wake();
  });
  auto plans = approvals::Plans::open(folders_.state / "countersign.db", {}, clock_.now());
  if (!plans) return fail(plans.error());
  plans_ = std::move(*plans);
  auto attestations = audit::AttestationStore::open(folders_.state / "countersign.db");
  if (!attestations) return fail(attestations.error());
  attestations_ = std::move(*attestations);
  blocking_ = std::make_unique<net::ThreadPool>(1);  // one queue, one lock: more threads would only wait for each other
  admin_pool_ = std::make_unique<net::ThreadPool>(4);
  parts_ = std::unique_ptr<proxy::Parts>(new proxy::Parts{
      .config = config_,
      .public_url = without_final_slash(config_.public_url),
      .clock = clock_,
      .authenticator = *authenticator_,
      .frozen = *frozen_,
      .replays = replays_,
      .registry = *registry_,
      .rulesets = *rulesets_,
      .journal = *journal_,
      .histories = histories_,
      .budgets = budgets_,
      .mounts = mounts_,
      .queue = *queue_,
      .emergencies = *emergencies_,
      .plans = *plans_,
      .waiters = waiters_,
      .recorder = *recorder_,
      .attester = *attester_,
      .attestations = *attestations_,
      .blocking = *blocking_,
      .spool = {folders_.spool, config_.limits.memory_bytes},
      .held_bodies = folders_.requests,
      .doors = [this](net::Worker& worker) -> adapters::Doors& { return *doors_[worker.index()]; },
      .on_freeze = [this](const std::string& agent, const std::string& why) { on_freeze(agent, why); },
  });
  pipeline_ = std::make_unique<proxy::Pipeline>(*parts_);
  executor_ = std::make_unique<proxy::Executor>(*parts_);
  return {};
}

Status Gateway::listen() {
  refusals_ = std::make_unique<Refusals>(*counted_refusals_, clock_, log_);
  api_ = std::make_unique<console::AdminApi>(services());
  api_tcp_ = std::make_unique<console::Endpoint>(*api_, console::Channel::tcp);
  api_socket_ = std::make_unique<console::Endpoint>(*api_, console::Channel::unix_socket);

  metrics_.gauge("countersign_audit_records", "Durable records in the audit log.", {},
                 [this] { return static_cast<double>(audit_->size()); });

  metrics_.gauge("countersign_journal_dropped", "Decided operations that found the journal's queue full.", {},
                 [this] { return static_cast<double>(journal_->dropped()); });

  auto recovered = queue_->recover(clock_.now());
  if (!recovered) return fail(recovered.error());
  workers_->start();
  running_ = true;
  proxy::start(sessions_);

  http1::ServerOptions options = server_options(config_, folders_.spool);
  options.listen.address = "unix:" + (folders_.state / "admin.sock").string();
  auto socket = http1::Server::start(*workers_, options, *api_socket_, *refusals_);
  if (!socket) return fail(socket.error());
  socket_ = std::move(*socket);
  options.listen.address = config::address_text(config_.admin);
  options.listen.tls = tls_of(config_.admin_tls);
  auto admin = http1::Server::start(*workers_, options, *api_tcp_, *refusals_);
  if (!admin) return fail(admin.error());
  admin_ = std::move(*admin);
  options.listen.address = config::address_text(config_.agents);
  options.listen.tls = tls_of(config_.agents_tls);
  auto agents = http1::Server::start(*workers_, options, *pipeline_, *refusals_);
  if (!agents) return fail(agents.error());
  agents_ = std::move(*agents);

  record("gateway.started", "policies " + rulesets_->current()->policies->digest());
  for (const std::string& id : recovered->interrupted)
    log_.warning("was being executed when the last run ended: unknown", {{"request", id}});
  run_what_waits();
  if (policy_follow_) {
    auto load = [this] { return load_policies("the repository has a new commit"); };
    policy_follow_->start(*audit_, *policy_desk_, load);
  }
  housekeeper_ = std::jthread([this](std::stop_token stop) { keep_house(std::move(stop)); });
  return {};
}

Gateway::~Gateway() {
  policy_follow_.reset();
  housekeeper_ = {};
  if (courier_) courier_->stop();  // it ends below: until then, what changes still wakes it
  const bool served = agents_ != nullptr;
  if (api_) api_->close_streams();  // they end no other way, and the drain waits for them
  for (auto* server : {&agents_, &admin_, &socket_}) {
    if (*server) (*server)->drain(config_.limits.drain);
    server->reset();  // while the workers still run: a listener's end is theirs to say
  }
  // What was approved and has begun ends properly, as far as the drain allows; what has not begun stays approved.
  const auto bound = std::chrono::steady_clock::now() + std::chrono::milliseconds(config_.limits.drain);
  while (executor_ && executor_->running() > 0 && std::chrono::steady_clock::now() < bound) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  if (served) record("gateway.stopped", "");
  if (running_) proxy::stop(sessions_);
  if (workers_) workers_->stop();
  blocking_.reset();  // their last jobs still use what is destroyed next
  courier_.reset();
  adapter_pool_.reset();
  admin_pool_.reset();
}

void Gateway::record(std::string_view code, std::string detail) {
  audit::Entry entry;
  entry.phase = audit::Phase::admin;
  entry.code = code;
  entry.detail = std::move(detail);
  audit_->append(entry);
}

// What agents did before the program was started again.
void Gateway::recall_histories() {
  if (!journal_->is_on()) return;
  constexpr std::uint64_t kMost = 200'000;
  const auto rules = rulesets_->current();
  TimeMs longest = 3'600'000;
  for (const approvals::Budget& budget : rules->approvals->budgets) longest = std::max(longest, budget.per);
  auto recall = [&](const policies::JournalEntry& entry) {
    histories_.recall(entry);
    if (entry.verdict == policies::Verdict::allow && !entry.root.empty())
      budgets_.count(*rules->approvals, proxy::spending_of(entry.root, *rules->policies, entry.operation), entry.at);
    return true;
  };
  const TimeMs now = clock_.now();
  auto read = policies::read_journal(journal_->folder(), now - longest, now + 1, kMost, recall);
  if (read && read->more) log_.warning("not all of what agents did before this start is known again");
}

// A budget has stopped an agent: people hear of it at once.
void Gateway::on_freeze(const std::string& agent, const std::string& why) {
  log_.error("A BUDGET HAS FROZEN AN AGENT", {{"agent", agent}, {"why", why}});
  blocking_->post([this, agent] {  // the store waits for its disk
    std::ignore = queue_->note(config::kAgentFrozen, new_uuid(clock_.now()) + " " + agent);
    if (courier_) courier_->wake();
  });
  if (api_) api_->agents_changed();
}

void Gateway::on_change(const approvals::Change& change) {
  const approvals::HeldRequest& request = change.request;
  if (change.to == approvals::State::denied && change.from != change.to)
    proxy::note_denied(histories_, request, clock_.now());
  waiters_.notify(request);
  if (api_) api_->request_changed(change);
  if (courier_) courier_->wake();
  if (change.to == approvals::State::approved && change.from != change.to) run_approved(request);
  // What a person decided is recorded where the person was answered (console/requests.cc); the rest here.
  const bool by_person = !request.decided_by.empty() &&
                         (change.to == approvals::State::approved || change.to == approvals::State::denied ||
                          change.to == approvals::State::cancelled);
  if (change.grant && change.grant->activated != 0 && change.grant->revoked == 0) record_grant(*change.grant, request);
  // Votes, documentation, proposals and revocations are recorded where they are taken in.
  const bool elsewhere =
      change.kind != approvals::Change::Kind::state && change.kind != approvals::Change::Kind::reminded;
  if (by_person || elsewhere) return;
  audit::Entry entry;
  entry.phase = audit::Phase::approval;
  entry.operation = change.from ? "" : request.operation;
  approvals::name_request(entry, request);
  entry.action = request.action;
  entry.code = request.code.empty() ? std::string("approval.") + change.event_name() : request.code;
  entry.reason = request.reason;
  entry.detail = (change.from ? std::string(approvals::state_name(*change.from)) + " → " : std::string()) +
                 approvals::state_name(change.to);
  audit_->append(entry);
}

// The votes that made it one name its digest, and are recorded already.
void Gateway::record_grant(const approvals::Grant& grant, const approvals::HeldRequest& request) {
  audit::Entry entry;
  entry.phase = audit::Phase::admin;
  approvals::name_request(entry, request);
  entry.action = "grant:active";
  entry.code = "grant.active";
  entry.detail = grant.id + " " + grant.digest + ", at most " + std::to_string(grant.terms.max_uses) + " times until " +
                 format_time(grant.terms.until);
  audit_->append(entry);
}

// An approved request to break the glass is carried out here: there is no upstream. Once, also where the process ends
// in the middle: what was being executed then is unknown, and the emergency may have begun (Emergencies::start).
void Gateway::break_glass(const std::string& request) {
  auto mine = queue_->begin_execution(request, clock_.now());
  if (!mine) return log_.error("a glass was not broken", {{"request", request}, {"why", mine.error().message}});
  auto started = emergencies_->start(*mine, *rulesets_->current()->approvals, clock_.now());
  approvals::Ending ending{approvals::State::done, std::nullopt, "", ""};
  if (!started) ending = {approvals::State::failed, std::nullopt, started.error().code, started.error().message};
  std::ignore = queue_->finish(request, std::move(ending), clock_.now());
  if (!started) return log_.error("a glass was not broken", {{"request", request}, {"why", started.error().message}});
  audit::Entry entry;
  entry.phase = audit::Phase::admin;
  approvals::name_request(entry, *mine);
  entry.action = "break_glass:started";
  entry.code = "break_glass.started";
  entry.detail = "until " + format_time(started->until) + ", signed by " + joined(started->by);
  entry.comment = started->terms.reason;
  audit_->append(entry);
  log_.error("THE GLASS IS BROKEN", {{"request", request},
                                     {"agent", started->terms.agent},
                                     {"until", format_time(started->until)},
                                     {"reason", started->terms.reason}});
}

void Gateway::run_approved(const approvals::HeldRequest& request) {
  if (request.action == approvals::kBreakGlassAction) return break_glass(request.id);
  net::Worker& worker = workers_->least_loaded();
  auto begin = [this, id = request.id, &worker]() mutable { return executor_->run(std::move(id), &worker); };
  worker.spawn(std::move(begin), [this](std::exception_ptr) { log_.error("an execution ended by an exception"); });
}

}  // namespace countersign::cli
