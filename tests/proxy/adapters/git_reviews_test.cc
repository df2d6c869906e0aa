// Stock git fetches what is held: a real client, through the real conversations, from a real upstream's commands and
// the stored bytes of real pushes.
#include "proxy/adapters/git_reviews.h"

#include <gtest/gtest.h>

#include <map>

#include "fakes.h"
#include "git/objects/fixture.h"
#include "git/objects/loopback.h"
#include "git_server_door.h"
#include "proxy/adapters/git/pkt_line.h"
#include "proxy/adapters/git_conversation.h"
#include "proxy/adapters/git_operations.h"
#include "proxy/adapters/git_review_conversation.h"
#include "proxy/adapters/http_fields.h"

namespace countersign::adapters::test {
namespace {

using approvals::HeldRequest;
using approvals::State;
using git::LoopbackAnswer;
using git::LoopbackRequest;
using git::ObjectFormat;
using git::problem;
using git::Repository;

const std::string kOne = "req_06fg0000aaaaaaaa";
const std::string kTwo = "req_06fg0000bbbbbbbb";

class ReviewDoors final : public Doors {
 public:
  explicit ReviewDoors(HttpDoor& door) : door_(door) {}
  HttpDoor* http(std::string_view upstream) override { return upstream == "origin" ? &door_ : nullptr; }
  McpDoor* mcp(std::string_view upstream) override {
    static_cast<void>(upstream);
    return nullptr;
  }
  Task<Status> run_blocking(std::move_only_function<Status()> work) override { co_return work(); }

 private:
  HttpDoor& door_;
};

struct Update {
  std::string old_id;
  std::string new_id;
  std::string ref;
};

class GitReviewsTest : public testing::Test {
 protected:
  explicit GitReviewsTest(ObjectFormat format = ObjectFormat::sha1)
      : developer(folder.path() / "developer", format), door(folder.path() / "srv"), doors(door), clock(1'000'000) {
    std::filesystem::create_directories(bare());
    developer.git("init -q --bare -b main --object-format=" + std::string(name_of(format)) + " '" + bare().string() +
                  "'");
    developer.git("remote add origin '" + bare().string() + "'");
    for (int i = 0; i < 5; ++i) {
      developer.write("a", std::string(static_cast<std::size_t>(1000 * i), 'a') + "\n");
      developer.write("d/b", std::to_string(i) + "\n");
      main = developer.commit("number " + std::to_string(i));
    }
    developer.git("push -q origin main");
    upstream.name = "origin";
    upstream.protocol = "git";
    open({});
    server = std::make_unique<git::LoopbackServer>([this](const LoopbackRequest& request) { return serve(request); });
  }

  void open(const GitReviewLimits& limits) {
    reviews = nullptr;
    auto workshop = GitWorkshop::open(folder.path() / "state", clock);
    ASSERT_TRUE(workshop) << problem(workshop);
    GitReviewSources sources;
    sources.find = [this](std::string_view id) -> Result<HeldRequest> {
      auto found = held.find(std::string(id));
      if (found == held.end()) return fail(ErrorKind::not_found, "request.unknown", "no request has this id");
      return found->second;
    };
    sources.list = [this](std::string_view name) -> Result<std::vector<HeldRequest>> {
      std::vector<HeldRequest> out;
      for (const auto& [id, request] : held) {
        if (request.frozen.upstream == name) out.push_back(request);
      }
      return out;
    };
    reviews = std::make_unique<GitReviews>(*workshop, sources, clock, limits);
  }

  [[nodiscard]] std::filesystem::path bare() const { return folder.path() / "srv" / "team" / "app.git"; }
  [[nodiscard]] std::string url(const std::string& path = "/team/app.git") const { return server->url(path); }

  // Stores a push as the gateway does: its bytes in a file, its head beside it.
  void hold(const std::string& id, const std::vector<Update>& updates, const std::string& pack,
            const std::string& target = "/team/app.git/git-receive-pack") {
    std::string body;
    for (const Update& each : updates) {
      std::string line = each.old_id + " " + each.new_id + " " + each.ref;
      if (body.empty()) {
        line += '\0';
        line += " report-status-v2 side-band-64k object-format=" + std::string(name_of(developer.format()));
      }
      git::write_pkt(body, line);
    }
    git::write_flush(body);
    if (!pack.empty()) body += git::read_file(pack);
    HeldRequest request;
    request.id = id;
    request.frozen.protocol = "git";
    request.frozen.upstream = "origin";
    RequestHead head{"POST", target, {}};
    head.headers.add("Content-Type", "application/x-git-receive-pack-request");
    request.frozen.head = freeze_git_head(head);
    request.frozen.body_file = folder.path() / (id + ".body");
    request.frozen.body_size = body.size();
    std::ofstream(request.frozen.body_file, std::ios::binary) << body;
    held[id] = request;
  }

