// Search: reads the log backwards, newest record first. No index; a time range bounds what is read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/reader.h"

namespace countersign::audit {

// A look is the record that a person has read something (phase `admin`, action kLookAction). In a log that people work
// with there are more of them than of anything else.
inline constexpr std::string_view kLookAction = "admin:GET";
enum class Looks : std::uint8_t { included, left_out };

// All conditions hold together; an empty one does not count. Values are compared exactly, as they stand in the record.
struct Filter {
  std::string agent;
  std::string owner;
  std::string actor;
  std::string upstream;
  std::string action;
  std::string effect;
  std::string decision;
  std::string outcome;
  std::string phase;
  std::string request;
  std::string operation;
  std::string resource;         // part of one of the resources
  std::string text;             // anywhere in the record, without regard to ASCII case
  std::optional<TimeMs> from;   // inclusive
  std::optional<TimeMs> until;  // exclusive
  Looks looks = Looks::included;
};

inline constexpr std::size_t kMaxQueryLimit = 10'000;

struct Found {
  std::vector<StoredRecord> records;  // newest first
  // Where to go on (as `before_seq`): set when `limit` or `most_scanned` ended the search, not when the log did.
  std::optional<std::uint64_t> next;
};

// As query(), and looks at no more than `most_scanned` records, so that a filter that hardly anything matches does not
// read a whole log at once.
Result<Found> search(const Reader& reader, const Filter& filter, std::size_t limit,
                     std::optional<std::uint64_t> before_seq, std::uint64_t most_scanned);

// At most `limit` records (1 … kMaxQueryLimit, else audit.bad_query) older than record `before_seq`. To page, pass the
// seq of the last record received. Any thread; works while the log is written to.
Result<std::vector<StoredRecord>> query(const Reader& reader, const Filter& filter, std::size_t limit,
                                        std::optional<std::uint64_t> before_seq = {});

}  // namespace countersign::audit
