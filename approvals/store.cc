#include "approvals/store.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "approvals/store_lists.h"

namespace countersign::approvals {
namespace {

// In the order in which insert() binds and read_row() reads them.
#define COUNTERSIGN_REQUEST_COLUMNS                                                                              \
  "id, state, created, expires, decided, finished, agent, owner, issuer, delegates, chain, scope, action, "      \
  "effect, environment, summary, resources, input, protocol, upstream, head, has_body, body_sha256, body_size, " \
  "identity, preconditions, retry_identity, fingerprint, retry_key, policies, rules, policy_digest, operation, " \
  "decided_by, reason, code, delivered, documentation, documented, reminded, edited_by, edited, supersedes, "    \
  "superseded_by, burst"

constexpr std::string_view kInsert =
    "INSERT INTO requests (" COUNTERSIGN_REQUEST_COLUMNS
    ", shown) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
constexpr std::string_view kSelect = "SELECT " COUNTERSIGN_REQUEST_COLUMNS
                                     ", shown, reply_status, reply_head, reply_truncated, reply_body FROM requests ";
constexpr std::string_view kSelectWithoutReply =
    "SELECT " COUNTERSIGN_REQUEST_COLUMNS ", x'', NULL, NULL, NULL, NULL FROM requests ";
#undef COUNTERSIGN_REQUEST_COLUMNS

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
  out.documentation = text();
  out.documented = number();
  out.reminded = static_cast<int>(number());
  out.edited_by = text();
  out.edited = text();
  out.supersedes = text();
  out.superseded_by = text();
  out.burst = text();
  out.frozen.shown = text();
  out.reply = read_reply(row, at);
  if (!lists) return fail(lists.error());
  if (!state) return fail(ErrorKind::internal, "store.corrupt", "a stored request has a state nobody knows");
  out.state = *state;
  return out;
}

// Lists that many rows have in common (rules, delegates, chains of tokens) are read once.
class Lists {
 public:
  Status read(const sql::Statement& row, int column, std::vector<std::string>& out) {
    std::string text = row.text(column);
    if (auto found = known_.find(text); found != known_.end()) {
      out = found->second;
      return {};
    }
    if (Status read = read_list(row, column, out); !read) return read;
    if (known_.size() < kMost) known_.emplace(std::move(text), out);
    return {};
  }

 private:
  static constexpr std::size_t kMost = 10'000;
  std::unordered_map<std::string, std::vector<std::string>> known_;
};

Result<HeldRequest> read_light(const sql::Statement& row, Lists& lists) {
  HeldRequest out;
  out.id = row.text(0);
  out.created = row.integer(2);
  out.expires = row.integer(3);
  out.requester.agent = row.text(4);
  out.requester.owner = row.text(5);
  out.requester.issuer = row.text(6);
  for (auto [column, list] : {std::pair{7, &out.requester.delegates}, {8, &out.requester.chain}, {11, &out.rules}}) {
    if (Status read = lists.read(row, column, *list); !read) return fail(read.error());
  }
  if (Status read = read_list(row, 9, out.resources); !read) return fail(read.error());
  out.frozen.upstream = row.text(10);
  out.documentation = row.text(12);
  out.documented = row.integer(13);
  out.reminded = static_cast<int>(row.integer(14));
  out.edited_by = row.text(15);
  out.burst = row.text(16);
  std::optional<State> state = state_from_name(row.text(1));
  if (!state) return fail(ErrorKind::internal, "store.corrupt", "a stored request has a state nobody knows");
  out.state = *state;
  return out;
}

#define COUNTERSIGN_VOTE_COLUMNS \
  "rule, stage, eligible, voter, level, approves, votes.reason, at, for_whom, signature, viewed_ms, grant_digest"

Vote read_vote(const sql::Statement& row, int first) {
  return {.rule = row.text(first),
          .stage = row.text(first + 1),
          .group = row.text(first + 2),
          .by = row.text(first + 3),
          .level = row.text(first + 4),
          .approves = row.integer(first + 5) != 0,
          .reason = row.text(first + 6),
          .at = row.integer(first + 7),
          .for_whom = row.text(first + 8),
          .signature = row.text(first + 9),
          .viewed_ms = row.integer(first + 10),
          .grant = row.text(first + 11)};
}

}  // namespace

Result<Store> Store::open(const std::filesystem::path& file, const sql::Options& options, BodyFiles bodies) {
  Result<sql::Database> database = sql::Database::open(file, options);
  if (!database) return fail(database.error());
  if (Status ready = apply_approvals_schema(*database); !ready) return fail(ready.error());
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
  row->bind(request.documentation, request.documented, request.reminded, request.edited_by, request.edited,
            request.supersedes, request.superseded_by, request.burst);
  row->bind(sql::Blob{frozen.shown});
  return row->run();
}

