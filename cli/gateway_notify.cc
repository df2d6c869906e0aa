// Telling people about held requests: the courier, its targets, and where it hears what happened.
#include "approvals/notify/courier.h"
#include "auth/vault.h"
#include "cli/gateway.h"
#include "console/views.h"
#include "core/words.h"

namespace countersign::cli {
namespace {

namespace notify = approvals::notify;

Result<std::vector<notify::Target>> targets_of(const std::vector<config::Notification>& settings) {
  std::vector<notify::Target> out;
  for (const config::Notification& each : settings) {
    notify::Target target{each, each.url, Secret()};
    if (each.url_secret) {
      auto url = auth::read_secret(*each.url_secret);
      if (!url) return fail(url.error());
      target.url = url->expose();
    }
    if (each.secret) {
      auto secret = auth::read_secret(*each.secret);
      if (!secret) return fail(secret.error());
      target.secret = std::move(*secret);
    }
    out.push_back(std::move(target));
  }
  return out;
}

std::string missing_of(const approvals::HeldRequest& request, const approvals::Rules& rules, TimeMs now) {
  return joined(console::missing_sentences(request, rules, now), "; ");
}

}  // namespace

Status Gateway::open_notifications() {
  if (config_.notifications.empty()) return {};
  auto targets = targets_of(config_.notifications);
  if (!targets) return fail(targets.error());
  notify::Source source{
      .after = [this](std::int64_t after, std::size_t limit) -> Result<std::vector<notify::Event>> {
        auto stored = queue_->events_after(after, limit);
        if (!stored) return fail(stored.error());
        const auto rules = rulesets_->current();
        std::vector<notify::Event> out;
        for (approvals::StoredEvent& each : *stored) {
          auto request = queue_->get(each.request);
          if (!request) return fail(request.error());
          std::string missing = missing_of(*request, *rules->approvals, clock_.now());
          out.push_back({each.number, each.at, std::move(each.name), std::move(*request), std::move(missing)});
        }
        return out;
      },
      .last = [this] { return queue_->last_event(); }};
  auto deliver = [this](const notify::Target& target, const notify::Event& event) {
    return notify::deliver(target, event, parts_->public_url, clock_.now());
  };
  auto courier = notify::Courier::start(folders_.state / "notifications.db", std::move(*targets), std::move(source),
                                        std::move(deliver), clock_, log_, metrics_, {});
  if (!courier) return fail(courier.error());
  courier_ = std::move(*courier);
  return {};
}

}  // namespace countersign::cli
