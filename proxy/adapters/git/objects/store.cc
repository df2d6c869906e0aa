#include "proxy/adapters/git/objects/store.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>
#include <system_error>

#include "core/sha256.h"
#include "proxy/adapters/git/objects/repository.h"

namespace countersign::adapters::git {
namespace {

namespace fs = std::filesystem;

std::unexpected<Error> unwritable() {
  return fail(ErrorKind::unavailable, "git.store_unwritable", "the git object store cannot be written");
}

// A cache lives in <store>/<name's digest>.<format>/<generation>; only the newest generation is alive.
std::string folder_of(std::string_view name, ObjectFormat format) {
  return to_hex(sha256(name)).substr(0, 40) + "." + std::string(name_of(format));
}

std::optional<std::uint64_t> generation_of(const fs::path& folder) {
  std::string text = folder.filename().string();
  std::uint64_t number = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::vector<fs::path> children(const fs::path& folder) {
  std::vector<fs::path> out;
  std::error_code code;
  for (auto entry = fs::directory_iterator(folder, code); !code && entry != fs::directory_iterator();
       entry.increment(code))
    out.push_back(entry->path());
  return out;
}

std::string read_small(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string out(256, '\0');
  in.read(out.data(), static_cast<std::streamsize>(out.size()));
  out.resize(static_cast<std::size_t>(in.gcount()));
  return out;
}

// Names the time since the machine was started; empty where that cannot be found out.
std::string this_boot() {
  return read_small("/proc/sys/kernel/random/boot_id");
}

std::uint64_t newest_generation(const fs::path& folder) {
  std::uint64_t newest = 0;
  for (const fs::path& each : children(folder)) newest = std::max(newest, generation_of(each).value_or(0));
  return newest;
}

}  // namespace

Cache::~Cache() {
  if (!retired_) return;
  std::error_code ignored;  // what stays behind is cleared away at the next start
  fs::remove_all(git_dir_, ignored);
}

void Cache::count_files() {
  bytes_ = bytes_below(objects_dir());
  auto packs = std::ranges::count_if(children(objects_dir() / "pack"),
                                     [](const fs::path& each) { return each.extension() == ".pack"; });
  packs_ = static_cast<std::uint32_t>(packs);
}

Result<std::shared_ptr<const PackIndex>> Cache::add_pack(const FileInput& pack) {
  GitCommand command;
  command.git_dir = git_dir_;
  command.arguments = {"index-pack", "--stdin", "--fix-thin", "--max-input-size=" + std::to_string(limits_.pack_bytes)};
  command.input = pack;
  ToolLimits tool = limits_.tool;
  tool.file_size = limits_.pack_bytes + (1ULL << 30);  // with the bases that complete it
  Result<GitOutcome> outcome = run_git(command, tool);
  if (!outcome) return fail(outcome.error());
  if (outcome->exit_code != 0) {
    Error error = tool_failed("the upstream sent a pack that git refuses", *outcome).error();
    return fail(ErrorKind::unavailable, "git.bad_upstream_pack", std::move(error.message));
  }
  std::string_view line = outcome->output;
  std::string_view checksum = line.substr(std::min(line.find('\t'), line.size()));
  if (checksum.starts_with('\t')) checksum.remove_prefix(1);
  if (checksum.ends_with('\n')) checksum.remove_suffix(1);
  if (!is_object_id(checksum, format_)) return tool_failed("git index-pack says nothing of the pack", *outcome);
  std::string index_file = (objects_dir() / "pack" / ("pack-" + std::string(checksum) + ".idx")).string();
  Result<std::shared_ptr<const PackIndex>> index = PackIndex::open(index_file, format_);
  if (!index) return fail(index.error());
  count_files();
  store_.enforce_limits();
  if ((*index)->size() == 0) return nullptr;
  return index;
}

Status Cache::absorb(const fs::path& objects_dir) {
  std::vector<fs::path> files = children(objects_dir / "pack");
  // The index last: git looks for *.idx and then expects the pack beside it.
  std::ranges::partition(files, [](const fs::path& each) { return each.extension() != ".idx"; });
  for (const fs::path& each : files) {
    std::string name = each.filename().string();
    if (!name.starts_with("pack-")) continue;
    std::error_code code;
    fs::rename(each, this->objects_dir() / "pack" / name, code);
    if (code) return unwritable();
  }
  count_files();
  store_.enforce_limits();
  return {};
}

Result<std::unique_ptr<ObjectStore>> ObjectStore::open(fs::path folder, StoreLimits limits) {
  std::error_code code;
  fs::create_directories(folder, code);
  if (code) return unwritable();
  // Nothing here is synced to the disk: what a crash of the machine may have spoilt is fetched again.
  const fs::path boot_file = folder / "boot";
  if (const std::string boot = this_boot(); read_small(boot_file) != boot) {
    for (const fs::path& each : children(folder)) fs::remove_all(each, code);
    if (Status written = write_file(boot_file, boot); !written) return fail(written.error());
  }
  std::unique_ptr<ObjectStore> store(new ObjectStore(fs::absolute(folder), limits));
  for (const fs::path& repository : children(store->folder_)) {
    if (!fs::is_directory(repository, code)) continue;
    std::uint64_t newest = newest_generation(repository);
    for (const fs::path& each : children(repository)) {
      if (generation_of(each) == newest) continue;
      fs::remove_all(each, code);
    }
    bool sha256_objects = repository.extension() == ".sha256";
    if (newest == 0 || (!sha256_objects && repository.extension() != ".sha1")) continue;
    ObjectFormat format = sha256_objects ? ObjectFormat::sha256 : ObjectFormat::sha1;
    std::shared_ptr<Cache> cache(new Cache(*store, repository / std::to_string(newest), format, limits));
    for (const fs::path& each : children(cache->objects_dir() / "pack")) {
      if (each.filename().string().starts_with("tmp_")) fs::remove(each, code);
    }
    cache->count_files();
    store->entries_[repository.filename().string()] = {std::move(cache), 0};
  }
  store->enforce_limits();
  return store;
}

Result<std::shared_ptr<Cache>> ObjectStore::repository(std::string_view name, ObjectFormat format) {
  std::string folder = folder_of(name, format);
  std::lock_guard lock(mutex_);
  Entry& entry = entries_[folder];
  if (!entry.cache) {
    fs::path generation = folder_ / folder / std::to_string(newest_generation(folder_ / folder) + 1);
    Status made = make_repository(generation, format, {});
    if (!made) {
      entries_.erase(folder);
      return fail(made.error());
    }
    entry.cache = std::shared_ptr<Cache>(new Cache(*this, std::move(generation), format, limits_));
  }
  entry.used = ++uses_;
  return entry.cache;
}

void ObjectStore::retire(std::map<std::string, Entry>::iterator entry, std::vector<std::shared_ptr<Cache>>& dropped) {
  entry->second.cache->retired_ = true;
  dropped.push_back(std::move(entry->second.cache));
  entries_.erase(entry);
}

void ObjectStore::enforce_limits() {
  std::vector<std::shared_ptr<Cache>> dropped;
  std::lock_guard lock(mutex_);
  std::uint64_t total = 0;
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    auto here = entry++;
    if (here->second.cache->packs_ > limits_.packs) {
      retire(here, dropped);
    } else {
      total += here->second.cache->bytes_;
    }
  }
  while (total > limits_.bytes) {
    auto oldest = std::ranges::min_element(entries_, {}, [](const auto& each) { return each.second.used; });
    if (oldest == entries_.end()) return;
    total -= oldest->second.cache->bytes_;
    retire(oldest, dropped);
  }
}

std::uint64_t ObjectStore::bytes() const {
  std::lock_guard lock(mutex_);
  std::uint64_t total = 0;
  for (const auto& [folder, entry] : entries_) total += entry.cache->bytes_;
  return total;
}

}  // namespace countersign::adapters::git
