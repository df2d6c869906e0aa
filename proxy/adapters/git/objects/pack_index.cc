#include "proxy/adapters/git/objects/pack_index.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>

#include "proxy/adapters/git/objects/descriptor.h"
#include "proxy/adapters/git/objects/object_hash.h"

namespace countersign::adapters::git {
namespace {

// Magic and version, 256 counts by first byte, then the sorted names.
constexpr std::string_view kMagic{"\377tOc\0\0\0\2", 8};
constexpr std::size_t kNames = 8 + 256 * 4;

std::unexpected<Error> bad() {
  return fail(ErrorKind::internal, "git.bad_pack_index", "a pack's index cannot be read");
}

}  // namespace

Result<std::shared_ptr<const PackIndex>> PackIndex::open(const std::string& path, ObjectFormat format) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat about{};
  if (!file.is_open() || ::fstat(file.get(), &about) != 0) return bad();
  std::size_t size = static_cast<std::size_t>(about.st_size);
  if (size < kNames) return bad();
  void* map = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (map == MAP_FAILED) return bad();
  std::shared_ptr<PackIndex> index(new PackIndex(ByteView(static_cast<const std::uint8_t*>(map), size), format));
  if (!as_text(index->map_).starts_with(kMagic)) return bad();
  std::uint32_t before = 0;
  for (std::size_t byte = 0; byte < 256; ++byte) {
    std::uint32_t until = index->number(8 + byte * 4);
    if (until < before) return bad();
    before = until;
  }
  if ((size - kNames) / hash_length(format) < before) return bad();
  index->count_ = before;
  return index;
}

PackIndex::~PackIndex() {
  ::munmap(const_cast<std::uint8_t*>(map_.data()), map_.size());
}

std::uint32_t PackIndex::number(std::size_t at) const {
  ByteView four = map_.subspan(at, 4);
  return (std::uint32_t{four[0]} << 24) | (std::uint32_t{four[1]} << 16) | (std::uint32_t{four[2]} << 8) | four[3];
}

std::string PackIndex::id(std::uint32_t at) const {
  const std::size_t bytes = hash_length(format_);
  return to_hex(map_.subspan(kNames + at * bytes, bytes));
}

bool PackIndex::contains(std::string_view id) const {
  Result<Bytes> name = from_hex(id);
  if (!name || name->size() != hash_length(format_)) return false;
  std::size_t first = (*name)[0];
  std::size_t low = first == 0 ? 0 : number(8 + (first - 1) * 4);
  std::size_t high = number(8 + first * 4);
  while (low < high) {
    std::size_t middle = low + (high - low) / 2;
    int order = std::memcmp(map_.data() + kNames + middle * name->size(), name->data(), name->size());
    if (order == 0) return true;
    if (order < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return false;
}

}  // namespace countersign::adapters::git
