// Spooled bodies as adapters see them.
#pragma once

#include "core/http_head.h"
#include "proxy/adapters/doors.h"
#include "proxy/http1/spool.h"

namespace countersign::proxy {

// The view is valid as long as the spool. Of a promised one: what was promised, and no bytes.
[[nodiscard]] BodyView view_of(const http1::Spool& spool);

class SpoolSource final : public adapters::BodySource {
 public:
  // `spool` is finished and outlives the source.
  explicit SpoolSource(const http1::Spool& spool) : spool_(spool) {}
  [[nodiscard]] std::uint64_t size() const override { return spool_.size(); }
  void rewind() override { offset_ = 0; }
  Result<ByteView> next() override;
  [[nodiscard]] std::optional<std::filesystem::path> file() const override { return spool_.file(); }
  [[nodiscard]] const http1::Spool& spool() const { return spool_; }

 private:
  const http1::Spool& spool_;
  std::uint64_t offset_ = 0;
  Bytes buffer_;  // only for bodies on disk
};

}  // namespace countersign::proxy
