#include "proxy/adapters/git/objects/facts.h"

#include "fixture.h"

namespace countersign::adapters::git {
namespace {

class FactsTest : public testing::TestWithParam<ObjectFormat> {
 protected:
  FactsTest() : upstream(folder.path() / "upstream", GetParam()) {
    upstream.git("config uploadpack.allowFilter true");
    store = std::move(*ObjectStore::open(folder.path() / "store"));
    cache = *store->repository("a", GetParam());
  }

  // A developer's clone of the upstream.
  Repository clone() {
    Repository out(folder.path() / ("clone" + std::to_string(++clones)), GetParam());
    out.git("pull -q ../upstream main");
    return out;
  }

  // The upstream has gone from `base` to `old`, which changed the file "a"; the client stands at `base`.
  struct Forked {
    std::string base;
    std::string old;
    Repository client;
  };
  Forked forked() {
    upstream.write("a", "base\n");
    std::string base = upstream.commit("base");
    upstream.write("a", "theirs\n");
    std::string old = upstream.commit("theirs");
    Repository client = clone();
    client.git("reset -q --hard " + base);
    return {std::move(base), std::move(old), std::move(client)};
  }

  // Pushes `to` where the client knows that the upstream has `has`, and asks until all is known.
  PushFacts push(const Repository& client, std::vector<RefCommand> commands, const std::string& revisions,
                 std::vector<std::string> tips, const FactsLimits& limits = {}) {
    Result<Quarantine> quarantine = Quarantine::open(folder.path() / ("q" + std::to_string(++pushes)), cache);
    EXPECT_TRUE(quarantine) << problem(quarantine);
    rounds = 0;
    if (!revisions.empty()) {
      FileInput pack{client.pack(revisions), 0};
      Result<OrNeeds<PackSummary>> admitted = quarantine->admit(pack);
      EXPECT_TRUE(admitted) << problem(admitted);
      if (admitted && std::holds_alternative<Needs>(*admitted)) {
        answer(std::get<Needs>(*admitted), upstream, *cache);
        ++rounds;
        admitted = quarantine->admit(pack);
        EXPECT_TRUE(admitted && std::holds_alternative<PackSummary>(*admitted));
      }
    }
    FactsQuestion question{.commands = std::move(commands), .tips = std::move(tips), .default_tip = "", .answers = {}};
    if (!question.tips.empty()) question.default_tip = question.tips.front();
    while (true) {
      Result<OrNeeds<PushFacts>> facts = facts_of(*quarantine, question, limits);
      if (!facts) {
        ADD_FAILURE() << problem(facts);
        return {};
      }
      if (std::holds_alternative<PushFacts>(*facts)) {
        kept = std::make_unique<Quarantine>(std::move(*quarantine));
        return std::get<PushFacts>(*facts);
      }
      if (++rounds > 5) {
        ADD_FAILURE() << "too many rounds";
        return {};
      }
      for (Answer& each : answer(std::get<Needs>(*facts), upstream, *cache))
        question.answers.push_back(std::move(each));
    }
  }

  static const FileFacts& file(const RefFacts& facts, std::string_view path) {
    for (const FileFacts& each : facts.files) {
      if (each.path == path) return each;
    }
    ADD_FAILURE() << "no file " << path;
    static const FileFacts kNone;
    return kNone;
  }

