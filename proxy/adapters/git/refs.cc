#include "proxy/adapters/git/refs.h"

#include <algorithm>

#include "proxy/adapters/git/upstream_error.h"

namespace countersign::adapters::git {
namespace {

constexpr std::size_t kMaxCapabilities = 1'000;
constexpr std::string_view kPeeled = "^{}";

// Cuts the front of `text` off, up to the next `separator`, which goes too.
std::string_view cut(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view front = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return front;
}

bool is_listed(std::string_view name) {
  return name == "HEAD" || is_ref_name(name);
}

// The value of "name=value" when it is of this name.
std::optional<std::string_view> value_in(std::string_view word, std::string_view name) {
  if (!word.starts_with(name) || word.size() <= name.size() || word[name.size()] != '=') return std::nullopt;
  return word.substr(name.size() + 1);
}

}  // namespace

std::string_view name_of(Service service) {
  return service == Service::upload_pack ? "git-upload-pack" : "git-receive-pack";
}

bool Advertisement::has(std::string_view capability) const {
  return std::ranges::any_of(capabilities, [&](const std::string& each) {
    return each == capability || value_in(each, capability).has_value();
  });
}

std::optional<std::string_view> Advertisement::value(std::string_view capability) const {
  for (const std::string& each : capabilities) {
    if (auto value = value_in(each, capability)) return value;
  }
  return std::nullopt;
}

bool Advertisement::has_word(std::string_view capability, std::string_view word) const {
  std::string_view words = value(capability).value_or("");
  while (!words.empty()) {
    if (cut(words, ' ') == word) return true;
  }
  return false;
}

Status AdvertisementReader::feed(std::string_view piece) {
  bytes_ += piece.size();
  if (bytes_ > limits_.bytes) return too_large("the upstream advertises too many refs");
  return take_packets(packets_, piece, [this](Pkt packet) { return take(packet); });
}

Result<Advertisement> AdvertisementReader::finish() {
  if (state_ != State::ended || !packets_.at_end()) return bad_answer("the upstream's refs break off");
  return std::move(out_);
}

Status AdvertisementReader::take(Pkt packet) {
  if (packet.kind == PktKind::flush) {
    switch (state_) {
      case State::after_service:
        state_ = State::first_line;
        return {};
      case State::first_line:  // an empty repository of an old upstream
      case State::refs:
      case State::capabilities:
        state_ = State::ended;
        return {};
      default:
        return bad_answer("the upstream's refs end where they should begin, or twice");
    }
  }
  if (packet.kind != PktKind::data) return bad_answer("the upstream's refs have a mark inside");
  const std::string_view line = text_of(packet);
  if (line.starts_with("ERR ")) return fail(refusal_of(line.substr(4)));
  switch (state_) {
    case State::start:
      if (line == "version 2") return take_first_line(line);
      if (line != "# service=" + std::string(name_of(service_)))
        return bad_answer("the upstream's answer does not begin with its service");
      state_ = State::after_service;
      return {};
    case State::first_line:
      return take_first_line(line);
    case State::refs:
      if (++lines_ > limits_.refs) return too_large("the upstream advertises too many refs");
      return take_ref(line);
    case State::capabilities:
      return take_capability(line);
    default:
      return bad_answer("the upstream's answer has something where nothing belongs");
  }
}

Status AdvertisementReader::take_first_line(std::string_view line) {
  if (line == "version 2" && service_ == Service::upload_pack && out_.version == 0) {
    out_.version = 2;
    state_ = State::capabilities;
    return {};
  }
  if (line == "version 1" && out_.version == 0) {
    out_.version = 1;
    return {};
  }
  const std::size_t zero = line.find('\0');
  if (zero == std::string_view::npos) return bad_answer("the upstream advertises no capabilities");
  std::string_view words = line.substr(zero + 1);
  while (!words.empty()) {
    const std::string_view word = cut(words, ' ');
    if (word.empty()) continue;
    Status taken = take_capability(word);
    if (!taken) return taken;
  }
  state_ = State::refs;
  std::string_view first = line.substr(0, zero);
  if (first.ends_with(" capabilities^{}")) {
    const std::string_view id = cut(first, ' ');
    if (!is_object_id(id, out_.format) || !is_null_id(id)) return bad_answer("the upstream's first line is no ref");
    return {};
  }
  lines_ = 1;
  return take_ref(first);
}

Status AdvertisementReader::take_capability(std::string_view word) {
  if (out_.capabilities.size() == kMaxCapabilities) return too_large("the upstream advertises too many capabilities");
  if (auto format = value_in(word, "object-format")) {
    if (*format != "sha1" && *format != "sha256") return bad_answer("the upstream names objects in an unknown way");
    out_.format = *format == "sha1" ? ObjectFormat::sha1 : ObjectFormat::sha256;
  }
  out_.capabilities.emplace_back(word);
  return {};
}

Status AdvertisementReader::take_ref(std::string_view line) {
  const std::string_view id = cut(line, ' ');
  if (id == "shallow") {
    if (!is_object_id(line, out_.format)) return bad_answer("the upstream's refs have a line that is none");
    return {};
  }
  if (!is_object_id(id, out_.format) || is_null_id(id) || line.empty())
    return bad_answer("the upstream's refs have a line that is none");
  if (line.ends_with(kPeeled)) {
    line.remove_suffix(kPeeled.size());
    if (!out_.refs.empty() && out_.refs.back().name == line) out_.refs.back().peeled = id;
    return {};
  }
  if (!is_listed(line)) return {};
  ListedRef ref{std::string(line), std::string(id), {}, {}};
  if (line == "HEAD") {
    for (const std::string& capability : out_.capabilities) {
      auto symref = value_in(capability, "symref");
      if (symref && symref->starts_with("HEAD:") && is_ref_name(symref->substr(5))) ref.target = symref->substr(5);
    }
  }
  out_.refs.push_back(std::move(ref));
  return {};
}

bool is_ref_prefix(std::string_view text) {
  return !text.empty() && text.size() <= kMaxRefName && std::ranges::all_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte != 0x7F;
  });
}

