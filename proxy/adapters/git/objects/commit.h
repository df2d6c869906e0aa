// Commits and tags, read from their bytes. (gitformat, git-commit-tree(1), git-mktag(1)) Pure functions, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "proxy/adapters/git/object_id.h"

namespace countersign::adapters::git {

// As the commit claims; anybody can write anything here.
struct Person {
  std::string name;
  std::string email;
  std::int64_t time = 0;  // seconds since 1970
  std::string zone;       // "+0100"
};

// That there is a signature, and of what sort; not that it is good.
enum class Signature : std::uint8_t { none, openpgp, ssh, x509, unknown };

struct Commit {
  std::string tree;
  std::vector<std::string> parents;
  Person author;
  Person committer;
  Signature signature = Signature::none;
  std::string message;  // as it stands
};

struct Tag {
  std::string object;
  std::string type;  // of the object: "commit", "tree", "blob", "tag"
  std::string name;
  Person tagger;  // empty in very old tags
  Signature signature = Signature::none;
  std::string message;
};

// Error of both: git.bad_object.
Result<Commit> parse_commit(std::string_view bytes, ObjectFormat format);
Result<Tag> parse_tag(std::string_view bytes, ObjectFormat format);

// The first paragraph on one line.
[[nodiscard]] std::string subject_of(std::string_view message);

}  // namespace countersign::adapters::git
