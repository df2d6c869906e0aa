// What the tests of auth/ share: keys, claims, a folder that goes away.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>

#include "auth/token.h"

namespace countersign::auth {

inline constexpr TimeMs kIssued = 1'795'000'000'000;
inline constexpr TimeMs kNow = kIssued + 600'000;
inline constexpr TimeMs kHour = 3'600'000;

inline KeySet test_keys() {
  KeySet keys;
  keys.keys.emplace("k1", Secret(std::string(32, 'a')));
  keys.keys.emplace("k2", Secret(std::string(32, 'b')));
  keys.newest = "k2";
  return keys;
}

inline Claims test_claims() {
  Claims claims;
  claims.agent = "builder";
  claims.owner = "alice";
  claims.issued = kIssued;
  claims.expires = kIssued + kHour;
  claims.scope = {ScopeRule{.upstreams = {"files"}}};
  return claims;
}

inline std::string code_of(const auto& result) {
  return result ? std::string("ok") : result.error().code;
}

// A new, empty folder, removed with everything in it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "countersign-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace countersign::auth
