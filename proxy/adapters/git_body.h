// What of a push's body is read here: its front, and a stored one from its file. One thread at a time; reads may block.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "core/result.h"
#include "proxy/adapters/doors.h"
#include "proxy/adapters/git/push_request.h"

namespace countersign::adapters {

// A stored body. A file that is not there is one that ends at once.
class FileSource final : public BodySource {
 public:
  FileSource(const std::filesystem::path& path, std::uint64_t size) : file_(path, std::ios::binary), size_(size) {}
  [[nodiscard]] std::uint64_t size() const override { return size_; }
  void rewind() override;
  Result<ByteView> next() override;

 private:
  std::ifstream file_;
  std::uint64_t size_;
  std::string buffer_;
};

// What a push asks for: reads up to where the pack begins. `body` may be nullptr: it is empty. Errors: those of
// git::read_push and of the body; git.truncated.
Result<git::PushRequest> read_front(BodySource* body);

}  // namespace countersign::adapters
