#include "console/proposals.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "core/problem.h"

namespace countersign::console {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostBytes = 96U << 20;  // of one file here: a set of 32 MiB as JSON
constexpr std::string_view kHistoryFile = "history.jsonl";
const JsonLimits kLimits{.bytes = kMostBytes};

std::unexpected<Error> not_written(const fs::path& path) {
  return fail(ErrorKind::internal, "proposals.not_written", "cannot write " + path.string());
}

Status put(const fs::path& path, std::string_view text, int flags) {
  int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
  if (descriptor < 0) return not_written(path);
  bool written = true;
  while (!text.empty() && written) {
    ssize_t count = ::write(descriptor, text.data(), text.size());
    written = count > 0 || (count < 0 && errno == EINTR);
    if (count > 0) text.remove_prefix(static_cast<std::size_t>(count));
  }
  written = ::fsync(descriptor) == 0 && written;
  written = ::close(descriptor) == 0 && written;
  if (!written) return not_written(path);
  return {};
}

Status sync_folder(const fs::path& folder) {
  int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return not_written(folder);
  bool synced = ::fsync(descriptor) == 0;
  ::close(descriptor);
  if (!synced) return not_written(folder);
  return {};
}

// The old text or the new one, whatever happens.
Status replace(const fs::path& path, std::string_view text) {
  fs::path fresh = path.string() + ".new";
  if (auto done = put(fresh, text, O_TRUNC); !done) return done;
  if (std::rename(fresh.c_str(), path.c_str()) != 0) return not_written(path);
  return sync_folder(path.parent_path());
}

Status make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error || ::chmod(folder.c_str(), 0700) != 0)
    return fail(ErrorKind::internal, "proposals.unreadable", "cannot make the folder " + folder.string());
  return {};
}

Json files_json(const std::vector<policies::DraftFile>& files) {
  Json out = Json::array();
  for (const policies::DraftFile& file : files) out.push_back({{"path", file.path}, {"text", file.text}});
  return out;
}

std::vector<policies::DraftFile> read_files(const Json& json) {
  std::vector<policies::DraftFile> out;
  const Json* files = find_member(json, "files");
  if (files == nullptr || !files->is_array()) return out;
  for (const Json& file : *files) out.push_back({string_or(file, "path", ""), string_or(file, "text", "")});
  return out;
}

TimeMs time_in(const Json& json, std::string_view key) {
  auto time = parse_time(string_or(json, key, ""));
  return time ? *time : 0;
}

std::optional<Proposal> read_proposal(const Json& json) {
  Proposal out;
  out.id = string_or(json, "id", "");
  std::string state = string_or(json, "state", "");
  for (Proposal::State each : {Proposal::State::open, Proposal::State::activated, Proposal::State::withdrawn}) {
    if (name_of(each) == state) out.state = each;
  }
  if (out.id.empty() || name_of(out.state) != state) return std::nullopt;
  out.by = string_or(json, "by", "");
  if (const Json* chain = find_member(json, "chain"); chain != nullptr && chain->is_array()) {
    for (const Json& id : *chain) out.chain.push_back(id.is_string() ? id.get<std::string>() : std::string());
  }
  out.created = time_in(json, "created");
  out.description = string_or(json, "description", "");
  out.base = string_or(json, "base", "");
  out.digest = string_or(json, "digest", "");
  out.files = read_files(json);
  out.closed_by = string_or(json, "closed_by", "");
  out.closed = time_in(json, "closed");
  out.reason = string_or(json, "reason", "");
  if (out.by.empty() || out.files.empty()) return std::nullopt;
  return out;
}

Json stored_json(const Proposal& proposal) {
  Json out = {{"id", proposal.id},
              {"state", name_of(proposal.state)},
              {"by", proposal.by},
              {"chain", proposal.chain},
              {"created", format_time(proposal.created)},
              {"description", proposal.description},
              {"base", proposal.base},
              {"digest", proposal.digest},
              {"files", files_json(proposal.files)}};
  if (proposal.state != Proposal::State::open) {
    out["closed_by"] = proposal.closed_by;
    out["closed"] = format_time(proposal.closed);
    out["reason"] = proposal.reason;
  }
  return out;
}

