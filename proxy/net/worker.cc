#include "proxy/net/worker.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <csignal>
#include <thread>

namespace countersign::net {

namespace asio = boost::asio;

struct Worker::State {
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard{context.get_executor()};
};

Worker::Worker(std::size_t index) : index_(index), state_(std::make_unique<State>()) {}
Worker::~Worker() = default;

asio::io_context& Worker::context() {
  return state_->context;
}
asio::any_io_executor Worker::executor() {
  return state_->context.get_executor();
}
void Worker::post(std::move_only_function<void()> work) {
  asio::post(state_->context, std::move(work));
}
void Worker::run() {
  state_->context.run();
}
void Worker::stop() {
  state_->context.stop();
}

namespace {

// Cancellation shows as an error of the operation it ends, never as an exception at the next one.
Task<void> without_throwing(std::move_only_function<Task<void>()> start) {
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await start();
}

}  // namespace

void Worker::spawn(std::move_only_function<Task<void>()> start,
                   std::move_only_function<void(std::exception_ptr)> leaked) {
  asio::co_spawn(state_->context, without_throwing(std::move(start)),
                 [leaked = std::move(leaked)](std::exception_ptr error) mutable {
                   if (error) leaked(error);
                 });
}

struct Workers::Threads {
  std::vector<std::thread> running;
};

Workers::Workers(std::size_t count) : threads_(std::make_unique<Threads>()) {
  ignore_broken_pipes();
  for (std::size_t i = 0; i < std::max<std::size_t>(count, 1); ++i) workers_.push_back(std::make_unique<Worker>(i));
}

Workers::~Workers() {
  stop();
}

void Workers::start() {
  for (auto& worker : workers_) {
    worker->running_ = true;  // from here on, not from whenever the thread gets its first turn
    threads_->running.emplace_back([loop = worker.get()] { loop->run(); });
  }
}

void Workers::stop() {
  if (threads_->running.empty()) return;
  for (auto& worker : workers_) worker->stop();
  for (std::thread& thread : threads_->running) thread.join();
  threads_->running.clear();
}

Worker& Workers::least_loaded() {
  return **std::ranges::min_element(workers_, {}, [](const auto& worker) { return worker->load(); });
}

void ignore_broken_pipes() {
  std::signal(SIGPIPE, SIG_IGN);
}

}  // namespace countersign::net
