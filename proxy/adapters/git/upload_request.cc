#include "proxy/adapters/git/upload_request.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "proxy/adapters/git/pkt_line.h"

namespace countersign::adapters::git {
namespace {

constexpr std::array<std::string_view, 3> kListFlags = {"peel", "symrefs", "unborn"};
constexpr std::array<std::string_view, 8> kFetchFlags = {
    "done", "thin-pack", "no-progress", "include-tag", "ofs-delta", "deepen-relative", "wait-for-done", "sideband-all"};
// With a value that only the server reads.
constexpr std::array<std::string_view, 5> kFetchWords = {"deepen", "deepen-since", "deepen-not", "filter",
                                                         "packfile-uris"};

std::unexpected<Error> bad_request(std::string message) {
  return fail(ErrorKind::malformed, "git.bad_upload_request", std::move(message));
}

bool is_among(std::span<const std::string_view> words, std::string_view line) {
  return std::ranges::find(words, line) != words.end();
}

// What follows `word` and a space, or nullopt.
std::optional<std::string_view> value_of(std::string_view line, std::string_view word) {
  if (!line.starts_with(word) || line.size() <= word.size() + 1 || line[word.size()] != ' ') return std::nullopt;
  return line.substr(word.size() + 1);
}

class UploadReader {
 public:
  explicit UploadReader(const UploadLimits& limits) : limits_(limits) {}

  Result<UploadRequest> read(std::string_view body) {
    PktReader packets(body);
    enum class Part : std::uint8_t { command, capabilities, arguments };
    Part part = Part::command;
    while (true) {
      Result<std::optional<Pkt>> packet = packets.next();
      if (!packet) return fail(packet.error());
      if (!*packet) return fail(ErrorKind::malformed, "git.truncated", "the request ends before its end");
      const PktKind kind = (*packet)->kind;
      if (kind == PktKind::flush && part != Part::command) break;
      if (kind == PktKind::delimiter && part == Part::capabilities) {
        part = Part::arguments;
        continue;
      }
      if (kind != PktKind::data) return bad_request("a mark where none belongs");
      const std::string_view line = text_of(**packet);
      if (line.find_first_of(std::string_view("\0\n", 2)) != std::string_view::npos)
        return bad_request("a line holds what no line may");
      Status taken = part == Part::command        ? command(line)
                     : part == Part::capabilities ? capability(line)
                                                  : argument(line);
      if (!taken) return fail(taken.error());
      part = std::max(part, Part::capabilities);
    }
    if (!packets.at_end()) return bad_request("something follows the request");
    return std::move(request_);
  }

 private:
  Status command(std::string_view line) {
    if (line == "command=ls-refs") {
      request_.command = UploadCommand::ls_refs;
    } else if (line == "command=fetch") {
      request_.command = UploadCommand::fetch;
    } else {
      return bad_request("neither ls-refs nor fetch");
    }
    return {};
  }

  Status capability(std::string_view line) {
    constexpr std::string_view kFormat = "object-format=";
    if (!line.starts_with(kFormat)) return {};
    const std::string_view name = line.substr(kFormat.size());
    if (name != "sha1" && name != "sha256") return bad_request("an unknown object format");
    if (format_said_) return bad_request("two object formats");
    format_said_ = true;
    request_.format = name == "sha1" ? ObjectFormat::sha1 : ObjectFormat::sha256;
    return {};
  }

  Status argument(std::string_view line) {
    if (request_.command == UploadCommand::ls_refs) {
      if (is_among(kListFlags, line)) return {};
      if (auto prefix = value_of(line, "ref-prefix")) return name(request_.prefixes, *prefix);
      return bad_request("not an argument of ls-refs");
    }
    if (is_among(kFetchFlags, line)) return {};
    if (auto id = value_of(line, "want")) {
      if (!is_object_id(*id, request_.format)) return bad_request("a want that names no object");
      return name(request_.wants, *id);
    }
    if (auto ref = value_of(line, "want-ref")) {
      if (!is_ref_name(*ref) && *ref != "HEAD") return bad_request("a want-ref that names no ref");
      return name(request_.want_refs, *ref);
    }
    for (std::string_view word : {"have", "shallow"}) {
      auto id = value_of(line, word);
      if (!id) continue;
      if (!is_object_id(*id, request_.format)) return bad_request("a line that names no object");
      if (word == "have") ++request_.haves;
      return {};
    }
    for (std::string_view word : kFetchWords) {
      if (value_of(line, word)) return {};
    }
    return bad_request("not an argument of fetch");
  }

  Status name(std::vector<std::string>& names, std::string_view text) {
    if (++names_ > limits_.names) return fail(ErrorKind::too_large, "git.too_large", "a request with too many names");
    if (text.size() > kMaxRefName) return bad_request("a name that is too long");
    names.emplace_back(text);
    return {};
  }

  const UploadLimits& limits_;
  UploadRequest request_;
  std::size_t names_ = 0;
  bool format_said_ = false;
};

}  // namespace

Result<UploadRequest> read_upload_request(std::string_view body, const UploadLimits& limits) {
  if (body.size() > limits.bytes) return fail(ErrorKind::too_large, "git.too_large", "the request is too long");
  return UploadReader(limits).read(body);
}

std::string plain_fetch(std::string_view body) {
  PktReader packets(body);
  std::string out;
  bool in_arguments = false;
  while (true) {
    Result<std::optional<Pkt>> packet = packets.next();
    if (!packet || !*packet) return out;
    if ((*packet)->kind == PktKind::flush) break;
    if ((*packet)->kind == PktKind::delimiter) {
      in_arguments = true;
      write_delimiter(out);
      continue;
    }
    const std::string_view line = text_of(**packet);
    const bool kept =
        in_arguments ? !line.starts_with("packfile-uris ")
                     : line.starts_with("command=") || line.starts_with("agent=") || line.starts_with("object-format=");
    if (kept) write_pkt(out, (*packet)->payload);
  }
  write_flush(out);
  return out;
}

}  // namespace countersign::adapters::git
