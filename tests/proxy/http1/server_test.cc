// The server over loopback, with a client that sends exact bytes.
#include "proxy/http1/server.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <future>

#include "../net/mailbox.h"
#include "../net/raw_client.h"
#include "proxy/net/async.h"
#include "served.h"

namespace countersign::http1 {
namespace {

namespace fs = std::filesystem;
using testing_net::Mailbox;
using testing_net::RawClient;

constexpr TimeMs kHour = 3'600'000;

class TestHandler final : public Handler {
 public:
  Mailbox<std::string> events;
  net::ThreadPool pool{1};
  std::uint64_t body_limit = 1U << 30;

  Task<void> handle(Exchange* exchange) override {
    std::string_view path = exchange->head().path();
    if (path == "/echo") co_await echo(exchange);
    if (path == "/digest") co_await digest(exchange);
    if (path == "/stream") co_await stream(exchange);
    if (path == "/short") co_await short_body(exchange);
    if (path == "/wait") co_await wait(exchange);
    if (path == "/ignore") co_await plain(exchange, "ignored");
    if (path == "/empty") co_await empty(exchange);
    if (path == "/throw") throw std::runtime_error("boom");
    if (path == "/silent") co_return;
    if (path == "/") co_await plain(exchange, "hello");
  }

 private:
  static Task<void> plain(Exchange* exchange, std::string body) {
    ResponseHead head{200, {}};
    head.headers.add("Content-Type", "text/plain");
    [[maybe_unused]] Status sent = co_await exchange->respond(std::move(head), body);
  }
  static Task<void> empty(Exchange* exchange) {
    ResponseHead head{204, {}};
    std::string_view body = "must not be sent";
    [[maybe_unused]] Status sent = co_await exchange->respond(std::move(head), body);
  }
  Task<void> echo(Exchange* exchange) {
    Result<Spool*> body = co_await exchange->read_body(body_limit);
    if (!body) {
      Error error = body.error();
      [[maybe_unused]] Status sent = co_await exchange->respond_problem(std::move(error));
      co_return;
    }
    Spool* spool = *body;
    std::string text = spool->text(1U << 30).value();
    co_await plain(exchange, std::move(text));
  }
  Task<void> digest(Exchange* exchange) {
    Result<Spool*> body = co_await exchange->read_body(body_limit);
    Spool* spool = body.value();
    std::string text = to_hex(spool->digest()) + (spool->on_disk() ? " disk" : " memory");
    co_await plain(exchange, std::move(text));
  }
  static Task<void> stream(Exchange* exchange) {
    ResponseHead head{200, {}};
    Status status = co_await exchange->start_response(std::move(head), std::nullopt);
    for (std::string_view part : {"one", "two"}) {
      ByteView bytes = as_bytes(part);
      if (status) status = co_await exchange->write_body(bytes);
    }
    if (status) status = co_await exchange->finish();
    EXPECT_TRUE(status);
  }
  static Task<void> short_body(Exchange* exchange) {
    ResponseHead head{200, {}};
    Status status = co_await exchange->start_response(std::move(head), 10);
    ByteView bytes = as_bytes("1234");
    status = co_await exchange->write_body(bytes);
    status = co_await exchange->finish();
    EXPECT_EQ(status.error().code, "http.misuse");
  }
  // Waits for the client to go, then shows that waiting works again.
  Task<void> wait(Exchange* exchange) {
    events.put("waiting");
    Task<Status> nap = net::sleep(kHour);
    Status slept = co_await exchange->or_client_gone(std::move(nap));
    std::string seen = slept ? "slept" : slept.error().code;
    Status rest = co_await net::sleep(1);
    std::function<Result<int>()> work = [] { return 7; };
    Result<int> answer = co_await net::on_thread<int>(&pool, std::move(work));
    events.put(seen + (rest && answer && *answer == 7 ? " recorded" : " lost") +
               (exchange->client_gone() ? " gone" : " there"));
  }
};

class TestObserver final : public Observer {
 public:
  Mailbox<Refusal> refusals;
  Mailbox<std::string> faults;
  void on_refused(const Refusal& refusal) override { refusals.put(refusal); }
  void on_fault(const net::Peer&, std::string_view what) override { faults.put(std::string(what)); }
};

class ServerTest : public ServedTest<TestHandler, TestObserver> {};

std::string get(std::string_view path) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n";
}

std::string post(std::string_view path, std::string_view body) {
  return "POST " + std::string(path) + " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + std::string(body);
}

TEST_F(ServerTest, KeepsTheConnection) {
  start();
  RawClient client(port());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client.send(get("/")));
    std::string response = client.read_response();
    EXPECT_TRUE(response.starts_with("HTTP/1.1 200 OK\r\n")) << response;
    EXPECT_TRUE(response.ends_with("\r\n\r\nhello")) << response;
    EXPECT_EQ(response.find("Connection:"), std::string::npos);
    EXPECT_NE(response.find("\r\nDate: "), std::string::npos);
  }
  EXPECT_EQ(server_->connections(), 1U);
}

