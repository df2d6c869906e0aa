// Small tools for coroutines: sleeping, waiting for an event, waiting for a callback, running blocking code elsewhere.
//
// Cancellation. A coroutine started by a worker can be cancelled from its own thread (http1::Exchange::or_client_gone
// does). Operations of Transport, sleep, Event::wait and connect then end with net.cancelled, and so does every later
// one until the scope that was cancelled is left. Nothing is thrown. await_callback and on_thread are not cancelled:
// what they wait for (a durable record, a verdict) has happened or not, and the coroutine must learn which.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "core/clock.h"
#include "core/result.h"
#include "core/task.h"

namespace countersign::net {

// net.cancelled (unavailable) when cancelled early. `duration` in milliseconds; 0 or less only yields to the loop.
[[nodiscard]] Task<Status> sleep(TimeMs duration);

// One coroutine waits, others of the same worker notify. A notification before the wait is kept; several count as one.
class Event {
 public:
  explicit Event(boost::asio::any_io_executor executor);
  ~Event();
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  void notify();
  // net.timeout (timed_out) after `timeout` ms; negative: no limit. net.cancelled when the coroutine is cancelled.
  [[nodiscard]] Task<Status> wait(TimeMs timeout);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

namespace detail {
using Resume = std::move_only_function<void()>;
// Suspends the coroutine, hands `start` the way to resume it (from any thread, once), and comes back on its own worker.
[[nodiscard]] Task<void> suspend(std::move_only_function<void(Resume)> start);
}  // namespace detail

// The completion of await_callback: to be called once, from any thread. Dropping it uncalled ends the wait with
// net.callback_dropped (internal), so that a coroutine is never lost.
template <class T>
class Done {
 public:
  Done(std::shared_ptr<std::optional<Result<T>>> slot, detail::Resume resume)
      : slot_(std::move(slot)), resume_(std::move(resume)) {}
  Done(Done&&) noexcept = default;
  Done& operator=(Done&&) = delete;
  ~Done() {
    if (slot_) (*this)(fail(ErrorKind::internal, "net.callback_dropped", "an operation ended without an answer"));
  }
  void operator()(Result<T> result) {
    auto slot = std::exchange(slot_, nullptr);
    slot->emplace(std::move(result));
    std::exchange(resume_, nullptr)();
  }

 private:
  std::shared_ptr<std::optional<Result<T>>> slot_;
  detail::Resume resume_;
};

// Turns a callback interface into a coroutine:
//
//   auto start = [&](net::Done<Position> done) { log.append(record, std::move(done)); };
//   auto position = co_await net::await_callback<Position>(std::move(start));
template <class T>
[[nodiscard]] Task<Result<T>> await_callback(std::move_only_function<void(Done<T>)> start) {
  auto slot = std::make_shared<std::optional<Result<T>>>();
  auto begin = [slot, start = std::move(start)](detail::Resume resume) mutable {
    start(Done<T>(std::move(slot), std::move(resume)));
  };
  co_await detail::suspend(std::move(begin));
  co_return std::move(slot->value());
}

// A few threads for work that blocks (fsync, SQLite). Any thread may post; posted work runs in order of arrival. The
// destructor runs what was posted, then joins.
class ThreadPool {
 public:
  explicit ThreadPool(std::size_t threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  void post(std::move_only_function<void()> work);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Runs `work` on the pool and comes back to the coroutine's own worker. An exception becomes net.thread_exception
// (internal).
//
//   auto load = [&]() -> Result<Row> { return store.load(id); };
//   auto row = co_await net::on_thread<Row>(&pool, std::move(load));
template <class T>
[[nodiscard]] Task<Result<T>> on_thread(ThreadPool* pool, std::move_only_function<Result<T>()> work) {
  auto start = [pool, work = std::move(work)](Done<T> done) mutable {
    pool->post([work = std::move(work), done = std::move(done)]() mutable {
      try {
        done(work());
      } catch (const std::exception& error) {
        done(fail(ErrorKind::internal, "net.thread_exception", error.what()));
      }
    });
  };
  co_return co_await await_callback<T>(std::move(start));
}

}  // namespace countersign::net
