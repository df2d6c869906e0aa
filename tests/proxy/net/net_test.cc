// Workers, listener, transports and the tools for coroutines.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "core/sha256.h"
#include "mailbox.h"
#include "proxy/net/async.h"
#include "proxy/net/connect.h"
#include "proxy/net/listener.h"
#include "proxy/net/worker.h"
#include "raw_client.h"
#include "test_certificates.h"

namespace countersign::net {
namespace {

namespace fs = std::filesystem;
using testing_net::Mailbox;
using testing_net::RawClient;
using testing_net::TestCertificates;

using Answers = Mailbox<std::string>;

void rethrow(std::exception_ptr error) {
  std::rethrow_exception(error);
}

// --- tools for coroutines ---

class AsyncTest : public testing::Test {
 protected:
  void SetUp() override { workers_.start(); }
  void TearDown() override { workers_.stop(); }

  Workers workers_{2};
  Answers answers_;
};

Task<void> await_from_thread(Answers* answers, std::thread* other) {
  std::thread::id mine = std::this_thread::get_id();
  auto start = [other](Done<int> done) { *other = std::thread([done = std::move(done)]() mutable { done(42); }); };
  Result<int> result = co_await await_callback<int>(std::move(start));
  answers->put(result && *result == 42 && std::this_thread::get_id() == mine ? "ok" : "wrong");
}

TEST_F(AsyncTest, ACallbackFromAnyThreadResumesTheCoroutineOnItsWorker) {
  std::thread other;
  workers_.at(1).spawn([&] { return await_from_thread(&answers_, &other); }, rethrow);
  EXPECT_EQ(answers_.take(), "ok");
  other.join();
}

Task<void> await_inline(Answers* answers) {
  auto start = [](Done<std::string> done) { done(std::string("at once")); };
  Result<std::string> result = co_await await_callback<std::string>(std::move(start));
  answers->put(*result);
}

TEST_F(AsyncTest, ACallbackMayComeAtOnce) {
  workers_.at(0).spawn([&] { return await_inline(&answers_); }, rethrow);
  EXPECT_EQ(answers_.take(), "at once");
}

Task<void> await_dropped(Answers* answers) {
  auto start = [](Done<int> done) { Done<int> dropped = std::move(done); };
  Result<int> result = co_await await_callback<int>(std::move(start));
  answers->put(result ? "a value" : result.error().code);
}

TEST_F(AsyncTest, ADroppedCallbackIsAnError) {
  workers_.at(0).spawn([&] { return await_dropped(&answers_); }, rethrow);
  EXPECT_EQ(answers_.take(), "net.callback_dropped");
}

Task<void> use_pool(ThreadPool* pool, Answers* answers) {
  std::thread::id mine = std::this_thread::get_id();
  std::move_only_function<Result<bool>()> work = [mine] { return std::this_thread::get_id() != mine; };
  Result<bool> elsewhere = co_await on_thread<bool>(pool, std::move(work));
  answers->put(*elsewhere && std::this_thread::get_id() == mine ? "ok" : "wrong");
  std::move_only_function<Result<bool>()> throwing = []() -> Result<bool> { throw std::runtime_error("boom"); };
  Result<bool> thrown = co_await on_thread<bool>(pool, std::move(throwing));
  answers->put(thrown.error().code);
}

TEST_F(AsyncTest, BlockingWorkRunsElsewhere) {
  ThreadPool pool(1);
  workers_.at(0).spawn([&] { return use_pool(&pool, &answers_); }, rethrow);
  EXPECT_EQ(answers_.take(), "ok");
  EXPECT_EQ(answers_.take(), "net.thread_exception");
}

TEST_F(AsyncTest, APoolRunsWhatWasPostedBeforeItEnds) {
  std::atomic<int> runs = 0;
  {
    ThreadPool pool(3);
    for (int i = 0; i < 100; ++i) pool.post([&] { ++runs; });
  }
  EXPECT_EQ(runs, 100);
}

Task<void> wait_event(std::shared_ptr<Event> event, TimeMs timeout, Answers* answers) {
  Status waited = co_await event->wait(timeout);
  answers->put(waited ? "notified" : waited.error().code);
}

TEST_F(AsyncTest, Events) {
  auto event = std::make_shared<Event>(workers_.at(0).executor());
  workers_.at(0).spawn([&] { return wait_event(event, 1, &answers_); }, rethrow);
  EXPECT_EQ(answers_.take(), "net.timeout");
  workers_.at(0).post([event] { event->notify(); });
  workers_.at(0).spawn([&] { return wait_event(event, -1, &answers_); }, rethrow);
  EXPECT_EQ(answers_.take(), "notified");
  workers_.at(0).spawn([&] { return wait_event(event, -1, &answers_); }, rethrow);
  workers_.at(0).post([event] { event->notify(); });
  EXPECT_EQ(answers_.take(), "notified");
}

Task<void> leak() {
  Status slept = co_await sleep(0);
  if (slept) throw std::runtime_error("leaked");
}

TEST_F(AsyncTest, ALeakedExceptionIsHandedOver) {
  workers_.at(0).spawn([] { return leak(); },
                       [&](std::exception_ptr error) {
                         try {
                           std::rethrow_exception(error);
                         } catch (const std::exception& caught) {
                           answers_.put(caught.what());
                         }
                       });
  EXPECT_EQ(answers_.take(), "leaked");
}

// --- connections ---

class ConnectionTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "countersign-net-test-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
    workers_.start();
  }
  void TearDown() override {
    listener_.reset();
    workers_.stop();
    fs::remove_all(directory_);
  }
  // Each accepted connection runs `serve` on its worker.
  void listen(Task<void> (*serve)(TransportPtr, Answers*)) {
    auto listener =
        Listener::open(workers_, options_, [this, serve](Worker& worker, TransportPtr transport, Admission admission) {
          if (admission == Admission::full) server_answers_.put("full");
          worker.spawn([this, serve, transport] { return serve(transport, &server_answers_); }, rethrow);
        });
    ASSERT_TRUE(listener) << listener.error().message;
    listener_ = std::move(*listener);
  }
  Destination local() const { return {"127.0.0.1", listener_->port(), ""}; }

