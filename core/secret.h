// Secret: bytes that will not print, copy by accident, or outlive their use in memory.
#pragma once

#include <openssl/crypto.h>

#include <string>
#include <string_view>
#include <utility>

#include "core/bytes.h"

namespace countersign {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  explicit Secret(ByteView bytes) : value_(as_text(bytes)) {}
  Secret(Secret&& other) noexcept : value_(std::move(other.value_)) { other.wipe(); }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      wipe();
      value_ = std::move(other.value_);
      other.wipe();
    }
    return *this;
  }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { wipe(); }

  // The only ways to the value; a reviewer finds every use by these names.
  [[nodiscard]] std::string_view expose() const { return value_; }
  [[nodiscard]] ByteView expose_bytes() const { return as_bytes(value_); }
  [[nodiscard]] Secret duplicate() const { return Secret(std::string(value_)); }
  [[nodiscard]] bool empty() const { return value_.empty(); }

 private:
  void wipe() {
    OPENSSL_cleanse(value_.data(), value_.size());
    value_.clear();
  }
  std::string value_;
};

template <class Stream>
Stream& operator<<(Stream& stream, const Secret&) = delete;

}  // namespace countersign
