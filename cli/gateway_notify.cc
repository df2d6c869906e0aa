// Telling people about held requests: the courier, its targets, and where it hears what happened.
#include "approvals/notify/bursts.h"
#include "approvals/notify/courier.h"
#include "approvals/notify/message.h"
#include "auth/vault.h"
#include "cli/gateway.h"
#include "console/views.h"
#include "core/config_notifications.h"
#include "core/config_upstream.h"
#include "core/words.h"

namespace countersign::cli {
namespace {

namespace notify = approvals::notify;

// An address that is a secret is looked at here first, and as strictly as one that stands in the configuration. It has
// no part in what is said about it.
Status check_secret_address(const config::Notification& settings, std::string_view url) {
  const bool mail = settings.kind == config::Notification::Kind::email;
  const bool sound = mail ? config::is_mail_server(url)
                          : (url.starts_with("https://") || url.starts_with("http://")) && config::is_private_way(url);
  if (sound) return {};
  return fail(ErrorKind::invalid, "notify.bad_url",
              "the address of the notification `" + settings.name + "` must begin with " +
                  (mail ? "smtp:// or smtps:// and name host and port" : "https://"));
}

Result<std::vector<notify::Target>> targets_of(const std::vector<config::Notification>& settings) {
  std::vector<notify::Target> out;
  for (const config::Notification& each : settings) {
    notify::Target target{each, each.url, Secret()};
    if (each.url_secret) {
      auto url = auth::read_secret(*each.url_secret);
      if (!url) return fail(url.error());
      target.url = url->expose();
      if (Status sound = check_secret_address(each, target.url); !sound) return fail(sound.error());
    }
    if (each.secret) {
      auto secret = auth::read_secret(*each.secret);
      if (!secret) return fail(secret.error());
      target.secret = std::move(*secret);
      const bool signs = each.kind == config::Notification::Kind::webhook;
      if (signs && (target.secret.empty() || !notify::webhook_fields("", 0, "", target.secret.expose()))) {
        return fail(ErrorKind::invalid, "notify.bad_secret",
                    "the secret of the notification `" + each.name + "` is empty, or not base64 after whsec_");
      }
    }
    out.push_back(std::move(target));
  }
  return out;
}

std::string missing_of(const approvals::HeldRequest& request, const approvals::Rules& rules, TimeMs now) {
  return joined(console::missing_sentences(request, rules, now), "; ");
}

// What console/passkeys.cc and on_freeze noted: an id that is nobody's, a blank, and the person or agent.
notify::Event account_event(approvals::StoredEvent stored) {
  notify::Event event{stored.number, stored.at, std::move(stored.name), {}, "", ""};
  const std::size_t blank = stored.request.find(' ');
  event.request.id = "account_" + stored.request.substr(0, blank);
  event.person = blank == std::string::npos ? "somebody" : stored.request.substr(blank + 1);
  return event;
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
          if (each.name == config::kPasskeyAdded || each.name == config::kAgentFrozen) {
            out.push_back(account_event(std::move(each)));
            continue;
          }
          auto request = queue_->get(each.request);
          if (!request) return fail(request.error());
          // What is told about a burst describes one of those that wait.
          if (each.name == approvals::kBurstEvent && request->state != approvals::State::held) {
            auto held = queue_->list({.states = {approvals::State::held}, .burst = request->burst, .limit = 1});
            if (!held) return fail(held.error());
            if (!held->empty()) *request = std::move(held->front());
          }
          std::string missing = missing_of(*request, *rules->approvals, clock_.now());
          out.push_back({each.number, each.at, std::move(each.name), std::move(*request), std::move(missing), ""});
        }
        notify::tell_bursts_once(out, [this](const std::string& burst) {
          return queue_->count_burst(burst).value_or(std::vector<approvals::BurstPart>());
        });
        return out;
      },
      .last = [this] { return queue_->last_event(); }};
  auto deliver = [this](const notify::Target& target, const notify::Event& event) {
    return notify::deliver(target, event, parts_->public_url, clock_.now(), log_);
  };
  auto courier = notify::Courier::start(folders_.state / "notifications.db", std::move(*targets), std::move(source),
                                        std::move(deliver), clock_, log_, metrics_, {});
  if (!courier) return fail(courier.error());
  courier_ = std::move(*courier);
  return {};
}

}  // namespace countersign::cli
