#include "audit/record_check.h"

#include <algorithm>
#include <array>

#include "audit/entry.h"

namespace countersign::audit {

Result<CheckedRecord> check_record(std::string_view line) {
  auto bad = [](std::string_view what) { return fail(ErrorKind::malformed, "audit.record", std::string(what)); };
  if (line.size() > kMaxRecordBytes) return bad("is longer than a record can be");
  auto json = parse_json(line);
  if (!json) return bad("is not JSON");
  if (!json->is_object()) return bad("is not a JSON object");
  auto canonical = canonical_json(*json);
  if (!canonical || *canonical != line) return bad("is not in canonical form");
  CheckedRecord record;
  std::int64_t seq = integer_or(*json, "seq", -1);
  auto time = parse_time(string_or(*json, "ts", ""));
  if (integer_or(*json, "v", -1) != kRecordVersion) return bad("has an unknown version");
  if (seq < 0) return bad("has no seq");
  if (!time || format_time(*time) != string_or(*json, "ts", "")) return bad("has no valid ts");
  constexpr std::array kPhases = {Phase::intent, Phase::outcome,   Phase::refused,  Phase::approval,
                                  Phase::admin,  Phase::recovered, Phase::heartbeat};
  std::string phase = string_or(*json, "phase", "");
  if (std::ranges::none_of(kPhases, [&](Phase known) { return name_of(known) == phase; }))
    return bad("has an unknown phase");
  if (const Json* signature = find_member(*json, "signature"); signature && !signature->is_string())
    return bad("has a signature that is not text");
  record.seq = static_cast<std::uint64_t>(seq);
  record.time = *time;
  record.json = std::move(*json);
  return record;
}

}  // namespace countersign::audit
