// Memory for the values an expression makes on its way: handed out in a row, given back all at once, kept for the next
// expression. What lives here is never destroyed, so it must not own anything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace cedar {

class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // `bytes` bytes, aligned for any scalar type. Valid until reset().
  void* allocate(std::size_t bytes) {
    bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    if (bytes > left_) refill(bytes);
    std::byte* out = next_;
    next_ += bytes;
    left_ -= bytes;
    return out;
  }
  // Default-constructed elements that will not be destroyed.
  template <class T>
  std::span<T> array(std::size_t count) {
    T* first = static_cast<T*>(allocate(count * sizeof(T)));
    std::uninitialized_default_construct_n(first, count);
    return {first, count};
  }

  // Takes everything back. At most kKept bytes stay for what comes next.
  void reset() {
    if (used_ != 0 || left_ != size_of_current_) rewind();
  }

 private:
  static constexpr std::size_t kAlignment = alignof(std::max_align_t);
  static constexpr std::size_t kChunk = 16U << 10;
  static constexpr std::size_t kKept = 4U << 20;

  struct Chunk {
    std::unique_ptr<std::byte[]> bytes;
    std::size_t size;
  };

  void refill(std::size_t bytes);
  void rewind();
  void use(std::size_t chunk);

  std::vector<Chunk> chunks_;
  std::size_t used_ = 0;  // the chunk that is being handed out
  std::size_t size_of_current_ = 0;
  std::byte* next_ = nullptr;
  std::size_t left_ = 0;
};

}  // namespace cedar