  // A commit on main that has not landed.
  std::string hold_a_commit(const std::string& id = kOne, const std::string& options = "--delta-base-offset") {
    developer.git("checkout -q -B work " + main);
    developer.write("new", "held " + id + "\n");
    developer.write("d/b", "held too\n");
    const std::string commit = developer.commit("held " + id);
    hold(id, {{main, commit, "refs/heads/main"}}, developer.pack("work\n^main", options));
    return commit;
  }

  // The adapter's part.
  LoopbackAnswer serve(const LoopbackRequest& request) {
    RequestHead head{request.method, request.target, {}};
    for (const char* name : {"Git-Protocol", "Content-Type", "Content-Encoding", "Accept-Encoding"}) {
      const std::string value = request.field(name);
      if (!value.empty()) head.headers.add(name, value);
    }
    auto route = read_git_route(head.method, head.target);
    if (!route) return {404, "text/plain", route.error().message};
    TextBody body(request.body);
    Inbound inbound;
    inbound.head = &head;
    inbound.rest = head.target;
    inbound.body = view_of(request.body);
    BodySource* source = request.body.empty() ? nullptr : &body;
    auto review = read_review_request(*reviews, upstream, *route, inbound);
    GitRequest asked{*route, {head.method, head.target, fields_to_forward(head.headers)}, {}};
    asked.operation = fetch_operation(upstream, *route);
    std::unique_ptr<Conversation> conversation;
    if (review) {
      ++reviewed;
      if (head.headers.get("Content-Encoding") == "gzip") ++compressed;
      conversation = std::make_unique<GitReviewConversation>(*reviews, std::move(*review), std::move(asked),
                                                             inbound.body, Patience());
    } else {
      conversation =
          std::make_unique<GitConversation>(std::move(asked), reviews->workshop().memory(), inbound.body, Patience());
    }
    EXPECT_EQ(conversation->operation().action, "git:fetch");
    EXPECT_EQ(conversation->operation().effect(), Effect::read);
    FakeSink sink;
    last = run(conversation->forward(doors, source, sink, {}));
    EXPECT_TRUE(sink.finished);
    EXPECT_EQ(last.body_bytes, sink.body.size());
    return {sink.head.status, sink.header("Content-Type"), sink.body};
  }

  [[nodiscard]] Repository reviewer() const { return clone("reviewer"); }
  [[nodiscard]] Repository clone(const std::string& name) const {
    Repository out(folder.path() / name, developer.format());
    out.git("remote add origin " + url());
    out.git("fetch -q '" + bare().string() + "' main");
    out.git("reset -q --hard FETCH_HEAD");
    return out;
  }
  [[nodiscard]] static std::string fails(const Repository& repository, const std::string& arguments) {
    return repository.git(arguments + " 2>&1 && echo it-worked || true");
  }
  [[nodiscard]] std::size_t asked_upstream() const {
    return static_cast<std::size_t>(std::ranges::count_if(door.sent, [](const auto& each) {
      return each.body.contains("command=fetch") && each.body.contains("want ");
    }));
  }

