#include "proxy/adapters/git/push_request.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "proxy/adapters/git/pkt_line.h"

namespace countersign::adapters::git {
namespace {

enum class Progress : std::uint8_t { done, needs_more };

std::unexpected<Error> bad_command(std::string message) {
  return fail(ErrorKind::malformed, "git.bad_command", std::move(message));
}

std::unexpected<Error> bad_capability(std::string message) {
  return fail(ErrorKind::malformed, "git.bad_capability", std::move(message));
}

std::unexpected<Error> too_many(std::string_view what) {
  return fail(ErrorKind::too_large, "git.too_large", "a push with too many " + std::string(what));
}

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7F; });
}

class PushReader {
 public:
  PushReader(std::string_view bytes, const PushLimits& limits) : packets_(bytes), limits_(limits) {}

  Result<Progress> run() {
    Result<Progress> read = commands();
    if (!read || *read == Progress::needs_more) return read;
    if (request_.capabilities.push_options) {
      read = options();
      if (!read || *read == Progress::needs_more) return read;
    }
    request_.pack_at = packets_.position();
    return Progress::done;
  }

  PushRequest take() { return std::move(request_); }
  [[nodiscard]] std::string_view rest() const { return packets_.rest(); }

 private:
  Result<Progress> commands() {
    while (true) {
      Result<std::optional<Pkt>> packet = packets_.next();
      if (!packet) return fail(packet.error());
      if (!*packet) return Progress::needs_more;
      if ((*packet)->kind == PktKind::flush) {
        if (request_.commands.empty()) return bad_command("a push without a command");
        return Progress::done;
      }
      if ((*packet)->kind != PktKind::data) return bad_command("a mark where a command was expected");
      Status read = line(text_of(**packet));
      if (!read) return fail(read.error());
    }
  }

  Status line(std::string_view text) {
    if (text.starts_with("push-cert")) {
      return fail(ErrorKind::unsupported, "git.push_certificate",
                  "signed pushes are not accepted: this proxy does not offer push-cert");
    }
    if (text.starts_with("shallow ")) return shallow(text.substr(8));
    bool first = request_.commands.empty();
    std::size_t zero = text.find('\0');
    if (first && zero != std::string_view::npos) {
      Status read = capabilities(text.substr(zero + 1));
      if (!read) return read;
      text = text.substr(0, zero);
    } else if (zero != std::string_view::npos) {
      return bad_capability("capabilities belong to the first command");
    }
    return command(text);
  }

  Status shallow(std::string_view id) {
    if (!request_.commands.empty()) return bad_command("a shallow line behind a command");
    if (request_.shallow.size() == limits_.shallow) return too_many("shallow lines");
    // The object format is said later, with the first command: checked there.
    request_.shallow.emplace_back(id);
    return {};
  }

  Status command(std::string_view text) {
    if (request_.commands.size() == limits_.commands) return too_many("commands");
    const ObjectFormat format = request_.capabilities.format;
    const std::size_t length = hex_length(format);
    if (text.size() < 2 * length + 2 || text[length] != ' ' || text[2 * length + 1] != ' ')
      return bad_command("a command is `old-id new-id ref`");
    RefCommand command{std::string(text.substr(0, length)), std::string(text.substr(length + 1, length)),
                       std::string(text.substr(2 * length + 2))};
    if (!is_object_id(command.old_id, format) || !is_object_id(command.new_id, format))
      return bad_command("an object's name is not one of " + std::string(name_of(format)));
    if (is_null_id(command.old_id) && is_null_id(command.new_id))
      return bad_command("a command from nothing to nothing");
    if (!is_ref_name(command.ref)) return bad_command("not the name of a ref below refs/");
    if (!refs_.insert(command.ref).second)
      return fail(ErrorKind::malformed, "git.duplicate_ref", "one push names a ref twice");
    if (request_.commands.empty()) {
      for (const std::string& id : request_.shallow) {
        if (!is_object_id(id, format)) return bad_command("a shallow line does not name an object");
      }
    }
    request_.commands.push_back(std::move(command));
    return {};
  }

