#include "auth/people_store.h"

#include <array>

namespace countersign::auth {
namespace {

// Published steps never change; new ones are appended.
constexpr std::array<std::string_view, 2> kSchema = {R"(
CREATE TABLE accounts (
  user TEXT PRIMARY KEY,
  password TEXT NOT NULL DEFAULT '',          -- PHC string; empty: none
  last_signed_in INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE passkeys (
  credential TEXT PRIMARY KEY,
  user TEXT NOT NULL,
  public_key TEXT NOT NULL,
  sign_count INTEGER NOT NULL,
  backed_up INTEGER NOT NULL,
  backup_eligible INTEGER NOT NULL,
  aaguid TEXT NOT NULL,
  name TEXT NOT NULL,
  created INTEGER NOT NULL,
  last_used INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX passkeys_of_user ON passkeys (user);
CREATE TABLE sessions (
  cookie BLOB PRIMARY KEY,                    -- SHA-256 of the value
  id TEXT NOT NULL UNIQUE,
  user TEXT NOT NULL,
  how INTEGER NOT NULL,
  signed_in INTEGER NOT NULL,
  begun INTEGER NOT NULL,                     -- or stepped up: what the absolute limit counts from
  created INTEGER NOT NULL,
  last_seen INTEGER NOT NULL,
  peer TEXT NOT NULL
) STRICT;
CREATE INDEX sessions_of_user ON sessions (user);
CREATE TABLE invitations (
  user TEXT PRIMARY KEY,
  code BLOB NOT NULL UNIQUE,                  -- SHA-256 of the value
  created INTEGER NOT NULL
) STRICT;
CREATE TABLE subjects (
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  user TEXT NOT NULL,
  bound INTEGER NOT NULL,
  PRIMARY KEY (issuer, subject),
  UNIQUE (issuer, user)
) STRICT;
CREATE TABLE attempts (
  kind INTEGER NOT NULL,                      -- attempts.cc
  key TEXT NOT NULL,
  count INTEGER NOT NULL,
  last INTEGER NOT NULL,
  PRIMARY KEY (kind, key)
) STRICT;
CREATE INDEX attempts_by_weight ON attempts (kind, count, last);
)",
                                                     R"(
ALTER TABLE sessions ADD COLUMN issuer TEXT NOT NULL DEFAULT '';   -- of the identity provider; empty: none
ALTER TABLE sessions ADD COLUMN subject TEXT NOT NULL DEFAULT '';  -- there
ALTER TABLE sessions ADD COLUMN sid TEXT NOT NULL DEFAULT '';      -- the provider's name for its own session
CREATE INDEX sessions_of_provider ON sessions (issuer, subject) WHERE issuer <> '';
CREATE TABLE provider_logouts (               -- tokens that were used, as long as they could be used again
  issuer TEXT NOT NULL,
  token TEXT NOT NULL,                        -- jti
  sid TEXT NOT NULL,                          -- that is over; empty: not said
  until INTEGER NOT NULL,
  PRIMARY KEY (issuer, token)
) STRICT;
)"};

}  // namespace

Result<std::unique_ptr<PeopleStore>> PeopleStore::open(const std::filesystem::path& file) {
  Result<sql::Database> database = sql::Database::open(file);
  if (!database) return fail(database.error());
  // What is deleted here is mostly secrets, or their digests.
  if (Status set = database->execute("PRAGMA secure_delete=ON"); !set) return fail(set.error());
  if (Status applied = sql::apply_schema(*database, "people", kSchema); !applied) return fail(applied.error());
  return std::unique_ptr<PeopleStore>(new PeopleStore(std::move(*database)));
}

}  // namespace countersign::auth
