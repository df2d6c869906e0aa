#include "audit/store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace countersign::audit {

Result<Store> Store::open(const std::filesystem::path& folder, std::uint64_t segment, std::uint64_t offset,
                          std::uint64_t records, const Limits& limits, FileOps& ops) {
  Store store(folder, limits, ops);
  if (auto done = store.open_segment(segment); !done) return fail(done.error());
  auto hashes = open_tracked(folder / names::kHashes);
  if (!hashes) return fail(hashes.error());
  store.hashes_ = std::move(*hashes);
  auto checkpoints = open_tracked(folder / names::kCheckpoints);
  if (!checkpoints) return fail(checkpoints.error());
  store.checkpoints_ = std::move(*checkpoints);
  if (store.records_.size != offset || store.hashes_.size != records * sizeof(Digest)) {
    return fail(ErrorKind::internal, "audit.io", "the files of the log changed while it was being opened");
  }
  return store;
}

Result<Store::Tracked> Store::open_tracked(const std::filesystem::path& path) {
  Tracked tracked;
  tracked.file = FileDescriptor(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640));
  if (!tracked.file)
    return fail(ErrorKind::unavailable, "audit.io", "open " + path.string() + ": " + errno_text(errno));
  auto size = file_size(tracked.file.get());
  if (!size) return fail(size.error());
  tracked.path = path;
  tracked.size = *size;
  return tracked;
}

Status Store::open_segment(std::uint64_t first) {
  auto opened = open_tracked(folder_ / segment_name(first));
  if (!opened) return fail(opened.error());
  records_ = std::move(*opened);
  segment_ = first;
  return sync_folder(folder_);
}

Status Store::check(const Tracked& tracked) {
  auto refuse = [&](std::string_view what) {
    return fail(ErrorKind::unavailable, "audit.io", tracked.path.filename().string() + std::string(what));
  };
  struct stat open_file{};
  struct stat named_file{};
  if (::fstat(tracked.file.get(), &open_file) != 0) return refuse(" cannot be examined");
  if (open_file.st_nlink < 1) return refuse(" was deleted while it was in use");
  if (::stat(tracked.path.c_str(), &named_file) != 0) return refuse(" was moved away while it was in use");
  if (open_file.st_dev != named_file.st_dev || open_file.st_ino != named_file.st_ino) {
    return refuse(" was replaced while it was in use");
  }
  if (static_cast<std::uint64_t>(open_file.st_size) != tracked.size) return refuse(" was changed by another program");
  return {};
}

Status Store::extend(Tracked& tracked, std::string_view data) {
  if (auto done = write_all(*ops_, tracked.file.get(), data); !done) return done;
  tracked.size += data.size();
  return {};
}

Status Store::append(std::string_view lines, const std::vector<Digest>& leaves, std::uint64_t first) {
  if (records_.size >= limits_.segment_bytes) {
    if (auto done = open_segment(first); !done) return done;
    if (records_.size != 0)
      return fail(ErrorKind::unavailable, "audit.io", "a file with the name of the next segment exists");
  }
  if (auto done = check(records_); !done) return done;
  if (auto done = check(hashes_); !done) return done;
  std::uint64_t needed = limits_.reserve_bytes + lines.size() + leaves.size() * sizeof(Digest);
  if (ops_->available(records_.file.get()) < needed) {
    return fail(ErrorKind::unavailable, "audit.io", "the disk is nearly full");
  }
  if (auto done = extend(records_, lines); !done) return done;
  if (auto done = sync(*ops_, records_.file.get()); !done) return done;
  std::string hashes;
  hashes.reserve(leaves.size() * sizeof(Digest));
  for (const Digest& leaf : leaves) hashes += as_text(ByteView(leaf));
  return extend(hashes_, hashes);
}

Status Store::write_checkpoint(std::string_view note) {
  if (auto done = check(checkpoints_); !done) return done;
  if (auto done = sync(*ops_, hashes_.file.get()); !done) return done;
  if (auto done = extend(checkpoints_, std::string(note) + '\n'); !done) return done;
  if (auto done = sync(*ops_, checkpoints_.file.get()); !done) return done;
  return replace_file(*ops_, folder_, names::kCheckpoint, note);
}

Status Store::write_open_intents(std::string_view note) {
  return replace_file(*ops_, folder_, names::kOpenIntents, note);
}

}  // namespace countersign::audit
