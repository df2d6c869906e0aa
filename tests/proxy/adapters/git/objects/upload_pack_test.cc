#include "proxy/adapters/git/objects/upload_pack.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <zlib.h>

#include <atomic>
#include <functional>
#include <thread>

#include "fixture.h"

namespace countersign::adapters::git {
namespace {

struct Request {
  std::string method;
  std::string target;
  std::string protocol;  // Git-Protocol
  std::string body;      // decoded
};

// Just enough HTTP for git: one request a connection, answered by a function.
class Server {
 public:
  explicit Server(std::function<std::string(const Request&)> answer) : answer_(std::move(answer)) {
    listener_ = Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_.get(), 16), 0);
    socklen_t size = sizeof address;
    EXPECT_EQ(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] {
      while (true) {
        Descriptor connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!connection.is_open()) return;
        serve(connection.get());
      }
    });
  }
  ~Server() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/repository.git"; }

 private:
  static bool more(int connection, std::string& bytes) {
    char buffer[4096];
    ssize_t count = ::recv(connection, buffer, sizeof buffer, 0);
    if (count > 0) bytes.append(buffer, static_cast<std::size_t>(count));
    return count > 0;
  }
  static std::string field(const std::string& head, const std::string& name) {
    std::size_t at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return {};
    at += name.size() + 4;
    return head.substr(at, head.find("\r\n", at) - at);
  }
  static std::string inflated(const std::string& bytes) {
    z_stream zlib{};
    EXPECT_EQ(::inflateInit2(&zlib, 31), Z_OK);
    std::string out(1 << 20, '\0');
    zlib.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    zlib.avail_in = static_cast<uInt>(bytes.size());
    zlib.next_out = reinterpret_cast<Bytef*>(out.data());
    zlib.avail_out = static_cast<uInt>(out.size());
    EXPECT_EQ(::inflate(&zlib, Z_FINISH), Z_STREAM_END);
    out.resize(zlib.total_out);
    ::inflateEnd(&zlib);
    return out;
  }
  void serve(int connection) {
    std::string bytes;
    while (!bytes.contains("\r\n\r\n")) {
      if (!more(connection, bytes)) return;
    }
    std::size_t end = bytes.find("\r\n\r\n") + 4;
    std::string head = bytes.substr(0, end);
    Request request;
    request.method = head.substr(0, head.find(' '));
    std::size_t target = request.method.size() + 1;
    request.target = head.substr(target, head.find(' ', target) - target);
    request.protocol = field(head, "Git-Protocol");
    std::string length = field(head, "Content-Length");
    request.body = bytes.substr(end);
    while (!length.empty() && request.body.size() < std::stoul(length)) {
      if (!more(connection, request.body)) return;
    }
    if (field(head, "Content-Encoding") == "gzip") request.body = inflated(request.body);
    std::string type = request.method == "GET" ? "advertisement" : "result";
    std::string body = answer_(request);
    std::string out =
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-" + type +
        "\r\nCache-Control: no-cache\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) +
        "\r\n\r\n" + body;
    std::string_view rest = out;
    while (!rest.empty()) {
      ssize_t count = ::send(connection, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (count <= 0) return;
      rest.remove_prefix(static_cast<std::size_t>(count));
    }
  }

  std::function<std::string(const Request&)> answer_;
  Descriptor listener_;
  int port_ = 0;
  std::thread thread_;
};

class UploadPackTest : public testing::TestWithParam<std::tuple<ObjectFormat, int>> {
 protected:
  UploadPackTest() : upstream(folder.path() / "upstream", std::get<0>(GetParam())) {
    store = std::move(*ObjectStore::open(folder.path() / "store"));
    cache = *store->repository("a", format());
    for (int i = 0; i < 5; ++i) {
      upstream.write("a", std::string(static_cast<std::size_t>(100 * i), 'a') + "\n");
      upstream.write("d/b", std::to_string(i) + "\n");
      old = upstream.commit("number " + std::to_string(i));
    }
    Repository client(folder.path() / "client", format());
    client.git("pull -q ../upstream main");
    client.write("new", "held\n");
    client.commit("one");
    client.write("d/b", "held too\n");
    held = client.commit("two");
    quarantine = std::make_unique<Quarantine>(std::move(*Quarantine::open(folder.path() / "q", cache)));
    Result<OrNeeds<PackSummary>> admitted = quarantine->admit({client.pack("main\n^" + old, "--delta-base-offset"), 0});
    EXPECT_TRUE(admitted) << problem(admitted);
    Result<ReviewView> opened =
        ReviewView::open(folder.path() / "view", cache, {{"refs/approvals/7", held, quarantine.get()}});
    EXPECT_TRUE(opened) << problem(opened);
    view = std::make_unique<ReviewView>(std::move(*opened));
    server = std::make_unique<Server>([this](const Request& request) { return serve(request); });
  }
  ~UploadPackTest() override { server = nullptr; }

  [[nodiscard]] static ObjectFormat format() { return std::get<0>(GetParam()); }
  [[nodiscard]] static std::string git_version() {
    return "-c protocol.version=" + std::to_string(std::get<1>(GetParam())) + " ";
  }

