// The answer to a push: report-status and report-status-v2, read from upstreams and written for clients.
// (gitprotocol-pack "Report Status") Pure functions, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "proxy/adapters/git/push_request.h"

namespace countersign::adapters::git {

struct RefReport {
  std::string ref;
  std::string refusal;  // empty: ok
  // `option` lines of version 2, without the word: {"refname", "refs/approvals/7"}, {"old-oid", …}, {"forced-update",
  // ""}
  std::vector<std::pair<std::string, std::string>> options;

  [[nodiscard]] bool ok() const { return refusal.empty(); }
};

struct PushReport {
  std::string unpack;  // "ok", or why not
  std::vector<RefReport> refs;

  [[nodiscard]] bool all_ok() const;
};

// Reads an upstream's whole answer. With side-band-64k the report stands on channel 1; what stands on channel 2 is
// returned in `progress`. Errors: git.bad_packet, git.bad_report.
struct ReadReport {
  PushReport report;
  std::string progress;
};
Result<ReadReport> read_report(std::string_view body, const PushCapabilities& capabilities);

// A whole answer for a client, on the side band when it asked for that, with `progress` (lines ending in \n; git prints
// each behind "remote: ") before the report. Options are left out unless the client knows version 2. Without
// report-status the answer says nothing but the progress.
[[nodiscard]] std::string write_report(const PushReport& report, const PushCapabilities& capabilities,
                                       std::string_view progress);

// Whether the client asked for any report.
[[nodiscard]] inline bool can_report(const PushCapabilities& capabilities) {
  return capabilities.report_status || capabilities.report_status_v2;
}

// A piece of progress alone, to be sent while a push waits; empty when the client knows no side band.
[[nodiscard]] std::string write_progress(const PushCapabilities& capabilities, std::string_view progress);

}  // namespace countersign::adapters::git
