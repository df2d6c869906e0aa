// The stored bodies of held requests: <folder>/<request id>.body, read-only, one file a request.
//
// Any thread, as long as no two calls are about the same id. Errors: "store.io" (unavailable), "approval.body_changed"
// (conflict).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "core/result.h"

namespace countersign::approvals {

class BodyFiles {
 public:
  // Creates the folder (mode 0700) when it does not exist.
  static Result<BodyFiles> open(const std::filesystem::path& folder);

  [[nodiscard]] std::filesystem::path path_of(std::string_view id) const;

  // Makes the spooled file the body of this request, durably (file and folder synced): it is moved, or copied from
  // another file system. Fails, leaving the spooled file alone, when the request has a body already.
  Status keep(std::string_view id, const std::filesystem::path& spooled) const;
  // Undoes keep().
  void give_back(std::string_view id, const std::filesystem::path& spooled) const;
  // No error when there is none.
  void remove(std::string_view id) const;
  // Removes every body whose request is not known: left behind when the process ended between a body and its row.
  Status remove_unknown(const std::function<bool(std::string_view id)>& known) const;

 private:
  explicit BodyFiles(std::filesystem::path folder) : folder_(std::move(folder)) {}
  Status sync_folder() const;
  std::filesystem::path folder_;
};

// Reads the whole file: approval.body_changed unless it has exactly this size and SHA-256 (hex).
Status check_body(const std::filesystem::path& file, std::string_view sha256_hex, std::uint64_t size);

}  // namespace countersign::approvals
