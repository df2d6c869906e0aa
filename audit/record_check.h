// Whether a line is a record: canonical JSON of version 1 with the members every record has.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/clock.h"
#include "core/json.h"
#include "core/result.h"

namespace countersign::audit {

struct CheckedRecord {
  std::uint64_t seq = 0;
  TimeMs time = 0;
  Json json;
};

// audit.record with a message that continues "record 7 …". Members that this version does not know are accepted: they
// are hashed like all others.
Result<CheckedRecord> check_record(std::string_view line);

}  // namespace countersign::audit
