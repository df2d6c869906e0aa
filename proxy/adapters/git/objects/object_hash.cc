#include "proxy/adapters/git/objects/object_hash.h"

#include <openssl/evp.h>

#include <cstdlib>

namespace countersign::adapters::git {
namespace {

// Fetched once: OpenSSL 3.0 takes global locks on every fetch.
const EVP_MD* algorithm(ObjectFormat format) {
  static const EVP_MD* const kSha1 = EVP_MD_fetch(nullptr, "SHA1", nullptr);
  static const EVP_MD* const kSha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return format == ObjectFormat::sha1 ? kSha1 : kSha256;
}

void must(int done) {
  if (done != 1) std::abort();  // out of memory, or a library without the hashes git is made of
}

}  // namespace

void ObjectHash::Free::operator()(evp_md_ctx_st* context) const {
  EVP_MD_CTX_free(context);
}

ObjectHash::ObjectHash(ObjectFormat format) : format_(format), context_(EVP_MD_CTX_new()) {
  must(EVP_DigestInit_ex2(context_.get(), algorithm(format_), nullptr));
}

void ObjectHash::update(ByteView bytes) {
  must(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()));
}

std::string ObjectHash::finish() {
  std::string out(hash_length(format_), '\0');
  must(EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(out.data()), nullptr));
  must(EVP_DigestInit_ex2(context_.get(), algorithm(format_), nullptr));
  return out;
}

}  // namespace countersign::adapters::git