Status Store::add_vote(const HeldRequest& request, const Vote& vote) {
  Result<sql::Statement> row = database_.prepare(
      "INSERT INTO votes (request, seq, rule, stage, eligible, voter, level, approves, reason, at, for_whom, "
      "signature, "
      "viewed_ms, grant_digest) "
      "VALUES (?1, (SELECT count(*) FROM votes WHERE request = ?1), ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, "
      "?13)");
  if (!row) return fail(row.error());
  row->bind(request.id, vote.rule, vote.stage, vote.group, vote.by, vote.level, vote.approves, vote.reason, vote.at);
  row->bind(vote.for_whom, vote.signature, vote.viewed_ms, vote.grant);
  return row->run();
}

Status Store::add_conflicts(std::string_view id, const std::vector<std::string>& others) {
  for (const std::string& other : others) {
    Result<sql::Statement> row = database_.prepare("INSERT OR IGNORE INTO conflicts VALUES (?1, ?2), (?2, ?1)");
    if (!row) return fail(row.error());
    if (Status added = row->bind(id, other).run(); !added) return added;
  }
  return {};
}

Result<bool> Store::update(const HeldRequest& request, State from) {
  Result<sql::Statement> row = database_.prepare(
      "UPDATE requests SET state = ?, decided = ?, finished = ?, decided_by = ?, reason = ?, code = ?, "
      "superseded_by = ?, reply_status = ?, reply_head = ?, reply_truncated = ?, reply_body = ? WHERE id = ? AND state "
      "= ?");
  if (!row) return fail(row.error());
  row->bind(state_name(request.state), request.decided, request.finished, request.decided_by, request.reason,
            request.code, request.superseded_by);
  if (request.reply) {
    const StoredReply& reply = *request.reply;
    row->bind(reply.status, reply.head, reply.truncated, sql::Blob{reply.body});
  } else {
    row->bind(std::nullopt, std::nullopt, std::nullopt, std::nullopt);
  }
  if (Status updated = row->bind(request.id, state_name(from)).run(); !updated) return fail(updated.error());
  return database_.changes() == 1;
}

Status Store::set_documentation(const HeldRequest& request) {
  Result<sql::Statement> row =
      database_.prepare("UPDATE requests SET documentation = ?, documented = ? WHERE id = ? AND state = 'held'");
  if (!row) return fail(row.error());
  return row->bind(request.documentation, request.documented, request.id).run();
}

Status Store::set_reminded(std::string_view id, int reminded) {
  Result<sql::Statement> row = database_.prepare("UPDATE requests SET reminded = ? WHERE id = ?");
  if (!row) return fail(row.error());
  return row->bind(reminded, id).run();
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
                        " OR (state IN ('done', 'failed', 'unknown', 'expired', 'stale') AND delivered = 0"
                        " AND purged = 0)"
                        " OR (state IN ('denied', 'cancelled') AND expires > ?))"
                        " ORDER BY number LIMIT 1");
  if (!row) return fail(row.error());
  row->bind(retry_key, now);
  Result<std::vector<HeldRequest>> found = read_all(*row);
  if (!found) return fail(found.error());
  if (found->empty()) return std::nullopt;
  return std::move(found->front());
}

