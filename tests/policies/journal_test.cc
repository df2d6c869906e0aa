#include "policies/journal.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <thread>

#include "policies/journal_files.h"
#include "policies/journal_line.h"
#include "policies/question.h"
#include "policies/replay.h"
#include "policies_testing.h"

namespace countersign::policies {
namespace {

constexpr TimeMs kNow = 1'795'000'600'000;
constexpr TimeMs kDay = 86'400'000;

class JournalTest : public testing::Test {
 protected:
  void SetUp() override {
    policies_.upstream("files", "production", 1);
    policies_.write("a.cedar", "@id(\"all\") permit (principal, action, resource);");
    policies_.write("inputs.cedarschema", "type Arguments = { amount?: Long, deep?: { name?: String } };");
    open();
  }
  void open(JournalLimits limits = {}) {
    journal_.reset();
    auto opened = Journal::open(folder(), limits, clock_, log_);
    ASSERT_TRUE(opened) << opened.error().message;
    journal_ = std::move(*opened);
  }
  [[nodiscard]] std::filesystem::path folder() const { return policies_.path() / "operations"; }

  static Operation call(const std::string& arguments, const std::string& name = "a") {
    Operation out;
    out.protocol = "mcp";
    out.upstream = "files";
    out.action = "mcp:call_tool";
    out.summary = "call a secret tool";
    out.input = tool_call(arguments);
    out.accesses = {access(Effect::write, "File", "files", name)};
    return out;
  }
  Decision note(const std::shared_ptr<const Snapshot>& snapshot, const Operation& operation) {
    Scope scope = everything();
    Subject subject{.agent = "builder", .owner = "mallory", .token = "ab12", .scope = &scope};
    Decision decision = decide(*snapshot, subject, operation, {}, clock_.now());
    journal_->note(snapshot, subject, operation, decision, clock_.now());
    return decision;
  }
  std::vector<JournalEntry> read(TimeMs since = 0, TimeMs until = kNow * 2, std::uint64_t limit = 1000) {
    journal_->flush();
    std::vector<JournalEntry> out;
    auto done = read_journal(folder(), since, until, limit, [&](const JournalEntry& entry) {
      out.push_back(entry);
      return true;
    });
    EXPECT_TRUE(done);
    return out;
  }
  std::string raw() {
    journal_->flush();
    std::string out;
    for (const Segment& segment : list_segments(folder())) out += *read_segment(segment.path, 1U << 30);
    return out;
  }

  PolicyFolder policies_;
  ManualClock clock_{kNow};
  Log log_{LogLevel::off};
  std::unique_ptr<Journal> journal_;
};

TEST_F(JournalTest, KeepsWhatPoliciesMayReadAndNothingElse) {
  auto snapshot = policies_.load();
  note(snapshot, call(R"({"amount":7,"password":"hunter2","deep":{"name":"x","token":"s3cr3t"},"list":["l34k"]})"));
  auto entries = read();
  ASSERT_EQ(entries.size(), 1U);
  const JournalEntry& entry = entries.front();
  EXPECT_EQ(entry.operation.input, R"({"arguments":{"amount":7,"deep":{"name":"x"}},"tool":"tool"})");
  EXPECT_TRUE(entry.left_out);
  EXPECT_EQ(entry.agent, "builder");
  EXPECT_EQ(entry.owner, "mallory");
  EXPECT_EQ(entry.token, "ab12");
  EXPECT_EQ(entry.at, kNow);
  EXPECT_EQ(entry.verdict, Verdict::allow);
  EXPECT_EQ(entry.code, "policy.allowed");
  EXPECT_EQ(entry.policies, std::vector<std::string>{"all"});
  EXPECT_EQ(entry.policy_digest, snapshot->digest());
  ASSERT_EQ(entry.operation.accesses.size(), 1U);
  EXPECT_EQ(entry.operation.accesses[0].resource.id, "files/a");
  EXPECT_EQ(entry.operation.accesses[0].resource.name, "a");
  EXPECT_EQ(entry.operation.accesses[0].effect, Effect::write);
  ASSERT_TRUE(entry.kept);
  EXPECT_EQ(*entry.kept,
            (std::set<std::string, std::less<>>{"arguments.amount", "arguments.deep", "arguments.deep.name"}));
  std::string text = raw();
  for (std::string_view secret : {"hunter2", "s3cr3t", "l34k", "password", "secret tool"})
    EXPECT_FALSE(text.contains(secret)) << text;
}

// A value of another type than declared must not carry anything along.
TEST_F(JournalTest, WhatIsNotOfItsTypeIsKeptAsItsKindOnly) {
  auto snapshot = policies_.load();
  note(snapshot, call(R"({"amount":{"hidden":"h1dd3n"}})"));
  note(snapshot, call(R"({"amount":["h1dd3n"],"deep":"text"})"));
  auto entries = read();
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[1].operation.input, R"({"arguments":{"amount":{}},"tool":"tool"})");
  EXPECT_EQ(entries[0].operation.input, R"({"arguments":{"amount":[],"deep":"text"},"tool":"tool"})");
  EXPECT_FALSE(raw().contains("h1dd3n"));
}

TEST_F(JournalTest, LongValuesAreLeftOutByName) {
  auto snapshot = policies_.load();
  std::string longest(kValueBytes + 1, 'x');
  note(snapshot, call(R"({"amount":1,"deep":{"name":")" + longest + R"("}})"));
  auto entries = read();
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].dropped, std::vector<std::string>{"arguments.deep.name"});
  EXPECT_FALSE(entries[0].left_out);
  EXPECT_EQ(entries[0].operation.input, R"({"arguments":{"amount":1,"deep":{}},"tool":"tool"})");
}

