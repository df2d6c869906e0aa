// What the admin API writes into the audit log.
#include <algorithm>
#include <future>

#include "audit/query.h"
#include "auth/attempts.h"
#include "console/api.h"

namespace countersign::console {
namespace {

// Ids from the outside that the log would refuse to store as such.
bool is_storable_id(std::string_view text) {
  return text.size() <= audit::kMaxIdBytes && std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
         });
}

}  // namespace

audit::Entry AdminApi::entry_of(const Call& call, audit::Phase phase) const {
  audit::Entry entry;
  entry.phase = phase;
  entry.protocol = "admin";
  entry.actor = call.principal.name;
  entry.chain = call.principal.chain;
  entry.peer = call.peer;
  return entry;
}

Status AdminApi::record(audit::Entry entry) {
  std::promise<Status> durable;
  std::future<Status> done = durable.get_future();
  services_.log.append(std::move(entry), [&durable](Result<audit::Receipt> receipt) {
    durable.set_value(receipt ? Status() : Status(fail(receipt.error())));
  });
  return done.get();
}

Status AdminApi::record(std::vector<audit::Entry> entries) {
  std::vector<std::promise<Status>> durable(entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    services_.log.append(std::move(entries[i]), [&one = durable[i]](Result<audit::Receipt> receipt) {
      one.set_value(receipt ? Status() : Status(fail(receipt.error())));
    });
  }
  Status all;
  for (std::promise<Status>& one : durable) {
    Status done = one.get_future().get();
    if (!done && all) all = std::move(done);
  }
  return all;
}

void AdminApi::record_refusal(const Call& call, const Error& error) {
  audit::Entry entry = entry_of(call, audit::Phase::refused);
  if (entry.chain.empty()) entry.chain = services_.authenticator.presented_chain(call.head);
  entry.action = "admin:" + call.head.method;
  entry.detail = std::string(call.head.path().substr(0, 200));
  entry.decision = audit::Decision::deny;
  entry.code = error.code;
  entry.reason = error.message;
  entry.status = http_status(error.kind);
  const bool about_request = entry.detail.starts_with("/api/v1/requests/") || entry.detail == "/api/v1/votes";
  if (about_request && !call.arguments.empty() && is_storable_id(call.arguments[0])) entry.request = call.arguments[0];
  append_refusal(call, std::move(entry));
}

void AdminApi::append_refusal(const Call& call, audit::Entry entry) {
  if (call.principal.kind != Principal::Kind::nobody) {
    services_.log.append(std::move(entry));
  } else {
    services_.refusals.append(std::move(entry), auth::network_of(call.peer));
  }
}

void AdminApi::record_look(const Call& call) {
  audit::Entry entry = entry_of(call, audit::Phase::admin);
  entry.action = audit::kLookAction;
  entry.detail = std::string(call.head.path().substr(0, 200));
  if (entry.detail.starts_with("/api/v1/requests/") && !call.arguments.empty() && is_storable_id(call.arguments[0]))
    entry.request = call.arguments[0];
  services_.log.append(entry);
}

Status AdminApi::may_change() const {
  if (auto healthy = services_.log.health(); !healthy) return healthy;
  return services_.authenticator.may_change();
}

}  // namespace countersign::console
