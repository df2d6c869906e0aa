// TLS settings. One context serves one worker: OpenSSL takes locks on what connections of a context share.
//
// TLS 1.2 and 1.3 only; in 1.2 only forward-secret AEAD suites; no renegotiation, no compression; ALPN "http/1.1" (RFC
// 7301).
#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"

struct ssl_ctx_st;

namespace countersign::net {

class TlsContext {
 public:
  explicit TlsContext(ssl_ctx_st* owned) : context_(owned) {}
  [[nodiscard]] ssl_ctx_st* get() const { return context_.get(); }

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };
  std::unique_ptr<ssl_ctx_st, Free> context_;
};

struct ServerTls {
  std::filesystem::path certificate;  // PEM: the leaf, then its chain
  std::filesystem::path key;          // PEM, unencrypted
};

struct ClientTls {
  std::filesystem::path ca_file;      // PEM; empty: the system's authorities
  std::filesystem::path certificate;  // PEM, for mutual TLS; empty: none
  std::filesystem::path key;
};

// `count` contexts with the same certificate and session ticket keys. tls.certificate, tls.key (invalid) when a file
// cannot be used.
[[nodiscard]] Result<std::vector<TlsContext>> make_server_contexts(const ServerTls& files, std::size_t count);

// Verifies the peer's chain; the host name is checked for each connection. tls.authorities (invalid) when the file
// cannot be used.
[[nodiscard]] Result<TlsContext> make_client_context(const ClientTls& files);

}  // namespace countersign::net
