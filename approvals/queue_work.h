// How the Queue's parts (queue*.cc) change anything: one transaction under the lock, then what is in memory, then the
// observers. For those files only.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "approvals/queue.h"

namespace countersign::approvals {

inline constexpr std::size_t kMostReasonBytes = 4'000;
inline constexpr std::size_t kBatch = 200;
inline constexpr std::size_t kAll = 1'000'000;

inline std::unexpected<Error> no_such_request() {
  return fail(ErrorKind::not_found, "request.unknown", "no request has this id");
}

inline std::unexpected<Error> no_such_grant() {
  return fail(ErrorKind::not_found, "grant.unknown", "no grant has this id");
}

inline std::unexpected<Error> expired_error(const HeldRequest& request) {
  return fail(ErrorKind::conflict, "approval.expired",
              "request " + request.id + " expired at " + format_time(request.expires));
}

inline constexpr std::size_t kMostSignatureBytes = 64U << 10;

inline Status check_reason(std::string_view reason) {
  if (reason.size() <= kMostReasonBytes) return {};
  return fail(ErrorKind::invalid, "approval.reason_too_long", "a reason has at most 4000 bytes");
}

inline Status check_ballot(const Ballot& ballot) {
  if (Status fits = check_reason(ballot.reason); !fits) return fits;
  if (ballot.signature.size() > kMostSignatureBytes) {
    return fail(ErrorKind::too_large, "approval.signature_invalid", "a signature has at most 64 KiB");
  }
  return {};
}

// One transaction, and the changes to tell when it has committed; what happened is written down with it.
struct Queue::Work {
  Store& store;
  sql::Transaction transaction;
  std::vector<Change> changes;
  bool committed = false;

  void tell(std::optional<State> from, const HeldRequest& request) {
    changes.push_back({Change::Kind::state, from, request.state, request, std::nullopt});
  }
  void tell(Change::Kind kind, const HeldRequest& request, std::optional<Grant> grant = std::nullopt) {
    changes.push_back({kind, request.state, request.state, request, std::move(grant)});
  }
  Status commit() {
    for (const Change& change : changes) {
      if (Status noted = store.add_event(change.event_name(), change.request.id); !noted) return noted;
    }
    Status done = transaction.commit();
    committed = done.has_value();
    return done;
  }
};

template <class Body>
auto Queue::transact(Body&& body) {
  using Answer = std::invoke_result_t<Body, Work&>;
  std::vector<Change> changes;
  auto locked = [&]() -> Answer {
    std::lock_guard lock(mutex_);
    Result<sql::Transaction> transaction = store_.begin();
    if (!transaction) return fail(transaction.error());
    Work work{store_, std::move(*transaction), {}};
    Answer answer = body(work);
    if (work.committed) changes = std::move(work.changes);
    for (const Change& change : changes) apply(change);
    return answer;
  };
  Answer answer = locked();
  for (const Change& change : changes) {
    for (const Observer& observer : observers_) observer(change);
  }
  return answer;
}

}  // namespace countersign::approvals
