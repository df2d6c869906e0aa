// What happened to requests, written by the commits that made it happen.
#include <algorithm>

#include "approvals/store.h"

namespace countersign::approvals {

Status Store::add_event(std::string_view name, std::string_view request) {
  Result<sql::Statement> row = database_.prepare("INSERT INTO events (at, name, request) VALUES (?, ?, ?)");
  if (!row) return fail(row.error());
  return row->bind(SystemClock().now(), name, request).run();
}

Result<std::vector<StoredEvent>> Store::events_after(std::int64_t number, std::size_t limit) {
  Result<sql::Statement> row =
      database_.prepare("SELECT number, at, name, request FROM events WHERE number > ? ORDER BY number LIMIT ?");
  if (!row) return fail(row.error());
  row->bind(number, limit);
  std::vector<StoredEvent> out;
  for (;;) {
    Result<sql::Step> step = row->step();
    if (!step) return fail(step.error());
    if (*step == sql::Step::done) return out;
    out.push_back({row->integer(0), row->integer(1), row->text(2), row->text(3)});
  }
}

Result<std::int64_t> Store::last_event() {
  Result<sql::Statement> row =
      database_.prepare("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'events'");
  if (!row) return fail(row.error());
  Result<sql::Step> step = row->step();
  if (!step) return fail(step.error());
  return row->integer(0);
}

Status Store::forget_events(TimeMs before) {
  Result<sql::Statement> row = database_.prepare("DELETE FROM events WHERE at < ?");
  if (!row) return fail(row.error());
  return row->bind(before).run();
}

}  // namespace countersign::approvals