// Filters that name somebody or something have an index each, in the order of numbers. By states alone, each state is
// walked from its newest row: a page of what is open must not sort everything that is open.
Result<std::vector<HeldRequest>> Store::list(const Filter& filter) {
  std::size_t limit = std::clamp<std::size_t>(filter.limit, 1, 1'000);
  bool by_states = !filter.states.empty() && filter.agent.empty() && filter.owner.empty() && filter.upstream.empty() &&
                   filter.burst.empty();
  const char* older = filter.before.empty() ? "" : " AND number < (SELECT number FROM requests WHERE id = ?)";
  std::string sql = std::string(kSelectWithoutReply);
  if (by_states) {
    for (std::size_t i = 0; i < filter.states.size(); ++i) {
      sql += i == 0 ? "WHERE number IN (" : " UNION ALL ";
      sql += "SELECT number FROM (SELECT number FROM requests INDEXED BY requests_by_state WHERE state = ?";
      sql += older;
      sql += " ORDER BY number DESC LIMIT ?)";
    }
    sql += ")";
  } else {
    sql += "WHERE 1";
    for (std::size_t i = 0; i < filter.states.size(); ++i) sql += i == 0 ? " AND +state IN (?" : ", ?";
    if (!filter.states.empty()) sql += ")";
    if (!filter.agent.empty()) sql += " AND agent = ?";
    if (!filter.owner.empty()) sql += " AND owner = ?";
    if (!filter.upstream.empty()) sql += " AND upstream = ?";
    if (!filter.burst.empty()) sql += " AND burst <> '' AND burst = ?";
    sql += older;
  }
  sql += " ORDER BY number DESC LIMIT ?";
  Result<sql::Statement> row = database_.prepare(sql);
  if (!row) return fail(row.error());
  for (State state : filter.states) {
    row->bind(state_name(state));
    if (!by_states) continue;
    if (!filter.before.empty()) row->bind(filter.before);
    row->bind(limit);
  }
  if (!by_states) {
    for (const std::string* value : {&filter.agent, &filter.owner, &filter.upstream, &filter.burst, &filter.before}) {
      if (!value->empty()) row->bind(*value);
    }
  }
  row->bind(limit);
  return read_all(*row);
}

// Walks an index that has all of it.
Result<std::vector<Outcome>> Store::outcomes(TimeMs since, TimeMs before, std::size_t count) {
  Result<sql::Statement> row = database_.prepare(
      "SELECT created, state, rules, decided, decided_by <> '' FROM requests INDEXED BY requests_outcomes"
      " WHERE created >= ? AND created < ? ORDER BY created DESC");
  if (!row) return fail(row.error());
  row->bind(since, before);
  std::vector<Outcome> out;
  for (;;) {
    Result<sql::Step> step = row->step();
    if (!step) return fail(step.error());
    if (*step == sql::Step::done) return out;
    if (out.size() >= count && row->integer(0) != out.back().created) return out;
    std::optional<State> state = state_from_name(row->text(1));
    if (!state) return fail(ErrorKind::internal, "store.corrupt", "a stored request has a state nobody knows");
    out.push_back({.created = row->integer(0),
                   .state = *state,
                   .rules = row->text(2),
                   .decided = row->integer(3),
                   .by_someone = row->integer(4) != 0});
  }
}

Status Store::each_kept(const std::function<void(const std::string& agent, std::uint64_t bytes)>& take) {
  Result<sql::Statement> row =
      database_.prepare("SELECT agent, sum(body_size) FROM requests WHERE purged = 0 AND body_size > 0 GROUP BY agent");
  if (!row) return fail(row.error());
  for (;;) {
    Result<sql::Step> step = row->step();
    if (!step) return fail(step.error());
    if (*step == sql::Step::done) return {};
    take(row->text(0), static_cast<std::uint64_t>(row->integer(1)));
  }
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
      "SELECT id FROM requests INDEXED BY requests_kept WHERE purged = 0"
      " AND state NOT IN ('held', 'approved', 'executing') AND max(decided, finished) < ?"
      " ORDER BY max(decided, finished) LIMIT ?");
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
    if (is_final(request.state)) continue;
    Result<std::vector<std::string>> conflicts = read_conflicts(request.id);
    if (!conflicts) return fail(conflicts.error());
    request.conflicts = std::move(*conflicts);
  }
  return requests;
}

Result<std::vector<std::string>> Store::read_conflicts(std::string_view id) {
  Result<sql::Statement> row = database_.prepare(
      "SELECT other FROM conflicts JOIN requests ON id = other WHERE request = ?"
      " AND state IN ('held', 'approved', 'executing') ORDER BY number");
  if (!row) return fail(row.error());
  row->bind(id);
  return read_ids(*row);
}

Result<std::vector<Vote>> Store::read_votes(std::string_view id) {
  Result<sql::Statement> row =
      database_.prepare("SELECT " COUNTERSIGN_VOTE_COLUMNS " FROM votes WHERE request = ? ORDER BY seq");
  if (!row) return fail(row.error());
  row->bind(id);
  std::vector<Vote> votes;
  for (;;) {
    Result<sql::Step> step = row->step();
    if (!step) return fail(step.error());
    if (*step == sql::Step::done) return votes;
    votes.push_back(read_vote(*row, 0));
  }
}

// The votes come in one walk of their own: most open requests have none, and asking for each would cost more than all
// the rows.
Status Store::each_open(const std::function<void(const HeldRequest&)>& take) {
  Result<sql::Statement> row =
      database_.prepare("SELECT request, " COUNTERSIGN_VOTE_COLUMNS
                        " FROM votes JOIN requests ON id = request WHERE state IN ('held', 'approved', 'executing')"
                        " ORDER BY request, seq");
  if (!row) return fail(row.error());
  std::unordered_map<std::string, std::vector<Vote>> votes;
  for (;;) {
    Result<sql::Step> step = row->step();
    if (!step) return fail(step.error());
    if (*step == sql::Step::done) break;
    votes[row->text(0)].push_back(read_vote(*row, 1));
  }
  row = database_.prepare(
      "SELECT id, state, created, expires, agent, owner, issuer, delegates, chain, resources, upstream, rules,"
      " documentation, documented, reminded, edited_by, burst"
      " FROM requests WHERE state IN ('held', 'approved', 'executing') ORDER BY number");
  if (!row) return fail(row.error());
  Lists lists;
  for (;;) {
    Result<sql::Step> step = row->step();
    if (!step) return fail(step.error());
    if (*step == sql::Step::done) return {};
    Result<HeldRequest> request = read_light(*row, lists);
    if (!request) return fail(request.error());
    if (auto found = votes.find(request->id); found != votes.end()) request->votes = std::move(found->second);
    take(*request);
  }
}

}  // namespace countersign::approvals
