// The API behind real listeners: TCP on loopback and a Unix socket.
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <latch>
#include <thread>

#include "api_fixture.h"
#include "proxy/upstream/fetch.h"

namespace countersign::console::test {
namespace {

class Quiet final : public http1::Observer {
 public:
  void on_refused(const http1::Refusal&) override {}
  void on_fault(const net::Peer&, std::string_view what) override { ADD_FAILURE() << what; }
};

class ServerTest : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    prepare();
    tcp_endpoint_.emplace(*api_, Channel::tcp);
    socket_endpoint_.emplace(*api_, Channel::unix_socket);
    workers_.start();
    tcp_ = start("127.0.0.1:0", *tcp_endpoint_);
    socket_ = start(socket_address(), *socket_endpoint_);
  }
  // What is changed about the API before anybody can ask it.
  virtual void prepare() {}
  void TearDown() override {
    tcp_.reset();
    socket_.reset();
    workers_.stop();
    ApiTest::TearDown();
  }
  std::unique_ptr<http1::Server> start(const std::string& address, Endpoint& endpoint) {
    http1::ServerOptions options;
    options.listen.address = address;
    options.spool.directory = folder_;
    auto server = http1::Server::start(workers_, std::move(options), endpoint, observer_);
    EXPECT_TRUE(server) << server.error().message;
    return server ? std::move(*server) : nullptr;
  }
  std::string tcp_address() const { return "http://127.0.0.1:" + std::to_string(tcp_->port()); }
  std::string socket_address() const { return "unix:" + (folder_ / "admin.sock").string(); }
  static upstream::Fetched fetch(const std::string& address, const std::string& method, const std::string& target,
                                 const std::string& token = "", const std::string& body = "") {
    RequestHead head;
    head.method = method;
    head.target = target;
    if (!token.empty()) head.headers.add("authorization", "Bearer " + token);
    if (method == "POST") head.headers.add("content-type", "application/json");
    auto answer = upstream::fetch(address, std::move(head), body);
    EXPECT_TRUE(answer) << answer.error().message;
    return answer ? std::move(*answer) : upstream::Fetched();
  }

  net::Workers workers_{2};
  Quiet observer_;
  std::optional<Endpoint> tcp_endpoint_;
  std::optional<Endpoint> socket_endpoint_;
  std::unique_ptr<http1::Server> tcp_;
  std::unique_ptr<http1::Server> socket_;
};

TEST_F(ServerTest, TheSocketIssuesAndTheNetworkVotes) {
  std::string id = hold("one");
  auto issued = fetch(socket_address(), "POST", "/api/v1/tokens", "", R"({"user":"sam"})");
  ASSERT_EQ(issued.head.status, 201) << issued.body;
  std::string sam = string_or(*parse_json(issued.body), "token", "");
  EXPECT_EQ(fetch(tcp_address(), "GET", "/api/v1/requests").head.status, 401);
  EXPECT_EQ(fetch(tcp_address(), "POST", "/api/v1/tokens", sam, R"({"user":"sam"})").head.status, 403);
  std::string target = "/api/v1/requests/" + id + "/approve";
  EXPECT_EQ(fetch(socket_address(), "POST", target, "", R"({"reason":"x"})").head.status, 403);
  auto voted = fetch(tcp_address(), "POST", target, sam, R"({"reason":"reviewed"})");
  EXPECT_EQ(voted.head.status, 200) << voted.body;
  auto votes = records_where("action", "approval:approve");
  ASSERT_EQ(votes.size(), 1U);
  EXPECT_EQ(string_or(votes[0], "peer", "").find("127.0.0.1:"), 0U);
  auto issues = records_where("action", "token:issue");
  EXPECT_EQ(string_or(issues.at(0), "peer", "").find("unix uid "), 0U);
}

