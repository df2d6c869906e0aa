// The blocking HTTP client against a server on this machine that says what it likes.
#include "core/http_client.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "http_peer.h"

namespace countersign {
namespace {

using test::Certificate;
using test::HttpPeer;

constexpr const char* kOk =
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-One: a\r\nx-one:  b \r\nConnection: close\r\n\r\nhi";

std::string code_of(const HttpAsk& ask) {
  auto answer = fetch(ask);
  return answer ? "" : answer.error().code;
}

TEST(HttpClient, AsksAndReadsTheAnswer) {
  HttpPeer peer([](const std::string&) { return kOk; });
  HttpAsk ask{.url = peer.url("/a?b=c")};
  ask.headers.add("accept", "application/json");
  auto answer = fetch(ask);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, "hi");
  EXPECT_EQ(answer->headers.get("x-one"), "a");
  EXPECT_EQ(answer->headers.count("x-one"), 2U);
  const std::string request = peer.requests().at(0);
  EXPECT_TRUE(request.starts_with("GET /a?b=c HTTP/1.1\r\n")) << request;
  EXPECT_NE(request.find("accept: application/json\r\n"), std::string::npos);
  EXPECT_EQ(request.find("Accept-Encoding"), std::string::npos);
  EXPECT_EQ(request.find("Cookie"), std::string::npos);
}

TEST(HttpClient, SendsABodyAsItIs) {
  HttpPeer peer([](const std::string&) { return kOk; });
  HttpAsk ask{.method = "POST", .url = peer.url(), .body = std::string("a\0b=%41&c", 9)};
  ask.headers.add("content-type", "text/plain");
  ask.headers.add("x-empty", "");
  ASSERT_TRUE(fetch(ask));
  const std::string request = peer.requests().at(0);
  EXPECT_TRUE(request.starts_with("POST / HTTP/1.1\r\n"));
  EXPECT_TRUE(request.ends_with(std::string("\r\n\r\na\0b=%41&c", 13))) << request;
  EXPECT_NE(request.find("content-type: text/plain\r\n"), std::string::npos);
  EXPECT_NE(request.find("x-empty:"), std::string::npos);
  EXPECT_EQ(request.find("Expect"), std::string::npos);
  EXPECT_EQ(request.find("urlencoded"), std::string::npos);
  ask.body.clear();
  ASSERT_TRUE(fetch(ask));
  EXPECT_NE(peer.requests().at(1).find("Content-Length: 0\r\n"), std::string::npos);
  ask.method = "PUT";
  ASSERT_TRUE(fetch(ask));
  EXPECT_TRUE(peer.requests().at(2).starts_with("PUT / HTTP/1.1\r\n"));
}

TEST(HttpClient, StatusesAreNoErrors) {
  for (int status : {204, 301, 404, 500}) {
    HttpPeer peer([status](const std::string&) {
      return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    });
    auto answer = fetch({.url = peer.url()});
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->status, status);
  }
}

