#include "proxy/adapters/git_upstream.h"

#include <gtest/gtest.h>

#include "fakes.h"
#include "git/objects/fixture.h"
#include "git_server_door.h"
#include "proxy/adapters/git/pkt_line.h"
#include "proxy/adapters/git/push_writer.h"

namespace countersign::adapters::test {
namespace {

using git::code_of;
using git::ObjectFormat;
using git::problem;

constexpr std::uint64_t kLimit = 64U << 20;

// A repository that clients push to, and a developer's clone of it.
class GitUpstreamTest : public testing::TestWithParam<ObjectFormat> {
 protected:
  GitUpstreamTest()
      : developer(folder.path() / "developer", GetParam()),
        bare(folder.path() / "team" / "app.git"),
        door(folder.path()),
        clock(1'000'000),
        memory(clock),
        upstream(door, memory, "origin", "/team/app.git") {
    std::filesystem::create_directories(bare);
    developer.git("init -q --bare -b main --object-format=" + std::string(name_of(GetParam())) + " '" + bare.string() +
                  "'");
    developer.git("remote add origin '" + bare.string() + "'");
  }
  void push(const std::string& what) const { developer.git("push -q origin " + what); }
  std::string in_bare(const std::string& arguments) const {
    return developer.git("-C '" + bare.string() + "' " + arguments);
  }

  // How many of the requests went there.
  std::size_t asked(std::string_view end) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(door.sent, [&](const auto& each) { return each.target.ends_with(end); }));
  }
  // The names in a pack, by git's own reading.
  std::vector<std::string> objects_in(const std::filesystem::path& pack) const {
    git::Repository other(folder.path() / "reader", GetParam());
    other.git("index-pack --stdin < '" + pack.string() + "' > ../indexed");
    std::string list = other.git("cat-file --batch-all-objects --batch-check='%(objectname)'");
    std::filesystem::remove_all(other.folder());
    std::vector<std::string> out;
    std::istringstream lines(list);
    for (std::string line; std::getline(lines, line);) out.push_back(line);
    return out;
  }

  git::Folder folder;
  git::Repository developer;
  std::filesystem::path bare;
  GitServerDoor door;
  ManualClock clock;
  GitMemory memory;
  GitUpstream upstream;
};

INSTANTIATE_TEST_SUITE_P(Formats, GitUpstreamTest, testing::Values(ObjectFormat::sha1, ObjectFormat::sha256),
                         [](const auto& info) { return std::string(name_of(info.param)); });

TEST_P(GitUpstreamTest, RefsOfBothProtocols) {
  const std::string first = developer.commit("one");
  developer.git("tag -a -m signed v1");
  developer.git("branch topic/a");
  push("main v1 topic/a");
  for (bool modern : {true, false}) {
    SCOPED_TRACE(modern);
    door.version_2 = modern;
    memory.forget(upstream.place());
    Result<GitRefs> all = run(upstream.refs({}));
    ASSERT_EQ(problem(all), "");
    EXPECT_EQ(all->format, GetParam());
    EXPECT_EQ(all->default_branch, "refs/heads/main");
    ASSERT_EQ(all->refs.size(), 3U);
    EXPECT_EQ(all->refs[0].name, "refs/heads/main");
    EXPECT_EQ(all->refs[0].id, first);
    EXPECT_EQ(all->refs[2].name, "refs/tags/v1");
    EXPECT_EQ(all->refs[2].id, developer.id("v1"));
    EXPECT_EQ(all->refs[2].peeled, first);
    EXPECT_EQ(all->tips(), std::vector{first});
    EXPECT_EQ(all->find("refs/heads/topic/a")->id, first);
    EXPECT_EQ(all->find("refs/heads/none"), nullptr);

    Result<GitRefs> some = run(upstream.refs({"refs/heads/t"}));
    ASSERT_EQ(problem(some), "");
    ASSERT_EQ(some->refs.size(), 1U);
    EXPECT_EQ(some->refs[0].name, "refs/heads/topic/a");
    EXPECT_EQ(some->default_branch, "refs/heads/main");
  }
  EXPECT_EQ(code_of(run(upstream.refs({"refs/heads/a\nref-prefix b"}))), "git.bad_ref");
}

