// A blocking socket for tests: sends exactly the bytes it is given and shows exactly what comes back.
#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace countersign::testing_net {

class RawClient {
 public:
  explicit RawClient(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    open_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    limit_waiting();
  }
  explicit RawClient(const std::string& unix_path) : fd_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, unix_path.c_str(), sizeof(address.sun_path) - 1);
    open_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    limit_waiting();
  }
  ~RawClient() { close(); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool open() const { return open_; }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  void end_sending() { ::shutdown(fd_, SHUT_WR); }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      ssize_t count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }

  // One response: its head, and its body when Content-Length announces one. What follows stays for the next call.
  std::string read_response() {
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!receive()) return take(buffer_.size());
    }
    end += 4;
    std::size_t length = 0;
    if (std::size_t at = buffer_.find("Content-Length: "); at != std::string::npos && at < end) {
      length = std::stoul(buffer_.substr(at + 16));
    }
    while (buffer_.size() < end + length) {
      if (!receive()) return take(buffer_.size());
    }
    return take(end + length);
  }
  // Everything up to the end of the stream.
  std::string read_to_end() {
    while (receive()) continue;
    return take(buffer_.size());
  }
  // Everything up to and including `mark`.
  std::string read_until(std::string_view mark) {
    while (buffer_.find(mark) == std::string::npos) {
      if (!receive()) return take(buffer_.size());
    }
    return take(buffer_.find(mark) + mark.size());
  }
  // True when the peer has ended the stream (and not merely nothing has come in ten seconds).
  bool at_end() {
    char byte = 0;
    return buffer_.empty() && ::recv(fd_, &byte, 1, 0) == 0;
  }

 private:
  void limit_waiting() const {
    timeval ten_seconds{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &ten_seconds, sizeof(ten_seconds));
  }
  bool receive() {
    char part[65536];
    ssize_t count = ::recv(fd_, part, sizeof(part), 0);
    if (count <= 0) return false;
    buffer_.append(part, static_cast<std::size_t>(count));
    return true;
  }
  std::string take(std::size_t count) {
    std::string out = buffer_.substr(0, count);
    buffer_.erase(0, count);
    return out;
  }

  int fd_;
  bool open_ = false;
  std::string buffer_;
};

}  // namespace countersign::testing_net
