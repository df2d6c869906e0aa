// Grants as rows.
#include <algorithm>

#include "approvals/store.h"
#include "core/json.h"

namespace countersign::approvals {
namespace {

#define COUNTERSIGN_GRANT_COLUMNS \
  "id, text, proposed_by, proposed, activated, facts, uses, revoked, revoked_by, revoke_reason"

Result<std::string> facts_text(const std::vector<policies::ApprovalFact>& facts) {
  Json out = Json::array();
  for (const policies::ApprovalFact& fact : facts) {
    out.push_back({{"rule", fact.rule}, {"by", fact.by}, {"level", fact.level}, {"at", fact.at}});
  }
  return canonical_json(out);
}

Result<std::vector<policies::ApprovalFact>> facts_of(std::string_view text) {
  Result<Json> json = parse_json(text);
  if (!json) return fail(json.error());
  std::vector<policies::ApprovalFact> facts;
  for (const Json& fact : *json) {
    facts.push_back({.rule = string_or(fact, "rule", ""),
                     .by = string_or(fact, "by", ""),
                     .level = string_or(fact, "level", ""),
                     .at = integer_or(fact, "at", 0)});
  }
  return facts;
}

}  // namespace

Status Store::insert_grant(const Grant& grant) {
  Result<std::string> text = grant_text(grant);
  if (!text) return fail(text.error());
  Result<sql::Statement> row = database_.prepare(
      "INSERT INTO grants (id, digest, request, agent, text, proposed_by, proposed, activated, facts, until, max_uses, "
      "uses, revoked, revoked_by, revoke_reason) VALUES (?, ?, ?, ?, ?, ?, ?, 0, '[]', ?, ?, 0, 0, '', '')");
  if (!row) return fail(row.error());
  row->bind(grant.id, grant.digest, grant.request, grant.agent, *text, grant.proposed_by, grant.proposed);
  row->bind(grant.terms.until, grant.terms.max_uses);
  return row->run();
}

Result<std::vector<Grant>> Store::read_grants(sql::Statement& row) {
  std::vector<Grant> grants;
  for (;;) {
    Result<sql::Step> step = row.step();
    if (!step) return fail(step.error());
    if (*step == sql::Step::done) return grants;
    Result<Grant> grant = parse_grant(row.text(1));
    if (!grant) return fail(grant.error());
    Result<std::vector<policies::ApprovalFact>> facts = facts_of(row.text(5));
    if (!facts) return fail(facts.error());
    grant->id = row.text(0);
    grant->proposed_by = row.text(2);
    grant->proposed = row.integer(3);
    grant->activated = row.integer(4);
    grant->facts = std::move(*facts);
    grant->uses = row.integer(6);
    grant->revoked = row.integer(7);
    grant->revoked_by = row.text(8);
    grant->revoke_reason = row.text(9);
    grants.push_back(std::move(*grant));
  }
}

Result<std::optional<Grant>> Store::read_grant(sql::Statement& row) {
  Result<std::vector<Grant>> grants = read_grants(row);
  if (!grants) return fail(grants.error());
  if (grants->empty()) return std::nullopt;
  return std::move(grants->front());
}

Result<std::optional<Grant>> Store::load_grant(std::string_view id) {
  Result<sql::Statement> row = database_.prepare("SELECT " COUNTERSIGN_GRANT_COLUMNS " FROM grants WHERE id = ?");
  if (!row) return fail(row.error());
  row->bind(id);
  return read_grant(*row);
}

Result<std::optional<Grant>> Store::load_proposal(std::string_view request, std::string_view digest) {
  Result<sql::Statement> row =
      database_.prepare("SELECT " COUNTERSIGN_GRANT_COLUMNS " FROM grants WHERE request = ? AND digest = ?");
  if (!row) return fail(row.error());
  row->bind(request, digest);
  return read_grant(*row);
}

Result<std::size_t> Store::count_proposals(std::string_view request) {
  Result<sql::Statement> row = database_.prepare("SELECT count(*) FROM grants WHERE request = ?");
  if (!row) return fail(row.error());
  Result<sql::Step> step = row->bind(request).step();
  if (!step) return fail(step.error());
  return static_cast<std::size_t>(row->integer(0));
}

Status Store::update_grant(const Grant& grant) {
  Result<std::string> facts = facts_text(grant.facts);
  if (!facts) return fail(facts.error());
  Result<sql::Statement> row = database_.prepare(
      "UPDATE grants SET activated = ?, facts = ?, revoked = ?, revoked_by = ?, revoke_reason = ? WHERE id = ?");
  if (!row) return fail(row.error());
  row->bind(grant.activated, *facts, grant.revoked, grant.revoked_by, grant.revoke_reason, grant.id);
  return row->run();
}

Result<std::optional<std::int64_t>> Store::count_use(std::string_view grant, std::string_view operation, TimeMs now) {
  Result<sql::Statement> row = database_.prepare(
      "UPDATE grants SET uses = uses + 1"
      " WHERE id = ? AND activated > 0 AND revoked = 0 AND until > ? AND uses < max_uses RETURNING uses");
  if (!row) return fail(row.error());
  Result<sql::Step> step = row->bind(grant, now).step();
  if (!step) return fail(step.error());
  if (*step == sql::Step::done) return std::nullopt;
  std::int64_t number = row->integer(0);
  if (Status rest = row->run(); !rest) return fail(rest.error());
  Result<sql::Statement> use = database_.prepare("INSERT INTO grant_uses VALUES (?, ?, ?, ?)");
  if (!use) return fail(use.error());
  if (Status added = use->bind(grant, number, now, operation).run(); !added) return fail(added.error());
  return number;
}

Result<std::vector<Grant>> Store::list_grants(const GrantFilter& filter, TimeMs now) {
  std::string sql = "SELECT " COUNTERSIGN_GRANT_COLUMNS " FROM grants WHERE 1";
  bool active = filter.which == GrantFilter::Which::active;
  if (active) sql += " AND activated > 0 AND revoked = 0 AND until > ? AND uses < max_uses";
  if (!filter.agent.empty()) sql += " AND agent = ?";
  if (!filter.request.empty()) sql += " AND request = ?";
  if (!filter.before.empty()) sql += " AND number < (SELECT number FROM grants WHERE id = ?)";
  sql += " ORDER BY number DESC LIMIT ?";
  Result<sql::Statement> row = database_.prepare(sql);
  if (!row) return fail(row.error());
  if (active) row->bind(now);
  for (const std::string* value : {&filter.agent, &filter.request, &filter.before}) {
    if (!value->empty()) row->bind(*value);
  }
  row->bind(std::clamp<std::size_t>(filter.limit, 1, 1'000));
  return read_grants(*row);
}

Result<std::vector<UseRecord>> Store::grant_uses(std::string_view grant, std::size_t limit) {
  Result<sql::Statement> row =
      database_.prepare("SELECT number, at, operation FROM grant_uses WHERE grant_id = ? ORDER BY number DESC LIMIT ?");
  if (!row) return fail(row.error());
  row->bind(grant, std::clamp<std::size_t>(limit, 1, 1'000));
  std::vector<UseRecord> uses;
  for (;;) {
    Result<sql::Step> step = row->step();
    if (!step) return fail(step.error());
    if (*step == sql::Step::done) return uses;
    uses.push_back({.number = row->integer(0), .at = row->integer(1), .operation = row->text(2)});
  }
}

}  // namespace countersign::approvals
