// Bursts as rows: every request has its burst's id.
#include "approvals/store.h"

namespace countersign::approvals {

Result<std::vector<BurstPart>> Store::count_burst(std::string_view burst) {
  Result<sql::Statement> row = database_.prepare(
      "SELECT state, effect, count(*) FROM requests INDEXED BY requests_burst WHERE burst <> '' AND burst = ?"
      " GROUP BY state, effect");
  if (!row) return fail(row.error());
  row->bind(burst);
  std::vector<BurstPart> out;
  for (;;) {
    Result<sql::Step> step = row->step();
    if (!step) return fail(step.error());
    if (*step == sql::Step::done) return out;
    std::optional<State> state = state_from_name(row->text(0));
    if (!state) return fail(ErrorKind::internal, "store.corrupt", "a stored request has a state nobody knows");
    out.push_back({.state = *state, .effect = row->text(1), .count = static_cast<std::size_t>(row->integer(2))});
  }
}

Result<std::vector<std::string>> Store::ids_of_burst(std::string_view burst) {
  Result<sql::Statement> row = database_.prepare(
      "SELECT id FROM requests INDEXED BY requests_burst WHERE burst <> '' AND burst = ? ORDER BY number");
  if (!row) return fail(row.error());
  row->bind(burst);
  return read_ids(*row);
}

Result<std::vector<std::string>> Store::about_in_events(std::string_view name) {
  Result<sql::Statement> row = database_.prepare("SELECT request FROM events WHERE name = ?");
  if (!row) return fail(row.error());
  row->bind(name);
  return read_ids(*row);
}

}  // namespace countersign::approvals
