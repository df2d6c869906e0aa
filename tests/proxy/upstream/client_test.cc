// The upstream client against servers that answer with exact bytes, and against our own server.
#include "proxy/upstream/client.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "../net/raw_client.h"
#include "../net/test_certificates.h"
#include "proxy/http1/server.h"
#include "proxy/upstream/fetch.h"
#include "scripted_server.h"

namespace countersign::upstream {
namespace {

namespace fs = std::filesystem;
using testing_net::Mailbox;
using testing_net::RawClient;
using testing_net::ScriptedServer;
using testing_net::TestCertificates;
using Then = ScriptedServer::Then;

const std::string kHello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

struct Outcome {
  int status = 0;
  std::string body;
  std::string code;  // of the error, "" when there was none
  Sent sent = Sent::nothing;
  HeaderList headers;
};

void rethrow(std::exception_ptr error) {
  std::rethrow_exception(error);
}

Task<void> call(Client* client, std::shared_ptr<const Origin> origin, Request request, std::size_t limit,
                Mailbox<Outcome>* out) {
  Outcome outcome;
  Result<std::unique_ptr<Response>> response = co_await client->send(origin, std::move(request));
  if (!response) {
    outcome.code = response.error().code;
    outcome.sent = sent_of(response.error());
    out->put(outcome);
    co_return;
  }
  Response* answer = response->get();
  outcome.status = answer->head().status;
  outcome.headers = answer->head().headers;
  Result<std::string> body = co_await answer->read_all(limit);
  if (body) outcome.body = *body;
  if (!body) outcome.code = body.error().code;
  if (!body) outcome.sent = sent_of(body.error());
  out->put(outcome);
}

class ClientTest : public testing::Test {
 protected:
  void SetUp() override { make_client({}); }
  void TearDown() override {
    workers_.stop();
    client_.reset();
  }
  void make_client(ClientOptions options) {
    workers_.stop();
    client_ = std::make_unique<Client>(workers_.at(0), options);
  }
  void start(const ScriptedServer& server) {
    origin_ = std::make_shared<const Origin>(parse_origin(server.address()).value());
    if (!workers_.at(0).running()) workers_.start();
  }
  void begin(std::string_view method, const http1::Spool* body = nullptr, std::size_t limit = 1 << 20) {
    RequestHead head{std::string(method), "/x", {}};
    workers_.at(0).spawn(
        [this, head, body, limit] {
          return call(client_.get(), origin_, Request{head, body, std::nullopt}, limit, &outcomes_);
        },
        rethrow);
  }
  Outcome ask(std::string_view method, const http1::Spool* body = nullptr, std::size_t limit = 1 << 20) {
    begin(method, body, limit);
    return outcomes_.take().value_or(Outcome{.code = "nothing happened"});
  }
  std::pair<std::size_t, std::size_t> open_and_idle() {
    Mailbox<std::pair<std::size_t, std::size_t>> counts;
    workers_.at(0).post(
        [&] { counts.put({client_->open_connections(*origin_), client_->idle_connections(*origin_)}); });
    return *counts.take();
  }

