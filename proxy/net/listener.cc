#include "proxy/net/listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <cstring>
#include <future>

#include "proxy/net/address.h"
#include "proxy/net/socket_transport.h"

namespace countersign::net {
namespace {

// Connections over the limit that may be told so at a time.
constexpr std::size_t kRefusals = 64;
constexpr int kBacklog = 1024;
// Accepted in one go before other work of the loop gets its turn.
constexpr int kBatch = 64;

class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  File& operator=(File&&) = delete;
  [[nodiscard]] int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

std::unexpected<Error> listen_failed(const std::string& address) {
  return fail(ErrorKind::unavailable, "net.listen", "cannot listen on " + address + ": " + std::strerror(errno));
}

// Removes a socket file nobody listens on any more.
bool remove_stale(const asio::generic::stream_protocol::endpoint& endpoint, const char* path) {
  struct stat info{};
  if (::lstat(path, &info) != 0) return errno == ENOENT;
  if (!S_ISSOCK(info.st_mode)) {
    errno = EEXIST;
    return false;
  }
  File probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(probe.get(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) == 0) {
    errno = EADDRINUSE;
    return false;
  }
  return errno == ECONNREFUSED && ::unlink(path) == 0;
}

Result<File> listen_on(const asio::generic::stream_protocol::endpoint& endpoint, const std::string& address) {
  bool local = endpoint.protocol().family() == AF_UNIX;
  const char* path = local ? address.c_str() + std::strlen("unix:") : nullptr;
  if (local && !remove_stale(endpoint, path)) return listen_failed(address);
  File socket(::socket(endpoint.protocol().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) return listen_failed(address);
  int on = 1;
  if (!local) ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  // bind() gives the file the mode of the socket less the umask, so there is no moment at which others could connect.
  if (local && ::fchmod(socket.get(), 0600) != 0) return listen_failed(address);
  if (::bind(socket.get(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0)
    return listen_failed(address);
  if (local && ::chmod(path, 0600) != 0) return listen_failed(address);
  if (::listen(socket.get(), kBacklog) != 0) return listen_failed(address);
  return socket;
}

}  // namespace

struct Listener::State : std::enable_shared_from_this<State> {
  State(Workers& workers_in, OnConnection callback)
      : workers(workers_in),
        on_connection(std::move(callback)),
        acceptor(workers.at(0).context()),
        pause(workers.at(0).context()) {}

  Workers& workers;
  OnConnection on_connection;
  asio::posix::stream_descriptor acceptor;  // lives on worker 0
  asio::steady_timer pause;
  asio::generic::stream_protocol::endpoint endpoint;
  std::string unix_path;
  std::uint16_t port = 0;
  std::size_t max_connections = 0;
  std::vector<TlsContext> tls;  // one a worker; empty: plain
  std::shared_ptr<std::atomic<std::size_t>> live = std::make_shared<std::atomic<std::size_t>>(0);
  bool stopped = false;

  // One connection's place in the counts. It may outlive the listener, whose acceptor and timer must not outlive worker
  // 0: so it holds the counter alone.
  struct Slot {
    Slot(std::shared_ptr<std::atomic<std::size_t>> live_in, Worker& worker_in)
        : live(std::move(live_in)), worker(worker_in) {
      live->fetch_add(1);
      worker.add_load(1);
    }
    ~Slot() {
      worker.add_load(-1);
      live->fetch_sub(1);
    }
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;
    std::shared_ptr<std::atomic<std::size_t>> live;
    Worker& worker;
  };

  void wait() {
    acceptor.async_wait(asio::posix::stream_descriptor::wait_read,
                        [self = shared_from_this()](const boost::system::error_code& failed) {
                          if (!failed && !self->stopped) self->accept_batch();
                        });
  }

  void accept_batch() {
    for (int i = 0; i < kBatch; ++i) {
      int fd = ::accept4(acceptor.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd >= 0) {
        hand_over(fd);
        continue;
      }
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) break;
      // Out of descriptors or memory: let connections end before trying again.
      pause.expires_after(std::chrono::milliseconds(100));
      pause.async_wait([self = shared_from_this()](const boost::system::error_code& failed) {
        if (!failed && !self->stopped) self->wait();
      });
      return;
    }
    wait();
  }

  void hand_over(int fd) {
    std::size_t now = live->load();
    if (now >= max_connections + kRefusals) {
      ::close(fd);
      return;
    }
    Admission admission = now < max_connections ? Admission::admitted : Admission::full;
    Worker& worker = workers.least_loaded();
    auto slot = std::make_shared<Slot>(live, worker);
    worker.post([weak = weak_from_this(), &worker, slot = std::move(slot), file = File(fd), admission]() mutable {
      if (auto self = weak.lock()) self->begin(worker, std::move(slot), std::move(file), admission);
    });
  }

  void begin(Worker& worker, std::shared_ptr<Slot> slot, File file, Admission admission) {
    if (unix_path.empty()) {
      int on = 1;
      ::setsockopt(file.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }
    StreamSocket socket(worker.context());
    boost::system::error_code failed;
    socket.assign(endpoint.protocol(), file.get(), failed);
    if (failed) return;
    file.release();
    TransportPtr transport = tls.empty() ? TransportPtr(make_plain_transport(std::move(socket)))
                                         : make_tls_server_transport(std::move(socket), tls.at(worker.index()));
    transport->hold(std::move(slot));
    on_connection(worker, std::move(transport), admission);
  }
};

Listener::Listener(std::shared_ptr<State> state) : state_(std::move(state)) {}

Listener::~Listener() {
  stop();
  if (!state_->unix_path.empty()) ::unlink(state_->unix_path.c_str());
}

Result<std::unique_ptr<Listener>> Listener::open(Workers& workers, const ListenOptions& options,
                                                 OnConnection on_connection) {
  auto endpoint = parse_endpoint(options.address);
  if (!endpoint) return fail(endpoint.error());
  auto state = std::make_shared<State>(workers, std::move(on_connection));
  state->endpoint = *endpoint;
  state->max_connections = options.max_connections;
  if (options.tls) {
    auto contexts = make_server_contexts(*options.tls, workers.size());
    if (!contexts) return fail(contexts.error());
    state->tls = std::move(*contexts);
  }
  Result<File> socket = listen_on(*endpoint, options.address);
  if (!socket) return fail(socket.error());
  if (endpoint->protocol().family() == AF_UNIX) {
    state->unix_path = options.address.substr(std::strlen("unix:"));
  } else {
    sockaddr_storage bound{};
    socklen_t size = sizeof(bound);
    ::getsockname(socket->get(), reinterpret_cast<sockaddr*>(&bound), &size);
    state->port = ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&bound)->sin6_port
                                                    : reinterpret_cast<sockaddr_in*>(&bound)->sin_port);
  }
  state->acceptor.assign(socket->release());
  workers.at(0).post([state] { state->wait(); });
  return std::unique_ptr<Listener>(new Listener(std::move(state)));
}

std::uint16_t Listener::port() const {
  return state_->port;
}
std::size_t Listener::connections() const {
  return state_->live->load();
}

void Listener::stop() {
  auto end = [state = state_] {
    state->stopped = true;
    boost::system::error_code ignored;
    state->acceptor.close(ignored);
    state->pause.cancel();
  };
  // The acceptor belongs to worker 0; when its loop does not run, nobody else touches it.
  Worker& worker = state_->workers.at(0);
  if (!worker.running()) return end();
  auto stopped = std::make_shared<std::promise<void>>();
  std::future<void> done = stopped->get_future();
  worker.post([end, stopped] {
    end();
    stopped->set_value();
  });
  while (worker.running() && done.wait_for(std::chrono::milliseconds(5)) != std::future_status::ready) continue;
}

}  // namespace countersign::net
