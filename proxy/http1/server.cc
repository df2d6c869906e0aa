#include "proxy/http1/server.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <condition_variable>
#include <mutex>
#include <unordered_set>

#include "proxy/http1/connection.h"

namespace countersign::http1 {
namespace {

constexpr TimeMs kAfterCancel = 1'000;

}  // namespace

struct Server::State : std::enable_shared_from_this<State> {
  ServerContext context;
  net::Workers* workers = nullptr;
  std::unique_ptr<net::Listener> listener;
  // Each worker's connections, touched on that worker's thread only.
  std::vector<std::unordered_set<Connection*>> connections;

  std::mutex mutex;
  std::condition_variable changed;
  std::size_t live = 0;

  void serve(net::Worker& worker, net::TransportPtr transport, net::Admission admission) {
    auto connection = std::make_shared<Connection>(&context, &worker, std::move(transport), admission);
    connections.at(worker.index()).insert(connection.get());
    {
      std::lock_guard lock(mutex);
      ++live;
    }
    // The completion holds the connection: its signal must outlive the coroutine's cancellation state.
    auto ended = [self = shared_from_this(), connection, index = worker.index()](std::exception_ptr) {
      self->connections.at(index).erase(connection.get());
      std::lock_guard lock(self->mutex);
      --self->live;
      self->changed.notify_all();
    };
    auto slot = connection->cancel_signal().slot();
    boost::asio::co_spawn(worker.context(), connection->run(),
                          boost::asio::bind_cancellation_slot(slot, std::move(ended)));
  }

  void on_every_connection(void (Connection::*action)()) {
    for (std::size_t i = 0; i < workers->size(); ++i) {
      workers->at(i).post([self = shared_from_this(), i, action] {
        // The action may end a connection, but its entry is removed by a later turn of the loop.
        for (Connection* connection : self->connections.at(i)) (connection->*action)();
      });
    }
  }

  bool wait_until_none(TimeMs bound) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::milliseconds(bound), [&] { return live == 0; });
  }
};

Server::Server(std::shared_ptr<State> state) : state_(std::move(state)) {}
Server::~Server() {
  drain(0);
  // Work still queued on the loops may keep the state alive for longer than the workers; the listener must not be.
  state_->listener.reset();
}

Result<std::unique_ptr<Server>> Server::start(net::Workers& workers, ServerOptions options, Handler& handler,
                                              Observer& observer) {
  auto state = std::make_shared<State>();
  state->context = {std::move(options), &handler, &observer};
  state->workers = &workers;
  state->connections.resize(workers.size());
  auto listener = net::Listener::open(
      workers, state->context.options.listen,
      [weak = std::weak_ptr(state)](net::Worker& worker, net::TransportPtr transport, net::Admission admission) {
        if (auto self = weak.lock()) self->serve(worker, std::move(transport), admission);
      });
  if (!listener) return fail(listener.error());
  state->listener = std::move(*listener);
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

std::uint16_t Server::port() const {
  return state_->listener->port();
}

std::size_t Server::connections() const {
  std::lock_guard lock(state_->mutex);
  return state_->live;
}

void Server::drain(TimeMs bound) {
  if (!state_->listener) return;
  state_->listener->stop();
  if (!state_->workers->at(0).running()) return;  // nothing runs yet, or any more
  state_->on_every_connection(&Connection::drain);
  if (state_->wait_until_none(bound)) return;
  state_->on_every_connection(&Connection::abort);
  state_->wait_until_none(kAfterCancel);
}

}  // namespace countersign::http1
