#include "proxy/adapters/git/objects/upload_pack.h"

#include <atomic>

#include "fixture.h"
#include "loopback.h"

namespace countersign::adapters::git {
namespace {

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
    server = std::make_unique<LoopbackServer>([this](const LoopbackRequest& request) {
      const std::string type = request.method == "GET" ? "advertisement" : "result";
      return LoopbackAnswer{200, "application/x-git-upload-pack-" + type, serve(request)};
    });
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

  std::string serve(const LoopbackRequest& request) {
    const std::string protocol = request.field("Git-Protocol");
    if (request.method == "GET") {
      Result<std::string> out = view->advertise(protocol);
      EXPECT_TRUE(out) << problem(out);
      return out ? *out : "";
    }
    std::ofstream(folder.path() / "body", std::ios::binary) << request.text();
    std::string file = (folder.path() / "result").string();
    for (int round = 0; round < 2; ++round) {
      Result<OrNeeds<std::monostate>> out = view->answer({(folder.path() / "body").string(), 0}, protocol, file);
      EXPECT_TRUE(out) << problem(out);
      if (!out) return "";
      if (std::holds_alternative<std::monostate>(*out)) return read_file(file);
      ++history_fetches;
      git::answer(std::get<Needs>(*out), upstream, *cache);
    }
    ADD_FAILURE() << "needs the same again";
    return "";
  }

  [[nodiscard]] std::string url() const { return server->url("/repository.git"); }

  Folder folder;
  Repository upstream;
  std::string old;
  std::string held;
  std::unique_ptr<ObjectStore> store;
  std::shared_ptr<Cache> cache;
  std::unique_ptr<Quarantine> quarantine;
  std::unique_ptr<ReviewView> view;
  std::unique_ptr<LoopbackServer> server;
  std::atomic<int> history_fetches = 0;
};

TEST_P(UploadPackTest, AReviewerFetchesAHeldCommit) {
  prepare();
  Repository reviewer(folder.path() / "reviewer", format());
  reviewer.git("pull -q ../upstream main");
  reviewer.git(git_version() + "fetch -q " + url() + " refs/approvals/7");
  EXPECT_EQ(reviewer.id("FETCH_HEAD"), held);
  EXPECT_EQ(reviewer.git("show FETCH_HEAD:new"), "held");
  EXPECT_EQ(reviewer.git("rev-list --count FETCH_HEAD"), "7");
  reviewer.git("fsck --strict");
  EXPECT_EQ(history_fetches, 0) << "what the push brought was enough";
  EXPECT_EQ(reviewer.git("ls-remote " + url()), held + "\trefs/approvals/7");
}

TEST_P(UploadPackTest, ABuilderWithNothingGetsTheHistoryToo) {
  prepare();
  Repository builder(folder.path() / "builder", format());
  builder.git(git_version() + "fetch -q " + url() + " refs/approvals/7");
  EXPECT_EQ(builder.id("FETCH_HEAD"), held);
  EXPECT_EQ(builder.git("rev-list --count FETCH_HEAD"), "7");
  builder.git("fsck --strict");
  EXPECT_EQ(history_fetches, 1);
  Repository shallow(folder.path() / "shallow", format());
  shallow.git(git_version() + "fetch -q --depth=1 " + url() + " refs/approvals/7");
  EXPECT_EQ(shallow.git("show FETCH_HEAD:new"), "held");
  EXPECT_EQ(shallow.git("rev-list --count FETCH_HEAD"), "1");
}

TEST_P(UploadPackTest, AShallowBuilderIsServedWithoutTheirHavingAnything) {
  prepare();
  Repository shallow(folder.path() / "shallow", format());
  shallow.git(git_version() + "fetch -q --depth=1 " + url() + " refs/approvals/7");
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