  void prepare() {
    Result<std::vector<Fetch>> needs = view->needs();
    ASSERT_TRUE(needs) << problem(needs);
    if (!needs->empty()) git::answer(Needs{*needs}, upstream, *cache);
  }

  std::string serve(const Request& request) {
    if (request.method == "GET") {
      Result<std::string> out = view->advertise(request.protocol);
      EXPECT_TRUE(out) << problem(out);
      return out ? *out : "";
    }
    std::ofstream(folder.path() / "body", std::ios::binary) << request.body;
    std::string file = (folder.path() / "result").string();
    for (int round = 0; round < 2; ++round) {
      Result<OrNeeds<std::monostate>> out =
          view->answer({(folder.path() / "body").string(), 0}, request.protocol, file);
      EXPECT_TRUE(out) << problem(out);
      if (!out) return "";
      if (std::holds_alternative<std::monostate>(*out)) return read_file(file);
      ++history_fetches;
      git::answer(std::get<Needs>(*out), upstream, *cache);
    }
    ADD_FAILURE() << "needs the same again";
    return "";
  }

  Folder folder;
  Repository upstream;
  std::string old;
  std::string held;
  std::unique_ptr<ObjectStore> store;
  std::shared_ptr<Cache> cache;
  std::unique_ptr<Quarantine> quarantine;
  std::unique_ptr<ReviewView> view;
  std::unique_ptr<Server> server;
  std::atomic<int> history_fetches = 0;
};

TEST_P(UploadPackTest, AReviewerFetchesAHeldCommit) {
  prepare();
  Repository reviewer(folder.path() / "reviewer", format());
  reviewer.git("pull -q ../upstream main");
  reviewer.git(git_version() + "fetch -q " + server->url() + " refs/approvals/7");
  EXPECT_EQ(reviewer.id("FETCH_HEAD"), held);
  EXPECT_EQ(reviewer.git("show FETCH_HEAD:new"), "held");
  EXPECT_EQ(reviewer.git("rev-list --count FETCH_HEAD"), "7");
  reviewer.git("fsck --strict");
  EXPECT_EQ(history_fetches, 0) << "what the push brought was enough";
  EXPECT_EQ(reviewer.git("ls-remote " + server->url()), held + "\trefs/approvals/7");
}

TEST_P(UploadPackTest, ABuilderWithNothingGetsTheHistoryToo) {
  prepare();
  Repository builder(folder.path() / "builder", format());
  builder.git(git_version() + "fetch -q " + server->url() + " refs/approvals/7");
  EXPECT_EQ(builder.id("FETCH_HEAD"), held);
  EXPECT_EQ(builder.git("rev-list --count FETCH_HEAD"), "7");
  builder.git("fsck --strict");
  EXPECT_EQ(history_fetches, 1);
  Repository shallow(folder.path() / "shallow", format());
  shallow.git(git_version() + "fetch -q --depth=1 " + server->url() + " refs/approvals/7");
  EXPECT_EQ(shallow.git("show FETCH_HEAD:new"), "held");
  EXPECT_EQ(shallow.git("rev-list --count FETCH_HEAD"), "1");
}

TEST_P(UploadPackTest, AShallowBuilderIsServedWithoutTheirHavingAnything) {
  prepare();
  Repository shallow(folder.path() / "shallow", format());
  shallow.git(git_version() + "fetch -q --depth=1 " + server->url() + " refs/approvals/7");
  EXPECT_EQ(shallow.git("show FETCH_HEAD:d/b"), "held too");
}

TEST_P(UploadPackTest, NonsenseIsRefused) {
  prepare();
  std::ofstream(folder.path() / "nonsense") << "zzzz this is no request";
  Result<OrNeeds<std::monostate>> out =
      view->answer({(folder.path() / "nonsense").string(), 0}, "version=2", (folder.path() / "out").string());
  EXPECT_EQ(code_of(out), "git.refused");
  Result<std::string> plain = view->advertise("version=2\nX: y");
  ASSERT_TRUE(plain) << problem(plain);
  EXPECT_TRUE(plain->starts_with("001e# service=git-upload-pack\n0000"));
  for (const HeldRef& wrong : {HeldRef{"refs/../x", held, quarantine.get()}, HeldRef{"refs/x", "abc", quarantine.get()},
                               HeldRef{"refs/x", held, nullptr}})
    EXPECT_EQ(code_of(ReviewView::open(folder.path() / "other", cache, {wrong})), "git.bad_ref");
  HeldRef once{"refs/x", held, quarantine.get()};
  EXPECT_EQ(code_of(ReviewView::open(folder.path() / "other", cache, {once, once})), "git.bad_ref");
  EXPECT_EQ(code_of(ReviewView::open(folder.path() / "other", cache, {})), "git.bad_ref");
}

INSTANTIATE_TEST_SUITE_P(Formats, UploadPackTest,
                         testing::Combine(testing::Values(ObjectFormat::sha1, ObjectFormat::sha256),
                                          testing::Values(0, 2)),
                         [](const auto& info) {
                           return std::string(name_of(std::get<0>(info.param))) + "v" +
                                  std::to_string(std::get<1>(info.param));
                         });

}  // namespace
}  // namespace countersign::adapters::git
