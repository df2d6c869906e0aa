// SigningKey: the log's Ed25519 private key (RFC 8032), kept as PKCS #8 PEM in a file that only its owner can read.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>

#include "core/bytes.h"
#include "core/result.h"

struct evp_pkey_st;

namespace countersign::audit {

using PublicKey = std::array<std::uint8_t, 32>;
using Signature = std::array<std::uint8_t, 64>;

// Movable value; `sign` may be called from one thread at a time.
class SigningKey {
 public:
  // Reads the key at `path`, or creates it (mode 0600, synced to disk, in an existing folder) when there is none.
  // audit.key_permissions: others can read or write the file; audit.key_malformed: not an unencrypted Ed25519 PKCS #8
  // PEM; audit.key_unreadable: the operating system says no.
  static Result<SigningKey> load_or_create(const std::filesystem::path& path);
  // A fresh key that is kept nowhere.
  static SigningKey generate();

  [[nodiscard]] const PublicKey& public_key() const { return public_key_; }
  [[nodiscard]] Signature sign(std::string_view message) const;

 private:
  struct Free {
    void operator()(evp_pkey_st* key) const;
  };
  using Handle = std::unique_ptr<evp_pkey_st, Free>;
  explicit SigningKey(Handle key);

  Handle key_;
  PublicKey public_key_{};
};

[[nodiscard]] bool verify_ed25519(const PublicKey& key, std::string_view message, ByteView signature);

}  // namespace countersign::audit
