// The gateway's admin side: what console/ asks of the rest of the program, reloading, and what is done once a second.
#include <future>

#include "cli/gateway.h"
#include "cli/housekeeping.h"
#include "cli/own_process.h"
#include "core/bytes.h"
#include "core/config_load.h"
#include "proxy/adapters/git_held_refs.h"
#include "proxy/edits.h"
#include "proxy/evidence.h"

namespace countersign::cli {
namespace {

// Characters of another meaning in a shell or an address are written as %XX: reviewers paste this.
std::string harmless_path(std::string_view path) {
  constexpr std::string_view kPlain = "/._~-%";
  std::string out;
  for (char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || kPlain.contains(c);
    out += plain ? std::string(1, c) : "%" + to_hex(as_bytes(std::string_view(&c, 1)));
  }
  return out;
}

// How to get what a held push brings, before it lands; nullopt when there is nothing to get.
std::optional<console::PreviewPart> fetch_command(const config::Config& config, const approvals::HeldRequest& request) {
  auto push = adapters::read_held_push(request);
  if (!push) return std::nullopt;
  const auto tips = adapters::held_tips(request.id, push->push);
  if (tips.empty()) return std::nullopt;
  const std::string url = (config.agents_tls ? "https://" : "http://") + config::address_text(config.agents) + "/" +
                          request.frozen.upstream + harmless_path(push->path);
  const std::string ref = std::string(adapters::kHeldRefs) + request.id;
  const std::string refs = tips.size() == 1 ? ref : "'" + ref + "/*:" + ref + "/*'";
  return console::PreviewPart{"fetch it before it lands", "text/plain", "git fetch " + url + " " + refs};
}

Result<console::Preview> preview_of(const config::Config& config, const proxy::Mounts& mounts,
                                    const approvals::HeldRequest& request) {
  constexpr std::size_t kShown = 256U << 10;
  if (request.action == approvals::kBreakGlassAction)
    return console::Preview{request.summary, {{"what it opens", "application/json", request.input}}};
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
  out.sentence = mount->adapter->sentence(request.frozen, body, request.environment);
  if (out.sentence.empty()) out.sentence = std::move(shown.sentence);
  for (auto& part : shown.parts)
    out.parts.push_back({std::move(part.title), std::move(part.media_type), std::move(part.text)});
  if (auto command = fetch_command(config, request)) out.parts.push_back(std::move(*command));
  return out;
}

// For lists: what the head alone says, since a list reads no bodies.
std::string sentence_of(const proxy::Mounts& mounts, const approvals::HeldRequest& request) {
  constexpr std::size_t kMostRead = 64U << 10;
  const proxy::Mount* mount = mounts.of_upstream(request.frozen.upstream);
  if (!mount || request.frozen.head.size() > kMostRead) return request.summary;
  std::string sentence = mount->adapter->sentence(request.frozen, {}, request.environment);
  return sentence.empty() ? request.summary : sentence;
}

using Edited = std::promise<Result<approvals::HeldRequest>>;

Task<void> edit_and_tell(proxy::Parts* parts, proxy::EditWish wish, net::Worker* worker, std::shared_ptr<Edited> done) {
  auto edited = co_await proxy::edit_request(parts, std::move(wish), worker);
  done->set_value(std::move(edited));
}

}  // namespace

// From a thread of the admin pool to a worker, where adapters are at home, and back.
Result<approvals::HeldRequest> Gateway::edit(console::Edit wish) {
  proxy::EditWish asked{.request = std::move(wish.request),
                        .change = std::move(wish.change),
                        .reason = std::move(wish.reason),
                        .fingerprint = std::move(wish.fingerprint),
                        .editor = std::move(wish.editor)};
  auto done = std::make_shared<Edited>();
  auto edited = done->get_future();
  net::Worker& worker = workers_->least_loaded();
  auto begin = [this, asked = std::move(asked), &worker, done]() mutable {
    return edit_and_tell(parts_.get(), std::move(asked), &worker, std::move(done));
  };
  worker.spawn(std::move(begin), [this](std::exception_ptr) { log_.error("an edit ended by an exception"); });
  return edited.get();
}

console::Services Gateway::services() {
  return console::Services{
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
      .log = *audit_,
      .refusals = *counted_refusals_,
      .metrics = metrics_,
      .pool = *admin_pool_,
      .attestations = attestations_.get(),
      .plans = plans_.get(),
      .policy_desk = policy_desk_.get(),
      .oidc = oidc_.get(),
      .reload = [this] { return reload_policies("asked over the admin API"); },
      .preview = [this](const approvals::HeldRequest& request) { return preview_of(config_, mounts_, request); },
      .sentence = [this](const approvals::HeldRequest& request) { return sentence_of(mounts_, request); },
      .edit = [this](console::Edit wish) { return edit(std::move(wish)); },
      .upstreams = [this] { return upstream_status(); },
      .ready = [this]() -> Status {
        if (Status healthy = audit_->health(); !healthy) return healthy;
        return authenticator_->may_change();
      },
  };
}

// The queue is opened after the upstreams, and before anything is served.
adapters::GitReviewSources Gateway::held_pushes() {
  return {
      .find = [this](std::string_view id) { return queue_->get(id); },
      .list =
          [this](std::string_view upstream) {
            approvals::Filter filter;
            filter.states = {approvals::State::held, approvals::State::approved, approvals::State::executing};
            filter.upstream = upstream;
            filter.limit = 1'000;
            return queue_->list(filter);
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
  auto loaded = load_policies(why);
  if (loaded.replaced) policy_desk_->ruleset_changed();
  return loaded;
}

approvals::RulesetStore::Reloaded Gateway::load_policies(std::string_view why) {
  auto loaded = rulesets_->reload(clock_.now());
  record(loaded.replaced ? "policies.loaded" : "policies.rejected",
         std::string(why) + "; running set " + loaded.digest);
  if (loaded.replaced && api_) api_->policies_changed(loaded.digest);
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
  for (const approvals::HeldRequest& request : *waiting) run_approved(request);
}

// Attestations that no upstream has taken yet.
void Gateway::publish_what_waits() {
  constexpr std::size_t kAtOnce = 100;
  auto waiting = attestations_->unpublished(kAtOnce);
  if (!waiting) return log_.error("attestations", {{"why", waiting.error().message}});
  net::Worker& worker = workers_->at(0);
  for (audit::KeptAttestation& each : *waiting) {
    auto begin = [this, id = std::move(each.request), &worker]() mutable {
      return proxy::publish_evidence(parts_.get(), std::move(id), &worker);
    };
    worker.spawn(std::move(begin), [this](std::exception_ptr) { log_.error("publishing ended by an exception"); });
  }
}

void Gateway::keep_house(std::stop_token stop) {
  constexpr auto kLook = std::chrono::seconds(1);
  constexpr TimeMs kPurge = 3'600'000;
  FolderWatch watch(config_.policies);
  constexpr TimeMs kPublish = 300'000;
  TimeMs purged = clock_.now();
  constexpr TimeMs kCleanUp = 60'000;
  TimeMs cleaned = clock_.now();
  TimeMs published = 0;
  Orphans orphans;
  std::mutex lock;
  std::condition_variable_any alarm;
  while (!stop.stop_requested()) {
    if (auto expired = queue_->expire_due(clock_.now()); !expired)
      log_.error("expiry", {{"why", expired.error().message}});
    if (auto reminded = queue_->upkeep(clock_.now(), *rulesets_->current()->approvals); !reminded)
      log_.error("reminders", {{"why", reminded.error().message}});
    run_what_waits();
    counted_refusals_->write_counts();
    if (adapters::GitReviews* reviews = mounts_.reviews()) reviews->close_idle();
    if (watch.changed()) std::ignore = reload_policies("the folder has changed");
    if (clock_.now() - purged >= kPurge) {
      purged = clock_.now();
      if (auto removed = queue_->purge(purged); !removed) log_.error("purge", {{"why", removed.error().message}});
    }
    if (clock_.now() - cleaned >= kCleanUp) {
      cleaned = clock_.now();
      orphans.sweep();
      if (Status done = people_->clean_up(cleaned); !done) log_.error("sessions", {{"why", done.error().message}});
    }
    if (clock_.now() - published >= kPublish) {
      published = clock_.now();
      publish_what_waits();
    }
    std::unique_lock hold(lock);
    alarm.wait_for(hold, stop, kLook, [] { return false; });
  }
}

}  // namespace countersign::cli
