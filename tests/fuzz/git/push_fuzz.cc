// The front of a push and the answers around it: whatever the bytes, reading them ends, and what is read once is read
// the same way however it arrives in pieces.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "proxy/adapters/git/advertisement.h"
#include "proxy/adapters/git/push_request.h"
#include "proxy/adapters/git/report.h"

using namespace countersign::adapters::git;

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

void read_in_pieces(std::string_view body) {
  auto whole = read_push(body, body.size());
  check(!whole || whole->has_value());  // the whole of a body never needs more of it
  if (!whole) return;
  const PushRequest& push = **whole;
  check(!push.commands.empty());
  check(push.pack_at <= body.size());
  for (const RefCommand& command : push.commands) {
    check(is_ref_name(command.ref));
    check(!(is_null_id(command.old_id) && is_null_id(command.new_id)));
  }
  for (std::size_t size = 0; size < push.pack_at; size += 1 + size / 8) {
    auto part = read_push(body.substr(0, size), body.size());
    check(part && !part->has_value());  // no beginning is refused, and none is taken for the whole
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  read_in_pieces(body);
  for (bool band : {false, true}) {
    PushCapabilities capabilities;
    capabilities.report_status_v2 = true;
    capabilities.side_band_64k = band;
    auto report = read_report(body, capabilities);
    if (!report) continue;
    auto again = read_report(write_report(report->report, capabilities, report->progress), capabilities);
    check(again.has_value());
    check(again->report.refs.size() == report->report.refs.size());
    check(again->report.all_ok() == report->report.all_ok());
  }
  auto start = trim_push_advertisement(body);
  if (start && *start) {
    auto again = trim_push_advertisement((*start)->bytes);
    check(again && *again && (*again)->format == (*start)->format);
  }
  return 0;
}
