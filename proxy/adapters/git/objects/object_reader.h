// Reads objects by name, through one `git cat-file` that stays up. Blocking; one thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "proxy/adapters/git/objects/conversation.h"

namespace countersign::adapters::git {

enum class ObjectType : std::uint8_t { commit, tree, blob, tag };

struct ObjectInfo {
  ObjectType type = ObjectType::blob;
  std::uint64_t size = 0;  // bytes
};

struct Object {
  ObjectType type = ObjectType::blob;
  std::string content;
};

class ObjectReader {
 public:
  // Objects of the repository and its alternates. Needs git 2.36 or later. Errors: git.tool_missing, git.tool_failed.
  static Result<ObjectReader> open(const std::filesystem::path& git_dir,
                                   const ToolLimits& limits = {.time = std::chrono::minutes(5)});

  // nullopt: there is no such object here. `id` is a whole name in hexadecimal; anything else is nullopt too.
  // Errors: git.tool_failed, git.tool_timeout.
  Result<std::optional<ObjectInfo>> info(std::string_view id);

  // As info; an object larger than `limit` bytes is the error git.object_too_large.
  Result<std::optional<Object>> read(std::string_view id, std::uint64_t limit);

 private:
  explicit ObjectReader(Conversation conversation) : conversation_(std::move(conversation)) {}
  Result<std::optional<ObjectInfo>> ask(std::string_view verb, std::string_view id);

  Conversation conversation_;
};

}  // namespace countersign::adapters::git
