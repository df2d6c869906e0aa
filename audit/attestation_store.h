// Attestations as rows of the state database, beside the held requests (docs/formats/store.md). Kept for good: they are
// evidence. What an attestation says is in its envelope; the columns are only for finding it.
//
// Every function is atomic and, where it changes something, durable when it returns without error. Blocks on the disk;
// any thread, one lock orders all calls. Errors of all: store.… (core/sql.h).
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/attestation.h"
#include "core/clock.h"
#include "core/result.h"
#include "core/sql.h"

namespace countersign::audit {

// A row without its envelope.
struct KeptAttestation {
  std::int64_t number = 0;  // order of keeping
  std::string request;
  std::string upstream;
  std::string repository;
  std::vector<std::string> refs;
  std::size_t commits = 0;  // distinct ones
  TimeMs executed = 0;
  TimeMs published = 0;  // when the upstream had taken it; 0: not yet
};

struct AttestationFilter {
  std::string commit;                  // whole id, lower-case hexadecimal; empty: any
  std::string request;                 // empty: any
  std::optional<std::int64_t> before;  // only rows with a smaller number, for the next page
  std::size_t limit = 100;             // 1 to 1,000
};

class AttestationStore {
 public:
  // `file`: the state database; made when missing. Other parts of the program may have it open.
  static Result<std::unique_ptr<AttestationStore>> open(const std::filesystem::path& file);

  // Keeps the envelope of `attestation`. Keeping the same request again changes nothing (a retry after a crash);
  // with another envelope it is attestation.exists (conflict).
  Status add(const Attestation& attestation, std::string_view envelope);
  // The upstream has it now. attestation.unknown (not_found) when it was never kept. Later calls change nothing.
  Status mark_published(std::string_view request, TimeMs now);

  // Newest first.
  Result<std::vector<KeptAttestation>> list(const AttestationFilter& filter);
  // Those no upstream has taken yet, oldest first: to be published again after a start, or when an upstream was away.
  Result<std::vector<KeptAttestation>> unpublished(std::size_t limit);
  // attestation.unknown (not_found) when there is none.
  Result<std::string> envelope(std::string_view request);

 private:
  explicit AttestationStore(sql::Database database) : database_(std::move(database)) {}

  std::mutex mutex_;
  sql::Database database_;
};

}  // namespace countersign::audit
