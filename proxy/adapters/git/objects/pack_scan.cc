#include "proxy/adapters/git/objects/pack_scan.h"

#include <fcntl.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <limits>
#include <optional>

#include "proxy/adapters/git/objects/descriptor.h"
#include "proxy/adapters/git/objects/object_hash.h"

namespace countersign::adapters::git {
namespace {

constexpr std::size_t kHeaderSize = 12;
constexpr std::uint64_t kFreeInflated = 64ULL << 20;
constexpr std::size_t kChunk = 64U << 10;
constexpr std::size_t kMaxDeltaHeader = 20;  // two numbers of ten bytes

enum class PackedType : std::uint8_t { commit = 1, tree = 2, blob = 3, tag = 4, ofs_delta = 6, ref_delta = 7 };

std::unexpected<Error> bad(std::string message) {
  return fail(ErrorKind::malformed, "git.bad_pack", std::move(message));
}

std::unexpected<Error> too_large(std::string message) {
  return fail(ErrorKind::too_large, "git.pack_too_large", std::move(message));
}

std::uint32_t big_endian(ByteView bytes) {
  return (std::uint32_t{bytes[0]} << 24) | (std::uint32_t{bytes[1]} << 16) | (std::uint32_t{bytes[2]} << 8) | bytes[3];
}

std::string_view word_of(PackedType type) {
  switch (type) {
    case PackedType::commit:
      return "commit";
    case PackedType::tree:
      return "tree";
    case PackedType::blob:
      return "blob";
    case PackedType::tag:
      return "tag";
    default:
      return {};
  }
}

// The sizes at the front of a delta: little-endian groups of seven bits. nullopt: more bytes are needed, or it is none.
std::optional<std::uint64_t> take_size(ByteView& bytes) {
  std::uint64_t value = 0;
  for (unsigned at = 0; at < std::min<std::size_t>(bytes.size(), 9); ++at) {
    value |= std::uint64_t{bytes[at] & 0x7FU} << (7 * at);
    if ((bytes[at] & 0x80U) != 0) continue;
    bytes = bytes.subspan(at + 1);
    return value;
  }
  return std::nullopt;
}

}  // namespace

class PackScan::Reader {
 public:
  Reader(ObjectFormat format, PackLimits limits)
      : format_(format), limits_(limits), pack_hash_(format), object_hash_(format) {
    if (::inflateInit(&zlib_) != Z_OK) std::abort();  // out of memory
  }
  ~Reader() { ::inflateEnd(&zlib_); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  void look_for(std::set<std::string> ids) { wanted_ = std::move(ids); }

  Status feed(ByteView bytes) {
    summary_.bytes += bytes.size();
    if (summary_.bytes > limits_.bytes) return too_large("the pack has too many bytes");
    while (!bytes.empty()) {
      Result<std::size_t> used = step(bytes);
      if (!used) return fail(used.error());
      if (part_ != Part::checksum && part_ != Part::end) pack_hash_.update(bytes.first(*used));
      if (next_) part_ = *std::exchange(next_, std::nullopt);
      position_ += *used;
      bytes = bytes.subspan(*used);
    }
    return {};
  }

  Result<PackSummary> finish() {
    if (part_ != Part::end) return bad("the pack breaks off");
    for (const std::string& id : found_) summary_.bases.erase(id);
    return std::move(summary_);
  }

 private:
  // What the next byte belongs to.
  enum class Part : std::uint8_t { header, object, base_offset, base_name, data, checksum, end };

  // Takes a piece of the bytes, at least one. A change of part takes effect after the piece has been hashed.
  Result<std::size_t> step(ByteView bytes) {
    switch (part_) {
      case Part::header:
        return header(bytes);
      case Part::object:
        return object(bytes[0]);
      case Part::base_offset:
        return base_offset(bytes[0]);
      case Part::base_name:
        return base_name(bytes);
      case Part::data:
        return data(bytes);
      case Part::checksum:
        return checksum(bytes);
      case Part::end:
        break;
    }
    return bad("the pack is followed by something");
  }

  // Gathers `size` bytes over as many pieces as it takes; true when they are all in gathered_.
  bool gather(ByteView bytes, std::size_t size, std::size_t& used) {
    used = std::min(size - gathered_.size(), bytes.size());
    gathered_.append(as_text(bytes.first(used)));
    return gathered_.size() == size;
  }

  Result<std::size_t> header(ByteView bytes) {
    std::size_t used = 0;
    if (!gather(bytes, kHeaderSize, used)) return used;
    ByteView head = as_bytes(gathered_);
    std::uint32_t version = big_endian(head.subspan(4));
    if (!gathered_.starts_with("PACK") || (version != 2 && version != 3)) return bad("not a pack of version 2 or 3");
    summary_.objects = big_endian(head.subspan(8));
    if (summary_.objects > limits_.objects) return too_large("the pack says it has too many objects");
    gathered_.clear();
    next_object();
    return used;
  }

  void next_object() {
    bool last = entries_.size() == summary_.objects;
    next_ = last ? Part::checksum : Part::object;
    shift_ = 0;
    size_ = 0;
  }

  Result<std::size_t> object(std::uint8_t byte) {
    if (shift_ == 0) {
      start_ = position_;
      type_ = static_cast<PackedType>((byte >> 4U) & 7U);
      size_ = byte & 0x0FU;
      shift_ = 4;
    } else {
      if (shift_ > 53) return bad("an object's size is no number");
      size_ |= std::uint64_t{byte & 0x7FU} << shift_;
      shift_ += 7;
    }
    if ((byte & 0x80U) != 0) return 1;
    if (size_ > limits_.object_size) return too_large("an object is too large");
    Status counted = count_object();
    if (!counted) return fail(counted.error());
    return 1;
  }

  Status count_object() {
    base_distance_ = 0;
    depth_ = 0;
    out_ = 0;
    delta_header_.clear();
    next_ = Part::data;
    switch (type_) {
      case PackedType::commit:
        ++summary_.commits;
        break;
      case PackedType::tree:
        ++summary_.trees;
        break;
      case PackedType::blob:
        ++summary_.blobs;
        break;
      case PackedType::tag:
        ++summary_.tags;
        break;
      case PackedType::ofs_delta:
        ++summary_.ofs_deltas;
        next_ = Part::base_offset;
        first_of_offset_ = true;
        break;
      case PackedType::ref_delta:
        ++summary_.ref_deltas;
        next_ = Part::base_name;
        break;
      default:
        return bad("an object has no known type");
    }
    if (!wanted_.empty() && !is_delta()) {
      std::string head = std::string(word_of(type_)) + ' ' + std::to_string(size_);
      object_hash_.update(as_bytes(std::string_view(head.c_str(), head.size() + 1)));
    }
    return {};
  }

  [[nodiscard]] bool is_delta() const { return type_ == PackedType::ofs_delta || type_ == PackedType::ref_delta; }

  // Big-endian groups of seven bits, where each continuation adds one, so that a number has one spelling.
  Result<std::size_t> base_offset(std::uint8_t byte) {
    if (!first_of_offset_) {
      if (base_distance_ >= (std::numeric_limits<std::uint64_t>::max() >> 8U)) return bad("a base is nowhere");
      ++base_distance_;
    }
    first_of_offset_ = false;
    base_distance_ = (base_distance_ << 7U) | (byte & 0x7FU);
    if ((byte & 0x80U) != 0) return 1;
    if (base_distance_ == 0 || base_distance_ > start_) return bad("a delta's base lies outside the pack");
    std::uint64_t base = start_ - base_distance_;
    auto entry = std::ranges::lower_bound(entries_, base, {}, &Entry::offset);
    if (entry == entries_.end() || entry->offset != base) return bad("a delta's base is not an earlier object");
    depth_ = entry->depth + 1;
    summary_.depth = std::max(summary_.depth, depth_);
    if (depth_ > limits_.depth) return too_large("a chain of deltas is too long");
    next_ = Part::data;
    return 1;
  }

  Result<std::size_t> base_name(ByteView bytes) {
    std::size_t used = 0;
    if (!gather(bytes, hash_length(format_), used)) return used;
    summary_.bases.insert(to_hex(as_bytes(gathered_)));
    if (summary_.bases.size() > limits_.bases) return too_large("the pack needs too many other objects");
    gathered_.clear();
    depth_ = 1;
    next_ = Part::data;
    return used;
  }

  Result<std::size_t> data(ByteView bytes) {
    std::size_t offered = std::min(bytes.size(), kChunk);
    zlib_.next_in = const_cast<Bytef*>(bytes.data());  // zlib's interface; it does not write there
    zlib_.avail_in = static_cast<uInt>(offered);
    zlib_.next_out = buffer_.data();
    zlib_.avail_out = static_cast<uInt>(buffer_.size());
    int code = ::inflate(&zlib_, Z_NO_FLUSH);
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) return bad("an object does not inflate");
    std::size_t used = offered - zlib_.avail_in;
    Status taken = take_output(ByteView(buffer_.data(), buffer_.size() - zlib_.avail_out));
    if (!taken) return fail(taken.error());
    if (code == Z_STREAM_END) {
      Status ended = end_object();
      if (!ended) return fail(ended.error());
    } else if (used == 0 && zlib_.avail_out == buffer_.size()) {
      return bad("an object does not inflate");
    }
    return used;
  }