TEST_F(JournalTest, TheScopeIsKeptWhereLabelsMatterToIt) {
  auto snapshot = policies_.load();
  Operation operation = call("{}");
  Scope wide = everything();
  ScopeRule rule;
  rule.environments = {"staging"};
  Scope narrow({ScopeBlock{{rule}, std::nullopt, kNow + 1}, ScopeBlock{{ScopeRule{}}, std::nullopt, std::nullopt}});
  for (const Scope* scope : {&wide, &narrow}) {
    Subject subject{.agent = "b", .owner = "m", .scope = scope};
    journal_->note(snapshot, subject, operation, decide(*snapshot, subject, operation, {}, kNow), kNow);
  }
  auto entries = read();
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_FALSE(entries[1].scope);
  ASSERT_TRUE(entries[0].scope);
  EXPECT_EQ(entries[0].code, "scope.environment");
  ASSERT_EQ(entries[0].scope->blocks().size(), 2U);
  EXPECT_EQ(entries[0].scope->blocks()[0].rules[0].environments, std::vector<std::string>{"staging"});
  EXPECT_EQ(entries[0].scope->blocks()[0].expires, kNow + 1);
}

TEST_F(JournalTest, HandshakesAreNotKeptAndZeroDaysKeepNothing) {
  auto snapshot = policies_.load();
  Operation handshake = call("{}");
  handshake.reach = Reach::gateway;
  note(snapshot, handshake);
  EXPECT_EQ(read().size(), 0U);
  note(snapshot, call("{}"));
  EXPECT_EQ(read().size(), 1U);
  open({.days = 0});
  note(snapshot, call("{}"));
  journal_->flush();
  EXPECT_TRUE(list_segments(folder()).empty());
}

