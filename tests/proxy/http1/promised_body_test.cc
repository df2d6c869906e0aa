// Bodies that are passed on while they arrive, with a client that sends exact bytes.
#include <gtest/gtest.h>

#include "../net/mailbox.h"
#include "../net/raw_client.h"
#include "proxy/http1/server.h"
#include "served.h"

namespace countersign::http1 {
namespace {

using testing_net::Mailbox;
using testing_net::RawClient;

std::string get(std::string_view target) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n\r\n";
}

class PromisingHandler final : public Handler {
 public:
  Mailbox<std::string> events;
  std::uint64_t body_limit = 1U << 30;

  Task<void> handle(Exchange* exchange) override {
    std::string_view path = exchange->head().path();
    if (path == "/promise") co_await promise(exchange);
    if (path == "/whole") co_await whole(exchange);
    if (path == "/untaken") co_await untaken(exchange);
    if (path == "/decoded") co_await decoded(exchange);
    if (path == "/") co_await plain(exchange, "hello");
  }

 private:
  static Task<void> plain(Exchange* exchange, std::string body) {
    ResponseHead head{200, {}};
    [[maybe_unused]] Status sent = co_await exchange->respond(std::move(head), body);
  }
  // Tells of each piece of a body whose digest the query promises, and of how it ends.
  Task<void> promise(Exchange* exchange) {
    Digest digest{};
    std::ranges::copy(from_hex(exchange->head().query()).value(), digest.begin());
    auto proof = [digest](const Digest& came) -> Status {
      if (came == digest) return {};
      return fail(ErrorKind::forbidden, "test.another", "it is another body");
    };
    if (!exchange->promise_body(digest, 10, body_limit, std::move(proof))) {
      co_await plain(exchange, "not promised");
      co_return;
    }
    Result<Spool*> body = co_await exchange->read_body(1);
    events.put("size " + std::to_string((*body)->size()));
    std::string all;
    Arrival* arrival = (*body)->arrival();
    for (;;) {
      Result<ByteView> piece = co_await arrival->next();
      if (!piece) {
        events.put(piece.error().code + ", had " + std::to_string(all.size()));
        Error error = piece.error();
        [[maybe_unused]] Status sent = co_await exchange->respond_problem(std::move(error));
        co_return;
      }
      if (piece->empty()) break;
      all += as_text(*piece);
      events.put("piece");
    }
    Result<Spool*> whole = co_await exchange->whole_body();
    events.put(whole ? "there again" : whole.error().code);
    co_await plain(exchange, std::move(all));
  }
  // Every byte comes twice; an x is refused.
  Task<void> decoded(Exchange* exchange) {
    auto decode = [](ByteView came, std::string& out) -> Status {
      for (const char c : as_text(came)) {
        if (c == 'x') return fail(ErrorKind::malformed, "test.bad_code", "an x");
        out += {c, c};
      }
      return {};
    };
    Result<Spool*> body = co_await exchange->read_decoded(body_limit, std::move(decode));
    if (!body) {
      Error error = body.error();
      [[maybe_unused]] Status sent = co_await exchange->respond_problem(std::move(error));
      co_return;
    }
    Result<Spool*> again = co_await exchange->read_body(1);
    std::string text = (*again)->text(1U << 30).value() + " " + to_hex((*again)->digest());
    co_await plain(exchange, std::move(text));
  }
  Task<void> untaken(Exchange* exchange) {
    auto proof = [](const Digest&) { return Status(); };
    const bool promised = exchange->promise_body(Digest(), 10, body_limit, std::move(proof));
    std::string text = promised ? "not wanted" : "not promised";
    co_await plain(exchange, std::move(text));
  }
  Task<void> whole(Exchange* exchange) {
    auto proof = [](const Digest&) { return Status(); };
    const bool promised = exchange->promise_body(Digest(), 10, body_limit, std::move(proof));
    Result<Spool*> body = co_await exchange->whole_body();
    std::string text = promised && body ? (*body)->text(1U << 30).value() : "not promised";
    co_await plain(exchange, std::move(text));
  }
};

class QuietObserver final : public Observer {
 public:
  void on_refused(const Refusal&) override {}
  void on_fault(const net::Peer&, std::string_view what) override { ADD_FAILURE() << what; }
};

class PromisedBodyTest : public ServedTest<PromisingHandler, QuietObserver> {};

TEST_F(PromisedBodyTest, APromisedBodyIsPassedOnWhileItArrives) {
  start();
  RawClient client(port());
  const std::string body(300'000, 'x');
  const std::string head =
      "PUT /promise?" + to_hex(sha256(body)) + " HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n";
  client.send(head + body.substr(0, 1000));
  EXPECT_EQ(handler_.events.take(), "size 300000");
  EXPECT_EQ(handler_.events.take(), "piece") << "before the rest was sent";
  client.send(body.substr(1000) + get("/"));
  EXPECT_TRUE(client.read_response().ends_with("\r\n\r\n" + body));
  EXPECT_TRUE(client.read_response().ends_with("hello")) << "the connection is kept";
  std::string last;
  while (handler_.events.size() > 0) last = *handler_.events.take();
  EXPECT_EQ(last, "http.misuse") << "its bytes are gone";
}

TEST_F(PromisedBodyTest, TheLastPieceOfAnotherBodyIsKeptBack) {
  start();
  RawClient client(port());
  const std::string body(300'000, 'x');
  client.send("PUT /promise?" + to_hex(sha256(body)) + " HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n" +
              body.substr(1) + "y");
  EXPECT_TRUE(client.read_response().contains("test.another"));
  std::string last;
  while (!last.contains("had")) last = handler_.events.take().value_or("nothing had");
  ASSERT_TRUE(last.starts_with("test.another, had ")) << last;
  EXPECT_LT(std::stoul(last.substr(18)), 300'000U);
}

TEST_F(PromisedBodyTest, APromisedBodyThatStopsIsIncomplete) {
  start();
  RawClient client(port());
  client.send("PUT /promise?" + to_hex(sha256("x")) + " HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\nabc");
  client.end_sending();
  std::string last;
  while (!last.contains("had")) last = handler_.events.take().value_or("nothing had");
  EXPECT_EQ(last, "body.incomplete, had 3");
}

TEST_F(PromisedBodyTest, WhatIsShortOrOfUnknownLengthIsNotPromised) {
  handler_.body_limit = 100;
  start();
  const std::string path = "PUT /promise?" + to_hex(sha256("x")) + " HTTP/1.1\r\nHost: a\r\n";
  for (const char* rest : {"Content-Length: 10\r\n\r\n0123456789", "\r\n", "Content-Length: 101\r\n\r\n",
                           "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"}) {
    RawClient client(port());
    client.send(path + rest);
    EXPECT_TRUE(client.read_response().ends_with("not promised")) << rest;
  }
}

TEST_F(PromisedBodyTest, ABodyIsDecodedWhileItArrives) {
  start();
  RawClient client(port());
  client.send("PUT /decoded HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" + get("/"));
  EXPECT_TRUE(client.read_response().ends_with("\r\n\r\naabbcc " + to_hex(sha256("aabbcc"))));
  EXPECT_TRUE(client.read_response().ends_with("hello"));
  RawClient other(port());
  other.send("PUT /decoded HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\nabx");
  EXPECT_TRUE(other.read_response().contains("test.bad_code")) << "at once";
  EXPECT_TRUE(other.at_end());
}

TEST_F(PromisedBodyTest, APromisedBodyCanBeReceivedAfterAll) {
  start();
  RawClient client(port());
  const std::string body(200'000, 'x');
  client.send("PUT /whole HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 200000\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send(body + get("/"));
  EXPECT_TRUE(client.read_response().ends_with("\r\n\r\n" + body));
  EXPECT_TRUE(client.read_response().ends_with("hello"));
}

TEST_F(PromisedBodyTest, APromisedBodyThatNobodyTookIsReadBeforeTheAnswer) {
  start();
  RawClient client(port());
  const std::string body(20'000'000, 'x');
  ASSERT_TRUE(client.send("PUT /untaken HTTP/1.1\r\nHost: a\r\nContent-Length: 20000000\r\n\r\n" + body + get("/")));
  EXPECT_TRUE(client.read_response().ends_with("not wanted"));
  EXPECT_TRUE(client.read_response().ends_with("hello"));
  RawClient patient(port());
  patient.send("PUT /untaken HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 20000000\r\n\r\n");
  EXPECT_TRUE(patient.read_response().ends_with("not wanted")) << "it was not asked to send";
  RawClient gone(port());
  gone.send("PUT /untaken HTTP/1.1\r\nHost: a\r\nContent-Length: 20000000\r\n\r\nabc");
  gone.end_sending();
  EXPECT_TRUE(gone.read_response().ends_with("not wanted"));
}

}  // namespace
}  // namespace countersign::http1
