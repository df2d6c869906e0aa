#include "approvals/store.h"

#include <algorithm>
#include <array>

#include "core/json.h"

namespace countersign::approvals {
namespace {

constexpr std::string_view kSchema = R"sql(
CREATE TABLE requests (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL CHECK (state IN ('held', 'approved', 'denied', 'expired', 'cancelled', 'executing', 'done',
                                       'failed', 'unknown')),
  created INTEGER NOT NULL, expires INTEGER NOT NULL, decided INTEGER NOT NULL, finished INTEGER NOT NULL,
  agent TEXT NOT NULL, owner TEXT NOT NULL, issuer TEXT NOT NULL, delegates TEXT NOT NULL, chain TEXT NOT NULL,
  scope BLOB NOT NULL,
  action TEXT NOT NULL, effect TEXT NOT NULL, environment TEXT NOT NULL, summary TEXT NOT NULL,
  resources TEXT NOT NULL, input TEXT NOT NULL,
  protocol TEXT NOT NULL, upstream TEXT NOT NULL, head TEXT NOT NULL, has_body INTEGER NOT NULL,
  body_sha256 TEXT NOT NULL, body_size INTEGER NOT NULL, identity BLOB NOT NULL, preconditions BLOB NOT NULL,
  retry_identity INTEGER NOT NULL,
  fingerprint TEXT NOT NULL, retry_key TEXT NOT NULL, policies TEXT NOT NULL, rules TEXT NOT NULL,
  policy_digest TEXT NOT NULL, operation TEXT NOT NULL,
  decided_by TEXT NOT NULL, reason TEXT NOT NULL, code TEXT NOT NULL,
  delivered INTEGER NOT NULL, purged INTEGER NOT NULL DEFAULT 0,
  reply_status INTEGER, reply_head TEXT, reply_truncated INTEGER, reply_body BLOB
) STRICT;
CREATE UNIQUE INDEX requests_open_retry ON requests(retry_key) WHERE state IN ('held', 'approved', 'executing');
CREATE INDEX requests_retry ON requests(retry_key);
CREATE INDEX requests_state ON requests(state, expires);
CREATE INDEX requests_bodies ON requests(agent, body_size) WHERE purged = 0 AND body_size > 0;
CREATE TABLE votes (
  request TEXT NOT NULL REFERENCES requests(id),
  seq INTEGER NOT NULL,
  rule TEXT NOT NULL, stage TEXT NOT NULL, eligible TEXT NOT NULL, voter TEXT NOT NULL, level TEXT NOT NULL,
  approves INTEGER NOT NULL, reason TEXT NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY (request, seq)
) STRICT, WITHOUT ROWID;
)sql";

constexpr std::array<std::string_view, 2> kSteps{kSchema,
                                                 "ALTER TABLE requests ADD COLUMN shown BLOB NOT NULL DEFAULT x'';"};

// In the order in which insert() binds and read_row() reads them.
#define COUNTERSIGN_REQUEST_COLUMNS                                                                              \
  "id, state, created, expires, decided, finished, agent, owner, issuer, delegates, chain, scope, action, "      \
  "effect, environment, summary, resources, input, protocol, upstream, head, has_body, body_sha256, body_size, " \
  "identity, preconditions, retry_identity, fingerprint, retry_key, policies, rules, policy_digest, operation, " \
  "decided_by, reason, code, delivered"

constexpr std::string_view kInsert =
    "INSERT INTO requests (" COUNTERSIGN_REQUEST_COLUMNS
    ", shown) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
constexpr std::string_view kSelect = "SELECT " COUNTERSIGN_REQUEST_COLUMNS
                                     ", shown, reply_status, reply_head, reply_truncated, reply_body FROM requests ";
constexpr std::string_view kSelectWithoutReply =
    "SELECT " COUNTERSIGN_REQUEST_COLUMNS ", x'', NULL, NULL, NULL, NULL FROM requests ";
#undef COUNTERSIGN_REQUEST_COLUMNS

Result<std::string> list_text(const std::vector<std::string>& values) {
  return canonical_json(Json(values));
}

Result<std::vector<std::string>> list_of(const std::string& text) {
  Result<Json> json = parse_json(text);
  if (!json) return fail(json.error());
  std::vector<std::string> values;
  for (const Json& value : *json) {
    if (!value.is_string()) return fail(ErrorKind::internal, "store.corrupt", "a stored list holds something else");
    values.push_back(value.get<std::string>());
  }
  return values;
}

Status read_list(const sql::Statement& row, int column, std::vector<std::string>& out) {
  Result<std::vector<std::string>> values = list_of(row.text(column));
  if (!values) return fail(values.error());
  out = std::move(*values);
  return {};
}

std::optional<StoredReply> read_reply(const sql::Statement& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return StoredReply{.status = static_cast<int>(row.integer(column)),
                     .head = row.text(column + 1),
                     .body = row.text(column + 3),
                     .truncated = row.integer(column + 2) != 0};
}

Result<HeldRequest> read_row(const sql::Statement& row, const BodyFiles& bodies) {
  int at = 0;
  auto text = [&] { return row.text(at++); };
  auto number = [&] { return row.integer(at++); };
  Status lists;
  auto list = [&](std::vector<std::string>& out) {
    Status read = read_list(row, at++, out);
    if (!read) lists = read;
  };
  HeldRequest out;
  out.id = text();
  std::optional<State> state = state_from_name(text());
  out.created = number();
  out.expires = number();
  out.decided = number();
  out.finished = number();
  out.requester.agent = text();
  out.requester.owner = text();
  out.requester.issuer = text();
  list(out.requester.delegates);
  list(out.requester.chain);
  out.requester.scope = text();
  out.action = text();
  out.effect = text();
  out.environment = text();
  out.summary = text();
  list(out.resources);
  out.input = text();
  out.frozen.protocol = text();
  out.frozen.upstream = text();
  out.frozen.head = text();
  if (number() != 0) out.frozen.body_file = bodies.path_of(out.id);
  out.frozen.body_sha256 = text();
  out.frozen.body_size = static_cast<std::uint64_t>(number());
  out.frozen.identity = text();
  out.frozen.preconditions = text();
  out.frozen.retry_identity = number() == 1 ? RetryIdentity::identity : RetryIdentity::identity_and_body;
  out.fingerprint = text();
  out.retry_key = text();
  list(out.policies);
  list(out.rules);
  out.policy_digest = text();
  out.operation = text();
  out.decided_by = text();
  out.reason = text();
  out.code = text();
  out.delivered = number() != 0;
  out.frozen.shown = text();
  out.reply = read_reply(row, at);
  if (!lists) return fail(lists.error());
  if (!state) return fail(ErrorKind::internal, "store.corrupt", "a stored request has a state nobody knows");
  out.state = *state;
  return out;
}

}  // namespace

