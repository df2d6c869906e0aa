// Which objects a pack holds: git's pack index, version 2, mapped into memory. (gitformat-pack) Immutable; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/bytes.h"
#include "core/result.h"
#include "proxy/adapters/git/object_id.h"

namespace countersign::adapters::git {

class PackIndex {
 public:
  // Reads a file that git index-pack wrote; it may be removed afterwards. Error: git.bad_pack_index.
  static Result<std::shared_ptr<const PackIndex>> open(const std::string& path, ObjectFormat format);
  ~PackIndex();
  PackIndex(const PackIndex&) = delete;
  PackIndex& operator=(const PackIndex&) = delete;

  [[nodiscard]] std::uint32_t size() const { return count_; }
  // The name of an object, in hexadecimal; `at` is below size().
  [[nodiscard]] std::string id(std::uint32_t at) const;
  // `id` in hexadecimal.
  [[nodiscard]] bool contains(std::string_view id) const;

 private:
  PackIndex(ByteView map, ObjectFormat format) : map_(map), format_(format) {}
  [[nodiscard]] std::uint32_t number(std::size_t at) const;

  ByteView map_;
  ObjectFormat format_;
  std::uint32_t count_ = 0;
};

}  // namespace countersign::adapters::git
