#include "api_fixture.h"

#include <stdlib.h>

#include <fstream>

#include "audit/reader.h"

namespace countersign::console::test {
namespace {

constexpr std::string_view kPolicies = R"(
@id("agents-may-work")
permit (principal is Agent, action, resource);

@id("production-changes-need-two")
@reason("changes to production need two people of the platform team")
@approval("production-change")
forbid (principal is Agent, action in Action::"change", resource)
when { resource.environment == "production" };
)";

constexpr std::string_view kEntities = R"(
teams: [shop, platform]
users:
  - { name: olivia, level: director, teams: [shop] }
  - { name: sam, level: senior, teams: [platform] }
  - { name: pat, level: principal, teams: [platform] }
  - { name: kim, level: junior, teams: [platform] }
)";

constexpr std::string_view kRules = R"(
rules:
  production-change:
    description: changes to production
    stages:
      - { name: platform, count: 2, group: "team:platform", min_level: senior }
)";

}  // namespace

void ApiTest::SetUp() {
  std::string pattern = (std::filesystem::temp_directory_path() / "countersign-console-XXXXXX").string();
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  folder_ = pattern;
  config_.admin = {"127.0.0.1", 8701};
  config_.public_url = "https://countersign.example:8443";
  config::Upstream files;
  files.name = "files";
  files.protocol = "http";
  files.url = "http://10.1.2.3:8080/inner-path";
  files.credential.kind = config::Credential::Kind::bearer;
  files.credential.secret.name = "FILES_TOKEN_VARIABLE";
  files.labels.environment = "production";
  config_.upstreams.push_back(files);

  keyring_ = std::move(*auth::Keyring::open(folder_ / "keys", clock_.now()));
  registry_ = std::move(*auth::Registry::open(folder_ / "tokens.jsonl"));
  revocations_ = auth::Revocations::open(folder_ / "revoked");
  frozen_ = auth::FrozenAgents::open(folder_ / "frozen_agents.jsonl");
  authenticator_.emplace(*keyring_, *revocations_, frozen_.get());
  auto queue = approvals::Queue::open(folder_ / "requests.db", folder_ / "bodies", {});
  ASSERT_TRUE(queue) << queue.error().message;
  queue_ = std::move(*queue);
  auto emergencies = approvals::Emergencies::open(folder_ / "requests.db", {});
  ASSERT_TRUE(emergencies) << emergencies.error().message;
  emergencies_ = std::move(*emergencies);
  audit::Options options;
  options.reserve_bytes = 0;
  options.heartbeat_interval = std::chrono::milliseconds(0);
  auto log = audit::Log::open(folder_ / "audit", options, audit::SigningKey::generate(), clock_);
  ASSERT_TRUE(log) << log.error().message;
  log_ = std::move(*log);
  refusals_ = std::make_unique<audit::Refusals>(*log_, clock_);
  pool_ = std::make_unique<net::ThreadPool>(2);

  write_policy_file("production.cedar", kPolicies);
  write_policy_file("entities.yaml", kEntities);
  write_policy_file("approvals.yaml", kRules);
  Problems problems;
  auto ruleset = approvals::load_ruleset(folder_ / "policies", config_.upstreams, clock_.now(), problems);
  ASSERT_TRUE(ruleset) << format_problems(problems);
  rulesets_.emplace(folder_ / "policies", config_.upstreams, std::move(ruleset));
  auth::PeopleOptions people;
  people.is_listed = [this](std::string_view user) {
    return rulesets_->current()->policies->directory().find_user(user) != nullptr;
  };
  auto opened = auth::People::open(folder_, std::move(people));
  ASSERT_TRUE(opened) << opened.error().message;
  people_ = std::move(*opened);
  queue_->observe([this](const approvals::Change& change) {
    if (api_) api_->request_changed(change);
  });
  auto journal = policies::Journal::open(folder_ / "operations", {}, clock_, quiet_);
  ASSERT_TRUE(journal) << journal.error().message;
  journal_ = std::move(*journal);
  auto desk = PolicyDesk::open({.rulesets = *rulesets_,
                                .clock = clock_,
                                .state = folder_,
                                .journal = journal_.get(),
                                .reload = [this] { return rulesets_->reload(clock_.now()); },
                                .read_only = ""});
  ASSERT_TRUE(desk) << desk.error().message;
  policy_desk_ = std::move(*desk);
  api_ = std::make_unique<AdminApi>(services());
}

