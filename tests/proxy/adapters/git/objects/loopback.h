// Just enough of an HTTP server for a stock git client: one request a connection, one at a time, answered by a
// function.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <zlib.h>

#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "proxy/adapters/git/objects/descriptor.h"

namespace countersign::adapters::git {

struct LoopbackRequest {
  std::string method;
  std::string target;
  std::string head;
  std::string body;  // as it was sent

  [[nodiscard]] std::string field(const std::string& name) const {
    std::size_t at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return {};
    at += name.size() + 4;
    return head.substr(at, head.find("\r\n", at) - at);
  }
  // The body, decoded.
  [[nodiscard]] std::string text() const {
    if (field("Content-Encoding") != "gzip") return body;
    z_stream zlib{};
    EXPECT_EQ(::inflateInit2(&zlib, 31), Z_OK);
    std::string out(1 << 20, '\0');
    zlib.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
    zlib.avail_in = static_cast<uInt>(body.size());
    zlib.next_out = reinterpret_cast<Bytef*>(out.data());
    zlib.avail_out = static_cast<uInt>(out.size());
    EXPECT_EQ(::inflate(&zlib, Z_FINISH), Z_STREAM_END);
    out.resize(zlib.total_out);
    ::inflateEnd(&zlib);
    return out;
  }
};

struct LoopbackAnswer {
  int status = 200;
  std::string type;
  std::string body;
};

class LoopbackServer {
 public:
  explicit LoopbackServer(std::function<LoopbackAnswer(const LoopbackRequest&)> answer) : answer_(std::move(answer)) {
    listener_ = Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_.get(), 16), 0);
    socklen_t size = sizeof address;
    EXPECT_EQ(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] {
      while (true) {
        Descriptor connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!connection.is_open()) return;
        serve(connection.get());
      }
    });
  }
  ~LoopbackServer() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;
  [[nodiscard]] std::string url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }

 private:
  static bool more(int connection, std::string& bytes) {
    char buffer[4096];
    ssize_t count = ::recv(connection, buffer, sizeof buffer, 0);
    if (count > 0) bytes.append(buffer, static_cast<std::size_t>(count));
    return count > 0;
  }
  void serve(int connection) {
    std::string bytes;
    while (!bytes.contains("\r\n\r\n")) {
      if (!more(connection, bytes)) return;
    }
    LoopbackRequest request;
    const std::size_t end = bytes.find("\r\n\r\n") + 4;
    request.head = bytes.substr(0, end);
    request.method = request.head.substr(0, request.head.find(' '));
    const std::size_t target = request.method.size() + 1;
    request.target = request.head.substr(target, request.head.find(' ', target) - target);
    const std::string length = request.field("Content-Length");
    request.body = bytes.substr(end);
    while (!length.empty() && request.body.size() < std::stoul(length)) {
      if (!more(connection, request.body)) return;
    }
    const LoopbackAnswer answer = answer_(request);
    std::string out =
        "HTTP/1.1 " + std::to_string(answer.status) + " X\r\nContent-Type: " + answer.type +
        "\r\nCache-Control: no-cache\r\nConnection: close\r\nContent-Length: " + std::to_string(answer.body.size()) +
        "\r\n\r\n" + answer.body;
    std::string_view rest = out;
    while (!rest.empty()) {
      ssize_t count = ::send(connection, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (count <= 0) return;
      rest.remove_prefix(static_cast<std::size_t>(count));
    }
  }

  std::function<LoopbackAnswer(const LoopbackRequest&)> answer_;
  Descriptor listener_;
  int port_ = 0;
  std::thread thread_;
};

}  // namespace countersign::adapters::git