  Status take_output(ByteView output) {
    out_ += output.size();
    if (out_ > size_) return bad("an object is larger than it says");
    summary_.inflated += output.size();
    inflated_here_ += output.size();
    if (inflated_here_ > kFreeInflated && inflated_here_ / limits_.ratio > position_) {
      return too_large("the pack inflates to too much for its size");
    }
    if (is_delta()) {
      std::size_t wanted = kMaxDeltaHeader - delta_header_.size();
      delta_header_.append(as_text(output.first(std::min(wanted, output.size()))));
    } else if (!wanted_.empty()) {
      object_hash_.update(output);
    }
    if (summary_.inflated > limits_.inflated) return too_large("the pack's objects are too large together");
    return {};
  }

  Status end_object() {
    if (out_ != size_) return bad("an object is smaller than it says");
    std::uint64_t size = size_;
    if (is_delta()) {
      ByteView head = as_bytes(delta_header_);
      std::optional<std::uint64_t> base_size = take_size(head);
      std::optional<std::uint64_t> result_size = base_size ? take_size(head) : std::nullopt;
      if (!result_size) return bad("a delta does not say how large its objects are");
      if (*result_size > limits_.object_size || *base_size > limits_.object_size)
        return too_large("a delta makes an object that is too large");
      summary_.inflated += *result_size;
      if (summary_.inflated > limits_.inflated) return too_large("the pack's objects are too large together");
      size = *result_size;
    } else if (!wanted_.empty()) {
      std::string id = to_hex(as_bytes(object_hash_.finish()));
      if (wanted_.contains(id)) found_.insert(std::move(id));
    }
    summary_.biggest_object = std::max(summary_.biggest_object, size);
    entries_.push_back({start_, depth_});
    ::inflateReset(&zlib_);
    next_object();
    return {};
  }

