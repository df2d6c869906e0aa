// What an LFS client sends, for the tests of LFS.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/http_head.h"

namespace countersign::adapters::test {

inline const std::string kOid(64, 'a');
inline const std::string kOther(64, 'b');
inline constexpr std::string_view kSecret = "Basic Y2k6dGhlLXVwc3RyZWFtJ3Mtb3du";

inline HeaderList lfs_headers(std::string_view type = "application/vnd.git-lfs+json; charset=utf-8") {
  HeaderList out;
  out.add("Content-Type", type);
  out.add("Host", "gateway.example:8700");
  return out;
}

inline std::string batch(std::string_view operation, std::string_view ref, std::string_view objects) {
  std::string out = R"({"operation":")" + std::string(operation) + R"(","transfers":["basic"],"objects":[)" +
                    std::string(objects) + "]";
  if (!ref.empty()) out += R"(,"ref":{"name":")" + std::string(ref) + R"("})";
  return out + "}";
}

inline std::string object(std::string_view oid, std::int64_t size) {
  return R"({"oid":")" + std::string(oid) + R"(","size":)" + std::to_string(size) + "}";
}

}  // namespace countersign::adapters::test
