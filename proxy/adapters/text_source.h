// A request body that is at hand as text.
#pragma once

#include <string>
#include <utility>

#include "proxy/adapters/doors.h"

namespace countersign::adapters {

class TextSource final : public BodySource {
 public:
  explicit TextSource(std::string text) : text_(std::move(text)) {}
  [[nodiscard]] std::uint64_t size() const override { return text_.size(); }
  void rewind() override { over_ = false; }
  Result<ByteView> next() override { return std::exchange(over_, true) ? ByteView() : as_bytes(text_); }

 private:
  std::string text_;
  bool over_ = false;
};

}  // namespace countersign::adapters