TEST_F(JournalTest, OnlyTheOwnerMayReadIt) {
  note(policies_.load(), call("{}"));
  journal_->flush();
  struct stat info{};
  ASSERT_EQ(::stat(folder().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0700U);
  ASSERT_EQ(list_segments(folder()).size(), 1U);
  ASSERT_EQ(::stat(list_segments(folder())[0].path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(JournalTest, DaysAreSegmentsCompressedAndLetGo) {
  auto snapshot = policies_.load();
  open({.days = 3});
  for (int day = 0; day < 5; ++day) {
    note(snapshot, call(R"({"amount":)" + std::to_string(day) + "}"));
    journal_->flush();
    clock_.advance(kDay);
  }
  auto segments = list_segments(folder());
  ASSERT_EQ(segments.size(), 3U);
  EXPECT_TRUE(segments[0].compressed);
  EXPECT_TRUE(segments[1].compressed);
  EXPECT_FALSE(segments[2].compressed);
  auto entries = read();
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[0].at, kNow + 4 * kDay);  // newest first
  EXPECT_EQ(entries[2].at, kNow + 2 * kDay);
  EXPECT_EQ(read(kNow + 3 * kDay, kNow + 4 * kDay).size(), 1U);
  EXPECT_EQ(read(0, kNow * 2, 2).size(), 2U);
  // Bytes bound it too, whatever the days.
  open({.days = 3, .bytes = 1});
  note(snapshot, call("{}"));
  journal_->flush();
  EXPECT_EQ(list_segments(folder()).size(), 1U);
}

TEST_F(JournalTest, ASegmentThatIsLongIsFollowedByAnother) {
  auto snapshot = policies_.load();
  open({.segment = 500});
  for (int i = 0; i < 5; ++i) {
    note(snapshot, call("{}"));
    journal_->flush();
  }
  EXPECT_GT(list_segments(folder()).size(), 2U);
  EXPECT_EQ(read().size(), 5U);
}

TEST_F(JournalTest, ALineCutOffByACrashIsCountedAndTheRestIsRead) {
  note(policies_.load(), call("{}"));
  note(policies_.load(), call("{}"));
  journal_->flush();
  journal_.reset();
  auto path = list_segments(folder()).front().path;
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 20);
  std::ofstream(path, std::ios::app) << "\n{}\nnot json\n";
  int count = 0;
  auto done = read_journal(folder(), 0, kNow * 2, 10, [&](const JournalEntry&) { return ++count > 0; });
  ASSERT_TRUE(done);
  EXPECT_EQ(count, 1);
  EXPECT_EQ(done->unreadable, 3U);
  EXPECT_FALSE(read_journal(folder() / "nowhere", 0, 1, 1, [](const JournalEntry&) { return true; }));
}

// Whatever the disk does, nobody waits: what finds no room is counted.
TEST_F(JournalTest, AFullQueueDropsAndCounts) {
  auto snapshot = policies_.load();
  open({.queue = 4});
  constexpr int kThreads = 4;
  constexpr int kEach = 500;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        for (int j = 0; j < kEach; ++j) note(snapshot, call("{}"));
      });
    }
  }
  journal_->flush();
  EXPECT_EQ(journal_->written() + journal_->dropped(), static_cast<std::uint64_t>(kThreads * kEach));
  EXPECT_EQ(read().size(), journal_->written());
  // Parameters count by their bytes.
  open({.queue_bytes = 10});
  note(snapshot, call("{}"));
  EXPECT_EQ(journal_->dropped(), 1U);
}

TEST_F(JournalTest, AFolderThatCannotBeWrittenLosesEntriesAndNothingElse) {
  auto snapshot = policies_.load();
  journal_.reset();
  std::filesystem::remove_all(folder());
  open();
  std::filesystem::remove_all(folder());
  std::ofstream(folder()) << "a file";
  note(snapshot, call("{}"));
  journal_->flush();
  EXPECT_EQ(journal_->dropped(), 1U);
  EXPECT_EQ(journal_->written(), 0U);
}

class ReplayTest : public JournalTest {
 protected:
  Replay replay_on(const PolicyFolder& folder_of_draft, const Snapshot* running = nullptr, ReplayLimits limits = {}) {
    journal_->flush();
    auto draft = folder_of_draft.load();
    auto done = replay(folder(), {*draft, running, 0, kNow * 2}, limits);
    EXPECT_TRUE(done);
    return *done;
  }
  PolicyFolder& draft(std::string_view more) {
    draft_.emplace();
    draft_->upstream("files", "production", 1);
    draft_->write("a.cedar", "@id(\"all\") permit (principal, action, resource);" + std::string(more));
    draft_->write("inputs.cedarschema", "type Arguments = { amount?: Long, deep?: { name?: String } };");
    return *draft_;
  }
  std::optional<PolicyFolder> draft_;
};

TEST_F(ReplayTest, FlipsAreGroupedWithAnExampleThatAsksAgain) {
  auto snapshot = policies_.load();
  for (int amount : {1, 5, 9, 9}) note(snapshot, call(R"({"amount":)" + std::to_string(amount) + "}"));
  note(snapshot, call(R"({"amount":9})", "b"));
  Replay out =
      replay_on(draft("@id(\"big\") forbid (principal, action == Action::\"mcp:call_tool\", resource) when { "
                      "context.input.arguments has amount && "
                      "context.input.arguments.amount > 4 };"));
  EXPECT_EQ(out.operations, 5U);
  EXPECT_EQ(out.answerable, 5U);
  EXPECT_EQ(out.same, 1U);
  EXPECT_TRUE(out.unanswerable.empty());
  ASSERT_EQ(out.flips.size(), 2U);
  EXPECT_EQ(out.flips[0].count, 3U);
  EXPECT_EQ(out.flips[0].from, Verdict::allow);
  EXPECT_EQ(out.flips[0].to, Verdict::deny);
  EXPECT_EQ(out.flips[0].resource, "File::files/a");
  EXPECT_EQ(out.flips[0].policies_before, std::vector<std::string>{"all"});
  EXPECT_EQ(out.flips[0].policies_after, std::vector<std::string>{"big"});
  EXPECT_EQ(out.flips[1].resource, "File::files/b");
  // The example, asked again, gives what the flip says.
  auto loaded = draft_->load();
  auto question = read_question(out.flips[0].example, loaded->directory(), 0);
  ASSERT_TRUE(question) << question.error().message;
  EXPECT_EQ(decide(*loaded, question->subject(), question->operation, {}, question->now).verdict, Verdict::deny);
  Json json = replay_json(out);
  EXPECT_EQ(json["flips"][0]["count"], 3);
  EXPECT_EQ(json["unanswerable"], Json::object());
}

