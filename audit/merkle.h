// The Merkle tree of RFC 6962 section 2.1 (RFC 9162 section 2.1) over SHA-256: hashes, and the compact range that an
// append-only writer keeps. Pure values; a CompactRange belongs to one thread.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/sha256.h"

namespace countersign::audit {

[[nodiscard]] Digest leaf_hash(std::string_view record);                  // SHA-256(0x00 ‖ record)
[[nodiscard]] Digest node_hash(const Digest& left, const Digest& right);  // SHA-256(0x01 ‖ left ‖ right)
[[nodiscard]] Digest empty_root();                                        // SHA-256("")

// The roots of the perfect subtrees that cover leaves [0, size), largest first: one for each bit set in `size`, at
// most 64.
class CompactRange {
 public:
  void add(const Digest& leaf);
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] Digest root() const;
  [[nodiscard]] const std::vector<Digest>& nodes() const { return nodes_; }

  // Malformed ("audit.range") unless there are as many nodes as `size` has bits set.
  static Result<CompactRange> restore(std::uint64_t size, std::vector<Digest> nodes);

  bool operator==(const CompactRange&) const = default;

 private:
  std::uint64_t size_ = 0;
  std::vector<Digest> nodes_;
};

}  // namespace countersign::audit
