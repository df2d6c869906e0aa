// Two running workers, and a way to wait for a coroutine from a test's thread.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "proxy/net/worker.h"

namespace countersign::mcp::test {

// A folder nobody else has, not even a run that was killed and left one behind.
inline std::filesystem::path fresh_folder() {
  std::string pattern =
      (std::filesystem::canonical(std::filesystem::temp_directory_path()) / "countersign-XXXXXX").string();
  if (!::mkdtemp(pattern.data())) throw std::runtime_error("no temporary folder");
  return pattern;
}

class Loops {
 public:
  Loops() : workers_(2) { workers_.start(); }
  ~Loops() { workers_.stop(); }
  Loops(const Loops&) = delete;
  Loops& operator=(const Loops&) = delete;

  net::Worker& home() { return workers_.at(0); }
  net::Worker& other() { return workers_.at(1); }

  template <class T>
  std::future<T> begin(net::Worker& worker, std::function<Task<T>()> start) {
    auto promise = std::make_shared<std::promise<T>>();
    std::future<T> future = promise->get_future();
    worker.spawn([start = std::move(start), promise] { return fulfil<T>(start, promise); },
                 [promise](std::exception_ptr error) { promise->set_exception(error); });
    return future;
  }
  template <class T>
  T run(net::Worker& worker, std::function<Task<T>()> start) {
    return begin<T>(worker, std::move(start)).get();
  }

 private:
  template <class T>
  static Task<void> fulfil(std::function<Task<T>()> start, std::shared_ptr<std::promise<T>> promise) {
    T value = co_await start();
    promise->set_value(std::move(value));
  }
  net::Workers workers_;
};

}  // namespace countersign::mcp::test
