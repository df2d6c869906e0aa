#include "audit/merkle.h"

#include <bit>

namespace countersign::audit {
namespace {

// One context a thread: making one costs as much as hashing a record.
Sha256& hasher() {
  thread_local Sha256 hash;
  return hash;
}

}  // namespace

Digest leaf_hash(std::string_view record) {
  Sha256& hash = hasher();
  hash.update(std::string_view("\0", 1));
  hash.update(record);
  return hash.finish();
}

Digest node_hash(const Digest& left, const Digest& right) {
  Sha256& hash = hasher();
  hash.update(std::string_view("\1", 1));
  hash.update(ByteView(left));
  hash.update(ByteView(right));
  return hash.finish();
}

Digest empty_root() {
  return sha256(std::string_view());
}

void CompactRange::add(const Digest& leaf) {
  nodes_.push_back(leaf);
  // Like a carry in binary addition: each trailing one of the old size is a subtree that now has its sibling.
  for (std::uint64_t carry = size_; (carry & 1U) != 0; carry >>= 1U) {
    Digest right = nodes_.back();
    nodes_.pop_back();
    nodes_.back() = node_hash(nodes_.back(), right);
  }
  ++size_;
}

Digest CompactRange::root() const {
  if (nodes_.empty()) return empty_root();
  Digest root = nodes_.back();
  for (std::size_t i = nodes_.size() - 1; i-- > 0;) root = node_hash(nodes_[i], root);
  return root;
}

Result<CompactRange> CompactRange::restore(std::uint64_t size, std::vector<Digest> nodes) {
  if (static_cast<std::size_t>(std::popcount(size)) != nodes.size()) {
    return fail(ErrorKind::malformed, "audit.range", "a compact range needs one hash for each bit of its size");
  }
  CompactRange range;
  range.size_ = size;
  range.nodes_ = std::move(nodes);
  return range;
}

}  // namespace countersign::audit
