#include "core/sha256.h"

#include <openssl/evp.h>

#include <cstdlib>

namespace countersign {
namespace {

const EVP_MD* fetched_sha256() {
  static const EVP_MD* const md = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return md;
}

constexpr std::size_t kBlock = 64;

// One context a thread for the one-shot functions.
Sha256& scratch() {
  thread_local Sha256 hash;
  return hash;
}

}  // namespace

void Sha256::Free::operator()(evp_md_ctx_st* context) const {
  EVP_MD_CTX_free(context);
}

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  if (!context_ || EVP_DigestInit_ex(context_.get(), fetched_sha256(), nullptr) != 1) std::abort();
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(ByteView bytes) {
  if (EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) != 1) std::abort();
}

Digest Sha256::finish() {
  Digest out{};
  if (EVP_DigestFinal_ex(context_.get(), out.data(), nullptr) != 1) std::abort();
  if (EVP_DigestInit_ex(context_.get(), nullptr, nullptr) != 1) std::abort();
  return out;
}

Digest sha256(ByteView bytes) {
  Sha256& hash = scratch();
  hash.update(bytes);
  return hash.finish();
}

Digest hmac_sha256(ByteView key, std::initializer_list<ByteView> parts) {
  Sha256& hash = scratch();
  std::array<std::uint8_t, kBlock> pad{};
  if (key.size() > kBlock) {
    Digest shortened = sha256(key);
    std::copy(shortened.begin(), shortened.end(), pad.begin());
  } else {
    std::copy(key.begin(), key.end(), pad.begin());
  }
  for (auto& byte : pad) byte ^= 0x36;
  hash.update(pad);
  for (ByteView part : parts) hash.update(part);
  Digest inner = hash.finish();
  for (auto& byte : pad) byte ^= 0x36 ^ 0x5c;
  hash.update(pad);
  hash.update(inner);
  return hash.finish();
}

FieldDigest& FieldDigest::field(std::string_view value) {
  std::array<std::uint8_t, 8> length{};
  for (std::size_t i = 0; i < 8; ++i) length[i] = static_cast<std::uint8_t>(value.size() >> (8 * (7 - i)));
  hash_.update(length);
  hash_.update(value);
  return *this;
}

}  // namespace countersign
