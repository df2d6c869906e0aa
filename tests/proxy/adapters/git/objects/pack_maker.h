// Packs made by hand, right and wrong ones.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "core/bytes.h"
#include "proxy/adapters/git/objects/object_hash.h"

namespace countersign::adapters::git {

enum : unsigned { kCommit = 1, kTree = 2, kBlob = 3, kTag = 4, kOfsDelta = 6, kRefDelta = 7 };

inline std::string deflated(std::string_view text) {
  uLongf size = ::compressBound(text.size());
  std::string out(size, '\0');
  ::compress(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(text.data()), text.size());
  out.resize(size);
  return out;
}

class PackMaker {
 public:
  explicit PackMaker(std::uint32_t objects, std::uint32_t version = 2, ObjectFormat format = ObjectFormat::sha1)
      : format_(format), bytes_("PACK") {
    number(version);
    number(objects);
  }

  [[nodiscard]] std::size_t size() const { return bytes_.size(); }

  PackMaker& head(unsigned type, std::uint64_t size) {
    unsigned byte = (type << 4U) | static_cast<unsigned>(size & 15U);
    size >>= 4U;
    while (size != 0) {
      bytes_ += static_cast<char>(byte | 0x80U);
      byte = static_cast<unsigned>(size & 0x7FU);
      size >>= 7U;
    }
    bytes_ += static_cast<char>(byte);
    return *this;
  }
  PackMaker& object(unsigned type, std::string_view text) { return head(type, text.size()).raw(deflated(text)); }
  PackMaker& ofs_delta(std::uint64_t distance, std::string_view delta) {
    head(kOfsDelta, delta.size());
    std::string groups(1, static_cast<char>(distance & 0x7FU));
    while ((distance >>= 7U) != 0) {
      --distance;
      groups.insert(groups.begin(), static_cast<char>(0x80U | (distance & 0x7FU)));
    }
    return raw(groups).raw(deflated(delta));
  }
  PackMaker& ref_delta(std::string_view raw_id, std::string_view delta) {
    return head(kRefDelta, delta.size()).raw(raw_id).raw(deflated(delta));
  }
  PackMaker& raw(std::string_view text) {
    bytes_ += text;
    return *this;
  }
  // With the checksum.
  [[nodiscard]] std::string finish() const {
    ObjectHash hash(format_);
    hash.update(as_bytes(bytes_));
    return bytes_ + hash.finish();
  }
  [[nodiscard]] const std::string& unfinished() const { return bytes_; }

 private:
  void number(std::uint32_t value) {
    for (unsigned shift : {24U, 16U, 8U, 0U}) bytes_ += static_cast<char>((value >> shift) & 0xFFU);
  }
  ObjectFormat format_;
  std::string bytes_;
};

// A delta that copies the whole base of `base` bytes (below 65 536) `times` times.
inline std::string copying_delta(std::size_t base, std::size_t times) {
  auto size = [](std::size_t value) {
    std::string out;
    for (; value >= 0x80; value >>= 7U) out += static_cast<char>((value & 0x7FU) | 0x80U);
    return out + static_cast<char>(value);
  };
  std::string out = size(base) + size(base * times);
  for (std::size_t i = 0; i < times; ++i)
    out += std::string("\xB0", 1) + static_cast<char>(base & 0xFFU) + static_cast<char>(base >> 8U);
  return out;
}

}  // namespace countersign::adapters::git
