#include "proxy/adapters/git/objects/quarantine.h"

#include <algorithm>
#include <system_error>
#include <utility>
#include <vector>

#include "proxy/adapters/git/objects/object_reader.h"
#include "proxy/adapters/git/objects/repository.h"

namespace countersign::adapters::git {
namespace {

namespace fs = std::filesystem;

// What index-pack says when it refuses a pack, by what the refusal means.
std::unexpected<Error> refusal(const GitOutcome& outcome) {
  std::string_view complaint = outcome.errors;
  auto says = [&](std::string_view words) { return complaint.contains(words); };
  std::string message = tool_failed("git refuses the pack", outcome).error().message;
  if (outcome.exit_code > 128) return fail(ErrorKind::unavailable, "git.tool_failed", std::move(message));
  if (says("unresolved delta")) {
    return fail(ErrorKind::malformed, "git.missing_bases", "the pack has deltas to objects that nobody has");
  }
  if (says("ut of memory")) {
    return fail(ErrorKind::too_large, "git.pack_too_large", "the pack takes too much memory to index");
  }
  if (says("maximum allowed size")) {
    return fail(ErrorKind::too_large, "git.pack_too_large", "the pack has too many bytes");
  }
  if (says("fsck error") || says("error in ") || says("error: object ") || says("bogus ") || says("invalid "))
    return fail(ErrorKind::malformed, "git.bad_object", std::move(message));
  return fail(ErrorKind::malformed, "git.bad_pack", std::move(message));
}

Result<std::vector<std::string>> absent(const fs::path& git_dir, std::vector<std::string> ids) {
  Result<ObjectReader> reader = ObjectReader::open(git_dir);
  if (!reader) return fail(reader.error());
  std::vector<std::string> out;
  for (std::string& id : ids) {
    Result<std::optional<ObjectInfo>> info = reader->info(id);
    if (!info) return fail(info.error());
    if (!*info) out.push_back(std::move(id));
  }
  return out;
}

void clear_leftovers(const fs::path& pack_folder) {
  std::error_code code;
  std::vector<fs::path> files;
  for (auto entry = fs::directory_iterator(pack_folder, code); !code && entry != fs::directory_iterator();
       entry.increment(code))
    files.push_back(entry->path());
  for (const fs::path& each : files) fs::remove(each, code);
}

}  // namespace

Result<Quarantine> Quarantine::open(fs::path folder, std::shared_ptr<Cache> cache) {
  Status made = make_repository(folder, cache->format(), {cache->objects_dir()});
  if (!made) return fail(made.error());
  return Quarantine(fs::absolute(folder), std::move(cache));
}

Quarantine::Quarantine(Quarantine&& other) noexcept
    : folder_(std::exchange(other.folder_, {})), cache_(std::move(other.cache_)), objects_(std::move(other.objects_)) {}

Quarantine::~Quarantine() {
  if (folder_.empty()) return;
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

Status Quarantine::find_objects() {
  std::error_code code;
  for (auto entry = fs::directory_iterator(objects_dir() / "pack", code); !code && entry != fs::directory_iterator();
       entry.increment(code)) {
    if (entry->path().extension() != ".idx") continue;
    Result<std::shared_ptr<const PackIndex>> index = PackIndex::open(entry->path().string(), format());
    if (!index) return fail(index.error());
    objects_ = (*index)->size() == 0 ? nullptr : std::move(*index);
  }
  return {};
}

Result<OrNeeds<PackSummary>> Quarantine::admit(const FileInput& pack, const QuarantineLimits& limits, Missing missing) {
  Result<PackSummary> summary = scan_pack(pack.path, pack.offset, format(), limits.pack);
  if (!summary) return fail(summary.error());
  if (summary->objects == 0) return std::move(*summary);
  clear_leftovers(objects_dir() / "pack");
  GitCommand command;
  command.git_dir = folder_;
  // Not --strict: that also demands every object the pushed ones point to, which the upstream has and checks, not we.
  command.arguments = {"index-pack", "--stdin", "--fix-thin", "--fsck-objects",
                       "--max-input-size=" + std::to_string(limits.pack.bytes)};
  command.input = pack;
  ToolLimits tool = limits.tool;
  tool.file_size = limits.pack.bytes + limits.pack.inflated;  // with the bases that complete a thin pack
  Result<GitOutcome> outcome = run_git(command, tool);
  if (!outcome) return fail(outcome.error());
  if (outcome->exit_code != 0) {
    clear_leftovers(objects_dir() / "pack");
    Error error = refusal(*outcome).error();
    if (error.code != "git.missing_bases" || missing == Missing::accept) return fail(std::move(error));
    Result<std::vector<std::string>> wanted = missing_bases(pack, *summary, limits.pack);
    if (!wanted) return fail(wanted.error());
    if (wanted->empty()) return fail(std::move(error));
    return Needs{{Fetch{.wants = std::move(*wanted), .haves = {}, .filter = Filter::no_trees}}};
  }
  Status found = find_objects();
  if (!found) return fail(found.error());
  return std::move(*summary);
}

Result<std::vector<std::string>> Quarantine::missing_bases(const FileInput& pack, const PackSummary& summary,
                                                           const PackLimits& limits) const {
  Result<std::vector<std::string>> out = absent(folder_, {summary.bases.begin(), summary.bases.end()});
  if (!out || out->empty()) return out;
  // Some may be in the pack itself, which costs another scan to see and matters only now.
  Result<PackSummary> again = scan_pack(pack.path, pack.offset, format(), limits, {out->begin(), out->end()});
  if (!again) return fail(again.error());
  std::erase_if(*out, [&](const std::string& id) { return !again->bases.contains(id); });
  return out;
}

Status Quarantine::absorb() {
  objects_ = nullptr;
  return cache_->absorb(objects_dir());
}

}  // namespace countersign::adapters::git
