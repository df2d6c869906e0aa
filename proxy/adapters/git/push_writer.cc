#include "proxy/adapters/git/push_writer.h"

#include "proxy/adapters/git/pkt_line.h"

namespace countersign::adapters::git {
namespace {

using namespace std::string_view_literals;

std::string capability_list(const PushCapabilities& capabilities) {
  std::string out;
  auto add = [&out](bool claimed, std::string_view name) {
    if (claimed) out += " " + std::string(name);
  };
  add(capabilities.report_status, "report-status");
  add(capabilities.report_status_v2, "report-status-v2");
  add(capabilities.side_band_64k, "side-band-64k");
  add(capabilities.quiet, "quiet");
  add(capabilities.atomic, "atomic");
  add(capabilities.ofs_delta, "ofs-delta");
  add(capabilities.delete_refs, "delete-refs");
  add(true, "object-format=" + std::string(name_of(capabilities.format)));
  add(!capabilities.agent.empty(), "agent=" + capabilities.agent);
  return out;
}

}  // namespace

std::string write_push(const std::vector<RefCommand>& commands, const PushCapabilities& capabilities,
                       std::string_view pack) {
  std::string out;
  for (const RefCommand& command : commands) {
    std::string line = command.old_id + " " + command.new_id + " " + command.ref;
    if (out.empty()) line += '\0' + capability_list(capabilities);
    write_pkt(out, line);
  }
  write_flush(out);
  out += pack;
  return out;
}

// The head "PACK", version 2, 0 objects; then the digest of that.
std::string_view empty_pack(ObjectFormat format) {
  constexpr std::string_view kSha1 =
      "PACK\0\0\0\2\0\0\0\0"
      "\x02\x9d\x08\x82\x3b\xd8\xa8\xea\xb5\x10\xad\x6a\xc7\x5c\x82\x3c\xfd\x3e\xd3\x1e"sv;
  constexpr std::string_view kSha256 =
      "PACK\0\0\0\2\0\0\0\0"
      "\x7e\xd8\x90\xd8\xa4\x57\x60\xf3\xee\xcf\x73\x04\x5b\x1d\x10\x47\x08\x5a\xf4\x77\x6d\xc6\x83\xd7\x8e\xac\x82\x20\x3d\xf1\x99\x3f"sv;
  return format == ObjectFormat::sha1 ? kSha1 : kSha256;
}

}  // namespace countersign::adapters::git