Result<Store> Store::open(const std::filesystem::path& file, const sql::Options& options, BodyFiles bodies) {
  Result<sql::Database> database = sql::Database::open(file, options);
  if (!database) return fail(database.error());
  if (Status ready = sql::apply_schema(*database, "approvals", kSteps); !ready) return fail(ready.error());
  return Store(std::move(*database), std::move(bodies));
}

Status Store::insert(const HeldRequest& request) {
  const Requester& from = request.requester;
  const Frozen& frozen = request.frozen;
  Result<std::string> delegates = list_text(from.delegates);
  Result<std::string> chain = list_text(from.chain);
  Result<std::string> resources = list_text(request.resources);
  Result<std::string> policies = list_text(request.policies);
  Result<std::string> rules = list_text(request.rules);
  for (const Result<std::string>* list : {&delegates, &chain, &resources, &policies, &rules}) {
    if (!*list) return fail(list->error());
  }
  Result<sql::Statement> row = database_.prepare(kInsert);
  if (!row) return fail(row.error());
  row->bind(request.id, state_name(request.state), request.created, request.expires, request.decided, request.finished);
  row->bind(from.agent, from.owner, from.issuer, *delegates, *chain, sql::Blob{from.scope});
  row->bind(request.action, request.effect, request.environment, request.summary, *resources, request.input);
  row->bind(frozen.protocol, frozen.upstream, frozen.head, !frozen.body_file.empty(), frozen.body_sha256,
            frozen.body_size, sql::Blob{frozen.identity}, sql::Blob{frozen.preconditions},
            frozen.retry_identity == RetryIdentity::identity ? 1 : 0);
  row->bind(request.fingerprint, request.retry_key, *policies, *rules, request.policy_digest, request.operation);
  row->bind(request.decided_by, request.reason, request.code, request.delivered);
  row->bind(sql::Blob{frozen.shown});
  return row->run();
}

