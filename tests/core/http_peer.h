// A server of one thread on 127.0.0.1 for tests of clients: answers every connection with what it was given, byte for
// byte, and keeps what it was sent. Over TLS with a certificate of its own, when asked for.
#pragma once

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace countersign::test {

// A self-signed certificate for the IP address 127.0.0.1.
class Certificate {
 public:
  Certificate()
      : key_(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"), &EVP_PKEY_free), cert_(X509_new(), &X509_free) {
    X509_set_version(cert_.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert_.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert_.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert_.get()), 3600);
    X509_set_pubkey(cert_.get(), key_.get());
    X509_NAME* name = X509_get_subject_name(cert_.get());
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
    X509_set_issuer_name(cert_.get(), name);
    add(NID_subject_alt_name, "IP:127.0.0.1");
    add(NID_basic_constraints, "critical,CA:TRUE");
    if (X509_sign(cert_.get(), key_.get(), EVP_sha256()) == 0) throw std::runtime_error("no certificate");
  }
  void write(const std::string& path) const {
    std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new_file(path.c_str(), "w"), &BIO_free);
    PEM_write_bio_X509(out.get(), cert_.get());
  }
  [[nodiscard]] EVP_PKEY* key() const { return key_.get(); }
  [[nodiscard]] X509* certificate() const { return cert_.get(); }

 private:
  void add(int nid, const char* value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
    X509_add_ext(cert_.get(), extension, -1);
    X509_EXTENSION_free(extension);
  }
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
  std::unique_ptr<X509, decltype(&X509_free)> cert_;
};

class HttpPeer {
 public:
  // Of the request: what to answer. Empty: say nothing and keep the connection open until the client goes.
  using Reply = std::function<std::string(const std::string& request)>;

  explicit HttpPeer(Reply reply, const Certificate* certificate = nullptr) : reply_(std::move(reply)) {
    std::signal(SIGPIPE, SIG_IGN);  // as the program does: either side may be gone before the other has written
    if (certificate != nullptr) {
      tls_.reset(SSL_CTX_new(TLS_server_method()));
      SSL_CTX_use_certificate(tls_.get(), certificate->certificate());
      SSL_CTX_use_PrivateKey(tls_.get(), certificate->key());
    }
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 16) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
      throw std::runtime_error("cannot listen");
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this] { serve(); });
  }
  ~HttpPeer() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  HttpPeer(const HttpPeer&) = delete;
  HttpPeer& operator=(const HttpPeer&) = delete;

  [[nodiscard]] std::string url(const std::string& path = "/") const {
    return (tls_ ? "https" : "http") + std::string("://127.0.0.1:") + std::to_string(port_) + path;
  }
  [[nodiscard]] std::vector<std::string> requests() {
    std::lock_guard guard(lock_);
    return requests_;
  }

 private:
  struct Stream {
    int fd;
    SSL* ssl;
    [[nodiscard]] int read(char* to, int size) const {
      return ssl != nullptr ? SSL_read(ssl, to, size)
                            : static_cast<int>(::recv(fd, to, static_cast<std::size_t>(size), 0));
    }
    void write(const std::string& text) const {
      std::size_t done = 0;
      while (done < text.size()) {
        const char* at = text.data() + done;
        const std::size_t left = text.size() - done;
        const auto sent = ssl != nullptr ? SSL_write(ssl, at, static_cast<int>(left))
                                         : static_cast<int>(::send(fd, at, left, MSG_NOSIGNAL));
        if (sent <= 0) return;
        done += static_cast<std::size_t>(sent);
      }
    }
  };

  void serve() {
    for (;;) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      std::unique_ptr<SSL, decltype(&SSL_free)> ssl(tls_ ? SSL_new(tls_.get()) : nullptr, &SSL_free);
      if (ssl) SSL_set_fd(ssl.get(), fd);
      if (!ssl || SSL_accept(ssl.get()) == 1) converse({fd, ssl.get()});
      ::shutdown(fd, SHUT_RDWR);
      ::close(fd);
    }
  }

  void converse(const Stream& stream) {
    std::string request;
    char buffer[4096];
    auto complete = [&] {
      const std::size_t head = request.find("\r\n\r\n");
      if (head == std::string::npos) return false;
      const std::size_t at = request.find("Content-Length: ");
      const std::size_t body = at < head ? std::stoul(request.substr(at + 16)) : 0;
      return request.size() >= head + 4 + body;
    };
    while (!complete()) {
      const int got = stream.read(buffer, sizeof(buffer));
      if (got <= 0) return;
      request.append(buffer, static_cast<std::size_t>(got));
    }
    {
      std::lock_guard guard(lock_);
      requests_.push_back(request);
    }
    const std::string answer = reply_(request);
    stream.write(answer);
    if (answer.empty()) static_cast<void>(stream.read(buffer, sizeof(buffer)));
  }

  Reply reply_;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> tls_{nullptr, &SSL_CTX_free};
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::mutex lock_;
  std::vector<std::string> requests_;  // under lock_
  std::jthread thread_;
};

}  // namespace countersign::test
