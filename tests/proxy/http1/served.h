// A server over loopback for one test, with a handler of the test's.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>

#include "proxy/http1/server.h"

namespace countersign::http1 {

template <class TestHandler, class TestObserver>
class ServedTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "countersign-server-test-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
    options_.listen.address = "127.0.0.1:0";
    options_.spool = {directory_, 64 * 1024};
  }
  void TearDown() override {
    server_.reset();
    workers_.stop();
    std::filesystem::remove_all(directory_);
  }
  void start() {
    auto server = Server::start(workers_, options_, handler_, observer_);
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
    workers_.start();
  }
  std::uint16_t port() const { return server_->port(); }

  std::filesystem::path directory_;
  net::Workers workers_{2};
  TestHandler handler_;
  TestObserver observer_;
  ServerOptions options_;
  std::unique_ptr<Server> server_;
};

}  // namespace countersign::http1