  git::Folder folder;
  Repository developer;
  std::string main;
  GitServerDoor door;
  ReviewDoors doors;
  ManualClock clock;
  config::Upstream upstream;
  std::map<std::string, HeldRequest> held;
  std::unique_ptr<GitReviews> reviews;
  Forwarded last;
  int reviewed = 0;                             // requests that asked for held pushes
  int compressed = 0;                           // and were
  std::unique_ptr<git::LoopbackServer> server;  // last: it serves from the others
};

class GitReviewsFormatTest : public GitReviewsTest, public testing::WithParamInterface<ObjectFormat> {
 protected:
  GitReviewsFormatTest() : GitReviewsTest(GetParam()) {}
};

TEST_P(GitReviewsFormatTest, AReviewerFetchesAHeldCommit) {
  const std::string commit = hold_a_commit();
  const Repository reader = reviewer();
  reader.git("fetch -q origin refs/approvals/" + kOne);
  EXPECT_EQ(reader.id("FETCH_HEAD"), commit);
  EXPECT_EQ(reader.git("show FETCH_HEAD:new"), "held " + kOne);
  EXPECT_EQ(reader.git("rev-list --count FETCH_HEAD"), "6");
  reader.git("fsck --strict");
  EXPECT_EQ(last.outcome, "ok");
  EXPECT_EQ(last.detail, "served from held pushes: " + kOne);
  EXPECT_EQ(reader.git("ls-remote " + url() + " 'refs/approvals/*'"), commit + "\trefs/approvals/" + kOne);
}

TEST_P(GitReviewsFormatTest, ABuilderWithNothingGetsTheHistoryToo) {
  const std::string commit = hold_a_commit();
  const Repository builder(folder.path() / "builder", GetParam());
  builder.git("fetch -q " + url() + " refs/approvals/" + kOne + ":refs/heads/held");
  EXPECT_EQ(builder.id("held"), commit);
  EXPECT_EQ(builder.git("rev-list --count held"), "6");
  builder.git("fsck --strict");
  const Repository shallow(folder.path() / "shallow", GetParam());
  shallow.git("fetch -q --depth=1 " + url() + " refs/approvals/" + kOne);
  EXPECT_EQ(shallow.git("show FETCH_HEAD:new"), "held " + kOne);
  EXPECT_EQ(shallow.git("rev-list --count FETCH_HEAD"), "1");
}

INSTANTIATE_TEST_SUITE_P(Formats, GitReviewsFormatTest, testing::Values(ObjectFormat::sha1, ObjectFormat::sha256),
                         [](const auto& info) { return std::string(name_of(info.param)); });

TEST_F(GitReviewsTest, AThinPackIsCompletedFromTheUpstream) {
  developer.git("checkout -q -B work " + main);
  developer.write("a", std::string(4000, 'a') + "b\n");
  const std::string commit = developer.commit("a little change");
  hold(kOne, {{main, commit, "refs/heads/main"}}, developer.pack("work\n^main", "--thin --delta-base-offset"));
  const Repository reader = reviewer();
  reader.git("fetch -q origin refs/approvals/" + kOne);
  EXPECT_EQ(reader.id("FETCH_HEAD"), commit);
  reader.git("fsck --strict");
}

TEST_F(GitReviewsTest, EveryRefOfAPushHasOneAndRemovedOnesHaveNone) {
  const std::string commit = hold_a_commit();
  developer.git("tag -a -m release v1 " + commit);
  const std::string tag = developer.id("v1");
  hold(kOne,
       {{main, commit, "refs/heads/main"},
        {developer.zero(), tag, "refs/tags/v1"},
        {main, developer.zero(), "refs/heads/old"}},
       developer.pack("v1\n^main"));
  const Repository reader = reviewer();
  EXPECT_EQ(reader.git("ls-remote origin 'refs/approvals/*'"),
            commit + "\trefs/approvals/" + kOne + "/heads/main\n" + tag + "\trefs/approvals/" + kOne + "/tags/v1");
  reader.git("fetch -q origin 'refs/approvals/" + kOne + "/*:refs/held/*'");
  EXPECT_EQ(reader.id("refs/held/heads/main"), commit);
  EXPECT_EQ(reader.id("refs/held/tags/v1"), tag);
  EXPECT_TRUE(fails(reader, "fetch origin refs/approvals/" + kOne).contains("couldn't find remote ref"));
  hold(kTwo, {{main, developer.zero(), "refs/heads/old"}}, "");
  EXPECT_TRUE(fails(reader, "fetch origin refs/approvals/" + kTwo).contains("couldn't find remote ref"));
}

TEST_F(GitReviewsTest, SeveralPushesAreFetchedAtOnce) {
  const std::string one = hold_a_commit(kOne);
  const std::string two = hold_a_commit(kTwo);
  const Repository reader = reviewer();
  reader.git("config remote.held.url " + url());
  reader.git("config remote.held.fetch '+refs/approvals/*:refs/remotes/held/*'");
  reader.git("fetch -q held");
  EXPECT_EQ(reader.id("refs/remotes/held/" + kOne), one);
  EXPECT_EQ(reader.id("refs/remotes/held/" + kTwo), two);
  EXPECT_EQ(last.detail, "served from held pushes: " + kOne + " " + kTwo);
  held.erase(kOne);
  reader.git("fetch -q --prune held");
  EXPECT_EQ(reader.git("for-each-ref --format='%(refname)' refs/remotes/held"), "refs/remotes/held/" + kTwo);
}

TEST_F(GitReviewsTest, OnlyWhatIsHeldForThisRepositoryIsShown) {
  hold_a_commit();
  const HeldRequest sound = held[kOne];
  const Repository reader = reviewer();
  const std::string fetch = "fetch origin refs/approvals/" + kOne;
  auto hidden = [&](const std::string& what) {
    EXPECT_TRUE(fails(reader, fetch).contains("couldn't find remote ref")) << what;
    EXPECT_EQ(reader.git("ls-remote origin 'refs/approvals/*'"), "") << what;
  };
  for (State state : {State::denied, State::expired, State::cancelled, State::done, State::failed, State::unknown}) {
    held[kOne].state = state;
    hidden(approvals::state_name(state));
  }
  held[kOne] = sound;
  held[kOne].frozen.upstream = "other";
  hidden("another upstream");
  held[kOne] = sound;
  held[kOne].frozen.protocol = "http";
  hidden("another protocol");
  for (const char* target :
       {"/team/other.git/git-receive-pack", "/team/app.git/git-upload-pack", "/Team/App.git/git-receive-pack"}) {
    held[kOne] = sound;
    held[kOne].frozen.head = freeze_git_head({"POST", target, {}});
    hidden(target);
  }
  held[kOne] = sound;
  std::filesystem::remove(sound.frozen.body_file);
  hidden("the body is gone");
  EXPECT_TRUE(fails(reader, "fetch origin refs/approvals/req_06fg0000cccccccc").contains("couldn't find remote ref"));
}

TEST_F(GitReviewsTest, ApprovedAndRunningOnesAreShown) {
  const std::string commit = hold_a_commit();
  const Repository reader = reviewer();
  for (State state : {State::approved, State::executing}) {
    held[kOne].state = state;
    EXPECT_EQ(reader.git("ls-remote origin 'refs/approvals/*'"), commit + "\trefs/approvals/" + kOne);
  }
}

TEST(GitHeldRefs, ANameIsShownToThoseWhoAreJudgedByIt) {
  EXPECT_TRUE(may_show("team/app", "team/app"));
  EXPECT_TRUE(may_show("Team/App", "team/app")) << "judged under both spellings";
  EXPECT_TRUE(may_show("Team/App", "Team/App"));
  EXPECT_FALSE(may_show("team/app", "Team/App")) << "perhaps another repository, of which nobody was asked";
  EXPECT_FALSE(may_show("team/app", "team/apps"));
  EXPECT_EQ(request_of("refs/approvals/" + kOne), kOne);
  EXPECT_EQ(request_of("refs/approvals/" + kOne + "/heads/main"), kOne);
  for (const char* none : {"refs/approvals/", "refs/approvals/req_06fg", "refs/approvals/req_06FG0000aaaaaaaa",
                           "refs/heads/req_06fg0000aaaaaaaa", "refs/approvals/req_06fg0000aaaaaaaaa", ""})
    EXPECT_EQ(request_of(none), "") << none;
}

TEST_F(GitReviewsTest, ADecisionEndsTheServingAtOnce) {
  hold_a_commit();
  const Repository reader = reviewer();
  reader.git("fetch -q origin refs/approvals/" + kOne);
  const Repository late = clone("late");
  // What the client learnt from the listing is still wanted when the request is over: the listing is answered, the
  // fetch is not.
  const HeldRequest sound = held[kOne];
  EXPECT_EQ(last.outcome, "ok");
  std::string request;
  git::write_pkt(request, "command=fetch");
  git::write_delimiter(request);
  git::write_pkt(request, "want " + developer.id("work"));
  git::write_pkt(request, "done");
  git::write_flush(request);
  LoopbackRequest asked{"POST", "/team/app.git/git-upload-pack",
                        "POST /team/app.git/git-upload-pack HTTP/1.1\r\nGit-Protocol: version=2\r\n\r\n", request};
  EXPECT_TRUE(serve(asked).body.contains("packfile"));
  held[kOne].state = State::denied;
  const LoopbackAnswer refused = serve(asked);
  EXPECT_EQ(refused.status, 200);
  EXPECT_EQ(refused.body.substr(4), "ERR countersign: no push to this repository is held under this id (git.not_held)");
  EXPECT_EQ(last.outcome, "client_error");
  held.erase(kOne);
  EXPECT_TRUE(serve(asked).body.contains("git.not_held"));
}

TEST_F(GitReviewsTest, WhatHasLandedComesFromTheUpstream) {
  const std::string commit = hold_a_commit();
  const Repository reader = reviewer();
  EXPECT_EQ(reader.git("ls-remote origin 'refs/approvals/*'"), commit + "\trefs/approvals/" + kOne);
  developer.git("push -q origin work:main");
  reader.git("fetch -q origin refs/approvals/" + kOne);
  EXPECT_EQ(reader.id("FETCH_HEAD"), commit);
  EXPECT_EQ(last.detail, "") << "relayed";
}

TEST_F(GitReviewsTest, ARefAtACommitOfTheUpstreamChangesNothingForOthers) {
  hold(kOne, {{developer.zero(), main, "refs/heads/release"}}, developer.pack("main\n^main"));
  const Repository reader(folder.path() / "reader");
  EXPECT_EQ(reader.git("ls-remote " + url() + " 'refs/approvals/*'"), main + "\trefs/approvals/" + kOne);
  developer.git("branch other main~1");
  developer.git("push -q origin other");
  // The id was given out for a held push; it is main's as well.
  reader.git("fetch -q " + url() + " refs/heads/main:refs/got/main refs/heads/other:refs/got/other");
  EXPECT_EQ(reader.id("refs/got/main"), main);
  EXPECT_EQ(last.detail, "");
  const Repository second(folder.path() / "second");
  second.git("fetch -q " + url() + " refs/approvals/" + kOne);
  EXPECT_EQ(second.id("FETCH_HEAD"), main);
}

TEST_F(GitReviewsTest, APushOfNewAndOldCommitsIsServedWhole) {
  const std::string commit = hold_a_commit();
  developer.git("branch other main~1");
  developer.git("push -q origin other");
  const std::string old = developer.id("other");
  hold(kOne, {{main, commit, "refs/heads/main"}, {developer.zero(), old, "refs/heads/release"}},
       developer.pack("work\n^main"));
  const Repository builder(folder.path() / "builder");
  builder.git("fetch -q " + url() + " 'refs/approvals/" + kOne + "/*:refs/held/*'");
  EXPECT_EQ(builder.id("refs/held/heads/main"), commit);
  EXPECT_EQ(builder.id("refs/held/heads/release"), old);
  builder.git("fsck --strict");
}

TEST_F(GitReviewsTest, AMixedFetchIsToldToComeAgain) {
  hold_a_commit();
  const Repository reader(folder.path() / "reader");
  reader.git("remote add origin " + url());
  const std::string said = fails(reader, "fetch origin refs/heads/main refs/approvals/" + kOne);
  EXPECT_TRUE(said.contains("remote error: countersign: held pushes have not landed: fetch refs/approvals/… by itself"))
      << said;
  EXPECT_TRUE(said.contains("not our ref")) << said;
  EXPECT_EQ(last.outcome, "client_error");
  // Whoever has the other part already wants only ours.
  const Repository second = clone("second");
  second.git("fetch -q origin refs/heads/main refs/approvals/" + kOne);
}

TEST_F(GitReviewsTest, NewTagsDoNotComeBetween) {
  const std::string commit = hold_a_commit();
  const Repository reader = reviewer();
  developer.git("tag -a -m later later " + main);
  developer.git("push -q origin later");
  // With a name of its own, git follows tags to commits that it has: the upstream's, in the same fetch.
  reader.git("fetch -q origin refs/approvals/" + kOne + ":refs/heads/held");
  EXPECT_EQ(reader.id("held"), commit);
  reader.git("fetch -q origin refs/heads/main:refs/remotes/origin/main");
  EXPECT_EQ(reader.git("tag"), "later") << "as usual in other fetches";
}

TEST_F(GitReviewsTest, OthersAreNotShownWhatTheyDoNotAskFor) {
  hold_a_commit();
  const Repository other(folder.path() / "other");
  reviewed = 0;
  other.git("clone -q " + url() + " plain");
  other.git("clone -q --mirror " + url() + " mirror");
  EXPECT_EQ(other.git("-C mirror for-each-ref --format='%(refname)'"), "refs/heads/main");
  EXPECT_EQ(reviewed, 0) << "nothing of these passes here";
}

TEST_F(GitReviewsTest, WhatTheUpstreamCallsAnApprovalIsNotShown) {
  developer.git("push -q origin main:refs/approvals/" + kTwo);
  const std::string commit = hold_a_commit();
  const Repository reader = reviewer();
  EXPECT_EQ(reader.git("ls-remote origin 'refs/approvals/*'"), commit + "\trefs/approvals/" + kOne);
  EXPECT_TRUE(fails(reader, "fetch origin refs/approvals/" + kTwo).contains("couldn't find remote ref"));
}

TEST_F(GitReviewsTest, OlderVersionsOfTheProtocolKnowNothingOfIt) {
  hold_a_commit();
  const Repository reader = reviewer();
  for (const char* version : {"0", "1"}) {
    const std::string said =
        fails(reader, "-c protocol.version=" + std::string(version) + " fetch origin refs/approvals/" + kOne);
    EXPECT_TRUE(said.contains("couldn't find remote ref")) << said;
  }
  EXPECT_EQ(reviewed, 0);
}

TEST_F(GitReviewsTest, AClientMayWantTheRefByName) {
  door.settings = {"uploadpack.allowRefInWant=true"};
  const std::string commit = hold_a_commit();
  const Repository reader = reviewer();
  reader.git("fetch -q origin refs/approvals/" + kOne);
  EXPECT_EQ(reader.id("FETCH_HEAD"), commit);
  const bool by_name = std::ranges::any_of(
      door.sent, [](const auto& each) { return each.body.contains("want-ref refs/approvals/" + kOne); });
  EXPECT_TRUE(by_name);
}

TEST_F(GitReviewsTest, LongRequestsAreCompressedAndRead) {
  const std::string commit = hold_a_commit();
  const Repository reader = reviewer();
  for (int i = 0; i < 60; ++i) reader.commit("mine " + std::to_string(i));
  reader.git("fetch -q origin refs/approvals/" + kOne);
  EXPECT_EQ(reader.id("FETCH_HEAD"), commit);
  EXPECT_GT(compressed, 0) << "git compressed nothing";
}

TEST_F(GitReviewsTest, AViewStaysOpenForAWhile) {
  const std::string commit = hold_a_commit();
  const Repository reader = reviewer();
  reader.git("fetch -q origin refs/approvals/" + kOne);
  door.sent.clear();
  const Repository second = clone("second");
  second.git("fetch -q origin refs/approvals/" + kOne);
  EXPECT_EQ(second.id("FETCH_HEAD"), commit);
  EXPECT_EQ(asked_upstream(), 0U) << "it is known not to have it";
  auto folders = [&] {
    const auto pushes = std::filesystem::directory_iterator(folder.path() / "state" / "pushes");
    return std::distance(begin(pushes), std::filesystem::directory_iterator());
  };
  EXPECT_EQ(folders(), 2) << "the push and its view, and no files of earlier answers";
  clock.advance(GitReviewLimits().idle + 1);
  reviews->close_idle();
  EXPECT_EQ(folders(), 0);
  const Repository third = clone("third");
  third.git("fetch -q origin refs/approvals/" + kOne);
  EXPECT_EQ(third.id("FETCH_HEAD"), commit);
}

TEST_F(GitReviewsTest, TheOldestViewsMakeRoom) {
  open({.views = 1});
  hold_a_commit(kOne);
  hold_a_commit(kTwo);
  const Repository reader = reviewer();
  reader.git("fetch -q origin refs/approvals/" + kOne);
  reader.git("fetch -q origin refs/approvals/" + kTwo);
  const GitUpstream place(door, reviews->workshop().memory(), "origin", "/team/app.git");
  EXPECT_FALSE(reviews->has_view(place, {kOne}));
  EXPECT_TRUE(reviews->has_view(place, {kTwo}));
}

TEST_F(GitReviewsTest, ListsWhatBeginsWithOneOfThePrefixes) {
  hold_a_commit(kOne);
  hold_a_commit(kTwo);
  auto names = [&](const std::vector<std::string>& prefixes) {
    std::vector<std::string> out;
    for (const HeldTip& tip : *reviews->list({"origin", "team/app"}, prefixes)) out.push_back(tip.request);
    return out;
  };
  using Names = std::vector<std::string>;
  const std::string all(kHeldRefs);
  EXPECT_EQ(names({}), (Names{kOne, kTwo}));
  EXPECT_EQ(names({all}), (Names{kOne, kTwo}));
  EXPECT_EQ(names({all + kTwo, all + kOne}), (Names{kOne, kTwo}));
  EXPECT_EQ(names({all + kTwo.substr(0, 14), "refs/tags/"}), (Names{kTwo}));
  EXPECT_EQ(names({all + "req_06fg0000a", all + "req_06fg0000b", all + "req_0", all + "s"}), (Names{kOne, kTwo}));
  EXPECT_EQ(names({all + kOne + "/", all + kOne + "0", all + "a", all + "z"}), Names{});
  EXPECT_EQ(names({all + kOne, all + kOne + "/heads"}), (Names{kOne}));
  EXPECT_EQ(names({"refs/", "refs/heads/"}), Names{});
}

TEST_F(GitReviewsTest, HasLimits) {
  hold_a_commit(kOne);
  hold_a_commit(kTwo);
  const Repository reader = reviewer();
  open({.serving = 0});
  EXPECT_TRUE(fails(reader, "fetch origin refs/approvals/" + kOne).contains("too many held pushes are being fetched"));
  open({.pushes = 1});
  EXPECT_EQ(reader.git("ls-remote origin 'refs/approvals/*' | wc -l"), "1");
  open({.remembered = 1});
  EXPECT_EQ(reader.git("ls-remote origin 'refs/approvals/*' | wc -l"), "2");
  open({.remembered_for = -1});
  EXPECT_TRUE(fails(reader, "fetch origin refs/approvals/" + kOne).contains("not our ref")) << "forgotten at once";
}

TEST_F(GitReviewsTest, ADamagedPushIsRefusedInWordsThatGitShows) {
  hold_a_commit();
  std::string body = git::read_file(held[kOne].frozen.body_file);
  body[body.size() - 3] = static_cast<char>(body[body.size() - 3] ^ 1);
  std::ofstream(held[kOne].frozen.body_file, std::ios::binary) << body;
  const Repository reader = reviewer();
  const std::string said = fails(reader, "fetch origin refs/approvals/" + kOne);
  EXPECT_TRUE(said.contains("remote error: countersign: ")) << said;
  EXPECT_TRUE(said.contains("(git.bad_pack)")) << said;
}

TEST_F(GitReviewsTest, RequestsThatAreNotReadAreTheUpstreams) {
  hold_a_commit();
  std::ignore = reviews->list({"origin", "team/app"}, {});
  const GitRoute route{GitService::fetch, "team/app"};
  auto read = [&](const std::string& body, const HeaderList& headers) {
    RequestHead head{"POST", "/team/app.git/git-upload-pack", headers};
    Inbound inbound;
    inbound.head = &head;
    inbound.rest = head.target;
    inbound.body = view_of(body);
    return read_review_request(*reviews, upstream, route, inbound).has_value();
  };
  std::string listing;
  git::write_pkt(listing, "command=ls-refs\n");
  git::write_flush(listing);
  HeaderList two;
  two.add("Git-Protocol", "version=2");
  EXPECT_TRUE(read(listing, two));
  HeaderList more;
  more.add("Git-Protocol", "trace=1:version=2");
  EXPECT_TRUE(read(listing, more));
  EXPECT_FALSE(read(listing, {}));
  EXPECT_FALSE(read("", two));
  EXPECT_FALSE(read("0000", two)) << "git's probe";
  EXPECT_FALSE(read(listing + "0000", two));
  HeaderList deflated = two;
  deflated.add("Content-Encoding", "deflate");
  EXPECT_FALSE(read(listing, deflated));
  HeaderList gzip = two;
  gzip.add("Content-Encoding", "gzip");
  EXPECT_FALSE(read(listing, gzip)) << "it is none";
}

}  // namespace
}  // namespace countersign::adapters::test
