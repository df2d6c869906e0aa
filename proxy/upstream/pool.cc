#include "proxy/upstream/pool.h"

#include <algorithm>

namespace countersign::upstream {
namespace {

std::unexpected<Error> busy(std::string message) {
  return fail(ErrorKind::unavailable, "upstream.busy", std::move(message));
}

// A failure to connect, in this folder's words.
Error connect_error(const Error& error) {
  if (error.code == "net.timeout") {
    return {ErrorKind::timed_out, "upstream.connect_timeout", "the upstream could not be connected to in time"};
  }
  if (error.code == "net.cancelled")
    return {ErrorKind::unavailable, "upstream.not_sent", "cancelled before anything was sent"};
  if (error.code == "net.resolve") return {ErrorKind::unavailable, "upstream.resolve_failed", error.message};
  if (error.code == "net.tls" || error.code.starts_with("tls.")) {
    return {ErrorKind::unavailable, "upstream.tls_failed", error.message};
  }
  return {ErrorKind::unavailable, "upstream.connect_failed", error.message};
}

}  // namespace

void Pool::Lease::give_back(std::unique_ptr<Link> clean) {
  std::shared_ptr<Pool> pool = std::exchange(pool_, {}).lock();
  if (link_) link_->transport->close();
  link_.reset();
  if (pool) {
    pool->release(key_, std::move(clean));
  } else if (clean) {
    clean->transport->close();
  }
}

std::size_t Pool::open(const std::string& key) const {
  auto host = hosts_.find(key);
  return host == hosts_.end() ? 0 : host->second.open;
}

std::size_t Pool::idle(const std::string& key) const {
  auto host = hosts_.find(key);
  return host == hosts_.end() ? 0 : host->second.idle.size();
}

Result<const net::TlsContext*> Pool::tls_context(const Origin& origin) {
  if (!origin.tls) return nullptr;
  auto known = contexts_.find(origin.key);
  if (known != contexts_.end()) return &known->second;
  Result<net::TlsContext> made = net::make_client_context(*origin.tls);
  if (!made) return fail(made.error());
  return &contexts_.emplace(origin.key, std::move(*made)).first->second;
}

std::unique_ptr<Link> Pool::take_idle(Host& host, Want want) {
  auto oldest = std::chrono::steady_clock::now() - std::chrono::milliseconds(options_.keep);
  while (!host.idle.empty()) {
    std::unique_ptr<Link> link = std::move(host.idle.back());
    host.idle.pop_back();
    bool usable = want != Want::fresh && link->idle_since >= oldest && (want == Want::any || link->transport->quiet());
    if (usable) return link;
    link->transport->close();
    --host.open;
  }
  return nullptr;
}

Task<Result<std::unique_ptr<Link>>> Pool::connect(std::shared_ptr<const Origin> origin) {
  Result<const net::TlsContext*> context = tls_context(*origin);
  if (!context) co_return fail(connect_error(context.error()));
  Result<net::TransportPtr> transport = co_await net::connect(origin->destination, *context, options_.connect);
  if (!transport) co_return fail(connect_error(transport.error()));
  co_return std::make_unique<Link>(std::move(*transport), options_.limits.head_bytes);
}

// On success the waiter has a place, with or without a connection.
Task<Status> Pool::wait_for_place(std::string key, Waiter* waiter) {
  hosts_[key].waiters.push_back(waiter);
  Status waited = co_await waiter->turn.wait(options_.wait);
  if (waiter->served) co_return Status();
  std::erase(hosts_[key].waiters, waiter);
  if (waited.error().code == "net.timeout") co_return busy("no connection to the upstream became free in time");
  co_return fail(connect_error(waited.error()));
}

Task<Result<Pool::Lease>> Pool::acquire(std::shared_ptr<const Origin> origin, Want want) {
  std::shared_ptr<Pool> self = shared_from_this();
  Host& host = hosts_[origin->key];  // stays where it is: the map never erases
  std::unique_ptr<Link> link = take_idle(host, want);
  if (!link && host.open < options_.connections_per_origin) {
    ++host.open;
  } else if (!link) {
    if (host.waiters.size() >= options_.waiters_per_origin) co_return busy("too many requests wait for the upstream");
    Waiter waiter(worker_.executor());
    Waiter* waiting = &waiter;
    Status waited = co_await wait_for_place(origin->key, waiting);
    if (!waited) co_return fail(waited.error());
    link = std::move(waiter.link);
    if (link && (want == Want::fresh || (want == Want::alive && !link->transport->quiet()))) {
      link->transport->close();
      link.reset();
    }
  }
  Lease lease(self, origin->key, std::move(link));
  if (!lease.link_) {
    Result<std::unique_ptr<Link>> made = co_await connect(origin);
    if (!made) co_return fail(made.error());
    lease.link_ = std::move(*made);
  }
  co_return lease;
}

void Pool::release(const std::string& key, std::unique_ptr<Link> clean) {
  Host& host = hosts_[key];
  if (clean) {
    clean->used_before = true;
    clean->idle_since = std::chrono::steady_clock::now();
  }
  if (!host.waiters.empty()) {
    Waiter* waiter = host.waiters.front();
    host.waiters.pop_front();
    waiter->served = true;
    waiter->link = std::move(clean);
    waiter->turn.notify();
    return;
  }
  if (!clean) {
    --host.open;
    return;
  }
  host.idle.push_back(std::move(clean));
  schedule_sweep();
}

void Pool::close_old() {
  auto oldest = std::chrono::steady_clock::now() - std::chrono::milliseconds(options_.keep);
  for (auto& [key, host] : hosts_) {
    std::erase_if(host.idle, [&](const std::unique_ptr<Link>& link) {
      if (link->idle_since >= oldest) return false;
      link->transport->close();
      --host.open;
      return true;
    });
  }
}

void Pool::schedule_sweep() {
  if (sweeping_) return;
  sweeping_ = true;
  worker_.spawn([weak = weak_from_this(), every = options_.keep] { return sweep(weak, every); },
                [](std::exception_ptr) {});
}

Task<void> Pool::sweep(std::weak_ptr<Pool> weak, TimeMs every) {
  for (;;) {
    Status slept = co_await net::sleep(every);
    std::shared_ptr<Pool> pool = weak.lock();
    if (!slept || !pool) co_return;
    pool->close_old();
    if (std::ranges::all_of(pool->hosts_, [](const auto& entry) { return entry.second.idle.empty(); })) {
      pool->sweeping_ = false;
      co_return;
    }
  }
}

}  // namespace countersign::upstream
