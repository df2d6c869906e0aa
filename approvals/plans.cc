#include "approvals/plans.h"

#include <algorithm>
#include <array>

#include "approvals/plan_answers.h"
#include "core/json.h"
#include "core/words.h"

namespace countersign::approvals {
namespace {

constexpr std::size_t kMostListed = 100;
constexpr std::size_t kMostAddresses = 20;
constexpr std::size_t kMostKept = 20;         // plans of one lineage and upstream
constexpr std::size_t kMostLearned = 50'000;  // names of one plan

constexpr std::array<std::string_view, 1> kSteps{R"sql(
CREATE TABLE plans (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  upstream TEXT NOT NULL, agent TEXT NOT NULL, owner TEXT NOT NULL, root TEXT NOT NULL, token TEXT NOT NULL,
  sha256 TEXT NOT NULL, terraform_version TEXT NOT NULL, changes TEXT NOT NULL,
  submitted INTEGER NOT NULL, until INTEGER NOT NULL, ended INTEGER NOT NULL, ended_by TEXT NOT NULL
) STRICT;
CREATE INDEX plans_lineage ON plans(root, upstream);
CREATE TABLE plan_creations (
  plan TEXT NOT NULL REFERENCES plans(id) ON DELETE CASCADE,
  type TEXT NOT NULL, key TEXT NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY (plan, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE plan_names (
  plan TEXT NOT NULL REFERENCES plans(id) ON DELETE CASCADE,
  type TEXT NOT NULL, name TEXT NOT NULL,
  PRIMARY KEY (plan, type, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE plan_requests (
  request TEXT PRIMARY KEY,
  plan TEXT NOT NULL, addresses TEXT NOT NULL
) STRICT, WITHOUT ROWID;
)sql"};

constexpr std::string_view kSelect =
    "SELECT id, upstream, agent, owner, root, token, sha256, terraform_version, changes, submitted, until, ended, "
    "ended_by FROM plans ";

std::unexpected<Error> unknown() {
  return fail(ErrorKind::not_found, "plan.unknown", "there is no such plan");
}

// Steps to the end; each row to `take`.
template <class Take>
Status each_row(sql::Statement& rows, Take take) {
  for (;;) {
    Result<sql::Step> step = rows.step();
    if (!step) return fail(step.error());
    if (*step == sql::Step::done) return {};
    if (Status taken = take(rows); !taken) return taken;
  }
}

// Runs one statement with these values.
template <class... Values>
Status run(sql::Database& database, std::string_view statement, const Values&... values) {
  Result<sql::Statement> prepared = database.prepare(statement);
  if (!prepared) return fail(prepared.error());
  return prepared->bind(values...).run();
}

std::pair<std::string, std::string> key_of(const Plan& plan) {
  return {plan.root, plan.upstream};
}

}  // namespace

PlanCounts Plan::counts() const {
  TerraformPlan plan;
  plan.changes = index ? index->changes() : std::vector<PlannedChange>();
  return plan.counts();
}

std::string counts_sentence(const PlanCounts& counts) {
  std::string out = std::to_string(counts.add) + " to add, " + std::to_string(counts.change) + " to change, " +
                    std::to_string(counts.destroy) + " to destroy";
  if (counts.replace > 0) out += " (" + std::to_string(counts.replace) + " replaced)";
  return out;
}

std::vector<std::string> PlanVerdict::addresses() const {
  std::vector<std::string> out;
  if (!plan || !announced) return out;
  for (std::size_t index : announced->changes) {
    if (out.size() == kMostAddresses) break;
    const PlannedChange& change = plan->index->changes()[index];
    out.push_back(change.address + " (" + std::string(action_word(change)) +
                  (change.reason.empty() ? "" : ", " + change.reason) + ")");
  }
  return out;
}

Result<std::unique_ptr<Plans>> Plans::open(const std::filesystem::path& file, const sql::Options& options, TimeMs now) {
  Result<sql::Database> database = sql::Database::open(file, options);
  if (!database) return fail(database.error());
  if (Status ready = sql::apply_schema(*database, "plans", kSteps); !ready) return fail(ready.error());
  std::unique_ptr<Plans> out(new Plans(std::move(*database)));
  if (Status loaded = out->load_memory(now); !loaded) return fail(loaded.error());
  return out;
}

Result<std::vector<Plan>> Plans::read(sql::Statement& rows) {
  std::vector<Plan> out;
  Status done = each_row(rows, [&](const sql::Statement& row) -> Status {
    Result<std::vector<PlannedChange>> changes = changes_from_text(row.text(8));
    if (!changes) return fail(changes.error());
    out.push_back({.id = row.text(0),
                   .upstream = row.text(1),
                   .agent = row.text(2),
                   .owner = row.text(3),
                   .root = row.text(4),
                   .token = row.text(5),
                   .sha256 = row.text(6),
                   .terraform_version = row.text(7),
                   .submitted = row.integer(9),
                   .until = row.integer(10),
                   .ended = row.integer(11),
                   .ended_by = row.text(12),
                   .index = std::make_shared<const PlanIndex>(std::move(*changes))});
    return {};
  });
  if (!done) return fail(done.error());
  return out;
}

Status Plans::load_memory(TimeMs now) {
  Result<sql::Statement> rows = database_.prepare(std::string(kSelect) + "WHERE ended = 0 AND until > ?");
  if (!rows) return fail(rows.error());
  Result<std::vector<Plan>> plans = read(rows->bind(now));
  if (!plans) return fail(plans.error());
  for (Plan& plan : *plans) {
    LearnedNames learned;
    Result<sql::Statement> names = database_.prepare("SELECT type, name FROM plan_names WHERE plan = ?");
    if (!names) return fail(names.error());
    Status read_names = each_row(names->bind(plan.id), [&](const sql::Statement& row) -> Status {
      learned[row.text(0)].insert(row.text(1));
      return {};
    });
    if (!read_names) return read_names;
    const auto key = key_of(plan);
    in_force_[key] = {std::make_shared<const Plan>(std::move(plan)),
                      std::make_shared<const LearnedNames>(std::move(learned))};
  }
  return {};
}

Status Plans::submit(Plan plan, TimeMs now) {
  const std::string changes = changes_text(plan.index->changes());
  const std::scoped_lock disk(disk_);
  Result<sql::Transaction> transaction = sql::Transaction::begin(database_);
  if (!transaction) return fail(transaction.error());
  Status done = run(
      database_, "UPDATE plans SET ended = ?, ended_by = ? WHERE root = ? AND upstream = ? AND ended = 0 AND until > ?",
      now, plan.id, plan.root, plan.upstream, now);
  if (done)
    done = run(database_,
               "INSERT INTO plans (id, upstream, agent, owner, root, token, sha256, terraform_version, changes, "
               "submitted, until, ended, ended_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, '')",
               plan.id, plan.upstream, plan.agent, plan.owner, plan.root, plan.token, plan.sha256,
               plan.terraform_version, changes, plan.submitted, plan.until);
  if (done)
    done = run(database_,
               "DELETE FROM plans WHERE root = ?1 AND upstream = ?2 AND number NOT IN (SELECT number FROM plans WHERE "
               "root = ?1 AND upstream = ?2 ORDER BY number DESC LIMIT ?3)",
               plan.root, plan.upstream, kMostKept);
  if (done) done = transaction->commit();
  if (!done) return done;
  const std::scoped_lock hold(lock_);
  const auto key = key_of(plan);
  in_force_[key] = {std::make_shared<const Plan>(std::move(plan)), std::make_shared<const LearnedNames>()};
  std::erase_if(in_force_, [&](const auto& each) { return !each.second.plan->in_force(now); });
  return {};
}

Result<Plan> Plans::withdraw(std::string_view id, std::string_view root, TimeMs now) {
  Result<Plan> plan = get(id);
  if (!plan || plan->root != root) return plan ? Result<Plan>(unknown()) : plan;
  if (!plan->in_force(now)) return fail(ErrorKind::conflict, "plan.over", "the plan is not in force any more");
  const std::scoped_lock disk(disk_);
  Status done =
      run(database_, "UPDATE plans SET ended = ?, ended_by = 'withdrawn' WHERE id = ? AND ended = 0", now, id);
  if (!done) return fail(done.error());
  if (database_.changes() == 0) return fail(ErrorKind::conflict, "plan.over", "the plan is not in force any more");
  plan->ended = now;
  plan->ended_by = "withdrawn";
  const std::scoped_lock hold(lock_);
  auto found = in_force_.find(key_of(*plan));
  if (found != in_force_.end() && found->second.plan->id == id) in_force_.erase(found);
  return plan;
}

Result<Plan> Plans::get(std::string_view id) {
  const std::scoped_lock disk(disk_);
  Result<sql::Statement> rows = database_.prepare(std::string(kSelect) + "WHERE id = ?");
  if (!rows) return fail(rows.error());
  Result<std::vector<Plan>> plans = read(rows->bind(id));
  if (!plans) return fail(plans.error());
  if (plans->empty()) return unknown();
  return std::move(plans->front());
}

Result<std::vector<Plan>> Plans::list(std::string_view root) {
  const std::scoped_lock disk(disk_);
  Result<sql::Statement> rows =
      database_.prepare(std::string(kSelect) + "WHERE ?1 = '' OR root = ?1 ORDER BY number DESC LIMIT ?2");
  if (!rows) return fail(rows.error());
  return read(rows->bind(root, kMostListed));
}

bool Plans::binds(std::string_view root, std::string_view upstream, TimeMs now) const {
  const std::scoped_lock hold(lock_);
  const auto found = in_force_.find(std::pair(std::string(root), std::string(upstream)));
  return found != in_force_.end() && found->second.plan->in_force(now);
}

PlanVerdict Plans::judge(std::string_view root, const Operation& operation, TimeMs now) const {
  PlanVerdict out;
  std::shared_ptr<const LearnedNames> learned;
  {
    const std::scoped_lock hold(lock_);
    const auto found = in_force_.find(std::pair(std::string(root), operation.upstream));
    if (found == in_force_.end() || !found->second.plan->in_force(now)) return out;
    out.plan = found->second.plan;
    learned = found->second.learned;
  }
  Looked looked = out.plan->index->look(operation, *learned);
  out.announced = std::move(looked.announced);
  out.too_much = looked.too_much;
  return out;
}

Result<bool> Plans::take(const PlanVerdict& verdict, std::string_view key, TimeMs now) {
  if (!verdict.plan || !verdict.announced || !verdict.announced->counted) return true;
  const std::string& type = verdict.announced->type;
  const std::size_t most = verdict.plan->index->creations_of(type);
  const std::scoped_lock disk(disk_);
  Status done = run(
      database_,
      "INSERT OR IGNORE INTO plan_creations (plan, type, key, at) SELECT ?1, ?2, ?3, ?4 WHERE (SELECT count(*) FROM "
      "plan_creations WHERE plan = ?1 AND type = ?2) < ?5",
      verdict.plan->id, type, key, now, most);
  if (!done) return fail(done.error());
  if (database_.changes() > 0) return true;
  Result<sql::Statement> mine = database_.prepare("SELECT 1 FROM plan_creations WHERE plan = ? AND key = ?");
  if (!mine) return fail(mine.error());
  Result<sql::Step> step = mine->bind(verdict.plan->id, key).step();
  if (!step) return fail(step.error());
  return *step == sql::Step::row;
}

Status Plans::settle(const PlanVerdict& verdict, std::string_view key, Outcome outcome, std::string_view answer,
                     std::string_view request) {
  if (!verdict.plan || !verdict.announced || verdict.announced->type.empty() || outcome == Outcome::unknown) return {};
  std::vector<std::string> names;
  if (const auto said = said_in_request(verdict.announced->input, request))
    names = names_in_answer(answer, request, *said);
  const std::scoped_lock disk(disk_);
  if (outcome == Outcome::failed)
    return run(database_, "DELETE FROM plan_creations WHERE plan = ? AND key = ?", verdict.plan->id, key);
  const std::string& type = verdict.announced->type;
  names.insert(names.end(), verdict.announced->names.begin(), verdict.announced->names.end());
  {
    const std::scoped_lock hold(lock_);
    const auto found = in_force_.find(key_of(*verdict.plan));
    if (found == in_force_.end() || found->second.plan->id != verdict.plan->id) return {};
    LearnedNames learned = *found->second.learned;
    auto& of_type = learned[type];
    if (of_type.size() + names.size() > kMostLearned) return {};
    of_type.insert(names.begin(), names.end());
    found->second.learned = std::make_shared<const LearnedNames>(std::move(learned));
  }
  Result<sql::Transaction> transaction = sql::Transaction::begin(database_);
  if (!transaction) return fail(transaction.error());
  for (const std::string& name : names) {
    Status kept = run(database_, "INSERT OR IGNORE INTO plan_names (plan, type, name) VALUES (?, ?, ?)",
                      verdict.plan->id, type, name);
    if (!kept) return kept;
  }
  return transaction->commit();
}

Status Plans::note(std::string_view request, const PlanVerdict& verdict) {
  if (!verdict.plan || !verdict.announced) return {};
  const std::scoped_lock disk(disk_);
  return run(database_, "INSERT OR REPLACE INTO plan_requests (request, plan, addresses) VALUES (?, ?, ?)", request,
             verdict.plan->id, Json(verdict.addresses()).dump());
}

Result<std::optional<Plans::Note>> Plans::note_of(std::string_view request) {
  const std::scoped_lock disk(disk_);
  Result<sql::Statement> rows = database_.prepare("SELECT plan, addresses FROM plan_requests WHERE request = ?");
  if (!rows) return fail(rows.error());
  std::optional<Note> out;
  Status done = each_row(rows->bind(request), [&](const sql::Statement& row) -> Status {
    Result<Json> list = parse_json(row.text(1));
    if (!list || !list->is_array()) return fail(ErrorKind::internal, "store.corrupt", "what announced a request");
    out = Note{row.text(0), {}};
    for (const Json& each : *list) {
      if (each.is_string()) out->addresses.push_back(each.get<std::string>());
    }
    return {};
  });
  if (!done) return fail(done.error());
  return out;
}

}  // namespace countersign::approvals