Activation read_activation(const Json& json) {
  return {string_or(json, "digest", ""),      time_in(json, "activated"),         string_or(json, "by", ""),
          string_or(json, "proposed_by", ""), string_or(json, "description", ""), string_or(json, "proposal", ""),
          string_or(json, "replaced", "")};
}

bool is_digest(std::string_view text) {
  return text.size() == 64 &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace

std::string_view name_of(Proposal::State state) {
  switch (state) {
    case Proposal::State::open:
      return "open";
    case Proposal::State::activated:
      return "activated";
    case Proposal::State::withdrawn:
      return "withdrawn";
  }
  return "";
}

Result<std::unique_ptr<Proposals>> Proposals::open(const fs::path& state) {
  std::unique_ptr<Proposals> out(new Proposals(state));
  if (auto made = make_folder(out->folder_); !made) return fail(made.error());
  if (auto made = make_folder(out->history_folder_); !made) return fail(made.error());
  if (auto done = out->read(); !done) return fail(done.error());
  return out;
}

Status Proposals::read() {
  std::error_code error;
  for (fs::directory_iterator it(folder_, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() != ".json") continue;
    auto text = read_file(it->path().string(), kMostBytes);
    auto json = text ? parse_json(*text, kLimits) : Result<Json>(fail(text.error()));
    std::optional<Proposal> proposal = json ? read_proposal(*json) : std::nullopt;
    if (!proposal || proposal->id + ".json" != it->path().filename().string()) {
      return fail(ErrorKind::internal, "proposals.unreadable",
                  it->path().string() + " is no proposal; move it away to go on without it");
    }
    proposal->files.clear();
    proposals_[proposal->id] = std::move(*proposal);
  }
  if (error) return fail(ErrorKind::internal, "proposals.unreadable", "cannot read " + folder_.string());
  const fs::path path = history_folder_ / kHistoryFile;
  if (!fs::exists(path, error)) return {};
  auto text = read_file(path.string(), kMostBytes);
  if (!text) return fail(ErrorKind::internal, "proposals.unreadable", text.error().message);
  for (std::string_view rest = *text; !rest.empty();) {
    std::size_t end = std::min(rest.find('\n'), rest.size());
    auto json = parse_json(rest.substr(0, end));
    // A line cut off by a crash tells of nothing that happened: it is written before the answer.
    if (json && is_digest(string_or(*json, "digest", ""))) history_.push_back(read_activation(*json));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return {};
}

Status Proposals::write(const Proposal& proposal) const {
  return replace(folder_ / (proposal.id + ".json"), stored_json(proposal).dump());
}

Status Proposals::add(Proposal proposal) {
  std::lock_guard hold(lock_);
  auto open =
      std::ranges::count_if(proposals_, [](const auto& each) { return each.second.state == Proposal::State::open; });
  if (static_cast<std::size_t>(open) >= kMostOpen)
    return fail(ErrorKind::conflict, "proposals.too_many",
                "there are " + std::to_string(kMostOpen) + " open proposals: activate or withdraw some");
  if (auto written = write(proposal); !written) return written;
  proposal.files.clear();
  proposals_[proposal.id] = std::move(proposal);
  return {};
}

Result<Proposal> Proposals::find(const std::string& id) const {
  std::lock_guard hold(lock_);
  if (!proposals_.contains(id)) return fail(ErrorKind::not_found, "proposals.unknown", "no proposal has this id");
  auto text = read_file((folder_ / (id + ".json")).string(), kMostBytes);
  auto json = text ? parse_json(*text, kLimits) : Result<Json>(fail(text.error()));
  std::optional<Proposal> out = json ? read_proposal(*json) : std::nullopt;
  if (!out) return fail(ErrorKind::internal, "proposals.unreadable", "the proposal cannot be read");
  return std::move(*out);
}

Status Proposals::close(const std::string& id, Proposal::State state, const std::string& by, const std::string& reason,
                        TimeMs now) {
  auto proposal = find(id);
  if (!proposal) return fail(proposal.error());
  std::lock_guard hold(lock_);
  Proposal& known = proposals_[id];
  if (known.state != Proposal::State::open)
    return fail(ErrorKind::conflict, "proposals.closed", "the proposal is " + std::string(name_of(known.state)));
  proposal->state = state;
  proposal->closed_by = by;
  proposal->closed = now;
  proposal->reason = reason;
  if (auto written = write(*proposal); !written) return written;
  proposal->files.clear();
  known = std::move(*proposal);
  forget_old();
  return {};
}

void Proposals::forget_old() {
  auto closed =
      std::ranges::count_if(proposals_, [](const auto& each) { return each.second.state != Proposal::State::open; });
  for (auto it = proposals_.begin(); it != proposals_.end() && static_cast<std::size_t>(closed) > kMostKept;) {
    if (it->second.state == Proposal::State::open) {
      ++it;
      continue;
    }
    std::error_code ignored;
    fs::remove(folder_ / (it->first + ".json"), ignored);
    it = proposals_.erase(it);
    --closed;
  }
}

std::vector<Proposal> Proposals::list() const {
  std::lock_guard hold(lock_);
  std::vector<Proposal> out;
  for (const auto& [id, proposal] : proposals_) out.push_back(proposal);
  std::ranges::sort(
      out, [](const Proposal& a, const Proposal& b) { return std::tie(a.created, a.id) > std::tie(b.created, b.id); });
  return out;
}

Status Proposals::note_activation(Activation activation, const policies::SnapshotSource& files) {
  std::lock_guard hold(lock_);
  if (!history_.empty() && history_.back().digest == activation.digest) {
    // The folder may have been seen to change before it was said by whom.
    if (!history_.back().by.empty() || activation.by.empty()) return {};
    history_.pop_back();
  }
  Json kept = {{"digest", activation.digest}, {"files", Json::array()}};
  for (const policies::FileText* file : files.all())
    kept["files"].push_back({{"path", file->name}, {"text", file->text}});
  // What is not UTF-8 never was a policy; it is kept as far as it is text.
  std::string text = kept.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (auto written = replace(history_folder_ / (activation.digest + ".json"), text); !written) return written;
  history_.push_back(std::move(activation));
  std::string lines;
  if (history_.size() > kMostHistory) {
    Activation gone = history_.front();
    history_.erase(history_.begin());
    if (std::ranges::find(history_, gone.digest, &Activation::digest) == history_.end()) {
      std::error_code ignored;
      fs::remove(history_folder_ / (gone.digest + ".json"), ignored);
    }
  }
  for (const Activation& each : history_) {
    lines += Json({{"digest", each.digest},
                   {"activated", format_time(each.activated)},
                   {"by", each.by},
                   {"proposed_by", each.proposed_by},
                   {"description", each.description},
                   {"proposal", each.proposal},
                   {"replaced", each.replaced}})
                 .dump() +
             "\n";
  }
  return replace(history_folder_ / kHistoryFile, lines);
}

std::vector<Activation> Proposals::history() const {
  std::lock_guard hold(lock_);
  return {history_.rbegin(), history_.rend()};
}

Result<std::vector<policies::DraftFile>> Proposals::files_of(const std::string& digest) const {
  std::lock_guard hold(lock_);
  auto unknown = [] {
    return fail(ErrorKind::not_found, "policies.unknown_digest", "no set of this digest was in force here");
  };
  if (!is_digest(digest) || std::ranges::find(history_, digest, &Activation::digest) == history_.end())
    return unknown();
  auto text = read_file((history_folder_ / (digest + ".json")).string(), kMostBytes);
  auto json = text ? parse_json(*text, kLimits) : Result<Json>(fail(text.error()));
  if (!json) return unknown();
  return read_files(*json);
}

}  // namespace countersign::console