Status Store::add_vote(const HeldRequest& request, const Vote& vote) {
  Result<sql::Statement> row = database_.prepare(
      "INSERT INTO votes VALUES (?1, (SELECT count(*) FROM votes WHERE request = ?1), ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
  if (!row) return fail(row.error());
  row->bind(request.id, vote.rule, vote.stage, vote.group, vote.by, vote.level, vote.approves, vote.reason, vote.at);
  return row->run();
}

Result<bool> Store::update(const HeldRequest& request, State from) {
  Result<sql::Statement> row = database_.prepare(
      "UPDATE requests SET state = ?, decided = ?, finished = ?, decided_by = ?, reason = ?, code = ?, "
      "reply_status = ?, reply_head = ?, reply_truncated = ?, reply_body = ? WHERE id = ? AND state = ?");
  if (!row) return fail(row.error());
  row->bind(state_name(request.state), request.decided, request.finished, request.decided_by, request.reason,
            request.code);
  if (request.reply) {
    const StoredReply& reply = *request.reply;
    row->bind(reply.status, reply.head, reply.truncated, sql::Blob{reply.body});
  } else {
    row->bind(std::nullopt, std::nullopt, std::nullopt, std::nullopt);
  }
  if (Status updated = row->bind(request.id, state_name(from)).run(); !updated) return fail(updated.error());
  return database_.changes() == 1;
}

Result<bool> Store::set_delivered(std::string_view id, bool delivered) {
  Result<sql::Statement> row =
      database_.prepare("UPDATE requests SET delivered = ?1 WHERE id = ?2 AND delivered <> ?1");
  if (!row) return fail(row.error());
  if (Status updated = row->bind(delivered, id).run(); !updated) return fail(updated.error());
  return database_.changes() == 1;
}

Status Store::set_purged(std::string_view id) {
  Result<sql::Statement> row = database_.prepare(
      "UPDATE requests SET purged = 1, has_body = 0, reply_body = NULL, reply_status = NULL WHERE id = ?");
  if (!row) return fail(row.error());
  return row->bind(id).run();
}

Result<bool> Store::exists(std::string_view id) {
  Result<sql::Statement> row = database_.prepare("SELECT 1 FROM requests WHERE id = ?");
  if (!row) return fail(row.error());
  Result<sql::Step> step = row->bind(id).step();
  if (!step) return fail(step.error());
  return *step == sql::Step::row;
}

Result<std::optional<HeldRequest>> Store::load(std::string_view id) {
  Result<sql::Statement> row = database_.prepare(std::string(kSelect) + "WHERE id = ?");
  if (!row) return fail(row.error());
  row->bind(id);
  Result<std::vector<HeldRequest>> found = read_all(*row);
  if (!found) return fail(found.error());
  if (found->empty()) return std::nullopt;
  return std::move(found->front());
}

Result<std::optional<HeldRequest>> Store::load_for_retry(std::string_view retry_key, TimeMs now) {
  Result<sql::Statement> row =
      database_.prepare(std::string(kSelect) +
                        "WHERE retry_key = ? AND (state IN ('held', 'approved', 'executing')"
                        " OR (state IN ('done', 'failed', 'unknown', 'expired') AND delivered = 0 AND purged = 0)"
                        " OR (state IN ('denied', 'cancelled') AND expires > ? AND code <> 'approval.superseded'))"
                        " ORDER BY number LIMIT 1");
  if (!row) return fail(row.error());
  row->bind(retry_key, now);
  Result<std::vector<HeldRequest>> found = read_all(*row);
  if (!found) return fail(found.error());
  if (found->empty()) return std::nullopt;
  return std::move(found->front());
}

Result<std::vector<HeldRequest>> Store::list(const Filter& filter) {
  std::string sql = std::string(kSelectWithoutReply) + "WHERE 1";
  if (!filter.states.empty()) {
    sql += " AND state IN (?";
    for (std::size_t i = 1; i < filter.states.size(); ++i) sql += ", ?";
    sql += ")";
  }
  if (!filter.agent.empty()) sql += " AND agent = ?";
  if (!filter.owner.empty()) sql += " AND owner = ?";
  if (!filter.upstream.empty()) sql += " AND upstream = ?";
  if (!filter.before.empty()) sql += " AND number < (SELECT number FROM requests WHERE id = ?)";
  sql += " ORDER BY number DESC LIMIT ?";
  Result<sql::Statement> row = database_.prepare(sql);
  if (!row) return fail(row.error());
  for (State state : filter.states) row->bind(state_name(state));
  for (const std::string* value : {&filter.agent, &filter.owner, &filter.upstream, &filter.before}) {
    if (!value->empty()) row->bind(*value);
  }
  row->bind(std::clamp<std::size_t>(filter.limit, 1, 1'000));
  return read_all(*row);
}

Result<std::size_t> Store::count_open(std::string_view agent) {
  Result<sql::Statement> row = database_.prepare(
      "SELECT count(*) FROM requests WHERE state IN ('held', 'approved', 'executing') AND (?1 = '' OR agent = ?1)");
  if (!row) return fail(row.error());
  Result<sql::Step> step = row->bind(agent).step();
  if (!step) return fail(step.error());
  return static_cast<std::size_t>(row->integer(0));
}

Result<std::uint64_t> Store::kept_bytes(std::string_view agent) {
  Result<sql::Statement> row = database_.prepare(
      "SELECT coalesce(sum(body_size), 0) FROM requests WHERE purged = 0 AND body_size > 0 AND (?1 = '' OR agent = "
      "?1)");
  if (!row) return fail(row.error());
  Result<sql::Step> step = row->bind(agent).step();
  if (!step) return fail(step.error());
  return static_cast<std::uint64_t>(row->integer(0));
}

Result<std::vector<std::string>> Store::due(TimeMs now, std::size_t limit) {
  Result<sql::Statement> row = database_.prepare(
      "SELECT id FROM requests WHERE state IN ('held', 'approved') AND expires <= ? ORDER BY number LIMIT ?");
  if (!row) return fail(row.error());
  row->bind(now, limit);
  return read_ids(*row);
}

Result<std::vector<std::string>> Store::in_state(State state, std::size_t limit) {
  Result<sql::Statement> row = database_.prepare("SELECT id FROM requests WHERE state = ? ORDER BY number LIMIT ?");
  if (!row) return fail(row.error());
  row->bind(state_name(state), limit);
  return read_ids(*row);
}

Result<std::vector<std::string>> Store::over_before(TimeMs time, std::size_t limit) {
  Result<sql::Statement> row = database_.prepare(
      "SELECT id FROM requests WHERE purged = 0 AND state NOT IN ('held', 'approved', 'executing')"
      " AND max(decided, finished) < ? ORDER BY number LIMIT ?");
  if (!row) return fail(row.error());
  row->bind(time, limit);
  return read_ids(*row);
}

Result<std::vector<std::string>> Store::read_ids(sql::Statement& statement) {
  std::vector<std::string> ids;
  for (;;) {
    Result<sql::Step> step = statement.step();
    if (!step) return fail(step.error());
    if (*step == sql::Step::done) return ids;
    ids.push_back(statement.text(0));
  }
}

Result<std::vector<HeldRequest>> Store::read_all(sql::Statement& statement) {
  std::vector<HeldRequest> requests;
  for (;;) {
    Result<sql::Step> step = statement.step();
    if (!step) return fail(step.error());
    if (*step == sql::Step::done) break;
    Result<HeldRequest> request = read_row(statement, bodies_);
    if (!request) return fail(request.error());
    requests.push_back(std::move(*request));
  }
  for (HeldRequest& request : requests) {
    Result<std::vector<Vote>> votes = read_votes(request.id);
    if (!votes) return fail(votes.error());
    request.votes = std::move(*votes);
  }
  return requests;
}

Result<std::vector<Vote>> Store::read_votes(std::string_view id) {
  Result<sql::Statement> row = database_.prepare(
      "SELECT rule, stage, eligible, voter, level, approves, reason, at FROM votes WHERE request = ? ORDER BY seq");
  if (!row) return fail(row.error());
  row->bind(id);
  std::vector<Vote> votes;
  for (;;) {
    Result<sql::Step> step = row->step();
    if (!step) return fail(step.error());
    if (*step == sql::Step::done) return votes;
    votes.push_back({.rule = row->text(0),
                     .stage = row->text(1),
                     .group = row->text(2),
                     .by = row->text(3),
                     .level = row->text(4),
                     .approves = row->integer(5) != 0,
                     .reason = row->text(6),
                     .at = row->integer(7)});
  }
}

}  // namespace countersign::approvals
