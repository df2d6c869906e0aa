// Entry: the content of one audit record, and its one spelling as a line of canonical JSON.
//
// A record is one JSON object (RFC 8785) of at most kMaxRecordBytes, because C2SP tlog-tiles stores entries behind a
// 16-bit length. What docs/formats/audit-log.md says about members is the contract; an empty string, an empty list,
// `none`, status 0 and a negative number all mean "absent" and are not written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"

namespace countersign::audit {

enum class Phase {
  intent,     // an operation was described and decided; with decision `allow` it is about to be forwarded
  outcome,    // what became of an intent with decision `allow`; same `operation`
  refused,    // malformed or unauthenticated: it never became an operation
  approval,   // a held request changed its state
  admin,      // tokens, policies, start, stop: what people and the program itself did
  recovered,  // what opening the log had to repair
  heartbeat,  // nothing happened, and that is a statement
};
enum class Decision { none, allow, hold, deny };
enum class Outcome { none, ok, client_error, server_error, timeout, cancelled, unknown, not_forwarded };

[[nodiscard]] std::string_view name_of(Phase phase);
[[nodiscard]] std::string_view name_of(Decision decision);  // "" for none
[[nodiscard]] std::string_view name_of(Outcome outcome);    // "" for none

struct Entry {
  Phase phase = Phase::admin;
  std::string operation;  // UUIDv7, shared by intent and outcome; at most kMaxIdBytes
  std::string request;    // id of the held request, if any; at most kMaxIdBytes
  std::string agent;
  std::string owner;
  std::vector<std::string> chain;  // hexadecimal token ids, root first
  std::string peer;                // "ip:port"
  std::string upstream;
  std::string protocol;
  std::string action;  // "mcp:call_tool"
  std::string effect;
  std::vector<std::string> resources;  // "Type::id"
  std::string environment;
  std::string input_sha256;  // hexadecimal digest of the body as received
  std::int64_t input_bytes = -1;
  Decision decision = Decision::none;
  std::string code;  // stable reason code: "policy.denied"
  std::string reason;
  std::vector<std::string> policies;  // ids of the policies that determined the decision
  std::vector<std::string> shadow;    // ids of policies that do not count yet and would have changed the decision
  std::string policy_digest;
  std::string fingerprint;  // what an approval is bound to
  std::string actor;        // the human acting: approver or administrator
  std::string comment;      // what that human wrote
  Outcome outcome = Outcome::none;
  int status = 0;
  std::string output_sha256;
  std::int64_t output_bytes = -1;
  std::int64_t latency_us = -1;
  std::string detail;
  // What makes a vote checkable by anybody: canonical JSON (docs/formats/signed-votes.md). Never cut, so
  // a record cannot carry one over kMaxSignatureBytes.
  std::string signature;
};

inline constexpr std::size_t kMaxRecordBytes = 65'535;
inline constexpr std::size_t kMaxIdBytes = 64;
inline constexpr std::size_t kMaxSignatureBytes = 44U << 10;  // of Entry::signature, as it is written: escaped
inline constexpr int kRecordVersion = 1;

// Whether a record has room for this signature, whatever else is in it. Any thread.
[[nodiscard]] bool signature_fits(std::string_view signature);

// A record without its place in the log: everything but the values of `seq` and `ts`, which only the writer knows.
// Splitting it here keeps the rendering on the caller's thread.
struct RecordText {
  std::string text;
  std::size_t seq_at = 0;
  std::size_t ts_at = 0;
};

// Renders `entry`. Bytes that are not UTF-8 become U+FFFD. A record that would be too long keeps every member: strings
// are cut to a prefix and lists to their first elements, `truncated` is true, and `truncated_sha256` holds
// "<member>:<hex>" for each one cut: the SHA-256 of the original bytes of a string, or of the canonical JSON array of a
// list. `signature` is never cut: it must fit (Log::append refuses others). Any thread.
[[nodiscard]] RecordText render(const Entry& entry);

// Appends the finished line, without a newline, to `out`. `time` is the text of format_time.
void complete(const RecordText& record, std::uint64_t seq, std::string_view time, std::string& out);

// Reads one top-level member of a record line without parsing it: a quote inside a JSON string is always escaped, so
// `"name":` occurs only where a member begins. Only for lines that are known to be records. Empty or -1 when absent.
[[nodiscard]] std::string_view raw_string(std::string_view line, std::string_view name);  // still escaped
[[nodiscard]] std::int64_t raw_integer(std::string_view line, std::string_view name);

// True when this record opens an operation that needs an outcome: an intent that was neither held nor denied.
[[nodiscard]] bool opens_operation(Phase phase, Decision decision);
[[nodiscard]] bool opens_operation(std::string_view line);

}  // namespace countersign::audit
