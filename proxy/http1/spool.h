// Spool: the bytes of one body, kept while it is judged, forwarded, or frozen until somebody approves it.
//
// In memory up to a bound, then in a file of the spool directory (mode 0600). The SHA-256 runs along as bytes arrive. A
// finished spool can be read as often as wanted, and be made a named, durable file. A promised one has a size and a
// digest and no bytes yet: they pass once, by arrival(), and whatever wants to read it fails (spool.unreadable).
//
// A spool belongs to one thread at a time. Files are written and read through the page cache; only persist() waits for
// the disk and is to be called where blocking is allowed (net::on_thread).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/bytes.h"
#include "core/result.h"
#include "core/sha256.h"
#include "proxy/http1/arrival.h"

namespace countersign::http1 {

struct SpoolOptions {
  std::filesystem::path directory;  // where bodies past the bound go; must exist
  std::size_t memory_bytes = 1U << 20;
};

class Spool {
 public:
  explicit Spool(SpoolOptions options);
  // A finished spool of bytes in memory.
  [[nodiscard]] static Spool of(std::string_view bytes);
  // A finished spool over a file made by persist(), read once to compute its digest. The file is never removed by it.
  // spool.unreadable (unavailable).
  [[nodiscard]] static Result<Spool> open(const std::filesystem::path& path);
  // A promised spool: `arrival`, which outlives it, has so many bytes of that digest.
  [[nodiscard]] static Spool promised(std::uint64_t size, const Digest& digest, Arrival* arrival);
  // Removes what a killed process left in the directory. Call before the first spool is made there.
  static void remove_leftovers(const std::filesystem::path& directory);

  // Removes its file unless that was persisted.
  ~Spool();
  Spool(Spool&&) noexcept;
  Spool& operator=(Spool&&) noexcept;

  // spool.write_failed (unavailable): the disk is full or broken; the spool is unusable.
  [[nodiscard]] Status append(ByteView bytes);
  // Ends the writing; digest() is valid from here on.
  void finish();

  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] const Digest& digest() const { return digest_; }
  [[nodiscard]] bool on_disk() const { return fd_ >= 0; }
  // Where the bytes of a promised spool come from; else nullptr.
  [[nodiscard]] Arrival* arrival() const { return arrival_; }
  // All of it, when it is in memory.
  [[nodiscard]] std::optional<std::string_view> in_memory() const;

  // The file it lies in, when it is on disk; as long as the spool.
  [[nodiscard]] std::optional<std::filesystem::path> file() const;

  // Bytes from `offset` on into `into`; 0 at the end. spool.unreadable (unavailable).
  [[nodiscard]] Result<std::size_t> read(std::uint64_t offset, std::span<std::uint8_t> into) const;
  // All of it as a string; spool.too_large (too_large) above `limit` bytes.
  [[nodiscard]] Result<std::string> text(std::size_t limit) const;

  // Makes the finished bytes the durable file `path` (content and directory entry synced) and returns it. A file of
  // that name is replaced at once or not at all. The spool stays readable. spool.write_failed (unavailable).
  [[nodiscard]] Result<std::filesystem::path> persist(const std::filesystem::path& path);

 private:
  enum class FileRole { temporary, kept };
  [[nodiscard]] Status move_to_disk();
  void drop();

  SpoolOptions options_;
  std::string memory_;
  Arrival* arrival_ = nullptr;
  int fd_ = -1;
  FileRole role_ = FileRole::temporary;
  std::filesystem::path file_;
  std::uint64_t size_ = 0;
  std::optional<Sha256> hash_;  // made by the first byte: most requests have no body
  Digest digest_{};
};

}  // namespace countersign::http1
