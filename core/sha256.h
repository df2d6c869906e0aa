// SHA-256 and HMAC-SHA256 over OpenSSL EVP, with the algorithms fetched once: OpenSSL 3.0 takes global locks on every
// fetch. Sha256 objects belong to one thread; the free functions may be called from any.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "core/bytes.h"

struct evp_md_ctx_st;

namespace countersign {

using Digest = std::array<std::uint8_t, 32>;

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(ByteView bytes);
  void update(std::string_view text) { update(as_bytes(text)); }
  // Ends the computation; the object starts afresh.
  [[nodiscard]] Digest finish();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

[[nodiscard]] Digest sha256(ByteView bytes);
[[nodiscard]] inline Digest sha256(std::string_view text) {
  return sha256(as_bytes(text));
}

// HMAC-SHA256 over the concatenation of `parts` (RFC 2104).
[[nodiscard]] Digest hmac_sha256(ByteView key, std::initializer_list<ByteView> parts);

[[nodiscard]] inline std::string to_hex(const Digest& digest) {
  return to_hex(ByteView(digest));
}

// A digest over a list of fields where no two different lists collide: each field is preceded by its length. Used for
// every fingerprint ("what was approved"), so that ("ab","c") and ("a","bc") differ.
class FieldDigest {
 public:
  explicit FieldDigest(std::string_view domain) { field(domain); }
  FieldDigest& field(std::string_view value);
  [[nodiscard]] Digest finish() { return hash_.finish(); }

 private:
  Sha256 hash_;
};

}  // namespace countersign
