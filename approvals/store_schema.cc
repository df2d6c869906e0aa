// The tables of the store, step by step (docs/formats/store.md says what they are today). Published steps never change.
#include <array>
#include <span>
#include <string_view>

#include "approvals/store.h"

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

// The states' CHECK cannot be altered, so the table is made anew (sqlite.org/lang_altertable.html, section 7). Foreign
// keys stay on in a transaction: what refers to the table goes first, and comes back referring to the new one, whose
// renaming it follows.
constexpr std::string_view kStatesAndGrants = R"sql(
CREATE TABLE new_requests (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL CHECK (state IN ('held', 'approved', 'denied', 'expired', 'cancelled', 'withdrawn', 'superseded',
                                       'stale', 'executing', 'done', 'failed', 'unknown')),
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
  reply_status INTEGER, reply_head TEXT, reply_truncated INTEGER, reply_body BLOB,
  shown BLOB NOT NULL,
  documentation TEXT NOT NULL, documented INTEGER NOT NULL, reminded INTEGER NOT NULL,
  edited_by TEXT NOT NULL, edited TEXT NOT NULL, supersedes TEXT NOT NULL, superseded_by TEXT NOT NULL
) STRICT;
INSERT INTO new_requests
  SELECT number, id,
         CASE WHEN state = 'cancelled' AND code = 'approval.superseded' THEN 'superseded'
              WHEN state = 'denied' AND code = 'request.stale' THEN 'stale' ELSE state END,
         created, expires, decided, finished, agent, owner, issuer, delegates, chain, scope, action, effect,
         environment, summary, resources, input, protocol, upstream, head, has_body, body_sha256, body_size, identity,
         preconditions, retry_identity, fingerprint, retry_key, policies, rules, policy_digest, operation, decided_by,
         reason, code, delivered, purged, reply_status, reply_head, reply_truncated, reply_body, shown,
         '', 0, 0, '', '', '', ''
  FROM requests;
CREATE TABLE new_votes (
  request TEXT NOT NULL REFERENCES new_requests(id),
  seq INTEGER NOT NULL,
  rule TEXT NOT NULL, stage TEXT NOT NULL, eligible TEXT NOT NULL, voter TEXT NOT NULL, level TEXT NOT NULL,
  approves INTEGER NOT NULL, reason TEXT NOT NULL, at INTEGER NOT NULL,
  for_whom TEXT NOT NULL, signature TEXT NOT NULL, viewed_ms INTEGER NOT NULL, grant_digest TEXT NOT NULL,
  PRIMARY KEY (request, seq)
) STRICT, WITHOUT ROWID;
INSERT INTO new_votes
  SELECT request, seq, rule, stage, eligible, voter, level, approves, reason, at, '', '', -1, '' FROM votes;
DROP TABLE votes;
DROP TABLE requests;
ALTER TABLE new_requests RENAME TO requests;
ALTER TABLE new_votes RENAME TO votes;
CREATE UNIQUE INDEX requests_open_retry ON requests(retry_key) WHERE state IN ('held', 'approved', 'executing');
CREATE INDEX requests_retry ON requests(retry_key);
CREATE INDEX requests_state ON requests(state, expires);
CREATE INDEX requests_by_state ON requests(state);
CREATE INDEX requests_agent ON requests(agent);
CREATE INDEX requests_bodies ON requests(agent, body_size) WHERE purged = 0 AND body_size > 0;
CREATE INDEX requests_kept ON requests(max(decided, finished))
  WHERE purged = 0 AND state NOT IN ('held', 'approved', 'executing');
CREATE TABLE conflicts (
  request TEXT NOT NULL REFERENCES requests(id),
  other TEXT NOT NULL REFERENCES requests(id),
  PRIMARY KEY (request, other)
) STRICT, WITHOUT ROWID;
CREATE TABLE grants (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  digest TEXT NOT NULL, request TEXT NOT NULL REFERENCES requests(id), agent TEXT NOT NULL, text TEXT NOT NULL,
  proposed_by TEXT NOT NULL, proposed INTEGER NOT NULL,
  activated INTEGER NOT NULL, facts TEXT NOT NULL,
  until INTEGER NOT NULL, max_uses INTEGER NOT NULL, uses INTEGER NOT NULL CHECK (uses BETWEEN 0 AND max_uses),
  revoked INTEGER NOT NULL, revoked_by TEXT NOT NULL, revoke_reason TEXT NOT NULL,
  UNIQUE (request, digest)
) STRICT;
CREATE INDEX grants_agent ON grants(agent);
CREATE INDEX grants_until ON grants(until) WHERE activated > 0 AND revoked = 0;
CREATE TABLE grant_uses (
  grant_id TEXT NOT NULL REFERENCES grants(id),
  number INTEGER NOT NULL,
  at INTEGER NOT NULL, operation TEXT NOT NULL,
  PRIMARY KEY (grant_id, number)
) STRICT, WITHOUT ROWID;
)sql";

constexpr std::string_view kEvents = R"sql(
CREATE TABLE events (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  name TEXT NOT NULL,
  request TEXT NOT NULL
) STRICT;
)sql";

// All that statistics read: rows are large, and what they hold may not be brought into memory to count them.
constexpr std::string_view kOutcomes =
    "CREATE INDEX requests_outcomes ON requests(created, state, rules, decided, decided_by);";

// What is counted of a burst is in the index.
constexpr std::string_view kBursts = R"sql(
ALTER TABLE requests ADD COLUMN burst TEXT NOT NULL DEFAULT '';
CREATE INDEX requests_burst ON requests(burst, state, effect) WHERE burst <> '';
)sql";

constexpr std::array<std::string_view, 6> kSteps{
    kSchema, "ALTER TABLE requests ADD COLUMN shown BLOB NOT NULL DEFAULT x'';", kStatesAndGrants, kEvents, kOutcomes,
    kBursts};

}  // namespace

Status apply_approvals_schema(sql::Database& database, std::size_t steps) {
  return sql::apply_schema(database, "approvals", std::span(kSteps).first(steps == 0 ? kSteps.size() : steps));
}

}  // namespace countersign::approvals
