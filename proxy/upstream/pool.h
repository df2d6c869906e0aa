// Private to proxy/upstream: the connections of one worker, by origin.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "proxy/http1/reader.h"
#include "proxy/net/async.h"
#include "proxy/upstream/client.h"

namespace countersign::upstream {

// A connection with what has been read from it and not used yet.
struct Link {
  Link(net::TransportPtr transport_in, std::size_t head_bytes)
      : transport(std::move(transport_in)), reader(transport, head_bytes) {}
  net::TransportPtr transport;
  http1::Reader reader;
  bool used_before = false;
  std::chrono::steady_clock::time_point idle_since;
};

class Pool : public std::enable_shared_from_this<Pool> {
 public:
  enum class Want {
    any,    // an idle connection may turn out dead: the caller can send again
    alive,  // an idle connection is looked at before it is used: the caller can send only once
    fresh,  // a new connection
  };

  // A place among the origin's connections. Gives it back when destroyed: closes the connection unless keep() was
  // called.
  class Lease {
   public:
    Lease(std::shared_ptr<Pool> pool, std::string key, std::unique_ptr<Link> link)
        : pool_(pool), key_(std::move(key)), link_(std::move(link)) {}
    ~Lease() { give_back(nullptr); }
    Lease(Lease&& other) noexcept
        : pool_(std::exchange(other.pool_, {})), key_(std::move(other.key_)), link_(std::move(other.link_)) {}
    Lease& operator=(Lease&&) = delete;
    [[nodiscard]] Link& link() { return *link_; }
    // The connection is clean: the next request may use it.
    void keep() { give_back(std::move(link_)); }

   private:
    friend class Pool;
    void give_back(std::unique_ptr<Link> clean);
    std::weak_ptr<Pool> pool_;
    std::string key_;
    std::unique_ptr<Link> link_;
  };

  Pool(net::Worker& worker, ClientOptions options) : options_(std::move(options)), worker_(worker) {}

  // Errors: those of client.h that say that nothing was sent.
  [[nodiscard]] Task<Result<Lease>> acquire(std::shared_ptr<const Origin> origin, Want want);
  [[nodiscard]] const ClientOptions& options() const { return options_; }
  [[nodiscard]] std::size_t open(const std::string& key) const;
  [[nodiscard]] std::size_t idle(const std::string& key) const;

 private:
  struct Waiter {
    explicit Waiter(boost::asio::any_io_executor executor) : turn(std::move(executor)) {}
    net::Event turn;
    bool served = false;         // it has a place,
    std::unique_ptr<Link> link;  // and with it this connection, or none
  };
  struct Host {
    std::size_t open = 0;                     // places taken: connections in use, being made, or idle
    std::vector<std::unique_ptr<Link>> idle;  // the latest used last, and taken first
    std::deque<Waiter*> waiters;
  };

  [[nodiscard]] Task<Result<std::unique_ptr<Link>>> connect(std::shared_ptr<const Origin> origin);
  [[nodiscard]] Task<Status> wait_for_place(std::string key, Waiter* waiter);
  [[nodiscard]] Result<const net::TlsContext*> tls_context(const Origin& origin);
  std::unique_ptr<Link> take_idle(Host& host, Want want);
  // A place becomes free, with a clean connection or without one.
  void release(const std::string& key, std::unique_ptr<Link> clean);
  void close_old();
  void schedule_sweep();
  [[nodiscard]] static Task<void> sweep(std::weak_ptr<Pool> weak, TimeMs every);

  ClientOptions options_;
  net::Worker& worker_;
  std::unordered_map<std::string, Host> hosts_;
  std::unordered_map<std::string, net::TlsContext> contexts_;  // by Origin::key
  bool sweeping_ = false;
};

}  // namespace countersign::upstream
