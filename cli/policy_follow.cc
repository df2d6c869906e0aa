#include "cli/policy_follow.h"

#include <condition_variable>
#include <future>
#include <mutex>

namespace countersign::cli {

PolicyFollow::PolicyFollow(const config::Config& config, const Clock& clock, const Log& log)
    : config_(config),
      log_(log),
      follower_({.config = config,
                 .clock = clock,
                 .reload = {},
                 // On record before a byte is written; what is prepared before there is a log is recorded by start().
                 .about_to = [this](const console::Followed& plan) {
                   return audit_ ? record(plan, "policies.activating") : Status();
                 }}) {}

PolicyFollow::~PolicyFollow() = default;

Status PolicyFollow::prepare() {
  auto done = follower_.prepare();
  if (!done) return fail(done.error());
  prepared_ = std::move(*done);
  return {};
}

void PolicyFollow::start(audit::Log& audit, console::PolicyDesk& desk,
                         std::function<approvals::RulesetStore::Reloaded()> reload) {
  audit_ = &audit;
  desk_ = &desk;
  follower_.set_reload(std::move(reload));
  if (prepared_) tell(*prepared_);
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void PolicyFollow::run(const std::stop_token& stop) {
  std::mutex lock;
  std::condition_variable_any alarm;
  while (!stop.stop_requested()) {
    if (auto followed = follower_.follow()) tell(*followed);
    std::unique_lock hold(lock);
    alarm.wait_for(hold, stop, std::chrono::milliseconds(config_.policy_repository->every), [] { return false; });
  }
}

void PolicyFollow::tell(const console::Followed& followed) {
  if (followed.activated) {
    log_.info("policies follow their repository", {{"commit", followed.by}});
    desk_->ruleset_changed(followed.by);
  } else {
    log_.error("policies do not follow their repository; the running set stays",
               {{"code", followed.code}, {"why", followed.reason}});
  }
  if (Status durable = record(followed, followed.code); !durable)
    log_.error("policies", {{"why", durable.error().message}});
}

Status PolicyFollow::record(const console::Followed& followed, std::string_view code) {
  audit::Entry entry;
  entry.phase = audit::Phase::admin;
  entry.protocol = "admin";
  entry.action = "policies:follow";
  entry.code = code;
  entry.reason = followed.reason;
  entry.detail = followed.detail;
  std::promise<Status> durable;
  std::future<Status> done = durable.get_future();
  audit_->append(entry, [&durable](Result<audit::Receipt> receipt) {
    durable.set_value(receipt ? Status() : Status(fail(receipt.error())));
  });
  return done.get();
}

}  // namespace countersign::cli