void write_command(std::string& out, std::string_view command, const Advertisement& upstream) {
  write_pkt(out, "command=" + std::string(command) + "\n");
  if (upstream.has("agent")) write_pkt(out, "agent=countersign\n");
  if (upstream.has("object-format")) write_pkt(out, "object-format=" + std::string(name_of(upstream.format)) + "\n");
  write_delimiter(out);
}

std::string write_ls_refs(const std::vector<std::string>& prefixes, const Advertisement& upstream) {
  std::string out;
  write_command(out, "ls-refs", upstream);
  write_pkt(out, "peel\n");
  write_pkt(out, "symrefs\n");
  if (upstream.has_word("ls-refs", "unborn")) write_pkt(out, "unborn\n");
  for (const std::string& prefix : prefixes) write_pkt(out, "ref-prefix " + prefix + "\n");
  write_flush(out);
  return out;
}

Status RefsReader::feed(std::string_view piece) {
  bytes_ += piece.size();
  if (bytes_ > limits_.bytes) return too_large("the upstream lists too many refs");
  return take_packets(packets_, piece, [this](Pkt packet) { return take(packet); });
}

Result<std::vector<ListedRef>> RefsReader::finish() {
  if (!ended_ || !packets_.at_end()) return bad_answer("the upstream's list of refs breaks off");
  return std::move(out_);
}

Status RefsReader::take(Pkt packet) {
  if (ended_) return bad_answer("the upstream's list of refs goes on behind its end");
  if (packet.kind == PktKind::flush) {
    ended_ = true;
    return {};
  }
  if (packet.kind != PktKind::data) return bad_answer("the upstream's list of refs has a mark inside");
  std::string_view line = text_of(packet);
  if (line.starts_with("ERR ")) return fail(refusal_of(line.substr(4)));
  if (++lines_ > limits_.refs) return too_large("the upstream lists too many refs");
  const std::string_view id = cut(line, ' ');
  const std::string_view name = cut(line, ' ');
  const bool unborn = id == "unborn";
  if ((!unborn && (!is_object_id(id, format_) || is_null_id(id))) || name.empty())
    return bad_answer("the upstream's list of refs has a line that is none");
  ListedRef ref{std::string(name), unborn ? std::string() : std::string(id), {}, {}};
  while (!line.empty()) {
    std::string_view word = cut(line, ' ');
    const std::string_view attribute = cut(word, ':');
    if (attribute == "peeled") {
      if (!is_object_id(word, format_)) return bad_answer("the upstream's list of refs has a bad object name");
      ref.peeled = word;
    } else if (attribute == "symref-target" && is_ref_name(word)) {
      ref.target = word;
    }
  }
  if (is_listed(name) && (!unborn || name == "HEAD")) out_.push_back(std::move(ref));
  return {};
}

}  // namespace countersign::adapters::git
