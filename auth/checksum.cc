#include "auth/checksum.h"

#include <openssl/evp.h>

#include <array>
#include <bit>
#include <cstdlib>
#include <cstring>

#include "core/bytes.h"

namespace countersign::auth {
namespace {

// Reflected CRCs of up to 64 bits, eight bytes a step (slicing-by-8): table k holds what a byte does k bytes later.
using Tables = std::array<std::array<std::uint64_t, 256>, 8>;

constexpr Tables make_tables(std::uint64_t polynomial) {
  Tables tables{};
  for (std::uint64_t byte = 0; byte < 256; ++byte) {
    std::uint64_t value = byte;
    for (int bit = 0; bit < 8; ++bit) value = (value & 1U) != 0 ? (value >> 1U) ^ polynomial : value >> 1U;
    tables[0][byte] = value;
  }
  for (std::size_t k = 1; k < 8; ++k) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      std::uint64_t value = tables[k - 1][byte];
      tables[k][byte] = (value >> 8U) ^ tables[0][value & 255U];
    }
  }
  return tables;
}

constexpr Tables kCrc32 = make_tables(0xedb88320U);
constexpr Tables kCrc32c = make_tables(0x82f63b78U);
constexpr Tables kCrc64Nvme = make_tables(0x9a6c9329ac4bc9b5U);

std::uint64_t run(const Tables& tables, std::uint64_t state, std::string_view data) {
  static_assert(std::endian::native == std::endian::little);
  while (data.size() >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, data.data(), 8);
    word ^= state;
    state = tables[7][word & 255U] ^ tables[6][(word >> 8U) & 255U] ^ tables[5][(word >> 16U) & 255U] ^
            tables[4][(word >> 24U) & 255U] ^ tables[3][(word >> 32U) & 255U] ^ tables[2][(word >> 40U) & 255U] ^
            tables[1][(word >> 48U) & 255U] ^ tables[0][word >> 56U];
    data.remove_prefix(8);
  }
  for (char c : data) state = (state >> 8U) ^ tables[0][(state ^ static_cast<unsigned char>(c)) & 255U];
  return state;
}

const Tables& tables_of(ChecksumKind kind) {
  if (kind == ChecksumKind::crc32) return kCrc32;
  return kind == ChecksumKind::crc32c ? kCrc32c : kCrc64Nvme;
}

bool is_digest(ChecksumKind kind) {
  return kind == ChecksumKind::sha1 || kind == ChecksumKind::sha256;
}

const EVP_MD* algorithm(ChecksumKind kind) {
  static const EVP_MD* const sha1 = EVP_MD_fetch(nullptr, "SHA1", nullptr);
  static const EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return kind == ChecksumKind::sha1 ? sha1 : sha256;
}

std::size_t bytes_of(ChecksumKind kind) {
  switch (kind) {
    case ChecksumKind::crc32:
    case ChecksumKind::crc32c:
      return 4;
    case ChecksumKind::crc64nvme:
      return 8;
    case ChecksumKind::sha1:
      return 20;
    case ChecksumKind::sha256:
      return 32;
  }
  return 0;
}

}  // namespace

std::optional<ChecksumKind> checksum_of_header(std::string_view name) {
  constexpr std::string_view kPrefix = "x-amz-checksum-";
  if (!name.starts_with(kPrefix)) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  if (name == "crc32") return ChecksumKind::crc32;
  if (name == "crc32c") return ChecksumKind::crc32c;
  if (name == "crc64nvme") return ChecksumKind::crc64nvme;
  if (name == "sha1") return ChecksumKind::sha1;
  if (name == "sha256") return ChecksumKind::sha256;
  return std::nullopt;
}

std::size_t checksum_characters(ChecksumKind kind) {
  return (bytes_of(kind) + 2) / 3 * 4;
}

void Checksum::Free::operator()(evp_md_ctx_st* context) const {
  EVP_MD_CTX_free(context);
}

Checksum::Checksum(ChecksumKind kind) : kind_(kind) {
  if (!is_digest(kind)) {
    state_ = kind == ChecksumKind::crc64nvme ? ~std::uint64_t{0} : 0xffffffffU;
    return;
  }
  digest_.reset(EVP_MD_CTX_new());
  if (!digest_ || EVP_DigestInit_ex(digest_.get(), algorithm(kind), nullptr) != 1) std::abort();
}

void Checksum::update(std::string_view data) {
  if (!digest_) {
    state_ = run(tables_of(kind_), state_, data);
  } else if (EVP_DigestUpdate(digest_.get(), data.data(), data.size()) != 1) {
    std::abort();
  }
}

std::string Checksum::finish() {
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> bytes{};
  std::size_t count = bytes_of(kind_);
  if (digest_) {
    if (EVP_DigestFinal_ex(digest_.get(), bytes.data(), nullptr) != 1) std::abort();
  } else {
    std::uint64_t value = ~state_;
    for (std::size_t i = 0; i < count; ++i) bytes.at(count - 1 - i) = static_cast<std::uint8_t>(value >> (8 * i));
  }
  return to_base64(ByteView(bytes).first(count));
}

}  // namespace countersign::auth
