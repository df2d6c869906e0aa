#include "cli/vote_check.h"

#include <algorithm>

#include "audit/entry.h"
#include "auth/cose.h"
#include "core/sha256.h"

namespace countersign::cli {
namespace {

// A vote is checked against its nonce's expiry and its person's keys before it is recorded, and a disk may be slow.
constexpr TimeMs kSlowestRecord = 60'000;

// The digest of a member that the record holds shortened; empty when it is whole.
std::string digest_of_shortened(const Json& record, std::string_view member) {
  const Json* list = find_member(record, "truncated_sha256");
  if (list == nullptr || !list->is_array()) return {};
  std::string prefix = std::string(member) + ':';
  for (const Json& item : *list) {
    if (item.is_string() && item.get_ref<const std::string&>().starts_with(prefix))
      return item.get_ref<const std::string&>().substr(prefix.size());
  }
  return {};
}

// Hex SHA-256 of what the member was, shortened or not; absent and empty are the same.
std::string digest_of(const Json& record, std::string_view member) {
  std::string shortened = digest_of_shortened(record, member);
  return shortened.empty() ? to_hex(sha256(string_or(record, member, ""))) : shortened;
}

struct Enrolment {
  std::string credential;
  std::string public_key;
  auth::RelyingParty party;
};

// The detail of an enrolment or a removal: canonical JSON with exactly these members, all text.
std::optional<Enrolment> read_enrolment(const Json& record) {
  std::string detail = string_or(record, "detail", "");
  auto json = parse_json(detail, {.bytes = 16U << 10, .depth = 2, .values = 8});
  if (!json || !json->is_object() || json->size() != 4 || canonical_json(*json).value_or("") != detail) return {};
  Enrolment out{.credential = string_or(*json, "credential", ""),
                .public_key = string_or(*json, "public_key", ""),
                .party = {.id = string_or(*json, "rp_id", ""), .origins = {string_or(*json, "origin", "")}}};
  if (out.credential.empty() || out.party.id.empty() || out.party.origins[0].empty()) return {};
  auto cose = from_base64url(out.public_key);
  if (!cose || !auth::CoseKey::parse(*cose)) return {};
  return out;
}

std::string count_of(std::uint64_t count, std::string_view one, std::string_view many) {
  return std::to_string(count) + " " + std::string(count == 1 ? one : many);
}

}  // namespace

std::optional<std::string> VoteCheck::judge(const audit::CheckedRecord& record) {
  std::string action = string_or(record.json, "action", "");
  std::string phase = string_or(record.json, "phase", "");
  if (phase == "admin" && action == "passkey:enrol") return enrol(record);
  if (phase == "admin" && action == "passkey:remove") return remove(record);
  std::string signature = string_or(record.json, "signature", "");
  bool is_vote = phase == "approval" && (action == "approval:approve" || action == "approval:deny");
  if (!is_vote) {
    if (signature.empty()) return {};
    return "has a signature and is no vote";
  }
  if (signature.empty()) {
    ++counts_.unsigned_votes;
    return {};
  }
  auto wrong = vote(record, std::string_view(action).substr(std::string_view("approval:").size()), signature);
  ++(wrong ? counts_.bad : counts_.verified);
  if (!wrong) people_.insert(string_or(record.json, "actor", ""));
  return wrong;
}

std::optional<std::string> VoteCheck::enrol(const audit::CheckedRecord& record) {
  auto key = read_enrolment(record.json);
  std::string person = string_or(record.json, "actor", "");
  if (!key || person.empty()) return "enrols a key in a form that cannot be read";
  auto known = keys_.find(key->credential);
  if (known != keys_.end() && !known->second.removed)
    return "enrols a key that " + known->second.person + " has already";
  keys_[key->credential] = Key{.person = std::move(person),
                               .public_key = std::move(key->public_key),
                               .party = std::move(key->party),
                               .removed = {},
                               .removed_at = 0};
  return {};
}

std::optional<std::string> VoteCheck::remove(const audit::CheckedRecord& record) {
  // Who removes a key need not be who has it: people lose keys, and leave.
  auto key = read_enrolment(record.json);
  if (!key) return "removes a key in a form that cannot be read";
  auto known = keys_.find(key->credential);
  if (known == keys_.end() || known->second.removed) return "removes a key that is not enrolled";
  known->second.removed = record.seq;
  known->second.removed_at = record.time;
  return {};
}

std::optional<std::string> VoteCheck::vote(const audit::CheckedRecord& record, std::string_view decision,
                                           const std::string& signature) {
  auto json = parse_json(signature, {.bytes = audit::kMaxSignatureBytes, .depth = 2, .values = 16});
  auto signed_text = json ? auth::signed_text_from_json(*json) : Result<auth::SignedText>(fail(json.error()));
  if (!signed_text) return "is a vote whose signature cannot be read: " + signed_text.error().message;
  if (auth::signed_text_json(*signed_text) != signature) return "is a vote whose signature is not in canonical form";
  auto statement = approvals::parse_statement(signed_text->statement);
  if (!statement) return "is a vote whose statement cannot be read: " + statement.error().message;
  if (auto wrong = compare(record, decision, *statement)) return wrong;
  if (auto wrong = check_signature(statement->by, *signed_text, record.time)) return wrong;
  return use_nonce(record, *statement, signed_text->statement);
}

std::optional<std::string> VoteCheck::compare(const audit::CheckedRecord& record, std::string_view decision,
                                              const approvals::Statement& statement) const {
  const Json& json = record.json;
  if (digest_of(json, "actor") != to_hex(sha256(statement.by)))
    return "is a vote of " + string_or(json, "actor", "nobody") + " with a statement of " + statement.by;
  std::string_view stated = statement.decision == approvals::Choice::approve ? "approve" : "deny";
  if (stated != decision)
    return "is a vote to " + std::string(decision) + " with a statement to " + std::string(stated);
  if (digest_of(json, "comment") != statement.reason_sha256)
    return "is a vote with another reason than the one that was signed";
  std::string id = string_or(json, "request", "");
  auto request = std::ranges::find(statement.requests, id, &approvals::StatedRequest::id);
  if (request == statement.requests.end()) return "is a vote on " + id + ", which its statement is not about";
  if (request->fingerprint != string_or(json, "fingerprint", ""))
    return "is a vote on " + id + " whose statement is about another operation: the fingerprints differ";
  // What the record says about the vote besides: absent in a shortened record.
  if (auto detail = parse_json(string_or(json, "detail", ""), {.bytes = 64U << 10, .depth = 8, .values = 1'000});
      detail && detail->is_object()) {
    if (string_or(*detail, "for", "") != statement.for_whom)
      return "is a vote in another person's place than the one that was signed for";
    if (string_or(*detail, "preview_sha256", request->preview_sha256) != request->preview_sha256)
      return "is a vote on another preview than the one that was signed";
    if (string_or(*detail, "grant", "") != request->grant_sha256)
      return "is a vote for another grant than the one that was signed for";
  }
  if (record.time > statement.expires + kSlowestRecord) return "is a vote given after its statement had expired";
  return {};
}

std::optional<std::string> VoteCheck::check_signature(const std::string& person, const auth::SignedText& signed_text,
                                                      TimeMs at) const {
  const std::string& credential = signed_text.assertion.credential;
  auto key = keys_.find(credential);
  if (key == keys_.end()) return "is a vote signed with a key that was never enrolled";
  if (key->second.person != person) return "is a vote of " + person + " signed with a key of " + key->second.person;
  if (key->second.removed && at > key->second.removed_at + kSlowestRecord)
    return "is a vote signed with a key that was removed in record " + std::to_string(*key->second.removed);
  auto facts = auth::verify_past_assertion(signed_text.assertion, key->second.public_key, key->second.party,
                                           approvals::challenge_of(signed_text.statement));
  if (!facts)
    return "is a vote whose signature is not good: " + facts.error().message + " (" + facts.error().code + ")";
  return {};
}

std::optional<std::string> VoteCheck::use_nonce(const audit::CheckedRecord& record,
                                                const approvals::Statement& statement, const std::string& text) {
  std::string id = string_or(record.json, "request", "");
  auto [at, first] = used_.try_emplace(statement.nonce, Used{.seq = record.seq, .statement = text, .requests = {}});
  if (!first && at->second.statement != text)
    return "is a vote whose nonce was used before, in record " + std::to_string(at->second.seq);
  if (!at->second.requests.insert(id).second) return "is a vote whose signature was used for this request before";
  return {};
}

VoteCheck::Summary VoteCheck::summary() const {
  Summary out = counts_;
  out.people = people_.size();
  out.keys =
      static_cast<std::size_t>(std::ranges::count_if(keys_, [](const auto& each) { return !each.second.removed; }));
  return out;
}

std::string VoteCheck::Summary::text() const {
  std::string out = "votes: " + std::to_string(verified) + " signed";
  if (verified > 0) out += " by " + count_of(people, "person", "people");
  out += ", " + std::to_string(unsigned_votes) + " unsigned";
  if (bad > 0) out += ", " + std::to_string(bad) + " with a signature that proves nothing";
  return out + "; " + count_of(keys, "key", "keys") + " enrolled\n";
}

Json VoteCheck::Summary::json() const {
  return {{"signed", verified}, {"people", people}, {"unsigned", unsigned_votes}, {"bad", bad}, {"keys", keys}};
}

}  // namespace countersign::cli