  Folder folder;
  Repository upstream;
  std::unique_ptr<ObjectStore> store;
  std::shared_ptr<Cache> cache;
  std::unique_ptr<Quarantine> kept;
  int clones = 0;
  int pushes = 0;
  int rounds = 0;
};

std::string lines(int count, const std::string& text = "line") {
  std::string out;
  for (int i = 0; i < count; ++i) out += text + " " + std::to_string(i) + "\n";
  return out;
}

TEST_P(FactsTest, FirstPushOfAll) {
  Repository client(folder.path() / "client", GetParam());
  client.write("a", "one\ntwo\n");
  client.write(".github/workflows/ci.yml", "on: push\n");
  std::string commit = client.commit("first\n\nbody\n\nSigned-off-by: Ada <ada@example.com>\n");
  PushFacts facts = push(client, {{client.zero(), commit, "refs/heads/main"}}, "main", {});
  ASSERT_EQ(facts.refs.size(), 1U);
  const RefFacts& main = facts.refs[0];
  EXPECT_EQ(rounds, 0);
  EXPECT_EQ(main.ancestry, Ancestry::created);
  EXPECT_EQ(main.new_commit, commit);
  EXPECT_EQ(main.base, "");
  EXPECT_EQ(main.commit_count, 1U);
  EXPECT_FALSE(main.commits_unknown);
  ASSERT_EQ(main.commits.size(), 1U);
  EXPECT_EQ(main.commits[0].author.name, "Ada");
  EXPECT_EQ(main.commits[0].author.email, "ada@example.com");
  EXPECT_EQ(main.commits[0].author.time, 1700000000);
  EXPECT_EQ(main.commits[0].author.zone, "+0100");
  EXPECT_EQ(main.commits[0].committer.name, "Bob");
  EXPECT_EQ(main.commits[0].subject, "first");
  EXPECT_EQ(main.commits[0].signature, Signature::none);
  ASSERT_EQ(main.commits[0].trailers.size(), 1U);
  EXPECT_TRUE(main.commits[0].assistance.empty());
  ASSERT_EQ(main.files.size(), 2U);
  EXPECT_EQ(file(main, "a").additions, 2U);
  EXPECT_EQ(file(main, "a").size, 8U);
  EXPECT_EQ(file(main, ".github/workflows/ci.yml").ci_system, "github-actions");
  EXPECT_EQ(main.totals.ci_files, 1U);
  EXPECT_EQ(main.totals.additions, 3U);
  EXPECT_FALSE(main.files_unknown || main.files_truncated);
}

TEST_P(FactsTest, AnUpdateIsMeasuredAgainstTheUpstream) {
  upstream.write("src/deep/a", lines(300));
  upstream.write("src/b", lines(5));
  upstream.write("other/c", lines(5));
  upstream.commit("one");
  upstream.write("other/c", lines(6));
  std::string old = upstream.commit("two");
  Repository client = clone();
  client.write("src/deep/a", lines(301));
  client.git("rm -q src/b");
  client.write("new/bin", std::string("\0\1\2", 3));
  std::string now = client.commit("three");
  PushFacts facts = push(client, {{old, now, "refs/heads/main"}}, "main\n^" + old, {old});
  const RefFacts& main = facts.refs[0];
  EXPECT_EQ(main.ancestry, Ancestry::fast_forward);
  EXPECT_EQ(main.commit_count, 1U);
  EXPECT_EQ(main.base, old);
  ASSERT_EQ(main.files.size(), 3U);
  EXPECT_EQ(file(main, "src/deep/a").additions, 1U);
  EXPECT_EQ(file(main, "src/deep/a").deletions, 0U);
  EXPECT_EQ(file(main, "src/b").status, FileStatus::removed);
  EXPECT_EQ(file(main, "src/b").deletions, 5U);
  EXPECT_TRUE(file(main, "new/bin").binary);
  EXPECT_FALSE(file(main, "new/bin").additions);
  EXPECT_EQ(main.totals.files, 3U);
  EXPECT_EQ(main.totals.without_lines, 1U);
  EXPECT_LE(rounds, 4);

  // The next push of the same developer needs nothing at all once the first has landed.
  ASSERT_TRUE(kept->absorb());
  client.write("src/deep/a", lines(302));
  std::string next = client.commit("four");
  facts = push(client, {{now, next, "refs/heads/main"}}, "main\n^" + now, {now});
  EXPECT_EQ(rounds, 0);
  EXPECT_EQ(facts.refs[0].ancestry, Ancestry::fast_forward);
  EXPECT_EQ(facts.refs[0].totals.additions, 1U);
}

TEST_P(FactsTest, ForceIsFoundByAncestry) {
  auto [base, old, client] = forked();
  client.write("a", "ours\n");
  std::string now = client.commit("ours");
  PushFacts facts = push(client, {{old, now, "refs/heads/main"}}, "main\n^" + base, {old});
  EXPECT_EQ(facts.refs[0].ancestry, Ancestry::forced);
  EXPECT_EQ(facts.refs[0].commit_count, 1U);
  EXPECT_EQ(facts.refs[0].totals.additions, 1U);
  EXPECT_EQ(facts.refs[0].totals.deletions, 1U);
  // Back to an older commit: an empty pack, or none that brings anything.
  facts = push(client, {{old, base, "refs/heads/main"}}, "", {old});
  EXPECT_EQ(facts.refs[0].ancestry, Ancestry::forced);
  EXPECT_EQ(facts.refs[0].commit_count, 0U);
  EXPECT_EQ(facts.refs[0].totals.files, 1U);
}

TEST_P(FactsTest, WhatCannotBeKnownIsUnknown) {
  auto [base, old, client] = forked();
  client.write("b", "ours\n");
  std::string now = client.commit("ours");
  Quarantine quarantine = std::move(*Quarantine::open(folder.path() / "q", cache));
  ASSERT_TRUE(quarantine.admit({client.pack("main\n^" + base, "--delta-base-offset"), 0}));
  FactsQuestion question{.commands = {{old, now, "refs/heads/main"}},
                         .tips = {old},
                         .default_tip = old,
                         .answers = {},
                         .missing = Missing::accept};
  Result<OrNeeds<PushFacts>> facts = facts_of(quarantine, question);
  ASSERT_TRUE(facts) << problem(facts);
  const RefFacts& main = std::get<PushFacts>(*facts).refs[0];
  EXPECT_EQ(main.ancestry, Ancestry::unknown);
  EXPECT_TRUE(main.commits_unknown);
  EXPECT_TRUE(main.files_unknown);
  EXPECT_TRUE(main.files_truncated);
}

TEST_P(FactsTest, ExistingHistoryMovedIntoARefIsSeen) {
  upstream.write("a", lines(3));
  std::string one = upstream.commit("one");
  upstream.git("checkout -q -b feature");
  upstream.write("a", lines(4));
  upstream.commit("two");
  upstream.write("b", lines(4));
  std::string three = upstream.commit("three");
  // main := feature, which the upstream has: the client sends no object.
  PushFacts facts = push(upstream, {{one, three, "refs/heads/main"}}, "", {one, three});
  EXPECT_EQ(facts.refs[0].ancestry, Ancestry::fast_forward);
  EXPECT_EQ(facts.refs[0].commit_count, 2U) << "new to main, though the upstream has them";
  EXPECT_TRUE(facts.new_commits.empty());
  EXPECT_EQ(facts.refs[0].totals.files, 2U);
  EXPECT_EQ(facts.refs[0].totals.additions, 5U);
  // A new ref is measured from the default branch: that another branch has its commits does not make them looked at.
  facts = push(upstream, {{upstream.zero(), three, "refs/heads/copy"}}, "", {one, three});
  EXPECT_EQ(facts.refs[0].ancestry, Ancestry::created);
  EXPECT_EQ(facts.refs[0].commit_count, 2U);
  EXPECT_EQ(facts.refs[0].totals.files, 2U);
  // At the tip of the default branch it brings nothing, and needs nothing.
  facts = push(upstream, {{upstream.zero(), one, "refs/heads/same"}}, "", {one, three});
  EXPECT_EQ(rounds, 0);
  EXPECT_EQ(facts.refs[0].commit_count, 0U);
  EXPECT_EQ(facts.refs[0].totals.files, 0U);
  EXPECT_FALSE(facts.refs[0].commits_unknown);
}

TEST_P(FactsTest, CommitsTheUpstreamHidesAreNew) {
  // The upstream holds objects that no ref of it reaches: another fork's, or left from a refused push. A ref made on
  // top of them brings them in, though the push does not.
  upstream.write("a", lines(3));
  std::string main = upstream.commit("one");
  upstream.git("checkout -q -b hidden");
  upstream.write("evil", lines(4));
  std::string evil = upstream.commit("evil\n\nCo-authored-by: Claude <noreply@anthropic.com>\n");
  upstream.write("b", "b\n");
  std::string top = upstream.commit("top");
  PushFacts facts = push(upstream, {{upstream.zero(), top, "refs/heads/f"}}, "hidden\n^" + evil, {main});
  EXPECT_EQ(facts.refs[0].commit_count, 2U);
  EXPECT_EQ(facts.refs[0].base, main);
  EXPECT_EQ(facts.refs[0].totals.files, 2U);
  EXPECT_FALSE(facts.refs[0].commits_unknown);
  ASSERT_EQ(facts.refs[0].commits.size(), 2U);
  EXPECT_EQ(facts.refs[0].commits[1].assistance.size(), 1U);
  // The same with no object at all.
  cache = *store->repository("b", GetParam());
  facts = push(upstream, {{upstream.zero(), evil, "refs/heads/f"}}, "", {main});
  EXPECT_EQ(facts.refs[0].commit_count, 1U);
  EXPECT_EQ(facts.refs[0].totals.files, 1U);
}

TEST_P(FactsTest, ABranchFromAnOlderCommitIsNotMoreThanItIs) {
  for (int i = 0; i < 5; ++i) {
    upstream.write("a", lines(i));
    upstream.commit("number");
  }
  std::string tip = upstream.head();
  Repository client = clone();
  client.git("checkout -q -b feature main~3");
  client.write("b", "b\n");
  std::string now = client.commit("mine");
  PushFacts facts = push(client, {{client.zero(), now, "refs/heads/feature"}}, "feature\n^main", {tip});
  EXPECT_EQ(facts.refs[0].commit_count, 1U);
  EXPECT_EQ(facts.refs[0].base, client.id("main~3"));
  EXPECT_EQ(facts.refs[0].totals.files, 1U);
  EXPECT_FALSE(facts.refs[0].commits_unknown);
}

TEST_P(FactsTest, WhatTheUpstreamDoesNotTellIsUnknownAndNotNothing) {
  upstream.write("a", lines(3));
  std::string main = upstream.commit("one");
  upstream.git("checkout -q -b hidden");
  upstream.write(".github/workflows/ci.yml", "on: push\n");
  std::string hidden = upstream.commit("two");
  Result<Quarantine> quarantine = Quarantine::open(folder.path() / "untold", cache);
  ASSERT_TRUE(quarantine) << problem(quarantine);
  FactsQuestion question{.commands = {{upstream.zero(), hidden, "refs/heads/release"}},
                         .tips = {main},
                         .default_tip = main,
                         .answers = {},
                         .missing = Missing::accept};
  Result<OrNeeds<PushFacts>> facts = facts_of(*quarantine, question);
  ASSERT_TRUE(facts && std::holds_alternative<PushFacts>(*facts));
  const RefFacts& release = std::get<PushFacts>(*facts).refs[0];
  EXPECT_TRUE(release.commits_unknown);
  EXPECT_TRUE(release.files_unknown);
}

TEST_P(FactsTest, AMergeIsAFastForward) {
  upstream.write("a", lines(3));
  upstream.commit("one");
  Repository client = clone();
  client.git("checkout -q -b feature");
  client.write("b", lines(3));
  std::string feature = client.commit("feature");
  client.git("push -q ../upstream feature");
  upstream.write("a", lines(4));
  std::string main = upstream.commit("main goes on");
  client.git("fetch -q ../upstream main");
  client.git("merge -q --no-edit FETCH_HEAD");
  std::string now = client.head();
  PushFacts facts =
      push(client, {{feature, now, "refs/heads/feature"}}, "feature\n^" + feature + "\n^" + main, {main, feature});
  EXPECT_EQ(facts.refs[0].ancestry, Ancestry::fast_forward);
  EXPECT_EQ(facts.refs[0].commit_count, 1U);
  EXPECT_EQ(facts.refs[0].totals.files, 1U);
  EXPECT_EQ(facts.refs[0].totals.additions, 1U);
}

TEST_P(FactsTest, RemovalsTagsAndSeveralRefs) {
  upstream.write("a", lines(3));
  std::string main = upstream.commit("one");
  Repository client = clone();
  client.write("b", "b\n");
  std::string now = client.commit("two");
  client.git("tag -a -m 'version one' v1");
  client.git("tag light");
  PushFacts facts = push(client,
                         {{main, client.zero(), "refs/heads/gone"},
                          {client.zero(), client.id("v1"), "refs/tags/v1"},
                          {client.zero(), now, "refs/tags/light"},
                          {client.zero(), client.id("main:b"), "refs/tags/file"}},
                         "main\nv1\n^" + main, {main});
  ASSERT_EQ(facts.refs.size(), 4U);
  EXPECT_EQ(facts.refs[0].ancestry, Ancestry::removed);
  EXPECT_EQ(facts.refs[0].old_commit, main);
  ASSERT_EQ(facts.refs[1].new_tags.size(), 1U);
  EXPECT_EQ(facts.refs[1].new_tags[0].name, "v1");
  EXPECT_EQ(facts.refs[1].new_tags[0].message, "version one\n");
  EXPECT_EQ(facts.refs[1].new_tags[0].tagger.name, "Bob");
  EXPECT_EQ(facts.refs[1].new_commit, now);
  EXPECT_EQ(facts.refs[1].totals.files, 1U);
  EXPECT_EQ(facts.refs[2].new_commit, now);
  EXPECT_EQ(facts.refs[3].new_type, ObjectType::blob);
  EXPECT_TRUE(facts.refs[3].files_unknown && facts.refs[3].commits_unknown) << "nobody compared anything";
  EXPECT_EQ(facts.refs[3].new_commit, "");
  // Nothing but a removal: no pack, no needs.
  facts = push(client, {{main, client.zero(), "refs/heads/gone"}}, "", {main});
  EXPECT_EQ(rounds, 0);
  EXPECT_EQ(facts.refs[0].ancestry, Ancestry::removed);
}

TEST_P(FactsTest, KindsOfFiles) {
  upstream.write("link", "a file yet\n");
  upstream.write("run", "#!/bin/sh\n");
  upstream.write("d/x", "x\n");
  std::string old = upstream.commit("one");
  Repository client = clone();
  std::filesystem::remove(client.folder() / "link");
  std::filesystem::create_symlink("/etc/passwd", client.folder() / "link");
  std::filesystem::permissions(client.folder() / "run", std::filesystem::perms::owner_exec,
                               std::filesystem::perm_options::add);
  std::filesystem::remove_all(client.folder() / "d");
  client.write("d", "now a file\n");
  client.write("J\xC3\xBCrgen\xFF\n.txt", "odd name\n");
  client.git("add -A");
  client.git("update-index --add --cacheinfo 160000," + old + ",module");
  client.git("commit -q -m kinds");
  std::string now = client.head();
  PushFacts facts = push(client, {{old, now, "refs/heads/main"}}, "main\n^" + old, {old});
  const RefFacts& main = facts.refs[0];
  EXPECT_EQ(main.totals.files, 6U);
  EXPECT_EQ(file(main, "link").status, FileStatus::type_changed);
  EXPECT_EQ(file(main, "link").new_kind, FileKind::symlink);
  EXPECT_EQ(file(main, "run").new_kind, FileKind::executable);
  EXPECT_EQ(file(main, "run").status, FileStatus::modified);
  EXPECT_EQ(file(main, "run").additions, 0U);
  EXPECT_EQ(file(main, "module").new_kind, FileKind::gitlink);
  EXPECT_EQ(file(main, "module").new_id, old);
  EXPECT_EQ(file(main, "d").status, FileStatus::added);
  EXPECT_EQ(file(main, "d/x").status, FileStatus::removed);
  EXPECT_EQ(file(main, "J\xC3\xBCrgen<FF><0A>.txt").raw_path, "J\xC3\xBCrgen\xFF\n.txt");
  EXPECT_EQ(main.totals.symlinks, 1U);
  EXPECT_EQ(main.totals.gitlinks, 1U);
}

TEST_P(FactsTest, ListsAreBoundedAndCountsAreNot) {
  Repository client(folder.path() / "client", GetParam());
  for (int i = 0; i < 30; ++i) {
    client.write("d/" + std::to_string(i), lines(i + 1));
    client.commit("number " + std::to_string(i));
  }
  FactsLimits limits;
  limits.commits = 10;
  limits.files = 7;
  limits.text = 100;
  PushFacts facts = push(client, {{client.zero(), client.head(), "refs/heads/main"}}, "main", {}, limits);
  const RefFacts& main = facts.refs[0];
  EXPECT_EQ(main.commit_count, 30U);
  EXPECT_EQ(main.commits.size(), 10U);
  EXPECT_TRUE(main.commits_truncated);
  EXPECT_EQ(main.files.size(), 7U);
  EXPECT_TRUE(main.files_truncated);
  EXPECT_FALSE(main.files_unknown);
  EXPECT_EQ(main.totals.files, 30U);
  EXPECT_GT(main.totals.without_lines, 10U);
  EXPECT_EQ(main.totals.largest_path, "d/29");

  limits.trees.changes = 5;
  facts = push(client, {{client.zero(), client.head(), "refs/heads/main"}}, "main", {}, limits);
  EXPECT_TRUE(facts.refs[0].files_unknown);
  limits.history.walk = 5;
  facts = push(client, {{client.zero(), client.head(), "refs/heads/main"}}, "main", {}, limits);
  EXPECT_TRUE(facts.refs[0].commits_unknown);
}

TEST_P(FactsTest, AShallowClonePushes) {
  for (int i = 0; i < 4; ++i) {
    upstream.write("a", lines(i));
    upstream.commit("number");
  }
  std::string old = upstream.head();
  Repository client(folder.path() / "shallow", GetParam());
  client.git("fetch -q --depth=1 'file://" + upstream.folder().string() + "' main");
  client.git("reset -q --hard FETCH_HEAD");
  client.write("b", "b\n");
  std::string now = client.commit("shallow");
  PushFacts facts = push(client, {{old, now, "refs/heads/main"}}, "main\n^" + old, {old});
  EXPECT_EQ(facts.refs[0].ancestry, Ancestry::fast_forward);
  EXPECT_EQ(facts.refs[0].totals.files, 1U);
}

TEST_P(FactsTest, SignaturesAreNamed) {
  Repository client(folder.path() / "client", GetParam());
  client.write("a", "a\n");
  client.commit("unsigned");
  std::string raw = client.git("cat-file commit HEAD");
  std::size_t end = raw.find("\n\n");
  std::string header = GetParam() == ObjectFormat::sha1 ? "gpgsig" : "gpgsig-sha256";
  auto signed_by = [&](const std::string& armour) {
    std::string text = raw.substr(0, end) + "\n" + header + " -----BEGIN " + armour + "-----\n \n abc\n -----END " +
                       armour + "-----" + raw.substr(end) + "\n";
    client.write("../raw", text);
    return client.git("hash-object -t commit -w ../raw");
  };
  for (auto [armour, expected] : {std::pair{"PGP SIGNATURE", Signature::openpgp},
                                  {"SSH SIGNATURE", Signature::ssh},
                                  {"SIGNED MESSAGE", Signature::x509},
                                  {"WHATEVER", Signature::unknown}}) {
    std::string commit = signed_by(armour);
    PushFacts facts = push(client, {{client.zero(), commit, "refs/heads/main"}}, commit, {});
    ASSERT_EQ(facts.refs[0].commits.size(), 1U);
    EXPECT_EQ(facts.refs[0].commits[0].signature, expected);
    EXPECT_EQ(facts.refs[0].commits[0].subject, "unsigned");
  }
}

TEST_P(FactsTest, LyingAboutTheOldCommitHidesNothingElsewhere) {
  upstream.write("a", "a\n");
  std::string main = upstream.commit("one");
  Repository client = clone();
  client.write("evil", "evil\n");
  std::string evil = client.commit("evil");
  client.write("b", "b\n");
  std::string top = client.commit("top");
  // The first command claims that the upstream has the evil commit already.
  PushFacts facts =
      push(client, {{evil, top, "refs/heads/x"}, {client.zero(), top, "refs/heads/y"}}, "main\n^" + main, {main});
  EXPECT_EQ(facts.refs[1].commit_count, 2U);
  EXPECT_EQ(facts.refs[1].totals.files, 2U);
}

INSTANTIATE_TEST_SUITE_P(Formats, FactsTest, testing::Values(ObjectFormat::sha1, ObjectFormat::sha256),
                         [](const auto& info) { return std::string(name_of(info.param)); });

}  // namespace
}  // namespace countersign::adapters::git
