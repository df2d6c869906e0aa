// The http adapter over an upstream named "web", and what its tests share.
#pragma once

#include <gtest/gtest.h>

#include "core/sha256.h"
#include "fakes.h"
#include "proxy/adapters/http_adapter.h"

namespace countersign::adapters::test {

inline config::Upstream web() {
  config::Upstream upstream;
  upstream.name = "web";
  upstream.protocol = "http";
  upstream.url = "http://10.0.0.1:8080/api/";
  upstream.operations = {{"POST", "/orders/{id}/refund", "refundOrder", "administer"},
                         {"GET", "/secrets/**", "", "mint"},
                         {"*", "/admin/**", "", "administer"},
                         {"GET", "/reports/report-{id}.pdf", "getReport", std::nullopt},
                         {"GET", "/tokens/{id}", "getToken", "mint"},
                         {"GET", "/jobs/run", "runJob", "execute"},
                         {"HEAD", "/jobs/state", "peek", "read"},
                         {"GET", "/jobs/state", "", "execute"},
                         {"GET", "/Files/key-{id}.PEM", "", "mint"},
                         {"GET", "/files/{name}", "getFile", "read"},
                         {"*", "/files/**", "anyFile", "write"}};
  return upstream;
}

class Http : public ::testing::Test {
 protected:
  Http() : adapter_(std::move(HttpAdapter::create(web()).value())) {}

  Result<std::unique_ptr<Conversation>> describe(const std::string& method, const std::string& rest,
                                                 const HeaderList& headers = {}, std::string_view body = {}) {
    head_ = {method, "/web" + rest, headers};
    if (!head_.headers.get("Host")) head_.headers.add("Host", "gw:8700");
    Inbound inbound{&head_, rest, view_of(body), "team"};
    return adapter_->describe(inbound, doors_);
  }
  std::string code(const std::string& method, const std::string& rest, const HeaderList& headers = {},
                   std::string_view body = {}) {
    auto conversation = describe(method, rest, headers, body);
    return conversation ? "ok" : conversation.error().code;
  }
  std::unique_ptr<Conversation> ok(const std::string& method, const std::string& rest, const HeaderList& headers = {},
                                   std::string_view body = {}) {
    auto conversation = describe(method, rest, headers, body);
    if (!conversation) throw std::runtime_error(conversation.error().code + ": " + conversation.error().message);
    return std::move(*conversation);
  }

  std::unique_ptr<HttpAdapter> adapter_;
  FakeDoors doors_;
  RequestHead head_;
};

inline HeaderList fields(std::initializer_list<std::pair<std::string_view, std::string_view>> list) {
  HeaderList out;
  for (auto [name, value] : list) out.add(name, value);
  return out;
}

}  // namespace countersign::adapters::test
