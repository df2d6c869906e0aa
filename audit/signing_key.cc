#include "audit/signing_key.h"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

#include "audit/files.h"
#include "core/secret.h"

namespace countersign::audit {
namespace {

constexpr std::size_t kMaxKeyFile = 4096;

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Bio = std::unique_ptr<BIO, FreeBio>;
using Context = std::unique_ptr<EVP_MD_CTX, FreeContext>;

// An encrypted key would make OpenSSL ask on the terminal.
int no_passphrase(char*, int, int, void*) {
  return 0;
}

Secret to_pem(EVP_PKEY* key) {
  Bio bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) std::abort();
  char* data = nullptr;
  long size = BIO_get_mem_data(bio.get(), &data);
  return Secret(std::string(data, static_cast<std::size_t>(size)));
}

}  // namespace

void SigningKey::Free::operator()(evp_pkey_st* key) const {
  EVP_PKEY_free(key);
}

SigningKey::SigningKey(Handle key) : key_(std::move(key)) {
  std::size_t size = public_key_.size();
  if (EVP_PKEY_get_raw_public_key(key_.get(), public_key_.data(), &size) != 1) std::abort();
}

SigningKey SigningKey::generate() {
  Handle key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  if (!key) std::abort();  // no generator: nothing here may run on guessable keys
  return SigningKey(std::move(key));
}

Result<SigningKey> SigningKey::load_or_create(const std::filesystem::path& path) {
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file && errno == ENOENT) {
    SigningKey fresh = generate();
    if (auto written = write_new_file(path, to_pem(fresh.key_.get()).expose(), 0600); !written) {
      return fail(ErrorKind::unavailable, "audit.key_unreadable",
                  "cannot create the signing key: " + written.error().message);
    }
    return fresh;
  }
  if (!file)
    return fail(ErrorKind::unavailable, "audit.key_unreadable", "cannot read the signing key: " + errno_text(errno));
  struct stat info{};
  if (::fstat(file.get(), &info) != 0 || (info.st_mode & 077U) != 0) {
    return fail(ErrorKind::forbidden, "audit.key_permissions",
                "the signing key must be readable by its owner only (mode 0600)");
  }
  auto text = read_range(file.get(), 0, kMaxKeyFile);
  if (!text) return fail(text.error());
  Secret pem(std::move(*text));
  Bio bio(BIO_new_mem_buf(pem.expose().data(), static_cast<int>(pem.expose().size())));
  Handle key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  if (!key || EVP_PKEY_get_id(key.get()) != EVP_PKEY_ED25519) {
    return fail(ErrorKind::malformed, "audit.key_malformed",
                "the signing key is not an unencrypted Ed25519 key in PKCS #8 PEM");
  }
  return SigningKey(std::move(key));
}

Signature SigningKey::sign(std::string_view message) const {
  Signature signature{};
  std::size_t size = signature.size();
  Context context(EVP_MD_CTX_new());
  ByteView bytes = as_bytes(message);
  if (!context || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) != 1 ||
      EVP_DigestSign(context.get(), signature.data(), &size, bytes.data(), bytes.size()) != 1) {
    std::abort();  // out of memory, or no Ed25519 in this OpenSSL: an unsigned log must not go on
  }
  return signature;
}

bool verify_ed25519(const PublicKey& key, std::string_view message, ByteView signature) {
  struct FreeKey {
    void operator()(EVP_PKEY* handle) const { EVP_PKEY_free(handle); }
  };
  std::unique_ptr<EVP_PKEY, FreeKey> handle(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.data(), key.size()));
  Context context(EVP_MD_CTX_new());
  ByteView bytes = as_bytes(message);
  return handle && context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, handle.get()) == 1 &&
         EVP_DigestVerify(context.get(), signature.data(), signature.size(), bytes.data(), bytes.size()) == 1;
}

}  // namespace countersign::audit
