#include "proxy/adapters/git/fetch.h"

#include <algorithm>
#include <array>

#include "proxy/adapters/git/upstream_error.h"

namespace countersign::adapters::git {
namespace {

// In the order of the specification. What is named packfile-uris lies elsewhere, and we never ask for it.
constexpr std::array<std::string_view, 4> kSections = {"acknowledgments", "shallow-info", "wanted-refs", "packfile"};
constexpr int kPackSection = 3;
constexpr std::size_t kMaxOther = 16U << 20;  // a line for each commit that a depth cuts off
constexpr std::size_t kMaxProgress = 4U << 10;

}  // namespace

std::string write_fetch(const FetchCommand& command, const Advertisement& upstream) {
  std::string out;
  write_command(out, "fetch", upstream);
  write_pkt(out, "no-progress\n");
  write_pkt(out, "ofs-delta\n");
  if (command.depth > 0 && upstream.has_word("fetch", "shallow"))
    write_pkt(out, "deepen " + std::to_string(command.depth) + "\n");
  if (!command.filter.empty() && upstream.has_word("fetch", "filter"))
    write_pkt(out, "filter " + std::string(command.filter) + "\n");
  for (const std::string& want : command.wants) write_pkt(out, "want " + want + "\n");
  for (const std::string& have : command.haves) write_pkt(out, "have " + have + "\n");
  write_pkt(out, "done\n");
  write_flush(out);
  return out;
}

Status FetchReader::feed(std::string_view piece, std::string& pack) {
  return take_packets(packets_, piece, [&](Pkt packet) { return take(packet, pack); });
}

Status FetchReader::finish() {
  if (state_ != State::ended || !packets_.at_end()) return bad_answer("the upstream's pack breaks off");
  return {};
}

Status FetchReader::take(Pkt packet, std::string& pack) {
  if (state_ == State::pack) {
    if (packet.kind == PktKind::data) return take_band(packet.payload, pack);
    if (packet.kind != PktKind::flush) return bad_answer("the upstream's pack has a mark inside");
    state_ = State::ended;
    return {};
  }
  other_bytes_ += packet.payload.size() + 4;
  if (other_bytes_ > kMaxOther) return too_large("the upstream says too much before its pack");
  const std::string_view line = text_of(packet);
  if (packet.kind == PktKind::data && line.starts_with("ERR ")) return fail(refusal_of(line.substr(4)));
  switch (state_) {
    case State::header:
      if (packet.kind != PktKind::data) return bad_answer("the upstream's answer holds no pack");
      return begin_section(line);
    case State::section:
      if (packet.kind == PktKind::data) return {};
      if (packet.kind != PktKind::delimiter) return bad_answer("the upstream's answer holds no pack");
      state_ = State::header;
      return {};
    default:
      return bad_answer("the upstream's answer goes on behind its end");
  }
}

Status FetchReader::begin_section(std::string_view name) {
  const auto* found = std::ranges::find(kSections, name);
  const int section = static_cast<int>(found - kSections.begin());
  if (found == kSections.end() || section <= section_)
    return bad_answer("the upstream's answer has a section that does not belong there");
  section_ = section;
  state_ = section == kPackSection ? State::pack : State::section;
  return {};
}

Status FetchReader::take_band(std::string_view payload, std::string& pack) {
  if (payload.empty()) return bad_answer("the upstream's pack is on no channel");
  const std::string_view piece = payload.substr(1);
  switch (static_cast<Band>(payload.front())) {
    case Band::data:
      pack += piece;
      return {};
    case Band::progress:
      progress_ += piece.substr(0, kMaxProgress - progress_.size());
      return {};
    case Band::fatal:
      return fail(refusal_of(piece));
    default:
      return bad_answer("the upstream's pack is on an unknown channel");
  }
}

}  // namespace countersign::adapters::git
