// Workers: one event loop and one thread per core. A connection, its handlers and its upstream connections live on one
// worker, so none of them needs a lock.
#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <vector>

#include "core/result.h"
#include "core/task.h"

namespace boost::asio {
class io_context;
}

namespace countersign::net {

class Worker {
 public:
  explicit Worker(std::size_t index);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Position among its siblings, from 0: the key to per-worker state (upstream clients).
  [[nodiscard]] std::size_t index() const { return index_; }
  [[nodiscard]] boost::asio::io_context& context();
  [[nodiscard]] boost::asio::any_io_executor executor();

  // Any thread: runs `work` on this worker's thread.
  void post(std::move_only_function<void()> work);
  // Any thread: starts a coroutine on this worker. `leaked` gets the exception that left it, if one did.
  void spawn(std::move_only_function<Task<void>()> start, std::move_only_function<void(std::exception_ptr)> leaked);

  // Connections it serves. Any thread.
  [[nodiscard]] std::size_t load() const { return load_.load(std::memory_order_relaxed); }
  void add_load(std::ptrdiff_t change) { load_.fetch_add(static_cast<std::size_t>(change), std::memory_order_relaxed); }

  // Runs the loop on the calling thread until stop(); for programs without worker threads.
  void run();
  void stop();
  // From start (or run) until its loop has ended. Any thread.
  [[nodiscard]] bool running() const { return running_.load(); }

 private:
  friend class Workers;
  struct State;
  std::size_t index_;
  std::atomic<bool> running_{false};
  std::atomic<std::size_t> load_{0};
  std::unique_ptr<State> state_;
};

// The workers of the program. Whatever holds transports, or is called from coroutines, must be destroyed after stop()
// and before the Workers object.
class Workers {
 public:
  // Also makes the process ignore SIGPIPE: writing to a closed connection is an error, not the end.
  explicit Workers(std::size_t count);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  void start();
  // Ends the loops where they stand and joins. Listeners are to be drained before.
  void stop();

  [[nodiscard]] std::size_t size() const { return workers_.size(); }
  [[nodiscard]] Worker& at(std::size_t index) { return *workers_.at(index); }
  [[nodiscard]] Worker& least_loaded();

 private:
  struct Threads;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<Threads> threads_;
};

void ignore_broken_pipes();

}  // namespace countersign::net
