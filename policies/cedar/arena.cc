#include "policies/cedar/arena.h"

#include <algorithm>

namespace cedar {

void Arena::use(std::size_t chunk) {
  used_ = chunk;
  next_ = chunks_[chunk].bytes.get();
  left_ = size_of_current_ = chunks_[chunk].size;
}

void Arena::refill(std::size_t bytes) {
  for (std::size_t chunk = chunks_.empty() ? 0 : used_ + 1; chunk < chunks_.size(); ++chunk) {
    if (chunks_[chunk].size >= bytes) return use(chunk);
  }
  std::size_t size = std::max(bytes, chunks_.empty() ? kChunk : chunks_.back().size * 2);
  chunks_.push_back({std::make_unique_for_overwrite<std::byte[]>(size), size});
  use(chunks_.size() - 1);
}

void Arena::rewind() {
  std::size_t total = 0;
  std::erase_if(chunks_, [&total](const Chunk& chunk) { return (total += chunk.size) > kKept; });
  if (!chunks_.empty()) return use(0);
  used_ = left_ = size_of_current_ = 0;
  next_ = nullptr;
}

}  // namespace cedar