// What tags said is part of what happened: they are not looked up again, and no set has them.
TEST_F(ReplayTest, TagsAreKeptWithWhatTheyAreOf) {
  auto snapshot = policies_.load();
  Operation tagged = call(R"({"amount":1})", "tagged");
  tagged.accesses.front().tags.emplace();
  tagged.accesses.front().tags->environment = "dev";
  tagged.accesses.front().tags->tier = 4;
  Operation in_vain = call(R"({"amount":1})", "in-vain");
  in_vain.accesses.front().tags.emplace();
  for (const Operation& operation : {tagged, in_vain, call(R"({"amount":1})", "unasked")}) note(snapshot, operation);
  Replay out =
      replay_on(draft("@id(\"no\") forbid (principal, action, resource) when { resource.environment == \"dev\" && "
                      "resource.tier == 4 };"));
  EXPECT_EQ(out.answerable, 3U);
  ASSERT_EQ(out.flips.size(), 1U);
  EXPECT_EQ(out.flips[0].resource, "File::files/tagged");
  auto question = read_question(out.flips[0].example, draft_->load()->directory(), 0);
  ASSERT_TRUE(question) << question.error().message;
  ASSERT_TRUE(question->operation.accesses.front().tags) << out.flips[0].example.dump();
  EXPECT_EQ(question->operation.accesses.front().tags->environment, "dev");
  EXPECT_EQ(question->operation.accesses.front().tags->tier, 4);
  const std::string lines = raw();
  EXPECT_NE(lines.find(R"("resource":"File::\"files/tagged\"","tags":{"environment":"dev","tier":4}})"),
            std::string::npos)
      << lines;
  EXPECT_NE(lines.find(R"("resource":"File::\"files/in-vain\"","tags":{}})"), std::string::npos) << lines;
  EXPECT_NE(lines.find(R"("resource":"File::\"files/unasked\""}])"), std::string::npos) << lines;
}

TEST_F(ReplayTest, ThatWhichOpensComesFirst) {
  policies_.write("b.cedar", "@id(\"no\") forbid (principal, action, resource) when { resource.name == \"b\" };");
  auto snapshot = policies_.load();
  for (int i = 0; i < 3; ++i) note(snapshot, call("{}", "a"));
  note(snapshot, call("{}", "b"));
  Replay out = replay_on(draft("forbid (principal, action, resource) when { resource.name == \"a\" };"));
  ASSERT_EQ(out.flips.size(), 2U);
  EXPECT_EQ(out.flips[0].to, Verdict::allow);
  EXPECT_EQ(out.flips[0].policies_before, std::vector<std::string>{"no"});
  EXPECT_EQ(out.flips[1].to, Verdict::deny);
}

// What was not kept is never guessed.
TEST_F(ReplayTest, WhatADraftReadsAndNobodyKeptIsNotAnswered) {
  auto snapshot = policies_.load();
  note(snapshot, call(R"({"amount":1,"path":"/etc"})"));
  note(snapshot, call(R"({"amount":1})"));  // had no other argument: known entirely
  PolicyFolder& reads = draft(
      "forbid (principal, action == Action::\"mcp:call_tool\", resource) when { context.input.arguments has path && "
      "context.input.arguments.path == "
      "\"/etc\" };");
  reads.write("inputs.cedarschema", "type Arguments = { amount?: Long, path?: String };");
  Replay out = replay_on(reads);
  EXPECT_EQ(out.operations, 2U);
  EXPECT_EQ(out.answerable, 1U);
  EXPECT_EQ(out.same, 1U);
  EXPECT_EQ(out.unanswerable,
            (std::map<std::string, std::uint64_t>{{"the parameter context.input.arguments.path was not kept", 1}}));
  // Declared and not read by a policy about such an action, it does not matter.
  PolicyFolder& elsewhere = draft("forbid (principal, action == Action::\"mcp:read_resource\", resource);");
  elsewhere.write("inputs.cedarschema", "type Arguments = { amount?: Long, path?: String };");
  EXPECT_EQ(replay_on(elsewhere).answerable, 2U);
}

