#include "proxy/adapters/git/advertisement.h"

#include <algorithm>
#include <array>

#include "proxy/adapters/git/pkt_line.h"

namespace countersign::adapters::git {
namespace {

constexpr std::array<std::string_view, 10> kKept = {
    "report-status", "report-status-v2", "side-band-64k", "quiet",         "atomic",
    "push-options",  "ofs-delta",        "delete-refs",   "object-format", "agent"};

std::unexpected<Error> bad(std::string message) {
  return fail(ErrorKind::malformed, "git.bad_advertisement", std::move(message));
}

struct Trimmed {
  std::string list;
  ObjectFormat format = ObjectFormat::sha1;
};

Trimmed trim(std::string_view list) {
  Trimmed out;
  while (!list.empty()) {
    std::size_t end = std::min(list.find(' '), list.size());
    std::string_view word = list.substr(0, end);
    list.remove_prefix(std::min(end + 1, list.size()));
    std::string_view name = word.substr(0, word.find('='));
    if (std::ranges::find(kKept, name) == kKept.end()) continue;
    if (word == "object-format=sha256") out.format = ObjectFormat::sha256;
    out.list += std::string(word) + " ";
  }
  out.list += "no-thin";
  return out;
}

}  // namespace

Result<std::optional<AdvertisementStart>> trim_push_advertisement(std::string_view bytes) {
  PktReader packets(bytes);
  bool in_refs = false;  // behind the flush that ends the service line
  while (true) {
    std::size_t begin = packets.position();
    Result<std::optional<Pkt>> packet = packets.next();
    if (!packet) return fail(packet.error());
    if (!*packet) return std::nullopt;
    std::string_view text = text_of(**packet);
    if (!in_refs) {
      if ((*packet)->kind == PktKind::flush) {
        in_refs = true;
      } else if (text != "# service=git-receive-pack") {
        return bad("the upstream's answer does not begin with its service");
      }
      continue;
    }
    if ((*packet)->kind != PktKind::data) return bad("the upstream advertises no capabilities");
    if (text == "version 1") continue;
    std::size_t zero = text.find('\0');
    if (zero == std::string_view::npos) return bad("the upstream advertises no capabilities");
    Trimmed kept = trim(text.substr(zero + 1));
    AdvertisementStart out{std::string(bytes.substr(0, begin)), packets.position(), kept.format};
    write_pkt(out.bytes, std::string(text.substr(0, zero + 1)) + kept.list + "\n");
    return out;
  }
}

}  // namespace countersign::adapters::git