TEST_F(ServerTest, ClosesWhenAsked) {
  start();
  RawClient client(port());
  client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_NE(client.read_response().find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(client.at_end());
  RawClient old(port());
  old.send("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_NE(old.read_response().find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(old.at_end());
}

TEST_F(ServerTest, PipelinedRequestsAreAnsweredInOrder) {
  start();
  RawClient client(port());
  client.send(post("/echo", "first") + get("/") + post("/echo", "third") + "\r\n" + get("/empty"));
  EXPECT_TRUE(client.read_response().ends_with("\r\n\r\nfirst"));
  EXPECT_TRUE(client.read_response().ends_with("\r\n\r\nhello"));
  EXPECT_TRUE(client.read_response().ends_with("\r\n\r\nthird"));
  std::string last = client.read_response();
  EXPECT_TRUE(last.starts_with("HTTP/1.1 204 ")) << last;
  EXPECT_EQ(last.find("Content-Length"), std::string::npos);
}

TEST_F(ServerTest, ARequestByteByByte) {
  start();
  RawClient client(port());
  for (char c :
       "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nHost: "
       "evil\r\n\r\n") {
    if (c != '\0') client.send({&c, 1});
  }
  EXPECT_TRUE(client.read_response().ends_with("\r\n\r\nabcde"));
  client.send(get("/"));
  EXPECT_TRUE(client.read_response().ends_with("hello"));
}

TEST_F(ServerTest, RefusalsAreAnsweredTheirConnectionClosedAndTold) {
  start();
  RawClient client(port());
  client.send(
      "POST /p?secret=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / "
      "HTTP/1.1\r\n\r\n");
  std::string response = client.read_response();
  EXPECT_TRUE(response.starts_with("HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json\r\n"))
      << response;
  EXPECT_NE(response.find("\"code\":\"http.length_and_coding\""), std::string::npos);
  EXPECT_TRUE(client.at_end());
  auto refusal = observer_.refusals.take();
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->error.code, "http.length_and_coding");
  EXPECT_EQ(refusal->status, 400);
  EXPECT_EQ(refusal->request_line, "POST /p");
  EXPECT_TRUE(refusal->peer.address.starts_with("127.0.0.1:"));
  EXPECT_EQ(observer_.refusals.size(), 0U);
}

TEST_F(ServerTest, LimitsOfHeads) {
  options_.limits = {.head_bytes = 1000, .header_count = 5, .target_bytes = 100};
  start();
  auto status = [&](const std::string& bytes) {
    RawClient client(port());
    client.send(bytes);
    return client.read_response().substr(9, 3);
  };
  EXPECT_EQ(status("GET /" + std::string(100, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n"), "414");
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(2000, 'a')), "431");
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nX: 1\r\nX: 1\r\nX: 1\r\nX: 1\r\n\r\n"), "431");
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nX: 1\r\nX: 1\r\nX: 1\r\n\r\n"), "200");
}

TEST_F(ServerTest, LimitOfBodies) {
  handler_.body_limit = 10;
  start();
  RawClient announced(port());
  announced.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n");
  std::string response = announced.read_response();
  EXPECT_TRUE(response.starts_with("HTTP/1.1 413 ")) << response;
  EXPECT_NE(response.find("http.body_too_large"), std::string::npos);
  announced.send("12345678901");
  announced.end_sending();
  EXPECT_TRUE(announced.at_end());

  RawClient chunked(port());
  chunked.send(
      "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n123456\r\n6\r\n123456\r\n0\r\n\r\n");
  EXPECT_TRUE(chunked.read_response().starts_with("HTTP/1.1 413 "));

  RawClient exact(port());
  exact.send(post("/echo", "1234567890"));
  EXPECT_TRUE(exact.read_response().ends_with("1234567890"));
}

TEST_F(ServerTest, LargeBodiesGoToDiskWithTheSameDigest) {
  start();
  std::string body(3'000'000, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 7 + i / 1000);
  std::string digest = to_hex(sha256(body));
  RawClient client(port());
  ASSERT_TRUE(client.send(post("/digest", body)));
  EXPECT_TRUE(client.read_response().ends_with(digest + " disk"));
  std::string chunks;
  for (std::size_t at = 0; at < body.size(); at += 50'000) chunks += "C350\r\n" + body.substr(at, 50'000) + "\r\n";
  ASSERT_TRUE(
      client.send("POST /digest HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + "0\r\n\r\n"));
  EXPECT_TRUE(client.read_response().ends_with(digest + " disk"));
  ASSERT_TRUE(client.send(post("/digest", body.substr(0, 1000))));
  EXPECT_TRUE(client.read_response().ends_with(" memory"));
  client.close();
  server_->drain(5'000);
  EXPECT_TRUE(fs::is_empty(directory_));
}

TEST_F(ServerTest, SlowHeadsAndBodiesTimeOut) {
  options_.timeouts.head = 30;
  options_.timeouts.body_gap = 30;
  start();
  RawClient head(port());
  head.send("GET / HTTP/1.1\r\nHost:");
  std::string response = head.read_response();
  EXPECT_TRUE(response.starts_with("HTTP/1.1 408 ")) << response;
  EXPECT_NE(response.find("http.timeout"), std::string::npos);
  EXPECT_EQ(observer_.refusals.take()->error.code, "http.timeout");

  RawClient body(port());
  body.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab");
  EXPECT_TRUE(body.read_response().starts_with("HTTP/1.1 408 "));

  // A connection that never says anything is closed without a word, and is no request.
  RawClient silent(port());
  EXPECT_TRUE(silent.at_end());
  EXPECT_EQ(observer_.refusals.size(), 0U);
}

TEST_F(ServerTest, AnIdleConnectionIsClosed) {
  options_.timeouts.idle = 30;
  start();
  RawClient client(port());
  client.send(get("/"));
  client.read_response();
  EXPECT_TRUE(client.at_end());
}

TEST_F(ServerTest, ABodyThatEndsEarlyIsTruncated) {
  start();
  RawClient client(port());
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab");
  client.end_sending();
  std::string response = client.read_to_end();
  EXPECT_TRUE(response.starts_with("HTTP/1.1 400 ")) << response;
  EXPECT_NE(response.find("http.truncated"), std::string::npos);
  RawClient head(port());
  head.send("GET / HT");
  head.end_sending();
  EXPECT_EQ(head.read_to_end(), "");
  EXPECT_EQ(observer_.refusals.take()->error.code, "http.truncated");
}

TEST_F(ServerTest, ExpectContinue) {
  start();
  RawClient client(port());
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_response(), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("abc");
  EXPECT_TRUE(client.read_response().ends_with("\r\n\r\nabc"));
  // A handler that does not want the body answers instead, and the client never sends it.
  client.send("POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  std::string response = client.read_response();
  EXPECT_TRUE(response.starts_with("HTTP/1.1 200 ")) << response;
  EXPECT_NE(response.find("Connection: close"), std::string::npos);
}

TEST_F(ServerTest, UnreadBodies) {
  start();
  RawClient client(port());
  client.send(post("/ignore", "small") + get("/"));
  EXPECT_TRUE(client.read_response().ends_with("ignored"));
  EXPECT_TRUE(client.read_response().ends_with("hello"));
  // A large one is not worth reading: the answer arrives all the same, then the connection ends.
  client.send(post("/ignore", std::string(300'000, 'x')));
  std::string response = client.read_response();
  EXPECT_TRUE(response.ends_with("ignored"));
  EXPECT_NE(response.find("Connection: close"), std::string::npos);
}

TEST_F(ServerTest, Streaming) {
  start();
  RawClient client(port());
  client.send(get("/stream"));
  std::string response = client.read_until("0\r\n\r\n");
  EXPECT_NE(response.find("Transfer-Encoding: chunked\r\n"), std::string::npos);
  EXPECT_TRUE(response.ends_with("\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")) << response;
  client.send("HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n" + get("/"));
  EXPECT_TRUE(client.read_response().ends_with("\r\n\r\n"));
  EXPECT_TRUE(client.read_response().starts_with("HTTP/1.1 200 "));
  RawClient old(port());
  old.send("GET /stream HTTP/1.0\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(old.read_to_end().ends_with("Connection: close\r\n\r\nonetwo"));
}

TEST_F(ServerTest, HeadHasTheLengthAndNoBody) {
  start();
  RawClient client(port());
  client.send("HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  std::string response = client.read_to_end();
  EXPECT_NE(response.find("Content-Length: 5\r\n"), std::string::npos);
  EXPECT_TRUE(response.ends_with("\r\n\r\n"));
}

TEST_F(ServerTest, MistakesOfHandlers) {
  start();
  for (std::string_view path : {"/throw", "/silent"}) {
    RawClient client(port());
    client.send(get(path));
    std::string response = client.read_response();
    EXPECT_TRUE(response.starts_with("HTTP/1.1 500 ")) << response;
    EXPECT_EQ(response.find("boom"), std::string::npos);
    EXPECT_TRUE(client.at_end());
    EXPECT_TRUE(observer_.faults.take());
  }
  // A body that is shorter than announced must not be mistaken for a complete one.
  RawClient client(port());
  client.send(get("/short") + get("/"));
  EXPECT_TRUE(client.read_to_end().ends_with("\r\n\r\n1234"));
}

TEST_F(ServerTest, ADisconnectCancelsWhatTheHandlerWaitsFor) {
  start();
  for (bool half : {false, true}) {
    RawClient client(port());
    client.send(get("/wait"));
    EXPECT_EQ(handler_.events.take(), "waiting");
    if (half) {
      client.end_sending();
    } else {
      client.close();
    }
    EXPECT_EQ(handler_.events.take(), "net.cancelled recorded gone");
  }
}

TEST_F(ServerTest, BytesOfTheNextRequestAreNoDisconnect) {
  start();
  RawClient client(port());
  client.send(get("/wait"));
  EXPECT_EQ(handler_.events.take(), "waiting");
  client.send(get("/"));
  EXPECT_EQ(handler_.events.size(), 0U);
  client.close();
  EXPECT_EQ(handler_.events.take(), "net.cancelled recorded gone");
}

TEST_F(ServerTest, TooManyConnections) {
  options_.listen.max_connections = 2;
  start();
  RawClient one(port()), two(port());
  one.send(get("/"));
  two.send(get("/"));
  one.read_response();
  two.read_response();
  RawClient three(port());
  std::string response = three.read_response();
  EXPECT_TRUE(response.starts_with("HTTP/1.1 503 ")) << response;
  EXPECT_NE(response.find("http.too_many_connections"), std::string::npos);
  EXPECT_TRUE(three.at_end());
  one.send(get("/"));
  EXPECT_TRUE(one.read_response().ends_with("hello"));
}

TEST_F(ServerTest, DrainClosesIdleConnectionsAndStopsAccepting) {
  start();
  RawClient idle(port());
  idle.send(get("/"));
  idle.read_response();
  std::uint16_t was = port();
  server_->drain(5'000);
  EXPECT_TRUE(idle.at_end());
  EXPECT_EQ(server_->connections(), 0U);
  EXPECT_FALSE(RawClient(was).open());
}

TEST_F(ServerTest, DrainLetsARequestEnd) {
  start();
  RawClient busy(port());
  busy.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  busy.read_response();  // the handler waits for the body
  auto drained = std::async(std::launch::async, [&] { server_->drain(kHour); });
  while (RawClient(port()).open()) continue;  // accepting has stopped, so the drain has begun
  busy.send("abc");
  std::string response = busy.read_response();
  EXPECT_TRUE(response.ends_with("abc")) << response;
  drained.get();
  EXPECT_TRUE(busy.at_end());
}

TEST_F(ServerTest, DrainCancelsAtItsBound) {
  start();
  RawClient client(port());
  client.send(get("/wait"));
  EXPECT_EQ(handler_.events.take(), "waiting");
  server_->drain(0);
  EXPECT_EQ(handler_.events.take(), "net.cancelled recorded gone");
  EXPECT_TRUE(client.at_end());
}

TEST_F(ServerTest, UnixSocket) {
  options_.listen.address = "unix:" + (directory_ / "admin.sock").string();
  start();
  fs::path path = directory_ / "admin.sock";
  EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  RawClient client(path.string());
  client.send(get("/"));
  EXPECT_TRUE(client.read_response().ends_with("hello"));
  // Nobody may take the name of a live one; a stale one is replaced.
  EXPECT_EQ(Server::start(workers_, options_, handler_, observer_).error().code, "net.listen");
  server_.reset();
  EXPECT_FALSE(fs::exists(path));
}

}  // namespace
}  // namespace countersign::http1
