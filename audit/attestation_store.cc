#include "audit/attestation_store.h"

#include <algorithm>
#include <array>
#include <set>

#include "core/json.h"

namespace countersign::audit {
namespace {

constexpr std::array<std::string_view, 1> kSteps{R"sql(
CREATE TABLE attestations (
  number INTEGER PRIMARY KEY,
  request TEXT NOT NULL UNIQUE,
  upstream TEXT NOT NULL, repository TEXT NOT NULL, refs TEXT NOT NULL,
  commits INTEGER NOT NULL,
  executed INTEGER NOT NULL,
  published INTEGER NOT NULL DEFAULT 0,
  envelope TEXT NOT NULL
) STRICT;
CREATE INDEX attestations_unpublished ON attestations(number) WHERE published = 0;
CREATE TABLE attested_commits (
  id TEXT NOT NULL,
  attestation INTEGER NOT NULL REFERENCES attestations(number),
  PRIMARY KEY (id, attestation)
) STRICT, WITHOUT ROWID;
)sql"};

#define COUNTERSIGN_ATTESTATION_COLUMNS "number, request, upstream, repository, refs, commits, executed, published"

Result<KeptAttestation> read_row(const sql::Statement& row) {
  KeptAttestation out{.number = row.integer(0),
                      .request = row.text(1),
                      .upstream = row.text(2),
                      .repository = row.text(3),
                      .refs = {},
                      .commits = static_cast<std::size_t>(row.integer(5)),
                      .executed = row.integer(6),
                      .published = row.integer(7)};
  auto refs = parse_json(row.text(4));
  if (!refs || !refs->is_array()) return fail(ErrorKind::internal, "store.corrupt", "a stored attestation has no refs");
  for (const Json& ref : *refs) out.refs.push_back(ref.is_string() ? ref.get<std::string>() : std::string());
  return out;
}

Result<std::vector<KeptAttestation>> read_rows(sql::Statement& rows) {
  std::vector<KeptAttestation> out;
  while (true) {
    auto step = rows.step();
    if (!step) return fail(step.error());
    if (*step == sql::Step::done) return out;
    auto row = read_row(rows);
    if (!row) return fail(row.error());
    out.push_back(std::move(*row));
  }
}

std::unexpected<Error> unknown() {
  return fail(ErrorKind::not_found, "attestation.unknown", "there is no attestation of this request");
}

// The envelope of a request; nullopt when there is none.
Result<std::optional<std::string>> find_envelope(sql::Database& database, std::string_view request) {
  auto select = database.prepare("SELECT envelope FROM attestations WHERE request = ?");
  if (!select) return fail(select.error());
  auto step = select->bind(request).step();
  if (!step) return fail(step.error());
  if (*step == sql::Step::done) return std::nullopt;
  return select->text(0);
}

}  // namespace

Result<std::unique_ptr<AttestationStore>> AttestationStore::open(const std::filesystem::path& file) {
  auto database = sql::Database::open(file);
  if (!database) return fail(database.error());
  if (Status ready = sql::apply_schema(*database, "attestations", kSteps); !ready) return fail(ready.error());
  return std::unique_ptr<AttestationStore>(new AttestationStore(std::move(*database)));
}

Status AttestationStore::add(const Attestation& attestation, std::string_view envelope) {
  std::set<std::string_view> commits;
  Json refs = Json::array();
  for (const AttestedRef& ref : attestation.refs) {
    refs.push_back(ref.ref);
    commits.insert(ref.commits.begin(), ref.commits.end());
  }
  auto refs_text = canonical_json(refs);
  if (!refs_text) return fail(refs_text.error());

  std::lock_guard lock(mutex_);
  auto transaction = sql::Transaction::begin(database_);
  if (!transaction) return fail(transaction.error());
  auto kept = find_envelope(database_, attestation.request);
  if (!kept) return fail(kept.error());
  if (*kept && **kept == envelope) return {};
  if (*kept) return fail(ErrorKind::conflict, "attestation.exists", "another attestation of this request is kept");
  auto insert = database_.prepare(
      "INSERT INTO attestations (request, upstream, repository, refs, commits, executed, envelope)"
      " VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING number");
  if (!insert) return fail(insert.error());
  insert->bind(attestation.request, attestation.upstream, attestation.repository, *refs_text, commits.size(),
               attestation.executed_at, envelope);
  auto inserted = insert->step();
  if (!inserted) return fail(inserted.error());
  const std::int64_t number = insert->integer(0);
  if (Status ended = insert->run(); !ended) return ended;
  auto commit = database_.prepare("INSERT INTO attested_commits VALUES (?, ?)");
  if (!commit) return fail(commit.error());
  for (std::string_view id : commits) {
    if (Status added = commit->bind(id, number).run(); !added) return added;
    commit->reset();
  }
  return transaction->commit();
}

Status AttestationStore::mark_published(std::string_view request, TimeMs now) {
  std::lock_guard lock(mutex_);
  auto transaction = sql::Transaction::begin(database_);
  if (!transaction) return fail(transaction.error());
  auto update = database_.prepare(
      "UPDATE attestations SET published = CASE published WHEN 0 THEN ? ELSE published END WHERE request = ?");
  if (!update) return fail(update.error());
  if (Status updated = update->bind(now, request).run(); !updated) return updated;
  if (database_.changes() == 0) return unknown();
  return transaction->commit();
}

Result<std::vector<KeptAttestation>> AttestationStore::list(const AttestationFilter& filter) {
  std::lock_guard lock(mutex_);
  // `?1 = ''` switches a condition off; one statement for every filter, and an index for each that is used.
  auto select = filter.commit.empty()
                    ? database_.prepare("SELECT " COUNTERSIGN_ATTESTATION_COLUMNS
                                        " FROM attestations WHERE (?1 = '' OR request = ?1) AND number < ?2"
                                        " ORDER BY number DESC LIMIT ?3")
                    : database_.prepare("SELECT " COUNTERSIGN_ATTESTATION_COLUMNS
                                        " FROM attestations WHERE (?1 = '' OR request = ?1) AND number < ?2 AND number"
                                        " IN (SELECT attestation FROM attested_commits WHERE id = ?4)"
                                        " ORDER BY number DESC LIMIT ?3");
  if (!select) return fail(select.error());
  select->bind(filter.request, filter.before.value_or(INT64_MAX), std::clamp<std::size_t>(filter.limit, 1, 1'000));
  if (!filter.commit.empty()) select->bind(filter.commit);
  return read_rows(*select);
}

Result<std::vector<KeptAttestation>> AttestationStore::unpublished(std::size_t limit) {
  std::lock_guard lock(mutex_);
  auto select = database_.prepare("SELECT " COUNTERSIGN_ATTESTATION_COLUMNS
                                  " FROM attestations WHERE published = 0 ORDER BY number LIMIT ?");
  if (!select) return fail(select.error());
  select->bind(limit);
  return read_rows(*select);
}

Result<std::string> AttestationStore::envelope(std::string_view request) {
  std::lock_guard lock(mutex_);
  auto found = find_envelope(database_, request);
  if (!found) return fail(found.error());
  if (!*found) return unknown();
  return std::move(**found);
}

}  // namespace countersign::audit
