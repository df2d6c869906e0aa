// The checksums S3 knows under the names x-amz-checksum-…: they find accidents, they prove nothing. An object belongs
// to one thread. Source: "Checking object integrity" of the Amazon S3 User Guide.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace countersign::auth {

enum class ChecksumKind : std::uint8_t { crc32, crc32c, crc64nvme, sha1, sha256 };

// "x-amz-checksum-crc32c" in lower case; nullopt: none of them.
[[nodiscard]] std::optional<ChecksumKind> checksum_of_header(std::string_view name);
// Characters of its value in base64.
[[nodiscard]] std::size_t checksum_characters(ChecksumKind kind);

class Checksum {
 public:
  explicit Checksum(ChecksumKind kind);

  void update(std::string_view data);
  // The value as it stands in a header field: base64 of the big-endian bytes. Ends the computation.
  [[nodiscard]] std::string finish();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  ChecksumKind kind_;
  std::uint64_t state_ = 0;
  std::unique_ptr<evp_md_ctx_st, Free> digest_;  // sha1, sha256
};

}  // namespace countersign::auth