void ApiTest::TearDown() {
  api_.reset();
  pool_.reset();
  refusals_.reset();
  log_.reset();
  emergencies_.reset();
  queue_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

Services ApiTest::services() {
  return Services{
      .config = config_,
      .clock = clock_,
      .authenticator = *authenticator_,
      .keyring = *keyring_,
      .registry = *registry_,
      .revocations = *revocations_,
      .frozen = *frozen_,
      .people = *people_,
      .queue = *queue_,
      .emergencies = *emergencies_,
      .rulesets = *rulesets_,
      .log = *log_,
      .refusals = *refusals_,
      .metrics = metrics_,
      .pool = *pool_,
      .policy_desk = policy_desk_.get(),
      .reload = [this] { return rulesets_->reload(clock_.now()); },
      .preview = [this](const approvals::HeldRequest& request) -> Result<Preview> {
        return Preview{request.summary, {{"body", "text/plain", preview_text_}}};
      },
      .sentence = [this](const approvals::HeldRequest&) { return sentence_; },
      .upstreams = [] { return std::vector<UpstreamStatus>{{"files", "up", ""}}; },
      .ready = [this] { return ready_; },
  };
}

void ApiTest::write_policy_file(const std::string& name, std::string_view text) {
  std::filesystem::create_directories(folder_ / "policies");
  std::ofstream(folder_ / "policies" / name) << text;
}

Answer ApiTest::ask(Channel channel, const std::string& method, const std::string& target, const std::string& token,
                    const std::string& body) {
  Call call;
  call.head.method = method;
  call.head.target = target;
  call.head.headers.add("Host", "127.0.0.1:8701");
  if (!token.empty()) call.head.headers.add("Authorization", "Bearer " + token);
  if (method == "POST") call.head.headers.add("Content-Type", "application/json");
  call.body = body;
  call.channel = channel;
  call.peer = channel == Channel::tcp ? "127.0.0.1:50000" : "unix uid 0";
  return api_->handle(std::move(call));
}

Json ApiTest::json(const Answer& answer) {
  auto value = parse_json(answer.body);
  EXPECT_TRUE(value) << answer.body;
  return value ? *value : Json();
}

std::string ApiTest::person(const std::string& name) {
  Answer answer = socket_post("/api/v1/tokens", {{"user", name}});
  EXPECT_EQ(answer.status, 201) << answer.body;
  return string_or(json(answer), "token", "");
}

ApiTest::Browser ApiTest::sign_in(const std::string& name) {
  auto invitation = people_->invite(name, clock_.now());
  EXPECT_TRUE(invitation) << invitation.error().message;
  auto signed_in =
      people_->accept_invitation(invitation->code, Secret(std::string(kPassword)), "127.0.0.1:50000", clock_.now());
  EXPECT_TRUE(signed_in) << signed_in.error().message;
  return {std::string(signed_in->cookie.expose()), signed_in->session.csrf};
}

Call ApiTest::call_of(const Browser& browser, const std::string& method, const std::string& target,
                      const std::string& body) {
  Call call;
  call.head.method = method;
  call.head.target = target;
  call.head.headers.add("Host", "countersign.example:8443");
  call.head.headers.add("Cookie", "theme=dark; " + std::string("__Host-countersign=") + browser.cookie);
  call.head.headers.add("Sec-Fetch-Site", "same-origin");
  if (method == "POST") {
    call.head.headers.add("Content-Type", "application/json");
    call.head.headers.add("Origin", kOrigin);
    call.head.headers.add("X-CSRF-Token", browser.csrf);
  }
  call.body = body;
  call.peer = "127.0.0.1:50000";
  return call;
}

std::string ApiTest::cookie_of(const Answer& answer) {
  constexpr std::string_view kName = "__Host-countersign=";
  for (const HeaderField& field : answer.headers.fields()) {
    if (!equal_ignoring_case(field.name, "set-cookie") || !field.value.starts_with(kName)) continue;
    return field.value.substr(kName.size(), field.value.find(';') - kName.size());
  }
  return "";
}

std::unique_ptr<testing::SoftKey> ApiTest::enrol(const Browser& browser) {
  auto key = std::make_unique<testing::SoftKey>(auth::CoseAlgorithm::es256, "countersign.example");
  Json asked = json(submit(browser, "/api/v1/passkeys/challenge", Json::object()));
  auto challenge = from_base64url(string_or(asked, "challenge", ""));
  EXPECT_TRUE(challenge) << asked.dump();
  auto created = key->create(*challenge, kOrigin);
  Answer added = submit(
      browser, "/api/v1/passkeys",
      {{"name", "laptop"}, {"client_data", created.client_data}, {"attestation_object", created.attestation_object}});
  EXPECT_EQ(added.status, 201) << added.body;
  return key;
}

Json ApiTest::signature(const Browser& browser, testing::SoftKey& key, const std::vector<std::string>& ids,
                        const std::string& decision, const std::string& reason) {
  Answer asked = submit(browser, "/api/v1/votes/challenge",
                        {{"requests", ids}, {"decision", decision}, {"reason", reason}, {"for", ""}});
  EXPECT_EQ(asked.status, 200) << asked.body;
  Json challenge = json(asked);
  auto bytes = from_base64url(string_or(challenge, "challenge", ""));
  EXPECT_TRUE(bytes);
  auth::Assertion assertion = key.get(*bytes, kOrigin);
  return {{"statement", challenge["statement"]},
          {"credential", assertion.credential},
          {"authenticator_data", assertion.authenticator_data},
          {"client_data", assertion.client_data},
          {"signature", assertion.signature}};
}

std::string ApiTest::hold(const std::string& identity, const std::string& agent, const approvals::BurstLimits& bursts,
                          const std::string& effect) {
  approvals::HeldRequest draft;
  draft.requester.agent = agent;
  draft.requester.owner = "olivia";
  draft.requester.chain = {std::string(32, 'a')};
  draft.requester.scope = "[]";
  draft.action = "mcp:call_tool";
  draft.effect = effect;
  draft.environment = "production";
  draft.summary = "call write_file on files with path production/config.json";
  draft.resources = {"File::files/production/config.json"};
  draft.input = R"({"path":"production/config.json"})";
  draft.frozen.protocol = "mcp";
  draft.frozen.upstream = "files";
  draft.frozen.head = "{}";
  draft.frozen.identity = identity;
  draft.policies = {"production-changes-need-two"};
  draft.rules = {"production-change"};
  draft.policy_digest = "d1ge57";
  draft.operation = "01938a7c-0000-7000-8000-000000000001";
  draft.expires = clock_.now() + 3'600'000;
  auto holding = queue_->hold(std::move(draft), clock_.now(), bursts);
  EXPECT_TRUE(holding) << holding.error().message;
  return holding ? holding->request.id : "";
}

approvals::State ApiTest::state_of(const std::string& id) {
  auto request = queue_->get(id);
  EXPECT_TRUE(request);
  return request ? request->state : approvals::State::unknown;
}

std::vector<Json> ApiTest::records() {
  // Records nobody waited for are durable once one that came after them is.
  static_cast<void>(log_->checkpoint());
  auto reader = audit::Reader::open(log_->folder());
  EXPECT_TRUE(reader);
  std::vector<Json> out;
  auto size = reader->size();
  EXPECT_TRUE(size);
  if (*size == 0) return out;
  auto lines = reader->range(0, *size);
  EXPECT_TRUE(lines);
  for (const auto& record : *lines) out.push_back(*parse_json(record.line));
  return out;
}

std::vector<Json> ApiTest::records_where(const std::string& member, const std::string& value) {
  std::vector<Json> out;
  for (Json& record : records()) {
    if (string_or(record, member, "") == value) out.push_back(std::move(record));
  }
  return out;
}

void ApiTest::break_audit_log() {
  for (const auto& file : std::filesystem::directory_iterator(log_->folder())) {
    if (file.path().extension() == ".jsonl") std::filesystem::remove(file.path());
  }
}

}  // namespace countersign::console::test
