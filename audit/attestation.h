// Attestations of approved pushes: what the gateway says, signed, about the commits that an approved push added to a
// repository, so that others can check it without asking anybody. Format: docs/git-attestations.md.
//
// An in-toto Statement v1 (in-toto/attestation, spec/v1/statement.md) in a DSSE envelope. Its subjects are commits
// (digest `gitCommit`), its predicate says who asked, who approved, what was decided by and where the audit log has it.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "audit/checkpoint.h"
#include "audit/signing_key.h"
#include "core/clock.h"
#include "core/result.h"

namespace countersign::audit {

inline constexpr std::string_view kStatementType = "https://in-toto.io/Statement/v1";
inline constexpr std::string_view kApprovedPushType = "https://countersign.dev/attestation/approved-push/v1";
inline constexpr std::string_view kInTotoMediaType = "application/vnd.in-toto+json";

inline constexpr std::size_t kMaxAttestedCommits = 20'000;  // of all refs together
inline constexpr std::size_t kMaxAttestedRefs = 1'000;
inline constexpr std::size_t kMaxAttestedApprovals = 1'000;

struct AttestedApproval {
  std::string rule;
  std::string stage;
  std::string by;
  std::string level;  // that person's when they approved: junior … vp
  TimeMs at = 0;
};

struct AttestedRef {
  std::string ref;                   // "refs/heads/main"
  std::string old_id;                // hexadecimal; empty: the push created the ref
  std::string new_id;                // hexadecimal; empty: the push removed it
  std::string ancestry;              // created | fast_forward | forced | removed | unknown
  std::vector<std::string> commits;  // what the push added to this ref: all that `new` reaches and `old` does not
};

// Where the audit log has the outcome of the push.
struct LogPosition {
  std::string origin;     // of the log
  std::string operation;  // UUID that intent and outcome share
  std::uint64_t seq = 0;  // of the outcome: `countersign audit proof SEQ`
  std::string leaf;       // hexadecimal RFC 6962 leaf hash of that record
};

struct Attestation {
  std::string request;  // "req_…"
  std::string agent;
  std::string owner;
  std::vector<std::string> delegates;
  std::string upstream;    // its name in the configuration: "origin"
  std::string repository;  // below the upstream: "team/app"
  std::vector<AttestedRef> refs;
  std::vector<AttestedApproval> approvals;  // at least one
  std::string policy_digest;
  std::string fingerprint;  // what the approvals are bound to
  std::string body_sha256;  // of the push as it was sent
  LogPosition log;
  TimeMs executed_at = 0;
};

// The subject of one commit: "git+<upstream>/<repository>@<ref>#<commit>". The commit makes it unique, as in-toto asks.
[[nodiscard]] std::string subject_name(const Attestation& attestation, std::string_view ref, std::string_view commit);

// The statement as canonical JSON. Errors: attestation.too_large (the limits above), attestation.no_commits (no ref
// has any), attestation.invalid (no approval, ids that are none, a ref named twice, text that is not UTF-8).
Result<std::string> statement_text(const Attestation& attestation);

// Reads a statement of kApprovedPushType. What subjects and predicate both say must agree. Members that are not known
// are passed over, as in-toto asks: later versions only add. Errors: attestation.malformed, attestation.too_large,
// attestation.other_type (a statement or predicate of another type).
Result<Attestation> parse_statement(std::string_view text);

struct VerifiedAttestation {
  Attestation attestation;
  VerifierKey key;  // that signed it
};

// Reads an envelope, checks its signature and reads its statement, in that order. Errors: those of parse_envelope,
// check_signatures and parse_statement.
Result<VerifiedAttestation> verify_attestation(std::string_view envelope, std::span<const VerifierKey> keys);

// Signs attestations with the log's key. Any thread.
class Attester {
 public:
  // `name`: Log::verifier_key() of the log that `key` belongs to. audit.key_mismatch when it is another key.
  static Result<std::unique_ptr<Attester>> make(SigningKey key, VerifierKey name);

  // The envelope. Errors: those of statement_text, and attestation.too_large (kMaxEnvelopeBytes).
  Result<std::string> sign(const Attestation& attestation) const;
  [[nodiscard]] const VerifierKey& verifier_key() const { return name_; }

 private:
  Attester(SigningKey key, VerifierKey name) : key_(std::move(key)), name_(std::move(name)) {}

  mutable std::mutex mutex_;  // of key_
  SigningKey key_;
  VerifierKey name_;
};

}  // namespace countersign::audit
