#include "proxy/net/async.h"

#include <algorithm>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/post.hpp>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "proxy/net/socket_transport.h"

namespace countersign::net {
namespace {

std::unexpected<Error> cancelled() {
  return fail(ErrorKind::unavailable, "net.cancelled", "the operation was cancelled");
}

}  // namespace

Task<Status> sleep(TimeMs duration) {
  asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
  if (state.cancelled() != asio::cancellation_type::none) co_return cancelled();
  asio::any_io_executor executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor, std::chrono::milliseconds(std::max<TimeMs>(duration, 0)));
  auto done = co_await timer.async_wait(kAwait);
  if (std::get<0>(done)) co_return cancelled();
  co_return Status();
}

struct Event::State {
  explicit State(asio::any_io_executor executor) : timer(std::move(executor)) {}
  asio::steady_timer timer;
  bool notified = false;
};

Event::Event(asio::any_io_executor executor) : state_(std::make_shared<State>(std::move(executor))) {}
Event::~Event() {
  notify();
}

void Event::notify() {
  state_->notified = true;
  state_->timer.cancel();
}

Task<Status> Event::wait(TimeMs timeout) {
  std::shared_ptr<State> state = state_;
  asio::cancellation_state stop = co_await asio::this_coro::cancellation_state;
  if (!state->notified) {
    if (stop.cancelled() != asio::cancellation_type::none) co_return cancelled();
    if (timeout < 0) {
      state->timer.expires_at(Clock::time_point::max());
    } else {
      state->timer.expires_after(std::chrono::milliseconds(timeout));
    }
    auto done = co_await state->timer.async_wait(kAwait);
    if (!state->notified && std::get<0>(done)) co_return cancelled();
  }
  if (!state->notified) co_return fail(ErrorKind::timed_out, "net.timeout", "nothing happened in time");
  state->notified = false;
  co_return Status();
}

namespace detail {

Task<void> suspend(std::move_only_function<void(Resume)> start) {
  // Asio copies initiations: this one points at `start`, which lives in the coroutine's frame.
  auto initiate = [begin = &start](auto handler) {
    auto executor = asio::prefer(asio::get_associated_executor(handler), asio::execution::outstanding_work.tracked);
    (*begin)([executor, handler = std::move(handler)]() mutable { asio::post(executor, std::move(handler)); });
  };
  auto operation = asio::async_initiate<const asio::deferred_t&, void()>(initiate, asio::deferred);
  co_await std::move(operation);
}

}  // namespace detail

struct ThreadPool::State {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::move_only_function<void()>> queue;
  bool ending = false;
  std::vector<std::thread> threads;

  void run() {
    for (;;) {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return ending || !queue.empty(); });
      if (queue.empty()) return;
      auto work = std::move(queue.front());
      queue.pop_front();
      lock.unlock();
      work();
    }
  }
};

ThreadPool::ThreadPool(std::size_t threads) : state_(std::make_unique<State>()) {
  for (std::size_t i = 0; i < threads; ++i) state_->threads.emplace_back([state = state_.get()] { state->run(); });
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard lock(state_->mutex);
    state_->ending = true;
  }
  state_->changed.notify_all();
  for (std::thread& thread : state_->threads) thread.join();
}

void ThreadPool::post(std::move_only_function<void()> work) {
  {
    std::lock_guard lock(state_->mutex);
    state_->queue.push_back(std::move(work));
  }
  state_->changed.notify_one();
}

}  // namespace countersign::net