// What a child of this process hears when it opens the socket: plain system calls, as after fork() in a program with
// threads nothing else may be used.
std::string asked_by_a_child(const std::string& socket) {
  std::array<int, 2> heard{};
  EXPECT_EQ(::pipe(heard.data()), 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket.copy(address.sun_path, sizeof address.sun_path - 1);
  const pid_t child = ::fork();
  if (child == 0) {
    constexpr std::string_view kAsk =
        "POST /api/v1/tokens HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 14\r\n"
        "Connection: close\r\n\r\n{\"user\":\"sam\"}";
    const int file = ::socket(AF_UNIX, SOCK_STREAM, 0);
    std::array<char, 4096> buffer{};
    if (::connect(file, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) ::_exit(1);
    std::ignore = ::write(file, kAsk.data(), kAsk.size());
    for (ssize_t count = 0; (count = ::read(file, buffer.data(), buffer.size())) > 0;)
      std::ignore = ::write(heard[1], buffer.data(), static_cast<std::size_t>(count));
    ::_exit(0);
  }
  ::close(heard[1]);
  std::string text;
  char byte = 0;
  while (::read(heard[0], &byte, 1) == 1) text += byte;
  ::close(heard[0]);
  ::waitpid(child, nullptr, 0);
  return text;
}

TEST_F(ServerTest, WhatTheGatewayStartedItselfIsNoAdministrator) {
  const std::string answer = asked_by_a_child((folder_ / "admin.sock").string());
  EXPECT_EQ(answer.find("HTTP/1.1 403 "), 0U) << answer;
  EXPECT_NE(answer.find("\"admin.own_child\""), std::string::npos) << answer;
  auto refused = records_where("code", "admin.own_child");
  ASSERT_EQ(refused.size(), 1U);
  EXPECT_EQ(string_or(refused[0], "phase", ""), "refused");
  EXPECT_EQ(string_or(refused[0], "detail", ""), "/api/v1/tokens");
  EXPECT_TRUE(records_where("action", "token:issue").empty());
}

TEST_F(ServerTest, OnlyTheOwnerOfTheProcessMayOpenTheSocket) {
  auto permissions = std::filesystem::status(folder_ / "admin.sock").permissions();
  EXPECT_EQ(permissions & std::filesystem::perms::mask,
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(ServerTest, ABodyThatIsTooLargeIsRefusedAndRecorded) {
  auto answer = fetch(tcp_address(), "POST", "/api/v1/requests/x/approve", "", std::string(kMaxBodyBytes + 1, ' '));
  EXPECT_EQ(answer.head.status, 413);
  auto refused = records_where("code", "http.body_too_large");
  ASSERT_EQ(refused.size(), 1U);
  EXPECT_EQ(string_or(refused[0], "phase", ""), "refused");
}

TEST_F(ServerTest, EventsStreamUntilTheStreamsAreClosed) {
  std::string sam = person("sam");
  upstream::Fetched streamed;
  std::jthread reader([&] { streamed = fetch(tcp_address(), "GET", "/api/v1/events", sam); });
  while (api_->open_streams() == 0) std::this_thread::yield();
  std::string id = hold("one");
  hold("two");
  while (!api_->streams_are_idle()) std::this_thread::yield();
  api_->close_streams();
  reader.join();
  EXPECT_EQ(streamed.head.status, 200);
  EXPECT_EQ(streamed.head.headers.get("content-type").value_or(""), "text/event-stream");
  EXPECT_EQ(streamed.body.find("retry: "), 0U);
  EXPECT_NE(streamed.body.find("\"id\":\"" + id + "\""), std::string::npos) << streamed.body;
  while (api_->open_streams() != 0) std::this_thread::yield();
  EXPECT_EQ(fetch(tcp_address(), "GET", "/api/v1/events", sam).head.status, 503);
}

TEST_F(ServerTest, AnExportIsStreamed) {
  std::string sam = person("sam");
  auto whole = fetch(tcp_address(), "GET", "/api/v1/audit/export?action=token%3Aissue", sam);
  EXPECT_EQ(whole.head.status, 200);
  EXPECT_FALSE(whole.head.headers.get("content-length"));
  auto record = parse_json(whole.body.substr(0, whole.body.find('\n')));
  ASSERT_TRUE(record) << whole.body;
  EXPECT_EQ((*record)["action"], "token:issue");
  EXPECT_TRUE(fetch(tcp_address(), "HEAD", "/api/v1/audit/export", sam).body.empty());
}

TEST_F(ServerTest, HeadIsAnsweredWithoutABody) {
  auto answer = fetch(tcp_address(), "HEAD", "/healthz");
  EXPECT_EQ(answer.head.status, 200);
  EXPECT_TRUE(answer.body.empty());
}

// An identity provider that takes connections and never answers.
class HangingProvider : public ServerTest {
 protected:
  void prepare() override {
    auth::OidcOptions options;
    options.provider.issuer = "https://id.example";
    options.provider.client_id = "countersign";
    options.redirect_uri = std::string(kOrigin) + "/api/v1/sign-in/oidc/callback";
    options.fetch = [this](const HttpAsk&) -> Result<HttpAnswer> {
      answers_.wait();
      return fail(ErrorKind::unavailable, "http.unreachable", "it has gone");
    };
    oidc_ = std::make_unique<auth::Oidc>(std::move(options));
    Services all = services();
    all.oidc = oidc_.get();
    api_ = std::make_unique<AdminApi>(std::move(all));
  }

  std::latch answers_{1};
  std::unique_ptr<auth::Oidc> oidc_;
};

TEST_F(HangingProvider, KeepsNobodyFromVotingOrPullingTheSwitch) {
  constexpr int kAsk = 20;
  constexpr int kPlaces = 18;
  std::string sam = person("sam");
  std::string id = hold("one");
  ASSERT_EQ(socket_post("/api/v1/tokens", {{"agent", "builder"}, {"owner", "olivia"}}).status, 201);
  std::atomic<int> busy = 0;
  std::atomic<int> gone = 0;
  std::vector<std::jthread> strangers;
  for (int at = 0; at < kAsk; ++at) {
    strangers.emplace_back([&, this] {
      auto answer = fetch(tcp_address(), "GET", "/api/v1/sign-in/oidc");
      EXPECT_EQ(answer.head.status, 503);
      auto problem = parse_json(answer.body);
      const std::string why = problem ? string_or(*problem, "code", "") : "";
      if (why == "oidc.unavailable") ++gone;
      if (why != "sign_in.busy") return;
      EXPECT_EQ(answer.head.headers.get("retry-after").value_or(""), "5");
      ++busy;
    });
  }
  while (busy < kAsk - kPlaces) std::this_thread::yield();
  EXPECT_EQ(
      fetch(tcp_address(), "POST", "/api/v1/requests/" + id + "/approve", sam, R"({"reason":"reviewed"})").head.status,
      200);
  EXPECT_EQ(fetch(socket_address(), "POST", "/api/v1/agents/builder/freeze", "", R"({"reason":"odd"})").head.status,
            200);
  EXPECT_EQ(
      fetch(tcp_address(), "POST", "/api/v1/sign-in/password", "", R"({"user":"sam","password":"wrong wrong wrong"})")
          .head.status,
      401);
  EXPECT_EQ(gone, 0);
  answers_.count_down();
  strangers.clear();
  EXPECT_EQ(gone, kPlaces);
  EXPECT_EQ(busy, kAsk - kPlaces);
}

}  // namespace
}  // namespace countersign::console::test