TEST_F(ReplayTest, ComparedWithTheRunningSetOnlyTheDraftsOwnChangesShow) {
  auto snapshot = policies_.load();
  note(snapshot, call("{}", "a"));
  note(snapshot, call("{}", "b"));
  // Since then the running set forbids b; the draft forbids a too.
  std::string forbids_b = "@id(\"b\") forbid (principal, action, resource) when { resource.name == \"b\" };";
  policies_.write("b.cedar", forbids_b);
  auto running = policies_.load();
  PolicyFolder& both =
      draft(forbids_b + "@id(\"a\") forbid (principal, action, resource) when { resource.name == \"a\" };");
  EXPECT_EQ(replay_on(both).flips.size(), 2U);
  Replay out = replay_on(both, running.get());
  ASSERT_EQ(out.flips.size(), 1U);
  EXPECT_EQ(out.flips[0].resource, "File::files/a");
}

TEST_F(ReplayTest, ScopesAndOtherReasonsThanPolicies) {
  auto snapshot = policies_.load();
  Operation operation = call("{}");
  ScopeRule other;
  other.upstreams = {"elsewhere"};
  ScopeRule staging;
  staging.environments = {"staging"};
  for (const ScopeRule& rule : {other, staging}) {
    Scope scope({ScopeBlock{{rule}, std::nullopt, std::nullopt}});
    Subject subject{.agent = "b", .owner = "m", .scope = &scope};
    journal_->note(snapshot, subject, operation, decide(*snapshot, subject, operation, {}, kNow), kNow);
  }
  Scope scope = everything();
  Subject subject{.agent = "b", .owner = "m", .scope = &scope};
  Decision elsewhere;
  elsewhere.code = "revocation.unknown";
  journal_->note(snapshot, subject, operation, elsewhere, kNow);
  // The draft's inventory makes the resource staging: the second scope admits it then.
  PolicyFolder& relabelled = draft("");
  relabelled.write("entities.yaml", "inventory:\n  - { match: \"files/**\", environment: staging, tier: 3 }\n");
  Replay out = replay_on(relabelled);
  EXPECT_EQ(out.answerable, 2U);
  EXPECT_EQ(out.same, 1U);
  EXPECT_EQ(out.unanswerable, (std::map<std::string, std::uint64_t>{{"the decision did not rest on policies", 1}}));
  ASSERT_EQ(out.flips.size(), 1U);
  EXPECT_EQ(out.flips[0].from, Verdict::deny);
  EXPECT_EQ(out.flips[0].to, Verdict::allow);
}

TEST_F(ReplayTest, LimitsOfOperationsAndGroups) {
  auto snapshot = policies_.load();
  for (int i = 0; i < 20; ++i) note(snapshot, call("{}", "f" + std::to_string(i)));
  PolicyFolder& none = draft("forbid (principal, action, resource);");
  Replay out = replay_on(none, nullptr, {.operations = 12, .groups = 5});
  EXPECT_TRUE(out.more);
  EXPECT_EQ(out.operations, 12U);
  EXPECT_EQ(out.flips.size(), 5U);
  EXPECT_EQ(out.flips_not_listed, 7U);
  EXPECT_TRUE(out.has_flips());
  EXPECT_EQ(replay_on(none, nullptr, {.time = -1}).operations, 1U);
}

// Shared facts of pushes are kept for each ref.
TEST_F(ReplayTest, AccessesHaveTheirOwnParameters) {
  PolicyFolder git;
  git.write("a.cedar", "permit (principal, action, resource);");
  auto snapshot = git.load();
  Operation push;
  push.protocol = "git";
  push.upstream = "origin";
  push.action = "git:push";
  for (std::string_view ref : {"main", "next"}) {
    Access each = access(Effect::write, "Ref", "origin", "app/refs/heads/" + std::string(ref));
    each.action = "git:update_ref";
    each.input = R"({"ref":"refs/heads/)" + std::string(ref) + R"(","forced":false,"ci_files":1,"unknown":"gone"})";
    push.accesses.push_back(std::move(each));
  }
  note(snapshot, push);
  auto entries = read();
  ASSERT_EQ(entries.size(), 1U);
  ASSERT_EQ(entries[0].operation.accesses.size(), 2U);
  EXPECT_EQ(entries[0].operation.accesses[1].action, "git:update_ref");
  EXPECT_EQ(entries[0].operation.accesses[1].input, R"({"ci_files":1,"forced":false,"ref":"refs/heads/next"})");
  EXPECT_TRUE(entries[0].left_out);
}

}  // namespace
}  // namespace countersign::policies