  Status capabilities(std::string_view list) {
    PushCapabilities& out = request_.capabilities;
    const std::pair<std::string_view, bool*> flags[] = {{"report-status", &out.report_status},
                                                        {"report-status-v2", &out.report_status_v2},
                                                        {"side-band-64k", &out.side_band_64k},
                                                        {"quiet", &out.quiet},
                                                        {"atomic", &out.atomic},
                                                        {"push-options", &out.push_options},
                                                        {"ofs-delta", &out.ofs_delta},
                                                        {"delete-refs", &out.delete_refs}};
    std::unordered_set<std::string_view> seen;
    while (!list.empty()) {
      std::size_t end = std::min(list.find(' '), list.size());
      std::string_view word = list.substr(0, end);
      list.remove_prefix(std::min(end + 1, list.size()));
      if (word.empty()) continue;
      std::string_view name = word.substr(0, word.find('='));
      std::string_view value = name.size() == word.size() ? std::string_view() : word.substr(name.size() + 1);
      if (!is_printable(word)) return bad_capability("a capability with odd characters");
      if (!seen.insert(name).second) return bad_capability("the capability " + std::string(name) + " is given twice");
      if (name == "agent") {
        out.agent = value;
      } else if (name == "object-format") {
        if (value != "sha1" && value != "sha256") return bad_capability("an unknown object format");
        out.format = value == "sha1" ? ObjectFormat::sha1 : ObjectFormat::sha256;
      } else if (name == "session-id") {
        continue;  // for the server's own traces
      } else {
        const auto* flag = std::ranges::find(flags, word, [](const auto& each) { return each.first; });
        if (flag == std::end(flags)) return bad_capability("the capability " + std::string(name) + " is not offered");
        *flag->second = true;
      }
    }
    return {};
  }

  Result<Progress> options() {
    while (true) {
      Result<std::optional<Pkt>> packet = packets_.next();
      if (!packet) return fail(packet.error());
      if (!*packet) return Progress::needs_more;
      if ((*packet)->kind == PktKind::flush) return Progress::done;
      std::string_view text = text_of(**packet);
      bool sound = (*packet)->kind == PktKind::data && !text.contains('\0') && !text.contains('\n');
      if (!sound) return fail(ErrorKind::malformed, "git.bad_option", "a push option is one line of text");
      if (text.size() > limits_.option_bytes || request_.options.size() == limits_.options) return too_many("options");
      request_.options.emplace_back(text);
    }
  }

  PktReader packets_;
  const PushLimits& limits_;
  PushRequest request_;
  std::unordered_set<std::string> refs_;
};

}  // namespace

CommandKind RefCommand::kind() const {
  if (is_null_id(new_id)) return CommandKind::remove;
  return is_null_id(old_id) ? CommandKind::create : CommandKind::update;
}

bool PushRequest::has_pack() const {
  return std::ranges::any_of(commands, [](const RefCommand& each) { return each.kind() != CommandKind::remove; });
}

Result<std::optional<PushRequest>> read_push(std::string_view bytes, std::uint64_t body_size,
                                             const PushLimits& limits) {
  constexpr std::string_view kPack = "PACK";
  PushReader reader(bytes.substr(0, limits.bytes), limits);
  Result<Progress> read = reader.run();
  if (!read) return fail(read.error());
  bool whole = bytes.size() == body_size;
  if (*read == Progress::needs_more) {
    if (bytes.size() >= limits.bytes) return too_many("commands");
    if (!whole) return std::nullopt;
    return fail(ErrorKind::malformed, "git.truncated", "the push ends within its commands");
  }
  PushRequest request = reader.take();
  if (!request.has_pack()) {
    if (request.pack_at == body_size) return request;
    return fail(ErrorKind::malformed, "git.bad_pack", "a push that only removes refs has no pack");
  }
  std::string_view start = bytes.substr(request.pack_at, kPack.size());
  if (start.size() < kPack.size() && !whole) return std::nullopt;
  if (start != kPack) return fail(ErrorKind::malformed, "git.bad_pack", "the commands are not followed by a pack");
  return request;
}

bool is_probe(std::string_view body) {
  return body == "0000";
}

}  // namespace countersign::adapters::git