  Result<std::size_t> checksum(ByteView bytes) {
    std::size_t used = 0;
    if (!gather(bytes, hash_length(format_), used)) return used;
    if (pack_hash_.finish() != gathered_) return bad("the pack's checksum is wrong");
    summary_.checksum = to_hex(as_bytes(gathered_));
    next_ = Part::end;
    return used;
  }

  struct Entry {
    std::uint64_t offset = 0;
    std::uint32_t depth = 0;
  };

  ObjectFormat format_;
  PackLimits limits_;
  PackSummary summary_;
  std::set<std::string> wanted_;
  std::set<std::string> found_;

  Part part_ = Part::header;
  std::optional<Part> next_;
  std::uint64_t position_ = 0;  // of the next byte in the pack
  std::string gathered_;
  ObjectHash pack_hash_;
  std::vector<Entry> entries_;  // objects so far, by offset

  // The object being read.
  std::uint64_t start_ = 0;
  PackedType type_ = PackedType::blob;
  unsigned shift_ = 0;
  std::uint64_t size_ = 0;
  std::uint64_t base_distance_ = 0;
  bool first_of_offset_ = true;
  std::uint32_t depth_ = 0;
  std::uint64_t out_ = 0;
  std::uint64_t inflated_here_ = 0;  // by zlib, over all objects
  std::string delta_header_;
  ObjectHash object_hash_;
  z_stream zlib_{};
  std::array<std::uint8_t, kChunk> buffer_{};
};

PackScan::PackScan(ObjectFormat format, PackLimits limits) : reader_(std::make_unique<Reader>(format, limits)) {}
PackScan::~PackScan() = default;
PackScan::PackScan(PackScan&&) noexcept = default;
PackScan& PackScan::operator=(PackScan&&) noexcept = default;

void PackScan::look_for(std::set<std::string> ids) {
  reader_->look_for(std::move(ids));
}
Status PackScan::feed(ByteView bytes) {
  return reader_->feed(bytes);
}
Result<PackSummary> PackScan::finish() {
  return reader_->finish();
}

Result<PackSummary> scan_pack(const std::string& path, std::uint64_t offset, ObjectFormat format,
                              const PackLimits& limits, std::set<std::string> look_for) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open() || ::lseek(file.get(), static_cast<off_t>(offset), SEEK_SET) < 0)
    return fail(ErrorKind::unavailable, "git.pack_unreadable", "the pack's file cannot be opened");
  PackScan scan(format, limits);
  scan.look_for(std::move(look_for));
  Bytes buffer(256U << 10);
  while (true) {
    ssize_t count = ::read(file.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(ErrorKind::unavailable, "git.pack_unreadable", "the pack's file cannot be read");
    if (count == 0) return scan.finish();
    Status fed = scan.feed(ByteView(buffer).first(static_cast<std::size_t>(count)));
    if (!fed) return fail(fed.error());
  }
}

}  // namespace countersign::adapters::git