TEST_P(GitUpstreamTest, CapabilitiesAreAskedForOnceInTenMinutes) {
  developer.commit("one");
  push("main");
  for (int i = 0; i < 3; ++i) ASSERT_EQ(problem(run(upstream.refs({}))), "");
  EXPECT_EQ(asked("service=git-upload-pack"), 1U);
  EXPECT_EQ(asked("/git-upload-pack"), 3U);
  clock.advance(600'001);
  ASSERT_EQ(problem(run(upstream.refs({}))), "");
  EXPECT_EQ(asked("service=git-upload-pack"), 2U);
}

TEST_P(GitUpstreamTest, AnEmptyRepositoryHasADefaultBranchAndNothingElse) {
  Result<GitRefs> refs = run(upstream.refs({}));
  ASSERT_EQ(problem(refs), "");
  EXPECT_TRUE(refs->refs.empty());
  EXPECT_TRUE(refs->tips().empty());
  EXPECT_EQ(refs->default_branch, "refs/heads/main");
  EXPECT_EQ(refs->format, GetParam());
  door.version_2 = false;
  memory.forget(upstream.place());
  refs = run(upstream.refs({}));
  ASSERT_EQ(problem(refs), "");
  EXPECT_TRUE(refs->refs.empty());
}

TEST_P(GitUpstreamTest, FetchesWhatIsWantedWithoutWhatIsThere) {
  developer.write("a.txt", "alpha\n");
  const std::string first = developer.commit("one");
  developer.write("b.txt", "beta\n");
  const std::string second = developer.commit("two");
  push("main");
  const std::filesystem::path into = folder.path() / "fetched";

  git::Fetch all{.wants = {second}, .haves = {}};
  Result<GitPack> pack = run(upstream.fetch(all, GetParam(), into, kLimit));
  ASSERT_EQ(problem(pack), "");
  EXPECT_EQ(pack->objects, 6U);
  EXPECT_EQ(pack->bytes, std::filesystem::file_size(into));
  EXPECT_EQ(objects_in(into).size(), 6U);

  git::Fetch news{.wants = {second}, .haves = {first}};
  pack = run(upstream.fetch(news, GetParam(), into, kLimit));
  ASSERT_EQ(problem(pack), "");
  EXPECT_EQ(pack->objects, 3U);
  std::vector<std::string> expected = {second, developer.id("main^{tree}"), developer.id("main:b.txt")};
  std::ranges::sort(expected);
  EXPECT_EQ(objects_in(into), expected);

  git::Fetch nothing{.wants = {first}, .haves = {second}};
  pack = run(upstream.fetch(nothing, GetParam(), into, kLimit));
  ASSERT_EQ(problem(pack), "");
  EXPECT_EQ(pack->objects, 0U);
  EXPECT_EQ(git::read_file(into), git::empty_pack(GetParam()));

  git::Fetch blob{.wants = {developer.id("main:a.txt")}, .haves = {}};
  pack = run(upstream.fetch(blob, GetParam(), into, kLimit));
  ASSERT_EQ(problem(pack), "");
  EXPECT_EQ(objects_in(into), std::vector{developer.id("main:a.txt")});

  git::Fetch shallow{.wants = {second}, .haves = {}, .depth = 1};
  pack = run(upstream.fetch(shallow, GetParam(), into, kLimit));
  ASSERT_EQ(problem(pack), "");
  EXPECT_EQ(pack->objects, 4U);
}

TEST_P(GitUpstreamTest, FiltersWhereTheUpstreamOffersThem) {
  developer.write("a/b.txt", "alpha\n");
  const std::string first = developer.commit("one");
  push("main");
  const std::filesystem::path into = folder.path() / "fetched";
  const git::Fetch no_blobs{.wants = {first}, .haves = {}, .filter = git::Filter::no_blobs};
  const git::Fetch no_trees{.wants = {first}, .haves = {}, .filter = git::Filter::no_trees};

  // Stock git offers none until it is told to.
  Result<GitPack> pack = run(upstream.fetch(no_trees, GetParam(), into, kLimit));
  ASSERT_EQ(problem(pack), "");
  EXPECT_EQ(pack->objects, 4U);

  door.settings = {"uploadpack.allowFilter=true"};
  memory.forget(upstream.place());
  pack = run(upstream.fetch(no_blobs, GetParam(), into, kLimit));
  ASSERT_EQ(problem(pack), "");
  EXPECT_EQ(pack->objects, 3U);
  pack = run(upstream.fetch(no_trees, GetParam(), into, kLimit));
  ASSERT_EQ(problem(pack), "");
  EXPECT_EQ(objects_in(into), std::vector{first});
}

TEST_P(GitUpstreamTest, PacksAreNeverThin) {
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "line " + std::to_string(i * 7919) + "\n";
  developer.write("a.txt", text);
  const std::string first = developer.commit("one");
  developer.write("a.txt", text + "one more\n");
  const std::string second = developer.commit("two");
  push("main");
  const std::filesystem::path into = folder.path() / "fetched";
  git::Fetch news{.wants = {second}, .haves = {first}};
  Result<GitPack> pack = run(upstream.fetch(news, GetParam(), into, kLimit));
  ASSERT_EQ(problem(pack), "");
  EXPECT_EQ(objects_in(into).size(), 3U);  // index-pack without --fix-thin refuses a thin one
}

TEST_P(GitUpstreamTest, SaysWhatIsWrongWithAFetch) {
  const std::string first = developer.commit("one");
  push("main");
  const std::filesystem::path into = folder.path() / "fetched";
  auto fetch = [&](std::vector<std::string> wants, std::uint64_t limit = kLimit) {
    return code_of(run(upstream.fetch({.wants = std::move(wants), .haves = {}}, GetParam(), into, limit)));
  };
  EXPECT_EQ(fetch({std::string(hex_length(GetParam()), 'a')}), "git.upstream_lacks_object");
  EXPECT_FALSE(std::filesystem::exists(into));
  EXPECT_EQ(fetch({first}, 20), "git.upstream_too_large");
  EXPECT_FALSE(std::filesystem::exists(into));
  EXPECT_EQ(fetch({}), "git.bad_fetch");
  EXPECT_EQ(fetch({developer.zero()}), "git.bad_fetch");
  EXPECT_EQ(fetch({"main"}), "git.bad_fetch");
  EXPECT_EQ(
      code_of(run(upstream.fetch({.wants = {first}, .haves = {}}, GetParam(), folder.path() / "no" / "f", kLimit))),
      "git.store_unwritable");

  GitUpstream absent(door, memory, "origin", "/team/other.git");
  Result<GitPack> nowhere = run(absent.fetch({.wants = {first}, .haves = {}}, GetParam(), into, kLimit));
  EXPECT_EQ(code_of(nowhere), "git.upstream_refused");
  EXPECT_EQ(nowhere.error().kind, ErrorKind::not_found);

  door.content_type = "text/html";
  memory.forget(upstream.place());
  EXPECT_EQ(fetch({first}), "git.upstream_bad_answer");
  door.content_type.reset();
  door.version_2 = false;
  memory.forget(upstream.place());
  EXPECT_EQ(fetch({first}), "git.upstream_too_old");
}

TEST_P(GitUpstreamTest, TheOtherObjectFormatIsRefused) {
  developer.commit("one");
  push("main");
  const bool is_sha1 = GetParam() == ObjectFormat::sha1;
  const ObjectFormat other = is_sha1 ? ObjectFormat::sha256 : ObjectFormat::sha1;
  git::Fetch wanted{.wants = {std::string(hex_length(other), '1')}, .haves = {}};
  EXPECT_EQ(code_of(run(upstream.fetch(wanted, other, folder.path() / "f", kLimit))), "git.bad_fetch");
  std::string zero(hex_length(other), '0');
  std::vector<git::RefCommand> commands = {{zero, wanted.wants[0], "refs/heads/a"}};
  EXPECT_EQ(code_of(run(upstream.push(commands, ""))), "git.bad_push");
}

TEST_P(GitUpstreamTest, PutsRefsOnWhatIsThereMovesAndRemovesThem) {
  const std::string first = developer.commit("one");
  const std::string second = developer.commit("two");
  push("main");
  const std::string zero = developer.zero();
  door.settings = {"receive.denyDeleteCurrent=ignore"};
  const std::string backup = "refs/countersign/backup/req_1/heads/main";
  Result<git::PushReport> report = run(upstream.push({{zero, second, backup}}, ""));
  ASSERT_EQ(problem(report), "");
  EXPECT_TRUE(report->all_ok());
  EXPECT_EQ(in_bare("rev-parse " + backup), second);

  report = run(upstream.push({{second, zero, "refs/heads/main"}}, ""));
  ASSERT_EQ(problem(report), "");
  EXPECT_TRUE(report->all_ok());
  EXPECT_EQ(in_bare("for-each-ref --format='%(refname)'"), backup);
  EXPECT_TRUE(door.sent.back().body.ends_with("0000"));  // no pack

  report = run(upstream.push({{zero, first, "refs/heads/main"}, {second, zero, backup}}, ""));
  ASSERT_EQ(problem(report), "");
  EXPECT_TRUE(report->all_ok());
  EXPECT_EQ(in_bare("for-each-ref --format='%(objectname) %(refname)'"), first + " refs/heads/main");
  EXPECT_EQ(asked("service=git-receive-pack"), 1U);
}

TEST_P(GitUpstreamTest, PushesAPack) {
  const std::string first = developer.commit("one");
  push("main");
  developer.write("a.txt", "alpha\n");
  const std::string second = developer.commit("two");
  const std::string pack = git::read_file(developer.pack("main\n^origin/main", "--delta-base-offset"));
  Result<git::PushReport> report = run(upstream.push({{first, second, "refs/heads/main"}}, pack));
  ASSERT_EQ(problem(report), "");
  EXPECT_TRUE(report->all_ok());
  EXPECT_EQ(in_bare("rev-parse main"), second);

  // Once more: the ref has moved on.
  report = run(upstream.push({{first, second, "refs/heads/main"}}, pack));
  ASSERT_EQ(problem(report), "");
  EXPECT_FALSE(report->all_ok());
  ASSERT_EQ(report->refs.size(), 1U);
  EXPECT_NE(report->refs[0].refusal, "");

  // An object that nobody has.
  const std::string absent(hex_length(GetParam()), 'c');
  report = run(upstream.push({{developer.zero(), absent, "refs/heads/x"}}, ""));
  ASSERT_EQ(problem(report), "");
  EXPECT_FALSE(report->all_ok());
}

TEST_P(GitUpstreamTest, SeveralCommandsAreOne) {
  const std::string first = developer.commit("one");
  push("main");
  const std::string zero = developer.zero();
  const std::string absent(hex_length(GetParam()), 'b');
  Result<git::PushReport> report =
      run(upstream.push({{zero, first, "refs/heads/a"}, {absent, first, "refs/heads/main"}}, ""));
  ASSERT_EQ(problem(report), "");
  ASSERT_EQ(report->refs.size(), 2U);
  EXPECT_FALSE(report->refs[0].ok());
  EXPECT_FALSE(report->refs[1].ok());
  EXPECT_EQ(report->refs[1].ref, "refs/heads/main");
  EXPECT_EQ(in_bare("for-each-ref --format='%(refname)'"), "refs/heads/main");

  door.settings = {"receive.advertiseAtomic=false"};
  memory.forget(upstream.place());
  report = run(upstream.push({{zero, first, "refs/heads/a"}, {zero, first, "refs/heads/b"}}, ""));
  EXPECT_EQ(code_of(report), "git.upstream_cannot");
  report = run(upstream.push({{zero, first, "refs/heads/a"}}, ""));
  EXPECT_EQ(problem(report), "");
}

TEST_P(GitUpstreamTest, PushesThatMakeNoSenseAreNotSent) {
  const std::string zero = developer.zero();
  const std::string one(hex_length(GetParam()), '1');
  using Commands = std::vector<git::RefCommand>;
  EXPECT_EQ(code_of(run(upstream.push({}, ""))), "git.bad_push");
  EXPECT_EQ(code_of(run(upstream.push(Commands{{zero, one, "main"}}, ""))), "git.bad_push");
  EXPECT_EQ(code_of(run(upstream.push(Commands{{zero, zero, "refs/heads/a"}}, ""))), "git.bad_push");
  EXPECT_EQ(code_of(run(upstream.push(Commands{{zero, one, "refs/heads/a"}, {one, zero, "refs/heads/a"}}, ""))),
            "git.bad_push");
  EXPECT_EQ(code_of(run(upstream.push(Commands{{one, zero, "refs/heads/a"}}, "PACK"))), "git.bad_push");
  EXPECT_TRUE(door.sent.empty());
  EXPECT_EQ(code_of(run(upstream.push(Commands{{zero, "abc", "refs/heads/a"}}, ""))), "git.bad_push");
  EXPECT_EQ(asked("/git-receive-pack"), 0U);
}

TEST_P(GitUpstreamTest, AnAdvertisementThatPassesByIsRemembered) {
  const std::string first = developer.commit("one");
  developer.git("branch other");
  push("main other");
  in_bare("update-ref refs/pull/1/head " + first);
  for (std::size_t piece : {std::size_t{1}, std::size_t{50}, std::size_t{1} << 20}) {
    SCOPED_TRACE(piece);
    memory.forget(upstream.place());
    door.piece = piece;
    RequestHead head{"GET", "/team/app.git/info/refs?service=git-receive-pack", {}};
    std::unique_ptr<HttpReply> reply = std::move(*run(door.send(std::move(head), nullptr)));
    WatchedAdvertisement watched(*reply, memory, upstream.place());
    std::string passed;
    while (true) {
      ByteView read = *run(watched.read());
      if (read.empty()) break;
      EXPECT_EQ(memory.refs(upstream.place()), nullptr);
      passed += as_text(read);
    }
    EXPECT_NE(passed.find("refs/pull/1/head"), std::string::npos);

    // The first question costs one look at HEAD, the next none.
    door.sent.clear();
    Result<std::shared_ptr<const GitRefs>> refs = run(upstream.recent_refs());
    ASSERT_EQ(problem(refs), "");
    EXPECT_EQ((*refs)->default_branch, "refs/heads/main");
    ASSERT_EQ((*refs)->refs.size(), 2U);
    EXPECT_EQ((*refs)->tips(), std::vector{first});
    EXPECT_FALSE(door.sent.empty());
    door.sent.clear();
    refs = run(upstream.recent_refs());
    ASSERT_EQ(problem(refs), "");
    EXPECT_EQ((*refs)->default_branch, "refs/heads/main");
    Result<git::PushReport> report = run(upstream.push({{developer.zero(), first, "refs/heads/mark"}}, ""));
    EXPECT_EQ(problem(report), "");
    EXPECT_EQ(door.sent.size(), 1U);  // the push alone
    EXPECT_EQ(memory.refs(upstream.place()), nullptr);
    in_bare("update-ref -d refs/heads/mark");
  }
}

TEST_P(GitUpstreamTest, RecentRefsAreAskedForWhenTheyAreOld) {
  const std::string first = developer.commit("one");
  push("main");
  ASSERT_EQ(problem(run(upstream.recent_refs())), "");
  const std::string second = developer.commit("two");
  push("main");
  EXPECT_EQ((*run(upstream.recent_refs()))->tips(), std::vector{first});
  clock.advance(60'001);
  EXPECT_EQ((*run(upstream.recent_refs()))->tips(), std::vector{second});
  memory.forget_refs(upstream.place());
  EXPECT_EQ(memory.refs(upstream.place()), nullptr);
  EXPECT_NE(memory.capabilities(upstream.place(), git::Service::upload_pack), nullptr);
}

// Answers by a script.
class HostileUpstreamTest : public testing::Test {
 protected:
  HostileUpstreamTest() : clock(5), memory(clock), upstream(door, memory, "origin", "/r.git") {}

  void answer(std::string type, std::vector<std::string> pieces, int status = 200) {
    ResponseHead head{status, {}};
    head.headers.add("Content-Type", "application/x-git-" + type);
    door.answers.push_back({std::move(head), std::move(pieces), {}, {}});
  }
  void advertise() {
    std::string body;
    for (std::string_view line : {"version 2\n", "agent=x\n", "ls-refs=unborn\n", "fetch=shallow filter\n"})
      git::write_pkt(body, line);
    git::write_flush(body);
    answer("upload-pack-advertisement", {body});
  }
  std::string refs_code(std::string body) {
    memory.forget(upstream.place());
    door.answers.clear();
    advertise();
    answer("upload-pack-result", {std::move(body)});
    return code_of(run(upstream.refs({})));
  }
  Result<GitPack> fetch(std::string body) {
    memory.forget(upstream.place());
    door.answers.clear();
    advertise();
    answer("upload-pack-result", {std::move(body)});
    git::Fetch wanted{.wants = {std::string(40, '1')}, .haves = {}};
    return run(upstream.fetch(wanted, ObjectFormat::sha1, folder.path() / "pack", 1'000));
  }

  git::Folder folder;
  FakeHttpDoor door;
  ManualClock clock;
  GitMemory memory;
  GitUpstream upstream;
};

std::string packets(std::initializer_list<std::string_view> payloads, std::string_view end = "0000") {
  std::string out;
  for (std::string_view payload : payloads) git::write_pkt(out, payload);
  return out + std::string(end);
}

TEST_F(HostileUpstreamTest, Refs) {
  const std::string one = std::string(40, '1') + " refs/heads/a\n";
  EXPECT_EQ(refs_code(packets({one})), "no error");
  EXPECT_EQ(refs_code(""), "git.upstream_bad_answer");
  EXPECT_EQ(refs_code(packets({one}, "")), "git.upstream_bad_answer");
  EXPECT_EQ(refs_code(packets({one, one})), "git.upstream_bad_answer");
  EXPECT_EQ(refs_code(packets({one}, "0003")), "git.upstream_bad_answer");
  EXPECT_EQ(refs_code(packets({"ERR no\x1b[31m such\n"})), "git.upstream_refused");
  EXPECT_EQ(refs_code("<html>"), "git.upstream_bad_answer");
  // Nothing was remembered of an upstream that answers so.
  EXPECT_EQ(memory.capabilities(upstream.place(), git::Service::upload_pack), nullptr);
}

TEST_F(HostileUpstreamTest, TheUpstreamsWordsAreShownHarmless) {
  door.answers.clear();
  advertise();
  answer("upload-pack-result", {packets({"ERR go \x1b[31maway\nand stay"})});
  Result<GitRefs> refs = run(upstream.refs({}));
  ASSERT_FALSE(refs);
  EXPECT_EQ(refs.error().message, "the upstream says: go ?[31maway");
}

TEST_F(HostileUpstreamTest, Packs) {
  const std::string empty(git::empty_pack(ObjectFormat::sha1));
  EXPECT_EQ(problem(fetch(packets({"packfile\n", "\x01" + empty}))), "");
  EXPECT_EQ(code_of(fetch(packets({"packfile\n"}))), "git.upstream_bad_answer");
  EXPECT_EQ(code_of(fetch(packets({"packfile\n", "\x01" + empty.substr(0, 11)}))), "git.upstream_bad_answer");
  EXPECT_EQ(code_of(fetch(packets({"packfile\n", "\x01HACK" + empty.substr(4)}))), "git.upstream_bad_answer");
  EXPECT_EQ(code_of(fetch(packets({"packfile\n", "\x01" + empty}, ""))), "git.upstream_bad_answer");
  EXPECT_EQ(code_of(fetch(packets({"packfile\n", "\x01" + empty,
                                   "\x03"
                                   "disk full\n"}))),
            "git.upstream_refused");
  EXPECT_EQ(code_of(fetch(packets({"packfile\n", "\x01" + empty + std::string(1'000, 'x')}))),
            "git.upstream_too_large");
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "pack"));
}

TEST_F(HostileUpstreamTest, ErrorsOfTheDoorAreHandedOn) {
  door.answers.push_back({{}, {}, Error{ErrorKind::unavailable, "upstream.connect_failed", "no"}, {}});
  EXPECT_EQ(code_of(run(upstream.refs({}))), "upstream.connect_failed");
  ResponseHead head{200, {}};
  head.headers.add("Content-Type", "application/x-git-upload-pack-advertisement");
  door.answers.push_back({head, {"000eversion 2\n"}, {}, Error{ErrorKind::unavailable, "upstream.broken", "gone"}});
  EXPECT_EQ(code_of(run(upstream.refs({}))), "upstream.broken");
  answer("upload-pack-advertisement", {}, 503);
  EXPECT_EQ(code_of(run(upstream.refs({}))), "git.upstream_refused");
  head.headers.add("Content-Encoding", "gzip");
  door.answers.push_back({head, {"000eversion 2\n0000"}, {}, {}});
  EXPECT_EQ(code_of(run(upstream.refs({}))), "git.upstream_bad_answer");
}

class HostilePushTest : public HostileUpstreamTest {
 protected:
  std::string push_code(std::string capabilities, std::string report) {
    memory.forget(upstream.place());
    door.answers.clear();
    const std::string first = std::string(40, '0') + " capabilities^{}" + std::string(1, '\0') + capabilities;
    answer("receive-pack-advertisement", {packets({"# service=git-receive-pack\n"}), packets({first})});
    answer("receive-pack-result", {std::move(report)});
    return code_of(run(upstream.push({{std::string(40, '0'), std::string(40, '1'), "refs/heads/a"}}, "")));
  }
};

TEST_F(HostilePushTest, Reports) {
  const std::string ok = packets({"unpack ok\n", "ok refs/heads/a\n"});
  EXPECT_EQ(push_code("report-status", ok), "no error");
  EXPECT_EQ(push_code("delete-refs", ok), "git.upstream_too_old");
  EXPECT_EQ(push_code("report-status", packets({"unpack ok\n"})), "git.upstream_bad_answer");
  EXPECT_EQ(push_code("report-status", packets({"unpack ok\n", "ok refs/heads/b\n"})), "git.upstream_bad_answer");
  EXPECT_EQ(push_code("report-status", packets({"unpack ok\n", "ok refs/heads/a\n", "ok refs/heads/b\n"})),
            "git.upstream_bad_answer");
  EXPECT_EQ(push_code("report-status", ""), "git.upstream_bad_answer");
  EXPECT_EQ(push_code("report-status", std::string(5U << 20, 'x')), "git.upstream_too_large");
  EXPECT_EQ(push_code("report-status object-format=sha256", ok), "git.upstream_bad_answer");
  EXPECT_EQ(push_code("report-status object-format=md5", ok), "git.upstream_bad_answer");
}

}  // namespace
}  // namespace countersign::adapters::test