  net::Workers workers_{1};
  std::unique_ptr<Client> client_;
  std::shared_ptr<const Origin> origin_;
  Mailbox<Outcome> outcomes_;
};

using Counts = std::pair<std::size_t, std::size_t>;

TEST_F(ClientTest, OneConnectionServesManyRequests) {
  ScriptedServer server({{{kHello}, {kHello}, {kHello}}});
  start(server);
  for (int i = 0; i < 3; ++i) {
    Outcome outcome = ask(i == 1 ? "POST" : "GET");
    EXPECT_EQ(outcome.status, 200) << outcome.code;
    EXPECT_EQ(outcome.body, "hello");
    EXPECT_TRUE(server.log.take()->starts_with("1: "));
    EXPECT_EQ(open_and_idle(), (Counts{1, 1}));
  }
}

TEST_F(ClientTest, WhatIsSent) {
  ScriptedServer server({{{kHello}, {kHello}}});
  start(server);
  ask("GET");
  std::string authority = "127.0.0.1:" + std::to_string(server.port());
  EXPECT_EQ(server.log.take(), "1: GET /x HTTP/1.1\r\nHost: " + authority + "\r\n\r\n");
  http1::Spool body = http1::Spool::of("payload");
  ask("POST", &body);
  EXPECT_EQ(server.log.take(), "1: POST /x HTTP/1.1\r\nHost: " + authority + "\r\nContent-Length: 7\r\n\r\npayload");
}

TEST_F(ClientTest, ABodyOnDiskArrivesWhole) {
  fs::path directory = fs::temp_directory_path();
  http1::Spool body({directory, 1000});
  std::string content(500'000, '\0');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 3 + i / 100);
  ASSERT_TRUE(body.append(as_bytes(content)));
  body.finish();
  ASSERT_TRUE(body.on_disk());
  ScriptedServer server({{{kHello}}});
  start(server);
  EXPECT_EQ(ask("PUT", &body).status, 200);
  std::string request = *server.log.take();
  EXPECT_EQ(request.substr(request.find("\r\n\r\n") + 4), content);
}

// Pieces, and then perhaps an error.
class TestArrival final : public http1::Arrival {
 public:
  TestArrival(std::vector<std::string> pieces, std::optional<Error> error)
      : pieces_(std::move(pieces)), error_(std::move(error)) {}
  Task<Result<ByteView>> next() override {
    if (at_ < pieces_.size()) co_return as_bytes(pieces_[at_++]);
    if (error_) co_return fail(*error_);
    co_return ByteView();
  }

 private:
  std::vector<std::string> pieces_;
  std::optional<Error> error_;
  std::size_t at_ = 0;
};

TEST_F(ClientTest, AnArrivingBodyIsPassedOn) {
  TestArrival arrival({"one", "two", "three"}, std::nullopt);
  http1::Spool body = http1::Spool::promised(11, Digest(), &arrival);
  EXPECT_FALSE(body.in_memory());
  Bytes into(4);
  EXPECT_EQ(body.read(0, into).error().code, "spool.unreadable");
  ScriptedServer server({{{kHello}, {kHello}}});
  start(server);
  EXPECT_EQ(ask("PUT", &body).status, 200);
  EXPECT_TRUE(server.log.take()->ends_with("\r\nContent-Length: 11\r\n\r\nonetwothree"));
  EXPECT_EQ(ask("GET").status, 200) << "the connection is kept";
  EXPECT_TRUE(server.log.take()->starts_with("1: GET"));
}

TEST_F(ClientTest, AnArrivingBodyThatBreaksOffEndsTheConnection) {
  for (const char* code : {"body.incomplete", "sigv4.payload_mismatch"}) {
    TestArrival arrival({"one", "two"}, Error{ErrorKind::malformed, code, "no"});
    http1::Spool body = http1::Spool::promised(11, Digest(), &arrival);
    ScriptedServer server({{{kHello, Then::wait_for_client}}});
    start(server);
    const Outcome outcome = ask("PUT", &body);
    EXPECT_EQ(outcome.code, code);
    EXPECT_EQ(server.log.take(), "1: end") << "no whole request came";
    EXPECT_EQ(open_and_idle(), (Counts{0, 0}));
  }
}

TEST_F(ClientTest, WhatHasArrivedIsNotSentAgain) {
  TestArrival arrival({"one", "two", "three"}, std::nullopt);
  http1::Spool body = http1::Spool::promised(11, Digest(), &arrival);
  ScriptedServer server({{{kHello}, {"", Then::close}}, {{kHello}}});
  start(server);
  EXPECT_EQ(ask("GET").status, 200);
  EXPECT_EQ(ask("GET", &body).code, "upstream.broken") << "though it is a read, on a used connection";
}

TEST_F(ClientTest, AReadIsSentAgainWhenAUsedConnectionTurnsOutDead) {
  ScriptedServer server({{{kHello}, {"", Then::close}}, {{kHello}}});
  start(server);
  EXPECT_EQ(ask("GET").status, 200);
  EXPECT_EQ(ask("GET").status, 200);
  EXPECT_TRUE(server.log.take()->starts_with("1: GET"));
  EXPECT_TRUE(server.log.take()->starts_with("1: GET"));
  EXPECT_TRUE(server.log.take()->starts_with("2: GET"));
}

TEST_F(ClientTest, AChangeIsNeverSentTwice) {
  for (std::string_view method : {"POST", "PUT", "DELETE", "PATCH", "REPORT"}) {
    ScriptedServer server({{{kHello}, {"", Then::close}}, {{kHello}}});
    start(server);
    EXPECT_EQ(ask("GET").status, 200);
    Outcome outcome = ask(method);
    EXPECT_EQ(outcome.code, "upstream.broken");
    EXPECT_EQ(outcome.sent, Sent::maybe);
    EXPECT_TRUE(server.log.take()->starts_with("1: GET"));
    EXPECT_TRUE(server.log.take()->starts_with("1: " + std::string(method)));
    EXPECT_EQ(server.log.size(), 0U);
    EXPECT_EQ(ask("GET").status, 200);  // lets the second script run, and shows that nothing came before it
    EXPECT_TRUE(server.log.take()->starts_with("2: GET"));
  }
}

TEST_F(ClientTest, AReadIsNotSentAgainOnAFreshConnectionOrAfterAnAnswerBegan) {
  {
    ScriptedServer server({{{"", Then::close}}, {{kHello}}});
    start(server);
    EXPECT_EQ(ask("GET").code, "upstream.broken");
    EXPECT_EQ(ask("GET").status, 200);
  }
  ScriptedServer server({{{kHello}, {"HTTP/1.1 200", Then::close}}, {{kHello}}});
  start(server);
  EXPECT_EQ(ask("GET").status, 200);
  EXPECT_EQ(ask("GET").code, "upstream.broken");
}

TEST_F(ClientTest, AChangeTakesAConnectionThatIsKnownToLive) {
  ScriptedServer server({{{kHello, Then::close}}, {{"", Then::close}}, {{kHello}}});
  start(server);
  EXPECT_EQ(ask("GET").status, 200);
  EXPECT_TRUE(server.log.take()->starts_with("1: GET"));
  // The next connection is accepted only after the first was closed: from then on its end is there to be seen.
  RawClient second(server.port());
  second.send("GET /probe HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(server.log.take()->starts_with("2: GET /probe"));
  EXPECT_EQ(open_and_idle(), (Counts{1, 1}));
  EXPECT_EQ(ask("POST").status, 200);
  EXPECT_TRUE(server.log.take()->starts_with("3: POST"));
}

TEST_F(ClientTest, AmbiguousResponsesAreRefusedAndTheConnectionDropped) {
  std::vector<std::string> answers = {
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
      "SSH-2.0-OpenSSH\r\n\r\n",
      "HTTP/1.1 101 Switching Protocols\r\n\r\n",
      "HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'a') + "\r\n\r\n",
      std::string("\0\0\0", 3),
  };
  for (const std::string& answer : answers) {
    ScriptedServer server({{{answer, Then::wait_for_client}}});
    start(server);
    Outcome outcome = ask("GET");
    EXPECT_EQ(outcome.code, "upstream.bad_response") << answer.substr(0, 80);
    EXPECT_EQ(outcome.sent, Sent::maybe);
    EXPECT_EQ(open_and_idle(), (Counts{0, 0}));
  }
  EXPECT_EQ(http1::status_of({ErrorKind::unavailable, "upstream.bad_response", ""}), 502);
}

TEST_F(ClientTest, BadChunksAndTruncatedBodies) {
  std::vector<std::pair<std::string, std::string>> cases = {
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX", "upstream.bad_response"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", "upstream.broken"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", "upstream.broken"},
  };
  for (const auto& [answer, code] : cases) {
    ScriptedServer server({{{answer, Then::close}}});
    start(server);
    EXPECT_EQ(ask("GET").code, code) << answer;
    EXPECT_EQ(open_and_idle(), (Counts{0, 0}));
  }
}

TEST_F(ClientTest, FormsOfResponses) {
  ScriptedServer server({
      {{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + kHello},
       {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: x-hop\r\nX-Hop: 1\r\nX-Stay: "
        "1\r\n\r\n2\r\nhe\r\n3;a=b\r\nllo\r\n0\r\nX: y\r\n\r\n"},
       {"HTTP/1.1 204 No Content\r\n\r\n"},
       {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", Then::close}},
      {{"HTTP/1.1 200 OK\r\n\r\nhello", Then::close}},
      {{"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", Then::close}},
  });
  start(server);
  EXPECT_EQ(ask("PUT").body, "hello");
  Outcome chunked = ask("GET");
  EXPECT_EQ(chunked.body, "hello");
  ASSERT_EQ(chunked.headers.fields().size(), 1U);
  EXPECT_EQ(chunked.headers.fields()[0].name, "X-Stay");
  EXPECT_EQ(ask("DELETE").status, 204);
  EXPECT_EQ(open_and_idle(), (Counts{1, 1}));
  EXPECT_EQ(ask("GET").body, "hello");
  EXPECT_EQ(open_and_idle(), (Counts{0, 0}));
  EXPECT_EQ(ask("GET").body, "hello");
  EXPECT_EQ(ask("GET").body, "hello");
  EXPECT_EQ(open_and_idle(), (Counts{0, 0}));
}

TEST_F(ClientTest, BytesNobodyAskedForEndTheConnection) {
  ScriptedServer server(
      {{{kHello + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", Then::wait_for_client}}, {{kHello}}});
  start(server);
  EXPECT_EQ(ask("GET").body, "hello");
  EXPECT_EQ(open_and_idle(), (Counts{0, 0}));
  EXPECT_EQ(ask("GET").body, "hello");
}

TEST_F(ClientTest, TooLargeForReadAll) {
  ScriptedServer server({{{kHello, Then::wait_for_client}}});
  start(server);
  EXPECT_EQ(ask("GET", nullptr, 4).code, "upstream.too_large");
}

TEST_F(ClientTest, Timeouts) {
  make_client({.first_byte = 20, .gap = 20});
  for (std::string_view answer : {"", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"}) {
    ScriptedServer server({{{std::string(answer), Then::wait_for_client}}});
    start(server);
    Outcome outcome = ask("POST");
    EXPECT_EQ(outcome.code, "upstream.timeout");
    EXPECT_EQ(outcome.sent, Sent::maybe);
    EXPECT_EQ(open_and_idle(), (Counts{0, 0}));
  }
}

TEST_F(ClientTest, NothingIsSentWhenNobodyListens) {
  {
    ScriptedServer server({});
    start(server);
  }
  Outcome outcome = ask("POST");
  EXPECT_EQ(outcome.code, "upstream.connect_failed");
  EXPECT_EQ(outcome.sent, Sent::nothing);
  EXPECT_EQ(open_and_idle(), (Counts{0, 0}));
  origin_ = std::make_shared<const Origin>(parse_origin("http://name.invalid").value());
  EXPECT_EQ(ask("POST").code, "upstream.resolve_failed");
}

TEST_F(ClientTest, WaitersTakeTurns) {
  make_client({.connections_per_origin = 1, .waiters_per_origin = 2});
  ScriptedServer server({{{kHello}, {kHello}, {kHello}}});
  start(server);
  for (int i = 0; i < 3; ++i) begin("GET");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(outcomes_.take()->body, "hello");
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(server.log.take()->starts_with("1: "));
  EXPECT_EQ(open_and_idle(), (Counts{1, 1}));
}

TEST_F(ClientTest, TooManyWaitersAndTooLongAWait) {
  make_client({.connections_per_origin = 1, .waiters_per_origin = 1, .wait = 20});
  ScriptedServer server({{{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Then::wait_for_client}}});
  start(server);
  begin("GET");  // takes the only connection and is not answered in full
  ASSERT_TRUE(server.log.take());
  begin("POST");
  begin("POST");
  for (int i = 0; i < 2; ++i) {
    Outcome outcome = outcomes_.take().value_or(Outcome{});
    EXPECT_EQ(outcome.code, "upstream.busy");
    EXPECT_EQ(outcome.sent, Sent::nothing);
  }
  EXPECT_EQ(open_and_idle(), (Counts{1, 0}));
}

TEST_F(ClientTest, UnusedConnectionsAreClosed) {
  make_client({.keep = 10});
  ScriptedServer server({{{kHello, Then::wait_for_client}}});
  start(server);
  EXPECT_EQ(ask("GET").status, 200);
  EXPECT_TRUE(server.log.take()->starts_with("1: GET"));
  EXPECT_EQ(server.log.take(), "1: end");
}

TEST(OriginTest, Addresses) {
  auto origin = parse_origin("http://127.0.0.1:9418/base/");
  ASSERT_TRUE(origin);
  EXPECT_EQ(origin->destination.host, "127.0.0.1");
  EXPECT_EQ(origin->destination.port, 9418);
  EXPECT_EQ(origin->authority, "127.0.0.1:9418");
  EXPECT_EQ(origin->base_path, "/base");
  EXPECT_FALSE(origin->tls);
  EXPECT_EQ(parse_origin("https://[::1]")->destination.host, "::1");
  EXPECT_EQ(parse_origin("https://[::1]:8443")->authority, "[::1]:8443");
  EXPECT_EQ(parse_origin("https://example.com")->destination.port, 443);
  EXPECT_EQ(parse_origin("http://example.com:80/")->authority, "example.com");
  EXPECT_EQ(parse_origin("unix:/run/x.sock")->destination.unix_path, "/run/x.sock");
  EXPECT_NE(parse_origin("https://a", {"one.pem", {}, {}})->key, parse_origin("https://a", {"two.pem", {}, {}})->key);
  EXPECT_NE(parse_origin("https://a:80")->key, parse_origin("http://a")->key);
  for (std::string_view bad : {"", "example.com", "ftp://a", "http://", "http://u:p@a/", "http://a/?q", "http://a/#f",
                               "http://a:0/", "http://a:99999/", "unix:", "unix:relative"}) {
    auto parsed = parse_origin(bad);
    EXPECT_EQ(parsed ? "accepted" : parsed.error().code, "upstream.address") << bad;
  }
}

// --- against our own server ---

class ForwardingHandler final : public http1::Handler {
 public:
  Clients* clients = nullptr;
  std::shared_ptr<const Origin> origin;
  Mailbox<std::string> seen;

  Task<void> handle(http1::Exchange* exchange) override {
    Result<http1::Spool*> body = co_await exchange->read_body(1'048'576);
    if (!origin) {
      ResponseHead head{200, {}};
      std::string text = exchange->head().method + " " + exchange->head().target + " " +
                         (*body)->text(1 << 20).value() +
                         (exchange->security() == net::Security::tls ? " tls" : " plain");
      [[maybe_unused]] Status sent = co_await exchange->respond(std::move(head), text);
      co_return;
    }
    Client& client = clients->on(exchange->worker());
    Task<Result<std::unique_ptr<Response>>> work = client.send(origin, Request{exchange->head(), *body, std::nullopt});
    Result<std::unique_ptr<Response>> response = co_await exchange->or_client_gone(std::move(work));
    seen.put(response ? "answered" : response.error().code);
    if (!response) {
      Error error = response.error();
      [[maybe_unused]] Status sent = co_await exchange->respond_problem(std::move(error));
      co_return;
    }
    Response* answer = response->get();
    ResponseHead head = answer->take_head();
    std::optional<std::uint64_t> length = answer->length();
    Status status = co_await exchange->start_response(std::move(head), length, http1::HeadFlush::with_first_bytes);
    Bytes buffer(4096);
    while (status && !answer->done()) {
      Result<std::size_t> count = co_await answer->read_some(buffer);
      if (!count) co_return;
      ByteView piece = ByteView(buffer).first(*count);
      status = co_await exchange->write_body(piece);
    }
    if (status) status = co_await exchange->finish();
  }
};

class SilentObserver final : public http1::Observer {
 public:
  Mailbox<http1::Refusal> refusals;
  void on_refused(const http1::Refusal& refusal) override { refusals.put(refusal); }
  void on_fault(const net::Peer&, std::string_view what) override { ADD_FAILURE() << what; }
};

class ForwardingTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "countersign-forward-test-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
    handler_.clients = &clients_;
    options_.listen.address = "127.0.0.1:0";
    options_.spool.directory = directory_;
  }
  void TearDown() override {
    server_.reset();
    workers_.stop();
    fs::remove_all(directory_);
  }
  void start() {
    auto server = http1::Server::start(workers_, options_, handler_, observer_);
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
    workers_.start();
  }
  RequestHead head(std::string_view method) const { return {std::string(method), "/p?q", {}}; }

  fs::path directory_;
  net::Workers workers_{2};
  Clients clients_{workers_, {}};
  ForwardingHandler handler_;
  SilentObserver observer_;
  http1::ServerOptions options_;
  std::unique_ptr<http1::Server> server_;
};

TEST_F(ForwardingTest, Proxies) {
  ScriptedServer upstream(
      {{{kHello}, {kHello}, {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"}}});
  handler_.origin = std::make_shared<const Origin>(parse_origin(upstream.address()).value());
  start();
  RawClient client(server_->port());
  client.send("GET /a HTTP/1.1\r\nHost: proxy\r\nConnection: x-hop\r\nX-Hop: 1\r\n\r\n");
  std::string response = client.read_response();
  EXPECT_TRUE(response.ends_with("\r\n\r\nhello")) << response;
  EXPECT_EQ(upstream.log.take(), "1: GET /a HTTP/1.1\r\nHost: proxy\r\n\r\n");
  client.send("POST /b HTTP/1.1\r\nHost: proxy\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
  EXPECT_TRUE(client.read_response().ends_with("hello"));
  EXPECT_EQ(upstream.log.take(), "1: POST /b HTTP/1.1\r\nHost: proxy\r\nContent-Length: 3\r\n\r\nabc");
  client.send("GET /c HTTP/1.1\r\nHost: proxy\r\n\r\n");
  EXPECT_TRUE(client.read_until("0\r\n\r\n").ends_with("5\r\nhello\r\n0\r\n\r\n"));
}

TEST_F(ForwardingTest, ADisconnectCancelsUpstreamWork) {
  ScriptedServer upstream({{{"", Then::wait_for_client}}});
  handler_.origin = std::make_shared<const Origin>(parse_origin(upstream.address()).value());
  start();
  {
    RawClient client(server_->port());
    client.send("POST /b HTTP/1.1\r\nHost: proxy\r\nContent-Length: 0\r\n\r\n");
    EXPECT_TRUE(upstream.log.take()->starts_with("1: POST"));
  }
  EXPECT_EQ(handler_.seen.take(), "upstream.cancelled");
  EXPECT_EQ(upstream.log.take(), "1: end");
}

TEST_F(ForwardingTest, FetchOverTcpAndUnix) {
  start();
  auto fetched = fetch("http://127.0.0.1:" + std::to_string(server_->port()), head("PUT"), "body");
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_EQ(fetched->head.status, 200);
  EXPECT_EQ(fetched->body, "PUT /p?q body plain");
  server_.reset();
  EXPECT_EQ(fetch("http://127.0.0.1:1", head("GET"), "").error().code, "upstream.connect_failed");

  options_.listen.address = "unix:" + (directory_ / "admin.sock").string();
  auto local = http1::Server::start(workers_, options_, handler_, observer_);
  ASSERT_TRUE(local) << local.error().message;
  auto over_unix = fetch(options_.listen.address, head("GET"), "");
  ASSERT_TRUE(over_unix) << over_unix.error().message;
  EXPECT_EQ(over_unix->body, "GET /p?q  plain");
}

TEST_F(ForwardingTest, TlsOnBothSides) {
  TestCertificates certificates(directory_);
  options_.listen.tls = net::ServerTls{certificates.certificate, certificates.key};
  start();
  std::string address = "https://localhost:" + std::to_string(server_->port());
  FetchOptions trusting;
  trusting.tls.ca_file = certificates.authority;
  auto fetched = fetch(address, head("POST"), "secret", trusting);
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_EQ(fetched->body, "POST /p?q secret tls");

  // The system's authorities do not know ours.
  EXPECT_EQ(fetch(address, head("GET"), "").error().code, "upstream.tls_failed");
  EXPECT_EQ(observer_.refusals.take()->error.code, "net.tls");

  // Host must be the server that TLS was opened for.
  RequestHead other = head("GET");
  other.headers.add("Host", "elsewhere.example");
  auto refused = fetch(address, std::move(other), "", trusting);
  ASSERT_TRUE(refused) << refused.error().message;
  EXPECT_EQ(refused->head.status, 421);
  EXPECT_EQ(observer_.refusals.take()->error.code, "http.sni_mismatch");
}

}  // namespace
}  // namespace countersign::upstream
