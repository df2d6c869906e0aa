// The register of issued tokens, for `token list`: <state>/tokens.jsonl, a canonical JSON object a line:
//   {"agent","exp","iat","id","issued_by","kind","owner","scope"}   times as RFC 3339, id the chain id of block 0.
// It never holds a token or any part of a secret. Tokens narrowed offline do not appear; their chains begin with an id
// that does.
//
// Any thread may call any method.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "auth/block.h"
#include "auth/durable_lines.h"
#include "auth/revocation.h"
#include "core/clock.h"
#include "core/result.h"

namespace countersign::auth {

struct IssuedToken {
  TokenId id{};  // chain id of the token as issued
  Audience audience = Audience::agents;
  std::string agent;  // empty for a personal token
  std::string owner;
  std::string scope;  // summary for people (auth/scope_json.h, scope_summary)
  TimeMs issued = 0;
  TimeMs expires = 0;
  std::string issued_by;  // who asked for it
};

struct ListedToken {
  IssuedToken token;
  std::optional<Revocation> revoked;
};

class Registry {
 public:
  // "registry.unavailable" when the file cannot be read, written or understood (with its line).
  static Result<std::unique_ptr<Registry>> open(const std::filesystem::path& path);

  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  // Durable when it returns; a token is handed out only after that.
  [[nodiscard]] Status add(const IssuedToken& token);
  // Newest first, with what the revocations know about each.
  [[nodiscard]] std::vector<ListedToken> list(const Revocations& revocations) const;
  // Who had the token of this chain id issued; empty when it is not in the register.
  [[nodiscard]] std::string issuer_of(std::string_view hex_id) const;

 private:
  explicit Registry(DurableLines file) : file_(std::move(file)) {}

  mutable std::mutex lock_;
  DurableLines file_;
  std::vector<IssuedToken> tokens_;
};

}  // namespace countersign::auth
