// SHA-1 or SHA-256, as a repository uses. One thread at a time.
//
// SHA-1 here only finds things; whether objects collide on purpose is for git's own collision-detecting SHA-1, which
// every pack passes in index-pack.
#pragma once

#include <memory>
#include <string>

#include "core/bytes.h"
#include "proxy/adapters/git/object_id.h"

struct evp_md_ctx_st;

namespace countersign::adapters::git {

[[nodiscard]] constexpr std::size_t hash_length(ObjectFormat format) {
  return hex_length(format) / 2;
}

class ObjectHash {
 public:
  explicit ObjectHash(ObjectFormat format);
  void update(ByteView bytes);
  // The raw hash, hash_length() bytes; the object starts afresh.
  [[nodiscard]] std::string finish();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  ObjectFormat format_;
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

}  // namespace countersign::adapters::git
