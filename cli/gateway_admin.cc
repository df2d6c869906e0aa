// The gateway's admin side: what console/ asks of the rest of the program, reloading, and what is done once a second.
#include <set>

#include "cli/gateway.h"
#include "cli/housekeeping.h"

namespace countersign::cli {
namespace {

std::shared_ptr<const console::People> people_of(const policies::Directory& directory) {
  auto people = std::make_shared<console::People>();
  for (const auto& [name, user] : directory.users()) {
    approvals::Approver approver;
    approver.name = name;
    approver.level = user.level;
    approver.teams = directory.teams_of(name);
    people->users.push_back(std::move(approver));
  }
  for (const auto& [name, team] : directory.teams()) people->teams.push_back(name);
  return people;
}

console::PolicyText policy_text(const policies::Snapshot& snapshot, std::string_view id) {
  console::PolicyText out;
  out.id = id;
  for (std::size_t i = 0; i < snapshot.policies().size(); ++i) {
    const auto ref = static_cast<cedar::PolicyRef>(i);
    if (snapshot.facts(ref).id != id) continue;
    const cedar::Policy& policy = snapshot.policies()[ref];
    out.source = policy.source().name() + ":" + std::to_string(policy.position().line);
    out.says = snapshot.facts(ref).reason.empty() ? std::string(policy.text()) : snapshot.facts(ref).reason;
    break;
  }
  return out;
}

console::PolicyStatus policy_status(const approvals::Ruleset& rules) {
  console::PolicyStatus status;
  status.digest = rules.policies->digest();
  status.loaded = rules.loaded;
  status.policies = rules.policies->policies().size();
  std::set<std::string> files;
  for (const cedar::Policy& policy : rules.policies->policies().all()) files.insert(policy.source().name());
  status.files.assign(files.begin(), files.end());
  return status;
}

Result<console::Preview> preview_of(const proxy::Mounts& mounts, const approvals::HeldRequest& request) {
  constexpr std::size_t kShown = 256U << 10;
  const proxy::Mount* mount = mounts.of_upstream(request.frozen.upstream);
  if (!mount) return fail(ErrorKind::not_found, "request.stale", "its upstream is not configured any more");
  std::string body;
  if (!request.frozen.body_file.empty()) {
    auto spool = http1::Spool::open(request.frozen.body_file);
    if (!spool) return fail(spool.error());
    body.resize(std::min<std::uint64_t>(spool->size(), kShown));
    auto count = spool->read(0, {reinterpret_cast<std::uint8_t*>(body.data()), body.size()});
    if (!count) return fail(count.error());
    body.resize(*count);
  }
  adapters::Preview shown = mount->adapter->preview(request.frozen, body);
  console::Preview out;
  out.sentence = std::move(shown.sentence);
  for (auto& part : shown.parts)
    out.parts.push_back({std::move(part.title), std::move(part.media_type), std::move(part.text)});
  return out;
}

}  // namespace

console::Services Gateway::services() {
  return console::Services{
      .config = config_,
      .clock = clock_,
      .authenticator = *authenticator_,
      .keyring = *keyring_,
      .registry = *registry_,
      .revocations = *revocations_,
      .queue = *queue_,
      .log = *audit_,
      .metrics = metrics_,
      .pool = *admin_pool_,
      .people = [this] { return people_of(rulesets_->current()->policies->directory()); },
      .rules = [this] { return rulesets_->current()->approvals; },
      .policies = [this] { return policy_status(*rulesets_->current()); },
      .policy_text = [this](std::string_view id) { return policy_text(*rulesets_->current()->policies, id); },
      .reload = [this] { return reload_policies("asked over the admin API"); },
      .preview = [this](const approvals::HeldRequest& request) { return preview_of(mounts_, request); },
      .upstreams = [this] { return upstream_status(); },
      .ready = [this]() -> Status {
        if (Status healthy = audit_->health(); !healthy) return healthy;
        return authenticator_->may_change();
      },
  };
}

std::vector<console::UpstreamStatus> Gateway::upstream_status() const {
  std::vector<console::UpstreamStatus> out;
  for (const config::Upstream& upstream : config_.upstreams) {
    console::UpstreamStatus status{upstream.name, "idle", ""};
    if (auto session = sessions_.find(upstream.name); session != sessions_.end()) {
      if (auto catalogue = session->second->last_catalogue()) {
        status.health = "up";
        status.detail = std::to_string(catalogue->tools.size()) + " tools";
      }
    }
    out.push_back(std::move(status));
  }
  return out;
}

console::Reloaded Gateway::reload_policies(std::string_view why) {
  auto loaded = rulesets_->reload(clock_.now());
  const auto outcome = loaded.replaced ? console::Reloaded::Outcome::replaced : console::Reloaded::Outcome::kept;
  record(audit::Phase::admin, loaded.replaced ? "policies.loaded" : "policies.rejected",
         std::string(why) + "; running set " + loaded.digest);
  for (const Problem& problem : loaded.problems) log_.warning(format_problem(problem));
  log_.write(loaded.replaced ? LogLevel::info : LogLevel::error,
             loaded.replaced ? "policies loaded" : "policies do not load; the running set stays",
             {{"digest", loaded.digest}});
  return {outcome, std::move(loaded.problems)};
}

void Gateway::reload(std::string_view why) {
  std::ignore = reload_policies(why);
  if (Status secrets = vault_->reload(); !secrets)
    log_.error("upstream secrets stay as they were", {{"why", secrets.error().message}});
  if (Status keys = keyring_->reload(); !keys) log_.error("token keys", {{"why", keys.error().message}});
}

void Gateway::keep_house(std::stop_token stop) {
  constexpr auto kLook = std::chrono::seconds(1);
  constexpr TimeMs kPurge = 3'600'000;
  FolderWatch watch(config_.policies);
  TimeMs purged = clock_.now();
  std::mutex lock;
  std::condition_variable_any alarm;
  while (!stop.stop_requested()) {
    if (auto expired = queue_->expire_due(clock_.now()); !expired)
      log_.error("expiry", {{"why", expired.error().message}});
    if (watch.changed()) std::ignore = reload_policies("the folder has changed");
    if (clock_.now() - purged >= kPurge) {
      purged = clock_.now();
      if (auto removed = queue_->purge(purged); !removed) log_.error("purge", {{"why", removed.error().message}});
    }
    std::unique_lock hold(lock);
    alarm.wait_for(hold, stop, kLook, [] { return false; });
  }
}

}  // namespace countersign::cli
