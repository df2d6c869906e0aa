#include "proxy/adapters/git/report.h"

#include <algorithm>
#include <optional>

#include "proxy/adapters/git/pkt_line.h"

namespace countersign::adapters::git {
namespace {

std::unexpected<Error> bad_report(std::string message) {
  return fail(ErrorKind::malformed, "git.bad_report", std::move(message));
}

// The channels of a side-banded answer, put together.
struct Channels {
  std::string data;
  std::string progress;
};

Result<Channels> split(std::string_view body) {
  Channels out;
  PktReader packets(body);
  while (true) {
    Result<std::optional<Pkt>> packet = packets.next();
    if (!packet) return fail(packet.error());
    if (!*packet) return bad_report("the upstream's answer breaks off");
    if ((*packet)->kind == PktKind::flush) return out;
    std::string_view payload = (*packet)->payload;
    if ((*packet)->kind != PktKind::data || payload.empty()) return bad_report("the upstream's answer is no side band");
    std::string_view piece = payload.substr(1);
    switch (static_cast<Band>(payload.front())) {
      case Band::data:
        out.data += piece;
        break;
      case Band::progress:
        out.progress += piece;
        break;
      case Band::fatal:
        return bad_report("the upstream gave up: " + std::string(piece));
      default:
        return bad_report("the upstream's answer has an unknown channel");
    }
  }
}

Status add_line(PushReport& report, std::string_view line) {
  if (line.starts_with("ok ")) {
    report.refs.push_back({std::string(line.substr(3)), {}, {}});
    return {};
  }
  if (line.starts_with("ng ")) {
    line.remove_prefix(3);
    std::size_t space = std::min(line.find(' '), line.size());
    std::string_view why = line.substr(std::min(space + 1, line.size()));
    report.refs.push_back({std::string(line.substr(0, space)), std::string(why.empty() ? "refused" : why), {}});
    return {};
  }
  if (line.starts_with("option ") && !report.refs.empty()) {
    line.remove_prefix(7);
    std::size_t space = std::min(line.find(' '), line.size());
    report.refs.back().options.emplace_back(line.substr(0, space), line.substr(std::min(space + 1, line.size())));
    return {};
  }
  return bad_report("the upstream's report has a line that is none");
}

Result<PushReport> parse(std::string_view text) {
  PushReport out;
  PktReader packets(text);
  while (true) {
    Result<std::optional<Pkt>> packet = packets.next();
    if (!packet) return fail(packet.error());
    if (!*packet) return bad_report("the upstream's report breaks off");
    if ((*packet)->kind == PktKind::flush) break;
    if ((*packet)->kind != PktKind::data) return bad_report("the upstream's report has a mark inside");
    std::string_view line = text_of(**packet);
    if (out.unpack.empty()) {
      if (!line.starts_with("unpack ") || line.size() == 7)
        return bad_report("the upstream's report does not begin with unpack");
      out.unpack = line.substr(7);
      continue;
    }
    Status added = add_line(out, line);
    if (!added) return fail(added.error());
  }
  if (out.unpack.empty()) return bad_report("the upstream's report is empty");
  return out;
}

}  // namespace

bool PushReport::all_ok() const {
  return unpack == "ok" && std::ranges::all_of(refs, &RefReport::ok);
}

Result<ReadReport> read_report(std::string_view body, const PushCapabilities& capabilities) {
  ReadReport out;
  std::string data;
  if (capabilities.side_band_64k) {
    Result<Channels> channels = split(body);
    if (!channels) return fail(channels.error());
    out.progress = std::move(channels->progress);
    data = std::move(channels->data);
  } else {
    data = body;
  }
  Result<PushReport> report = parse(data);
  if (!report) return fail(report.error());
  out.report = std::move(*report);
  return out;
}

std::string write_report(const PushReport& report, const PushCapabilities& capabilities, std::string_view progress) {
  std::string lines;
  if (capabilities.report_status || capabilities.report_status_v2) {
    write_pkt(lines, "unpack " + report.unpack + "\n");
    for (const RefReport& each : report.refs) {
      write_pkt(lines, each.ok() ? "ok " + each.ref + "\n" : "ng " + each.ref + " " + each.refusal + "\n");
      if (!each.ok() || !capabilities.report_status_v2) continue;
      for (const auto& [name, value] : each.options)
        write_pkt(lines, "option " + name + (value.empty() ? "" : " " + value) + "\n");
    }
    write_flush(lines);
  }
  if (!capabilities.side_band_64k) return lines;
  std::string out = write_progress(capabilities, progress);
  write_band(out, Band::data, lines);
  write_flush(out);
  return out;
}

std::string write_progress(const PushCapabilities& capabilities, std::string_view progress) {
  std::string out;
  if (capabilities.side_band_64k) write_band(out, Band::progress, progress);
  return out;
}

}  // namespace countersign::adapters::git
