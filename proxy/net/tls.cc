#include "proxy/net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cstring>
#include <string_view>

#include "core/bytes.h"

namespace countersign::net {

void TlsContext::Free::operator()(ssl_ctx_st* context) const {
  SSL_CTX_free(context);
}

namespace {

constexpr const char* kSuites12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-"
    "SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr std::array<unsigned char, 9> kProtocols = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

// What OpenSSL says about a failed call; its error queue is emptied.
std::string openssl_reason() {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return reason != nullptr ? reason : "unknown error";
}

// A client that offers only other protocols is turned away: it would not speak HTTP/1.1 afterwards.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                    unsigned int size, void*) {
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, kProtocols.data(), kProtocols.size(), offered, size) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

Result<TlsContext> make_context(const SSL_METHOD* method) {
  TlsContext context(SSL_CTX_new(method));
  if (context.get() == nullptr) return fail(ErrorKind::internal, "tls.unavailable", openssl_reason());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context.get(), kSuites12);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  // A record's header and body come in one system call.
  SSL_CTX_set_read_ahead(context.get(), 1);
  return context;
}

Status use_certificate(SSL_CTX* context, const std::filesystem::path& certificate, const std::filesystem::path& key) {
  if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1) {
    return fail(ErrorKind::invalid, "tls.certificate", certificate.string() + ": " + openssl_reason());
  }
  if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    return fail(ErrorKind::invalid, "tls.key", key.string() + ": " + openssl_reason());
  }
  return {};
}

}  // namespace

Result<std::vector<TlsContext>> make_server_contexts(const ServerTls& files, std::size_t count) {
  // Shared, so that a session opened with one worker resumes with another.
  Bytes ticket_keys = random_bytes(80);
  std::vector<TlsContext> contexts;
  for (std::size_t i = 0; i < count; ++i) {
    Result<TlsContext> context = make_context(TLS_server_method());
    if (!context) return fail(context.error());
    if (Status used = use_certificate(context->get(), files.certificate, files.key); !used) return fail(used.error());
    SSL_CTX_set_alpn_select_cb(context->get(), choose_protocol, nullptr);
    SSL_CTX_set_tlsext_ticket_keys(context->get(), ticket_keys.data(), static_cast<long>(ticket_keys.size()));
    SSL_CTX_set_num_tickets(context->get(), 1);
    contexts.push_back(std::move(*context));
  }
  return contexts;
}

Result<TlsContext> make_client_context(const ClientTls& files) {
  Result<TlsContext> context = make_context(TLS_client_method());
  if (!context) return context;
  SSL_CTX_set_verify(context->get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_alpn_protos(context->get(), kProtocols.data(), kProtocols.size());
  int loaded = files.ca_file.empty() ? SSL_CTX_set_default_verify_paths(context->get())
                                     : SSL_CTX_load_verify_locations(context->get(), files.ca_file.c_str(), nullptr);
  if (loaded != 1) return fail(ErrorKind::invalid, "tls.authorities", files.ca_file.string() + ": " + openssl_reason());
  if (!files.certificate.empty()) {
    if (Status used = use_certificate(context->get(), files.certificate, files.key); !used) return fail(used.error());
  }
  return context;
}

}  // namespace countersign::net