TEST(HttpClient, RedirectsAreFollowedOnlyWhenAllowed) {
  HttpPeer target([](const std::string&) { return kOk; });
  HttpPeer peer([&](const std::string&) {
    return "HTTP/1.1 302 Found\r\nX-First: 1\r\nLocation: " + target.url() +
           "\r\nContent-Length: 4\r\nConnection: close\r\n\r\nmove";
  });
  auto stayed = fetch({.url = peer.url()});
  ASSERT_TRUE(stayed);
  EXPECT_EQ(stayed->status, 302);
  EXPECT_TRUE(target.requests().empty());
  auto followed = fetch({.url = peer.url(), .redirects = 1});
  ASSERT_TRUE(followed) << followed.error().message;
  EXPECT_EQ(followed->status, 200);
  EXPECT_EQ(followed->body, "hi");
  EXPECT_FALSE(followed->headers.get("x-first"));
  auto posted = fetch({.method = "POST", .url = peer.url(), .body = "x", .redirects = 1});
  ASSERT_TRUE(posted);
  EXPECT_EQ(posted->status, 302) << "a body goes nowhere else";

  HttpPeer circle([](const std::string&) {
    return "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  });
  EXPECT_EQ(code_of({.url = circle.url(), .redirects = 3}), "http_client.redirected");
  HttpPeer file([](const std::string&) {
    return "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  });
  EXPECT_EQ(code_of({.url = file.url(), .redirects = 3}), "http_client.redirected");
}

TEST(HttpClient, AnswersAreBounded) {
  HttpPeer declared([](const std::string&) { return "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world"; });
  EXPECT_EQ(code_of({.url = declared.url(), .most_bytes = 10}), "http_client.too_large");
  EXPECT_EQ(code_of({.url = declared.url(), .most_bytes = 11}), "");
  HttpPeer endless([](const std::string&) { return "HTTP/1.1 200 OK\r\n\r\n" + std::string(300'000, 'x'); });
  EXPECT_EQ(code_of({.url = endless.url(), .most_bytes = 200'000}), "http_client.too_large");
  HttpPeer fields([](const std::string&) {
    std::string head = "HTTP/1.1 200 OK\r\n";
    for (int i = 0; i < 500; ++i) head += "X-" + std::to_string(i) + ": " + std::string(100, 'x') + "\r\n";
    return head + "Content-Length: 0\r\n\r\n";
  });
  EXPECT_EQ(code_of({.url = fields.url(), .most_header_bytes = 10'000}), "http_client.too_large");
}

TEST(HttpClient, ASilentServerTimesOut) {
  HttpPeer silent([](const std::string&) { return ""; });
  EXPECT_EQ(code_of({.url = silent.url(), .total_time = 200}), "http_client.timed_out");
}

TEST(HttpClient, NobodyThereOrNonsense) {
  std::string nobody;
  {
    HttpPeer gone([](const std::string&) { return kOk; });
    nobody = gone.url();
  }
  EXPECT_EQ(code_of({.url = nobody}), "http_client.unreachable");
  EXPECT_EQ(code_of({.url = "http://does-not-exist.invalid/"}), "http_client.unreachable");
  HttpPeer odd([](const std::string&) { return "hello\r\n\r\n"; });
  EXPECT_EQ(code_of({.url = odd.url()}), "http_client.failed");
}

TEST(HttpClient, AddressesAreChecked) {
  for (const char* url : {"", "localhost", "file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/", "HTTP:/x",
                          "http://", "http://user@127.0.0.1/", "http://user:pw@127.0.0.1/", "http://127.0.0.1/ x",
                          "http://127.0.0.1/\r\nX: y", "javascript:alert(1)"})
    EXPECT_EQ(code_of({.url = url}), "http_client.bad_url") << url;
  EXPECT_EQ(code_of({.url = "http://127.0.0.1/" + std::string(8'000, 'x')}), "http_client.bad_url");
}

TEST(HttpClient, HeadersCannotBeSmuggled) {
  HttpPeer peer([](const std::string&) { return kOk; });
  auto with = [&](const std::string& name, const std::string& value) {
    HttpAsk ask{.url = peer.url()};
    ask.headers.add(name, value);
    return code_of(ask);
  };
  EXPECT_EQ(with("x-good", "a b\tc"), "http_client.bad_header");
  EXPECT_EQ(with("x-good", "a\r\nx-evil: 1"), "http_client.bad_header");
  EXPECT_EQ(with("x-good", std::string("a\0b", 3)), "http_client.bad_header");
  EXPECT_EQ(with("x-good\r\nx-evil", "a"), "http_client.bad_header");
  EXPECT_EQ(with("", "a"), "http_client.bad_header");
  EXPECT_EQ(with("x good", "a"), "http_client.bad_header");
  EXPECT_EQ(code_of({.method = "GET / HTTP/1.1\r\nX: y\r\n\r\nGET", .url = peer.url()}), "http_client.bad_header");
  EXPECT_TRUE(peer.requests().empty());
}

TEST(HttpClient, TheEnvironmentsProxyIsNotUsed) {
  HttpPeer proxy([](const std::string&) { return kOk; });
  HttpPeer peer([](const std::string&) { return kOk; });
  for (const char* name : {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "https_proxy"})
    ::setenv(name, proxy.url().c_str(), 1);
  EXPECT_EQ(code_of({.url = peer.url()}), "");
  for (const char* name : {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "https_proxy"}) ::unsetenv(name);
  EXPECT_TRUE(proxy.requests().empty());
  ASSERT_EQ(code_of({.url = peer.url("/x"), .proxy = proxy.url()}), "");
  EXPECT_TRUE(proxy.requests().at(0).starts_with("GET " + peer.url("/x") + " "));
}

TEST(HttpClient, CertificatesAreChecked) {
  const Certificate trusted;
  const Certificate other;
  const auto folder = std::filesystem::temp_directory_path() / ("http-client-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  trusted.write(folder / "trusted.pem");
  other.write(folder / "other.pem");
  HttpPeer peer([](const std::string&) { return kOk; }, &trusted);
  EXPECT_EQ(code_of({.url = peer.url(), .ca_file = folder / "trusted.pem"}), "");
  EXPECT_EQ(code_of({.url = peer.url(), .ca_file = folder / "other.pem"}), "http_client.tls");
  EXPECT_EQ(code_of({.url = peer.url()}), "http_client.tls") << "the system does not know it";
  EXPECT_EQ(code_of({.url = peer.url(), .ca_file = folder / "missing.pem"}), "http_client.tls");
  std::string by_name = peer.url();
  by_name.replace(by_name.find("127.0.0.1"), 9, "localhost");
  EXPECT_EQ(code_of({.url = by_name, .ca_file = folder / "trusted.pem"}), "http_client.tls") << "another name";
  EXPECT_EQ(peer.requests().size(), 1U);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace countersign
