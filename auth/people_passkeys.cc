// The passkeys of People.
#include <algorithm>

#include "auth/people.h"
#include "auth/people_store.h"
#include "core/visible.h"

namespace countersign::auth {
namespace {

constexpr std::string_view kColumns =
    "SELECT user, credential, public_key, sign_count, backed_up, backup_eligible, aaguid, name, created, last_used"
    " FROM passkeys ";

StoredPasskey passkey_of(const sql::Statement& row) {
  StoredPasskey out;
  out.user = row.text(0);
  out.key.id = row.text(1);
  out.key.public_key = row.text(2);
  out.key.sign_count = static_cast<std::uint32_t>(row.integer(3));
  out.key.backed_up = row.integer(4) != 0;
  out.key.backup_eligible = row.integer(5) != 0;
  out.key.aaguid = row.text(6);
  out.name = row.text(7);
  out.created = row.integer(8);
  out.last_used = row.integer(9);
  return out;
}

std::unexpected<Error> unknown_passkey() {
  return fail(ErrorKind::not_found, "passkey.unknown", "there is no such passkey");
}

Status check_name(std::string_view name) {
  bool seen = false;
  bool sound = name.size() <= kMaxPasskeyName;
  for (std::string_view rest = name; sound && !rest.empty();) {
    const TextCharacter character = front_character(rest);
    sound = character.is_utf8 && !hides(character.code);
    seen = seen || character.code != ' ';
    rest.remove_prefix(character.bytes);
  }
  if (sound && seen) return {};
  return fail(ErrorKind::invalid, "passkey.name",
              "a passkey's name has 1 to " + std::to_string(kMaxPasskeyName) + " bytes of visible text");
}

Result<StoredPasskey> read_passkey(PeopleStore& store, std::string_view credential) {
  Result<sql::Statement> found = store.select(std::string(kColumns) + "WHERE credential = ?", credential);
  if (!found) return fail(found.error());
  Result<sql::Step> step = found->step();
  if (!step) return fail(step.error());
  if (*step == sql::Step::done) return unknown_passkey();
  return passkey_of(*found);
}

Result<std::vector<StoredPasskey>> read_passkeys(PeopleStore& store, std::string_view user) {
  Result<sql::Statement> rows = store.select(std::string(kColumns) + "WHERE user = ? ORDER BY created, rowid", user);
  if (!rows) return fail(rows.error());
  std::vector<StoredPasskey> out;
  for (;;) {
    Result<sql::Step> step = rows->step();
    if (!step) return fail(step.error());
    if (*step == sql::Step::done) return out;
    out.push_back(passkey_of(*rows));
  }
}

}  // namespace

Status People::add_passkey(std::string_view user, const Passkey& key, std::string_view name, TimeMs now) {
  if (!options_.is_listed(user))
    return fail(ErrorKind::forbidden, "sign_in.not_listed", "you are not among the users of this gateway");
  if (Status sound = check_name(name); !sound) return sound;
  return store_->transact([&]() -> Status {
    Result<std::vector<StoredPasskey>> have = read_passkeys(*store_, user);
    if (!have) return fail(have.error());
    if (have->size() >= kMaxPasskeys) {
      return fail(ErrorKind::conflict, "passkey.too_many",
                  "you have " + std::to_string(kMaxPasskeys) + " passkeys already; remove one first");
    }
    if (Result<StoredPasskey> known = read_passkey(*store_, key.id); known) {
      return fail(ErrorKind::conflict, "passkey.known", "this passkey is enrolled already");
    } else if (known.error().kind != ErrorKind::not_found) {
      return fail(known.error());
    }
    return store_->run(
        "INSERT INTO passkeys (credential, user, public_key, sign_count, backed_up, backup_eligible, aaguid, name,"
        " created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        key.id, user, key.public_key, key.sign_count, key.backed_up ? 1 : 0, key.backup_eligible ? 1 : 0, key.aaguid,
        name, now);
  });
}

Result<std::vector<StoredPasskey>> People::passkeys_of(std::string_view user) {
  return store_->transact([&] { return read_passkeys(*store_, user); });
}

Result<StoredPasskey> People::find_passkey(std::string_view credential) {
  return store_->transact([&] { return read_passkey(*store_, credential); });
}

Status People::use_passkey(const StoredPasskey& before, const AssertionFacts& facts, TimeMs now) {
  return store_->transact([&]() -> Status {
    Status taken = store_->run(
        "UPDATE passkeys SET sign_count = ?, backed_up = ?, last_used = max(last_used, ?)"
        " WHERE credential = ? AND user = ? AND public_key = ? AND sign_count = ?",
        facts.sign_count, facts.backed_up ? 1 : 0, now, before.key.id, before.user, before.key.public_key,
        before.key.sign_count);
    if (!taken || store_->changes() == 1) return taken;
    return fail(ErrorKind::conflict, "passkey.used", "the passkey was used or removed in between; try again");
  });
}

Result<StoredPasskey> People::remove_passkey(std::string_view user, std::string_view credential) {
  return store_->transact([&]() -> Result<StoredPasskey> {
    Result<StoredPasskey> found = read_passkey(*store_, credential);
    if (!found) return found;
    if (found->user != user) return unknown_passkey();
    Status removed = store_->run("DELETE FROM passkeys WHERE credential = ?", credential);
    if (!removed) return fail(removed.error());
    return found;
  });
}

}  // namespace countersign::auth
