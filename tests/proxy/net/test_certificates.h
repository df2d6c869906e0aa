// A certificate authority and a server certificate for "localhost" and 127.0.0.1, made anew for each test.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

namespace countersign::testing_net {

struct TestCertificates {
  std::filesystem::path authority, certificate, key;

  // Writes ca.pem, cert.pem and key.pem into `directory`. `names`: subject alternative names in OpenSSL's notation.
  explicit TestCertificates(const std::filesystem::path& directory,
                            const std::string& names = "DNS:localhost,IP:127.0.0.1")
      : authority(directory / "ca.pem"), certificate(directory / "cert.pem"), key(directory / "key.pem") {
    Key ca_key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    Certificate ca =
        make("Test Authority", ca_key.get(), nullptr, ca_key.get(), NID_basic_constraints, "critical,CA:TRUE");
    Key leaf_key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    Certificate leaf = make("localhost", leaf_key.get(), ca.get(), ca_key.get(), NID_subject_alt_name, names);
    write(authority, [&](FILE* file) { PEM_write_X509(file, ca.get()); });
    write(certificate, [&](FILE* file) { PEM_write_X509(file, leaf.get()); });
    write(key, [&](FILE* file) { PEM_write_PrivateKey(file, leaf_key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
  }

 private:
  using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
  using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

  static Certificate make(const std::string& name, EVP_PKEY* key, X509* issuer, EVP_PKEY* issuer_key, int extension,
                          const std::string& value) {
    Certificate made(X509_new(), X509_free);
    static long serial = 1;
    X509_set_version(made.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), 3600);
    X509_set_pubkey(made.get(), key);
    X509_NAME* subject = X509_get_subject_name(made.get());
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name.c_str()), -1,
                               -1, 0);
    X509_set_issuer_name(made.get(), issuer == nullptr ? subject : X509_get_subject_name(issuer));
    X509_EXTENSION* added = X509V3_EXT_conf_nid(nullptr, nullptr, extension, value.c_str());
    X509_add_ext(made.get(), added, -1);
    X509_EXTENSION_free(added);
    X509_sign(made.get(), issuer_key, EVP_sha256());
    return made;
  }

  template <class Write>
  static void write(const std::filesystem::path& path, Write content) {
    FILE* file = std::fopen(path.c_str(), "w");
    content(file);
    std::fclose(file);
  }
};

}  // namespace countersign::testing_net
