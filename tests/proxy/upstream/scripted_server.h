// An upstream that answers with exact bytes, connection by connection, and remembers what it was sent.
#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "../net/mailbox.h"

namespace countersign::testing_net {

class ScriptedServer {
 public:
  // What to do with one request: answer, then go on or close. An empty answer only closes (or waits for the client to
  // close).
  enum class Then { keep, close, wait_for_client };
  struct Step {
    std::string answer;
    Then then = Then::keep;
  };
  // The steps of one connection; the next connection is served when these are done.
  using Script = std::vector<Step>;

  explicit ScriptedServer(std::vector<Script> scripts) : scripts_(std::move(scripts)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
    ::listen(listener_, 16);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~ScriptedServer() {
    ::shutdown(listener_, SHUT_RDWR);
    ::shutdown(current_, SHUT_RDWR);
    thread_.join();
    if (current_ >= 0) ::close(current_);
    ::close(listener_);
  }
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  std::uint16_t port() const { return port_; }
  std::string address() const { return "http://127.0.0.1:" + std::to_string(port_); }

  // "1: GET / HTTP/1.1\r\n…": each request with the number of its connection; "1: end" when a connection was seen to
  // end.
  Mailbox<std::string> log;

 private:
  void run() {
    int number = 0;
    for (const Script& script : scripts_) {
      int fd = ::accept(listener_, nullptr, nullptr);
      if (fd < 0) return;
      // The one before is closed only now, and only here, so that the destructor never shuts down a reused descriptor.
      int before = current_.exchange(fd);
      if (before >= 0) ::close(before);
      serve(fd, script, std::to_string(++number) + ": ");
      ::shutdown(fd, SHUT_RDWR);
    }
  }

  void serve(int fd, const Script& script, const std::string& label) {
    std::string buffer;
    for (const Step& step : script) {
      std::string request = read_request(fd, buffer);
      if (request.empty()) {
        log.put(label + "end");
        return;
      }
      log.put(label + request);
      if (!step.answer.empty()) ::send(fd, step.answer.data(), step.answer.size(), MSG_NOSIGNAL);
      if (step.then == Then::close) return;
      if (step.then == Then::wait_for_client) break;
    }
    char byte = 0;
    if (::recv(fd, &byte, 1, 0) <= 0) log.put(label + "end");
  }

  static std::string read_request(int fd, std::string& buffer) {
    std::size_t needed = std::string::npos;
    for (;;) {
      if (std::size_t end = buffer.find("\r\n\r\n"); needed == std::string::npos && end != std::string::npos) {
        std::size_t at = buffer.find("Content-Length: ");
        needed = end + 4 + (at < end ? std::stoul(buffer.substr(at + 16)) : 0);
      }
      if (needed != std::string::npos && buffer.size() >= needed) break;
      char part[65536];
      ssize_t count = ::recv(fd, part, sizeof(part), 0);
      if (count <= 0) return {};
      buffer.append(part, static_cast<std::size_t>(count));
    }
    std::string request = buffer.substr(0, needed);
    buffer.erase(0, needed);
    return request;
  }

  std::vector<Script> scripts_;
  std::atomic<int> current_ = -1;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace countersign::testing_net
