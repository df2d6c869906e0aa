// The gateway's admin side: what console/ asks of the rest of the program, reloading, and what is done once a second.
#include "cli/gateway.h"
#include "cli/housekeeping.h"

namespace countersign::cli {
namespace {

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
      .rulesets = *rulesets_,
      .log = *audit_,
      .metrics = metrics_,
      .pool = *admin_pool_,
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

approvals::RulesetStore::Reloaded Gateway::reload_policies(std::string_view why) {
  auto loaded = rulesets_->reload(clock_.now());
  record(loaded.replaced ? "policies.loaded" : "policies.rejected",
         std::string(why) + "; running set " + loaded.digest);
  for (const Problem& problem : loaded.problems) log_.warning(format_problem(problem));
  log_.write(loaded.replaced ? LogLevel::info : LogLevel::error,
             loaded.replaced ? "policies loaded" : "policies do not load; the running set stays",
             {{"digest", loaded.digest}});
  return loaded;
}

void Gateway::reload(std::string_view why) {
  std::ignore = reload_policies(why);
  if (Status secrets = vault_->reload(); !secrets)
    log_.error("upstream secrets stay as they were", {{"why", secrets.error().message}});
  if (Status keys = keyring_->reload(); !keys) log_.error("token keys", {{"why", keys.error().message}});
}

// Approved requests that could not run when they were approved, or when the gateway started.
void Gateway::run_what_waits() {
  approvals::Filter filter;
  filter.states = {approvals::State::approved};
  auto waiting = queue_->list(filter);
  if (!waiting) return log_.error("approved requests", {{"why", waiting.error().message}});
  for (const approvals::HeldRequest& request : *waiting) run_approved(request.id);
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
    run_what_waits();
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
