// VoteCheck: checks the signed votes in an audit log, from the log alone (docs/formats/signed-votes.md). It reads the
// records in order, remembers which keys people have enrolled, and checks each vote with the keys its person had then.
// One thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "approvals/statement.h"
#include "audit/record_check.h"
#include "auth/webauthn.h"
#include "core/json.h"

namespace countersign::cli {

class VoteCheck {
 public:
  // What is wrong with this record, as the rest of a sentence that begins "record 7: "; nothing for good votes,
  // unsigned votes, good enrolments and removals, and everything else. For audit::VerifyOptions::judge.
  std::optional<std::string> judge(const audit::CheckedRecord& record);

  struct Summary {
    std::uint64_t verified = 0;        // signed votes that are good
    std::uint64_t unsigned_votes = 0;  // votes without a signature
    std::uint64_t bad = 0;             // votes whose signature proves nothing
    std::size_t people = 0;            // who gave the verified ones
    std::size_t keys = 0;              // enrolled and not removed at the end

    [[nodiscard]] std::string text() const;  // "votes: 12 signed by 3 people, 4 unsigned"
    [[nodiscard]] Json json() const;
  };
  [[nodiscard]] Summary summary() const;

 private:
  struct Key {
    std::string person;
    std::string public_key;
    auth::RelyingParty party;
    std::optional<std::uint64_t> removed;  // in this record
    TimeMs removed_at = 0;
  };
  struct Used {
    std::uint64_t seq = 0;  // where the nonce was first
    std::string statement;
    std::set<std::string> requests;  // decided with it
  };

  std::optional<std::string> enrol(const audit::CheckedRecord& record);
  std::optional<std::string> remove(const audit::CheckedRecord& record);
  std::optional<std::string> vote(const audit::CheckedRecord& record, std::string_view decision,
                                  const std::string& signature);
  std::optional<std::string> compare(const audit::CheckedRecord& record, std::string_view decision,
                                     const approvals::Statement& statement) const;
  std::optional<std::string> check_signature(const std::string& person, const auth::SignedText& signed_text,
                                             TimeMs at) const;
  std::optional<std::string> use_nonce(const audit::CheckedRecord& record, const approvals::Statement& statement,
                                       const std::string& text);

  std::map<std::string, Key> keys_;   // by credential; removed ones too
  std::map<std::string, Used> used_;  // by nonce
  std::set<std::string> people_;
  Summary counts_;
};

}  // namespace countersign::cli