  fs::path directory_;
  Workers workers_{2};
  ListenOptions options_{.address = "127.0.0.1:0"};
  Answers server_answers_, answers_;
  std::unique_ptr<Listener> listener_;
};

// Sends back what comes until the stream ends.
Task<void> serve_echo(TransportPtr transport, Answers* answers) {
  Status secured = co_await transport->handshake();
  if (!secured) {
    answers->put(secured.error().code);
    transport->close();
    co_return;
  }
  Bytes buffer(64 * 1024);
  std::span<std::uint8_t> into = buffer;
  std::size_t total = 0;
  std::string end = "ended";
  for (;;) {
    Result<std::size_t> count = co_await transport->read_some(into);
    if (!count) end = count.error().code;
    if (!count || *count == 0) break;
    total += *count;
    ByteView back = into.first(*count);
    Status written = co_await transport->write(back);
    if (!written) break;
  }
  [[maybe_unused]] Status ended = co_await transport->shutdown_write();
  transport->close();
  answers->put(end + " " + std::to_string(total));
}

struct Dialogue {
  Destination destination;
  const TlsContext* tls = nullptr;
  std::string head, body;
};

// Writes head and body, ends its direction, and reports how the echo compares.
Task<void> talk(Dialogue dialogue, Answers* answers) {
  Result<TransportPtr> connected = co_await connect(dialogue.destination, dialogue.tls, 10'000);
  if (!connected) {
    answers->put(connected.error().code);
    co_return;
  }
  Transport& transport = **connected;
  ByteView head = as_bytes(dialogue.head);
  ByteView body = as_bytes(dialogue.body);
  Status written = co_await transport.write(head, body);
  std::string echo;
  Bytes buffer(10'000);
  std::span<std::uint8_t> into = buffer;
  while (written && echo.size() < head.size() + body.size()) {
    Result<std::size_t> count = co_await transport.read_some(into);
    if (!count || *count == 0) break;
    echo += as_text(into.first(*count));
  }
  Status ended = co_await transport.shutdown_write();
  Result<std::size_t> last = co_await transport.read_some(into);
  answers->put(echo == dialogue.head + dialogue.body && ended && last && *last == 0 ? "same" : "different");
  transport.close();
}

TEST_F(ConnectionTest, BothPiecesArriveOverTcp) {
  listen(serve_echo);
  workers_.at(1).spawn([&] { return talk({local(), nullptr, "head", "body"}, &answers_); }, rethrow);
  EXPECT_EQ(answers_.take(), "same");
  EXPECT_EQ(server_answers_.take(), "ended 8");
}

Task<void> serve_sink_then_echo_size(TransportPtr transport, Answers* answers) {
  Bytes buffer(64 * 1024);
  std::span<std::uint8_t> into = buffer;
  Sha256 hash;
  for (;;) {
    Result<std::size_t> count = co_await transport->read_some(into);
    if (!count || *count == 0) break;
    hash.update(ByteView(into.first(*count)));
  }
  answers->put(to_hex(hash.finish()));
  transport->close();
}

Task<void> send_large(Destination destination, std::string content, Answers* answers) {
  Result<TransportPtr> connected = co_await connect(destination, nullptr, 10'000);
  ByteView half = as_bytes(content).first(content.size() / 2);
  ByteView rest = as_bytes(content).subspan(content.size() / 2);
  Transport& transport = **connected;
  Status written = co_await transport.write(half, rest);
  answers->put(written ? "written" : written.error().code);
  transport.close();
}

TEST_F(ConnectionTest, MoreThanTheKernelTakesAtOnceArrivesWhole) {
  listen(serve_sink_then_echo_size);
  std::string content(20'000'001, '\0');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 13 + i / 777);
  workers_.at(0).spawn([&] { return send_large(local(), content, &answers_); }, rethrow);
  EXPECT_EQ(answers_.take(), "written");
  EXPECT_EQ(server_answers_.take(), to_hex(sha256(content)));
}

TEST_F(ConnectionTest, UnixSocketsKnowTheirPeer) {
  options_.address = "unix:" + (directory_ / "x.sock").string();
  listen([](TransportPtr transport, Answers* answers) -> Task<void> {
    answers->put(transport->peer().address + " " + std::to_string(transport->peer().uid.value_or(12345)));
    transport->close();
    co_return;
  });
  RawClient client((directory_ / "x.sock").string());
  EXPECT_EQ(server_answers_.take(), "unix " + std::to_string(::getuid()));
}

TEST_F(ConnectionTest, ListenerRefusesNonsense) {
  auto code = [&](const std::string& address) {
    options_.address = address;
    auto opened = Listener::open(workers_, options_, [](Worker&, TransportPtr, Admission) {});
    return opened ? std::string("open") : opened.error().code;
  };
  EXPECT_EQ(code("localhost"), "net.address");
  EXPECT_EQ(code("127.0.0.1:99999"), "net.address");
  EXPECT_EQ(code("127.0.0.1:"), "net.address");
  EXPECT_EQ(code("::1:80"), "net.address");
  EXPECT_EQ(code("unix:"), "net.address");
  EXPECT_EQ(code("unix:" + std::string(200, 'x')), "net.address");
  EXPECT_EQ(code("unix:/nowhere/at/all.sock"), "net.listen");
  std::ofstream(directory_ / "file") << "precious";
  EXPECT_EQ(code("unix:" + (directory_ / "file").string()), "net.listen");
  EXPECT_TRUE(fs::exists(directory_ / "file"));
  EXPECT_EQ(code("[::1]:0"), "open");
}

TEST_F(ConnectionTest, StaleSocketFilesAreReplaced) {
  fs::path path = directory_ / "s.sock";
  int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  ::close(fd);
  ASSERT_TRUE(fs::exists(path));
  options_.address = "unix:" + path.string();
  listen(serve_echo);
  EXPECT_TRUE(RawClient(path.string()).open());
}

Task<void> read_with_deadline(TransportPtr transport, Answers* answers) {
  Bytes buffer(10);
  std::span<std::uint8_t> into = buffer;
  transport->arm_deadline(std::chrono::hours(1));
  transport->arm_deadline(std::chrono::milliseconds(5));
  Result<std::size_t> first = co_await transport->read_some(into);
  Result<std::size_t> again = co_await transport->read_some(into);
  transport->arm_deadline(std::chrono::milliseconds(1));
  transport->disarm_deadline();
  Status slept = co_await sleep(5);
  transport->arm_deadline(std::chrono::hours(1));
  ByteView go = as_bytes("go");
  Status written = co_await transport->write(go);
  Result<std::size_t> later = co_await transport->read_some(into);
  bool ok = first.error().code == "net.timeout" && again.error().code == "net.timeout" && slept && written && later &&
            *later == 2;
  answers->put(ok ? "ok" : "wrong");
  transport->close();
}

TEST_F(ConnectionTest, ADeadlineEndsWaitingUntilItIsArmedAgain) {
  listen(read_with_deadline);
  RawClient client(listener_->port());
  EXPECT_EQ(client.read_until("go"), "go");
  client.send("on");
  EXPECT_EQ(server_answers_.take(), "ok");
}

Task<void> watch_while_waiting(TransportPtr transport, Answers* answers) {
  auto buffer = std::make_shared<Bytes>(10);
  auto executor = co_await boost::asio::this_coro::executor;
  auto gone = std::make_shared<Event>(executor);
  std::string seen;
  std::string* out = &seen;
  transport->start_read(*buffer, [buffer, gone, out](Result<std::size_t> count) {
    *out = count ? std::to_string(*count) : count.error().code;
    gone->notify();
  });
  ByteView hello = as_bytes("hello");
  Status written = co_await transport->write(hello);
  Status waited = co_await gone->wait(-1);
  answers->put(written && waited ? "read " + seen : "wrong");
  transport->close();
}

TEST_F(ConnectionTest, TheEndOfThePeerIsNoticedWhileWriting) {
  listen(watch_while_waiting);
  {
    RawClient client(listener_->port());
    EXPECT_EQ(client.read_until("hello"), "hello");
  }
  EXPECT_EQ(server_answers_.take(), "read 0");
}

Task<void> close_under_read(TransportPtr transport, Answers* answers) {
  auto buffer = std::make_shared<Bytes>(10);
  transport->start_read(
      *buffer, [buffer, answers](Result<std::size_t> count) { answers->put(count ? "read" : count.error().code); });
  transport->close();
  Result<std::size_t> after = co_await transport->read_some(*buffer);
  answers->put(after ? "read" : "then " + after.error().code);
}

TEST_F(ConnectionTest, CloseEndsAReadUnderWay) {
  listen(close_under_read);
  RawClient client(listener_->port());
  std::vector<std::string> seen = {*server_answers_.take(), *server_answers_.take()};
  std::ranges::sort(seen);
  EXPECT_EQ(seen, (std::vector<std::string>{"net.cancelled", "then net.cancelled"}));
  EXPECT_TRUE(client.at_end());
}

TEST_F(ConnectionTest, ConnectionsAreCountedAndRefusedAtTheLimit) {
  options_.max_connections = 1;
  listen(serve_echo);
  RawClient one(listener_->port());
  one.send("x");
  EXPECT_EQ(one.read_until("x"), "x");
  EXPECT_EQ(listener_->connections(), 1U);
  RawClient two(listener_->port());
  EXPECT_EQ(server_answers_.take(), "full");
}

TEST_F(ConnectionTest, ConnectionsGoToTheLeastLoadedWorker) {
  listen(serve_echo);
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(std::make_unique<RawClient>(listener_->port()));
    clients.back()->send("x");
    clients.back()->read_until("x");
  }
  EXPECT_EQ(workers_.at(0).load(), 2U);
  EXPECT_EQ(workers_.at(1).load(), 2U);
}

Task<void> try_connect(Destination destination, TimeMs timeout, Answers* answers) {
  Result<TransportPtr> connected = co_await connect(destination, nullptr, timeout);
  answers->put(connected ? "connected" : connected.error().code);
}

TEST_F(ConnectionTest, ConnectErrors) {
  listen(serve_echo);
  std::uint16_t dead_port = listener_->port();
  listener_.reset();
  workers_.at(0).spawn([&] { return try_connect({"127.0.0.1", dead_port, ""}, 10'000, &answers_); }, rethrow);
  EXPECT_EQ(answers_.take(), "net.connect");
  workers_.at(0).spawn([&] { return try_connect({"", 0, (directory_ / "none.sock").string()}, 10'000, &answers_); },
                       rethrow);
  EXPECT_EQ(answers_.take(), "net.connect");
  workers_.at(0).spawn([&] { return try_connect({"name.invalid", 80, ""}, 10'000, &answers_); }, rethrow);
  EXPECT_EQ(answers_.take(), "net.resolve");
}

// --- TLS ---

class TlsTest : public ConnectionTest {
 protected:
  void SetUp() override {
    ConnectionTest::SetUp();
    certificates_.emplace(directory_);
    options_.tls = ServerTls{certificates_->certificate, certificates_->key};
  }
  TlsContext client_context() { return std::move(*make_client_context({certificates_->authority, {}, {}})); }

  std::optional<TestCertificates> certificates_;
};

TEST_F(TlsTest, EchoOfEverySize) {
  listen(serve_echo);
  TlsContext context = client_context();
  for (std::size_t size : {1UL, 100UL, 16'384UL, 16'385UL, 1'000'000UL}) {
    std::string body(size, 'x');
    for (std::size_t i = 0; i < size; ++i) body[i] = static_cast<char>(i * 11 + i / 333);
    for (std::string_view host : {"127.0.0.1", "localhost"}) {
      Destination destination{std::string(host), listener_->port(), ""};
      workers_.at(1).spawn([&] { return talk({destination, &context, "head", body}, &answers_); }, rethrow);
      EXPECT_EQ(answers_.take(), "same") << size << host;
      EXPECT_EQ(server_answers_.take(), "ended " + std::to_string(size + 4));
    }
  }
}

TEST_F(TlsTest, AnUnknownAuthorityIsRefused) {
  listen(serve_echo);
  fs::create_directory(directory_ / "other");
  TestCertificates other(directory_ / "other");
  TlsContext context = std::move(*make_client_context({other.authority, {}, {}}));
  workers_.at(1).spawn([&] { return talk({local(), &context, "a", "b"}, &answers_); }, rethrow);
  EXPECT_EQ(answers_.take(), "net.tls");
}

TEST_F(TlsTest, AnotherHostNameIsRefused) {
  fs::create_directory(directory_ / "other");
  TestCertificates other(directory_ / "other", "DNS:elsewhere.example");
  options_.tls = ServerTls{other.certificate, other.key};
  listen(serve_echo);
  TlsContext context = std::move(*make_client_context({other.authority, {}, {}}));
  for (std::string_view host : {"127.0.0.1", "localhost"}) {
    Destination destination{std::string(host), listener_->port(), ""};
    workers_.at(1).spawn([&] { return talk({destination, &context, "a", "b"}, &answers_); }, rethrow);
    EXPECT_EQ(answers_.take(), "net.tls") << host;
  }
}

TEST_F(TlsTest, PlainTextIsNoHandshake) {
  listen(serve_echo);
  RawClient client(listener_->port());
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(server_answers_.take(), "net.tls");
}

TEST_F(TlsTest, ACutConnectionIsNotAnEnd) {
  // Without the closing alert the stream may have been cut by somebody in between.
  listen(serve_echo);
  TlsContext context = client_context();
  auto cut = [](Destination destination, const TlsContext* tls) -> Task<void> {
    Result<TransportPtr> connected = co_await connect(destination, tls, 10'000);
    Transport& transport = **connected;
    ByteView bytes = as_bytes("abc");
    Status written = co_await transport.write(bytes);
    Bytes buffer(10);
    Result<std::size_t> count = co_await transport.read_some(buffer);
    EXPECT_TRUE(written && count);
    transport.close();
  };
  workers_.at(1).spawn([&] { return cut(local(), &context); }, rethrow);
  EXPECT_EQ(server_answers_.take(), "net.closed 3");
}

TEST_F(TlsTest, TheEndOfThePeerIsNoticedWhileWriting) {
  listen([](TransportPtr transport, Answers* answers) -> Task<void> {
    Status secured = co_await transport->handshake();
    EXPECT_TRUE(secured);
    co_await watch_while_waiting(transport, answers);
  });
  TlsContext context = client_context();
  auto leave = [](Destination destination, const TlsContext* tls) -> Task<void> {
    Result<TransportPtr> connected = co_await connect(destination, tls, 10'000);
    Transport& transport = **connected;
    Bytes buffer(10);
    Result<std::size_t> count = co_await transport.read_some(buffer);
    EXPECT_EQ(count.value_or(0), 5U);
    Status ended = co_await transport.shutdown_write();
    EXPECT_TRUE(ended);
    transport.close();
  };
  workers_.at(1).spawn([&] { return leave(local(), &context); }, rethrow);
  EXPECT_EQ(server_answers_.take(), "read 0");
}

TEST_F(TlsTest, BadFilesAreNamed) {
  EXPECT_EQ(make_client_context({directory_ / "none.pem", {}, {}}).error().code, "tls.authorities");
  EXPECT_EQ(make_server_contexts({directory_ / "none.pem", certificates_->key}, 1).error().code, "tls.certificate");
  EXPECT_EQ(make_server_contexts({certificates_->certificate, directory_ / "none.pem"}, 1).error().code, "tls.key");
  fs::create_directory(directory_ / "other");
  TestCertificates other(directory_ / "other");
  EXPECT_EQ(make_server_contexts({certificates_->certificate, other.key}, 1).error().code, "tls.key");
}

}  // namespace
}  // namespace countersign::net
