#include "proxy/adapters/git/objects/conversation.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace countersign::adapters::git {
namespace {

constexpr std::size_t kMaxLine = 64U << 10;
constexpr std::size_t kReadSize = 64U << 10;

std::unexpected<Error> ended() {
  return fail(ErrorKind::unavailable, "git.tool_failed", "git ended in the middle of a conversation");
}

// True when ready, false at the deadline.
bool await(int descriptor, short events, SteadyTime deadline) {
  pollfd ready{.fd = descriptor, .events = events, .revents = 0};
  while (true) {
    int count = ::poll(&ready, 1, milliseconds_until(deadline));
    if (count >= 0) return count > 0;
    if (errno != EINTR) return true;  // the read or write that follows will say what is wrong
  }
}

std::unexpected<Error> out_of_time() {
  return fail(ErrorKind::timed_out, "git.tool_timeout", "git took longer than its limit and was stopped");
}

}  // namespace

Result<Conversation> Conversation::start(const ChildCommand& command, const ToolLimits& limits) {
  // A socket rather than two pipes: writing to a command that has died is an error then, not a signal to this process.
  int ends[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return ended();
  Descriptor ours(ends[0]);
  Descriptor theirs(ends[1]);
  if (::fcntl(ours.get(), F_SETFL, O_NONBLOCK) != 0) return ended();
  Descriptor nowhere(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  if (!nowhere.is_open()) return ended();
  SteadyTime deadline = std::chrono::steady_clock::now() + limits.time;
  Result<Child> child = Child::start(command, limits, theirs.get(), theirs.get(), nowhere.get());
  if (!child) return fail(child.error());
  return Conversation(std::move(*child), std::move(ours), deadline);
}

Status Conversation::send(std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t count = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno == EAGAIN) {
      if (!await(socket_.get(), POLLOUT, deadline_)) return out_of_time();
    } else if (errno != EINTR) {
      return ended();
    }
  }
  return {};
}

Status Conversation::fill() {
  buffer_.erase(0, at_);
  at_ = 0;
  std::size_t size = buffer_.size();
  while (true) {
    buffer_.resize(size + kReadSize);
    ssize_t count = ::recv(socket_.get(), buffer_.data() + size, kReadSize, 0);
    int code = errno;
    buffer_.resize(size + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    if (count > 0) return {};
    if (count == 0 || (code != EAGAIN && code != EINTR)) return ended();
    if (!await(socket_.get(), POLLIN, deadline_)) return out_of_time();
  }
}

Result<std::string> Conversation::read_line() {
  while (true) {
    std::size_t end = buffer_.find('\n', at_);
    if (end != std::string::npos) {
      std::string line = buffer_.substr(at_, end - at_);
      at_ = end + 1;
      return line;
    }
    if (buffer_.size() - at_ > kMaxLine) return ended();
    Status filled = fill();
    if (!filled) return fail(filled.error());
  }
}

Status Conversation::read_exactly(std::size_t count, std::string& out) {
  out.clear();
  while (true) {
    std::size_t taken = std::min(count - out.size(), buffer_.size() - at_);
    out.append(buffer_, at_, taken);
    at_ += taken;
    if (out.size() == count) return {};
    Status filled = fill();
    if (!filled) return filled;
  }
}

Status Conversation::skip(std::size_t count) {
  while (true) {
    std::size_t taken = std::min(count, buffer_.size() - at_);
    at_ += taken;
    count -= taken;
    if (count == 0) return {};
    Status filled = fill();
    if (!filled) return filled;
  }
}

}  // namespace countersign::adapters::git
