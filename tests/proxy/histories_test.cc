// What lineages did, as policies see it: the sequences, what is remembered of them, and what forgetting costs.
#include "proxy/histories.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <thread>

#include "proxy/lineage.h"

namespace countersign::proxy {
namespace {

using policies::Decision;
using policies::Session;
using policies::Verdict;

constexpr TimeMs kNow = 1'767'268'800'000;
constexpr TimeMs kHour = 3'600'000;
constexpr std::string_view kTable = "arn:aws:dynamodb:eu-central-1:111122223333:table/orders";
constexpr std::string_view kBucket = "arn:aws:s3:::orders";

Operation aws_of(std::string action, Effect effect, const std::vector<std::string>& arns,
                 const std::vector<std::string>& flags = {}) {
  Operation out;
  out.protocol = "aws";
  out.upstream = "aws";
  out.action = "aws:" + action;
  for (const std::string& arn : arns) out.accesses.push_back({{"AwsResource", "aws/" + arn, arn}, effect});
  out.input = R"({"account":"","flags":[)";
  for (const std::string& flag : flags) out.input += (out.input.back() == '[' ? "\"" : ",\"") + flag + "\"";
  out.input += "]}";
  return out;
}
Operation aws(std::string action, Effect effect, std::string_view arn, const std::vector<std::string>& flags = {}) {
  return aws_of(std::move(action), effect, {std::string(arn)}, flags);
}
Operation file(Effect effect, const std::string& name) {
  Operation out;
  out.protocol = "mcp";
  out.upstream = "files";
  out.action = "mcp:call_tool";
  out.accesses = {{{"File", "files/" + name, name}, effect}};
  return out;
}

class HistoriesTest : public testing::Test {
 protected:
  Session::Thing look(const Operation& operation, TimeMs now = kNow, std::string_view root = "r") const {
    return histories_.look(root, operation, now).of(0);
  }
  Session session(TimeMs now = kNow) const { return histories_.look("r", file(Effect::read, "x"), now); }
  void note(const Operation& operation, Verdict verdict = Verdict::allow, TimeMs now = kNow,
            std::string_view root = "r", std::string code = "policy.allowed") {
    Decision decision;
    decision.verdict = verdict;
    decision.code = std::move(code);
    histories_.note(root, operation, decision, now);
  }
  void made(const Operation& operation, TimeMs now = kNow) {
    note(operation, Verdict::allow, now);
    histories_.note_success("r", operation, now);
  }

  Histories histories_;
};

TEST_F(HistoriesTest, CountsThings) {
  note(file(Effect::read, "a"));
  note(file(Effect::write, "a"));
  note(aws_of("s3:DeleteObjects", Effect::destroy, {"arn:aws:s3:::b/1", "arn:aws:s3:::b/2", "arn:aws:s3:::b/3"}),
       Verdict::allow, kNow + 1);
  note(file(Effect::write, "a"), Verdict::hold, kNow + 2);
  note(file(Effect::destroy, "a"), Verdict::deny, kNow + 3);
  const Session now = session(kNow + 4);
  EXPECT_EQ(now.hour, (Session::Counts{1, 4, 3, 1, 1}));
  EXPECT_EQ(now.minutes, now.hour);
  EXPECT_EQ(session(kNow + 20 * 60'000).minutes, Session::Counts());
  EXPECT_EQ(session(kNow + 20 * 60'000).hour, now.hour);
  EXPECT_EQ(session(kNow + 20 * 60'000).age, 20);
  EXPECT_EQ(session(kNow + 2 * kHour).hour, Session::Counts());
  EXPECT_EQ(histories_.look("another", file(Effect::read, "x"), kNow).hour, Session::Counts());
}

TEST_F(HistoriesTest, DeletedAndMadeAgain) {
  const Operation destroy = aws("dynamodb:DeleteTable", Effect::destroy, kTable);
  const Operation create = aws("dynamodb:CreateTable", Effect::write, kTable);
  EXPECT_FALSE(look(create).recreates);
  note(destroy, Verdict::deny);
  note(destroy, Verdict::hold);
  EXPECT_FALSE(look(create).recreates) << "what was not let through has destroyed nothing";
  note(destroy);
  EXPECT_TRUE(look(create).recreates);
  EXPECT_FALSE(look(aws("dynamodb:PutItem", Effect::write, kTable)).recreates);
  EXPECT_FALSE(
      look(aws("dynamodb:CreateTable", Effect::write, "arn:aws:dynamodb:eu-central-1:111122223333:table/other"))
          .recreates);
  EXPECT_FALSE(look(create, kNow, "another").recreates);
  EXPECT_TRUE(look(create, kNow + kHour - 1).recreates);
  EXPECT_FALSE(look(create, kNow + kHour).recreates);
  made(create);
  EXPECT_FALSE(look(create).recreates);
  EXPECT_TRUE(look(destroy).created);
}

TEST_F(HistoriesTest, WhatALineageMadeItMayMakeAgain) {
  const Operation destroy = aws("dynamodb:DeleteTable", Effect::destroy, kTable);
  const Operation create = aws("dynamodb:CreateTable", Effect::write, kTable);
  made(create);
  EXPECT_TRUE(look(destroy).created);
  note(destroy);
  EXPECT_FALSE(look(create).recreates);
  EXPECT_FALSE(look(create).created) << "it is gone";
  EXPECT_EQ(session().hour.destroys, 1);
}

TEST_F(HistoriesTest, WhatTheUpstreamRefusedWasNotMade) {
  note(aws("dynamodb:CreateTable", Effect::write, kTable));
  EXPECT_FALSE(look(aws("dynamodb:DeleteTable", Effect::destroy, kTable)).created);
}

TEST_F(HistoriesTest, WhatMayHaveBeenThereWasNotMade) {
  made(aws("s3:PutObject", Effect::write, "arn:aws:s3:::orders/a", {"may_overwrite"}));
  EXPECT_FALSE(look(aws("s3:DeleteObject", Effect::destroy, "arn:aws:s3:::orders/a")).created);
  made(aws("s3:PutObject", Effect::write, "arn:aws:s3:::orders/b"));
  EXPECT_TRUE(look(aws("s3:DeleteObject", Effect::destroy, "arn:aws:s3:::orders/b")).created);
  // An instance comes with the subnet it is in, and so does not make it.
  made(aws_of("ec2:RunInstances", Effect::write,
              {"arn:aws:ec2:eu-central-1:1:image/ami-1", "arn:aws:ec2:eu-central-1:1:subnet/subnet-1"}));
  EXPECT_FALSE(look(aws("ec2:DeleteSubnet", Effect::destroy, "arn:aws:ec2:eu-central-1:1:subnet/subnet-1")).created);
}

TEST_F(HistoriesTest, ItemsAreNoTables) {
  note(aws("dynamodb:DeleteItem", Effect::destroy, kTable, {"deletes_items"}));
  EXPECT_FALSE(look(aws("dynamodb:CreateTable", Effect::write, kTable)).recreates);
  EXPECT_EQ(look(aws("dynamodb:DeleteTable", Effect::destroy, "arn:aws:dynamodb:eu-central-1:111122223333:table/b"))
                .siblings_destroyed,
            0);
  EXPECT_EQ(session().hour.destroys, 1);
}

TEST_F(HistoriesTest, StoppedIsNotGone) {
  const std::string instance = "arn:aws:ec2:eu-central-1:1:instance/i-1";
  note(aws("ec2:StopInstances", Effect::destroy, instance));
  EXPECT_EQ(
      look(aws("ec2:StopInstances", Effect::destroy, "arn:aws:ec2:eu-central-1:1:instance/i-2")).siblings_destroyed, 1);
  made(aws("s3:CreateBucket", Effect::write, kBucket));
  note(aws("s3:DeleteBucketTagging", Effect::destroy, kBucket));
  EXPECT_TRUE(look(aws("s3:DeleteBucket", Effect::destroy, kBucket)).created);
  made(aws("dynamodb:CreateTable", Effect::write, kTable));
  note(aws("dynamodb:DeleteItem", Effect::destroy, kTable));
  EXPECT_TRUE(look(aws("dynamodb:DeleteTable", Effect::destroy, kTable)).created);
}

TEST_F(HistoriesTest, OtherProtocolsMakeAgainByWriting) {
  note(file(Effect::destroy, "a/b.txt"));
  EXPECT_TRUE(look(file(Effect::write, "a/b.txt")).recreates);
  made(file(Effect::write, "a/b.txt"));
  EXPECT_FALSE(look(file(Effect::write, "a/b.txt")).recreates);
}

TEST_F(HistoriesTest, ProtectionOff) {
  const Operation destroy = aws("dynamodb:DeleteTable", Effect::destroy, kTable);
  const Operation off = aws("dynamodb:UpdateTable", Effect::administer, kTable, {"protection_off"});
  note(off, Verdict::hold);
  EXPECT_FALSE(look(destroy).unprotected);
  histories_.note_approved("r", off, kNow);
  EXPECT_TRUE(look(destroy).unprotected);
  EXPECT_TRUE(look(destroy, kNow + kHour - 1).unprotected);
  EXPECT_FALSE(look(destroy, kNow + kHour).unprotected);
  // What is in a bucket has lost what the bucket lost.
  note(aws("s3:PutBucketVersioning", Effect::administer, kBucket, {"versioning_suspended"}));
  EXPECT_TRUE(look(aws("s3:DeleteObject", Effect::destroy, "arn:aws:s3:::orders/2026/a")).unprotected);
  EXPECT_FALSE(look(aws("s3:DeleteObject", Effect::destroy, "arn:aws:s3:::orders-two/a")).unprotected);
  // Of other protocols, permissions that were changed.
  note(file(Effect::administer, "a"));
  EXPECT_TRUE(look(file(Effect::destroy, "a/b")).unprotected);
}

TEST_F(HistoriesTest, ListedAndDestroyedOneByOne) {
  const std::string bucket(kBucket);
  const Operation one = aws("s3:DeleteObject", Effect::destroy, bucket + "/a/1");
  EXPECT_FALSE(look(one).listed);
  note(aws("s3:ListObjectsV2", Effect::read, kBucket), Verdict::deny);
  EXPECT_FALSE(look(one).listed);
  note(aws("s3:ListObjectsV2", Effect::read, kBucket));
  EXPECT_TRUE(look(one).listed);
  EXPECT_FALSE(look(one, kNow + kHour).listed);
  for (int i = 2; i < 12; ++i) note(aws("s3:DeleteObject", Effect::destroy, bucket + "/" + std::to_string(i) + "/x"));
  EXPECT_EQ(look(one).siblings_destroyed, 10);
  EXPECT_EQ(look(aws("s3:DeleteObject", Effect::destroy, "arn:aws:s3:::other/1")).siblings_destroyed, 0);
  // In one call as in many.
  const Operation batch = aws_of("s3:DeleteObjects", Effect::destroy,
                                 {bucket + "/a", bucket + "/b", bucket + "/c", "arn:aws:s3:::other/1"});
  const Session said = histories_.look("r", batch, kNow);
  EXPECT_EQ(said.of(0).siblings_destroyed, 12);
  EXPECT_EQ(said.of(3).siblings_destroyed, 0);
  // Everything of a service was listed.
  note(aws("ec2:DescribeInstances", Effect::read, "arn:aws:ec2:eu-central-1:1:*"));
  EXPECT_TRUE(look(aws("ec2:TerminateInstances", Effect::destroy, "arn:aws:ec2:eu-central-1:1:instance/i-1")).listed);
  EXPECT_FALSE(look(aws("ec2:TerminateInstances", Effect::destroy, "arn:aws:ec2:eu-west-1:1:instance/i-1")).listed);
}

TEST_F(HistoriesTest, WhatPeopleApprovedOrItMadeItselfIsNoSeries) {
  const std::string bucket(kBucket);
  histories_.note_approved("r", aws("s3:DeleteObject", Effect::destroy, bucket + "/1"), kNow);
  made(aws("s3:PutObject", Effect::write, bucket + "/2"));
  note(aws("s3:DeleteObject", Effect::destroy, bucket + "/2"));
  EXPECT_EQ(look(aws("s3:DeleteObject", Effect::destroy, bucket + "/3")).siblings_destroyed, 0);
  EXPECT_EQ(session().hour.destroys, 2);
}

TEST_F(HistoriesTest, RefusedThenStronger) {
  const std::string key = std::string(kBucket) + "/a";
  const Operation remove = aws("s3:DeleteObject", Effect::destroy, key);
  const Operation removes = aws_of("s3:DeleteObjects", Effect::destroy, {key, std::string(kBucket) + "/b"});
  const Operation expire = aws("s3:PutBucketLifecycleConfiguration", Effect::destroy, kBucket, {"lifecycle_expiry"});
  const Operation write = aws("s3:PutObject", Effect::write, key);
  note(remove, Verdict::deny, kNow, "r", "policy.floor");
  EXPECT_FALSE(look(remove).denied) << "asking once more is no other way";
  EXPECT_TRUE(look(removes).denied);
  EXPECT_TRUE(look(expire).denied);
  EXPECT_FALSE(look(write).denied);
  EXPECT_FALSE(look(aws("s3:DeleteObject", Effect::destroy, std::string(kBucket) + "/c")).denied)
      << "its neighbour is another thing";
  EXPECT_FALSE(look(removes, kNow + kHour).denied);
  // What is around it was refused.
  note(aws("s3:DeleteBucket", Effect::destroy, "arn:aws:s3:::kept"), Verdict::deny, kNow, "r", "policy.forbidden");
  EXPECT_TRUE(look(aws("s3:DeleteObject", Effect::destroy, "arn:aws:s3:::kept/a")).denied);
}

TEST_F(HistoriesTest, OnlyWhatWasMeantIsRefused) {
  const Operation both = aws_of("dynamodb:BatchWriteItem", Effect::write,
                                {std::string(kTable), "arn:aws:dynamodb:eu-central-1:1:table/b"});
  Decision decision;
  decision.code = "policy.floor";
  decision.about = {1};
  histories_.note("r", both, decision, kNow);
  EXPECT_FALSE(look(aws("dynamodb:DeleteTable", Effect::destroy, kTable)).denied);
  EXPECT_TRUE(look(aws("dynamodb:DeleteTable", Effect::destroy, "arn:aws:dynamodb:eu-central-1:1:table/b")).denied);
}

// Else a backup of each table would make all of them the agent's own, to be taken apart again.
TEST_F(HistoriesTest, WhatSomethingIsMadeOfIsNotMade) {
  constexpr std::string_view kStart = "arn:aws:lambda:eu-central-1:111122223333:";
  made(aws("dynamodb:CreateBackup", Effect::write, kTable));
  made(aws("lambda:CreateAlias", Effect::write, std::string(kStart) + "function:pay"));
  made(aws("lambda:CreateFunction", Effect::write, std::string(kStart) + "function:mine"));
  EXPECT_FALSE(look(aws("dynamodb:DeleteTable", Effect::destroy, kTable)).created);
  EXPECT_FALSE(look(aws("lambda:DeleteFunction", Effect::destroy, std::string(kStart) + "function:pay")).created);
  EXPECT_TRUE(look(aws("lambda:DeleteFunction", Effect::destroy, std::string(kStart) + "function:mine")).created);
}

TEST_F(HistoriesTest, WhatWaitsIsWeakerOnly) {
  const Operation write = aws("dynamodb:UpdateTable", Effect::write, kTable);
  const Operation tag = aws("dynamodb:TagResource", Effect::write, kTable);
  const Operation destroy = aws("dynamodb:DeleteTable", Effect::destroy, kTable);
  note(write, Verdict::hold, kNow, "r", "policy.held");
  EXPECT_TRUE(look(destroy).denied);
  EXPECT_FALSE(look(tag).denied) << "several changes of one thing may wait side by side";
  histories_.note_denied("r", write, kNow);
  EXPECT_TRUE(look(tag).denied) << "people said no";
  histories_.note_approved("r", write, kNow);
  EXPECT_TRUE(look(destroy).denied) << "to another one they said no";
}

TEST_F(HistoriesTest, WhatWasApprovedWaitsNoMore) {
  const Operation write = aws("dynamodb:UpdateTable", Effect::write, kTable);
  note(write, Verdict::hold, kNow, "r", "policy.held");
  histories_.note_approved("r", write, kNow);
  EXPECT_FALSE(look(aws("dynamodb:DeleteTable", Effect::destroy, kTable)).denied);
}

TEST_F(HistoriesTest, AScopeSaysNothingAboutAThing) {
  note(aws("dynamodb:UpdateTable", Effect::write, kTable), Verdict::deny, kNow, "r", "scope.action");
  note(aws("dynamodb:UpdateTable", Effect::write, kTable), Verdict::deny, kNow, "r", "freeze.active");
  for (const char* code : {"freeze.held", "conflict.held", "budget.exhausted"})
    note(aws("dynamodb:UpdateTable", Effect::write, kTable), Verdict::hold, kNow, "r", code);
  EXPECT_FALSE(look(aws("dynamodb:DeleteTable", Effect::destroy, kTable)).denied);
  EXPECT_EQ(session().hour.denials, 2);
}

TEST_F(HistoriesTest, AHeldRequestThatWasDenied) {
  approvals::HeldRequest request;
  request.requester.chain = {"r", "leaf"};
  request.effect = "write";
  request.action = "aws:dynamodb:UpdateTable";
  request.frozen.protocol = "aws";
  request.frozen.upstream = "aws";
  request.resources = {"AwsResource::aws/" + std::string(kTable)};
  note_denied(histories_, request, kNow);
  EXPECT_TRUE(look(aws("dynamodb:TagResource", Effect::write, kTable)).denied);
}

TEST_F(HistoriesTest, HandshakesAreNothing) {
  Operation handshake = file(Effect::read, "x");
  handshake.reach = Reach::gateway;
  note(handshake);
  EXPECT_EQ(session().hour, Session::Counts());
}

TEST_F(HistoriesTest, NoEventPushesAnotherOut) {
  const Operation destroy = aws("dynamodb:DeleteTable", Effect::destroy, kTable);
  note(destroy);
  note(aws("s3:DeleteObject", Effect::destroy, "arn:aws:s3:::kept/a"), Verdict::deny, kNow, "r", "policy.floor");
  // Reads, and more changes than are remembered one by one.
  for (int i = 0; i < 20'000; ++i) note(file(Effect::read, std::to_string(i)), Verdict::allow, kNow + i);
  for (int i = 0; i < 20'000; ++i)
    note(file(Effect::destroy, "d" + std::to_string(i) + "/x"), Verdict::allow, kNow + 20'000 + i);
  const TimeMs later = kNow + 60'000;
  EXPECT_TRUE(look(aws("dynamodb:CreateTable", Effect::write, kTable), later).recreates);
  EXPECT_TRUE(look(aws("s3:DeleteObjects", Effect::destroy, "arn:aws:s3:::kept/a"), later).denied);
  EXPECT_EQ(session(later).hour, (Session::Counts{20'000, 20'001, 20'001, 1, 0}));
  EXPECT_TRUE(look(file(Effect::destroy, "never-listed/x"), later).listed) << "more was listed than is remembered";
  // What has no room of its own counts for all that have none.
  EXPECT_GE(look(file(Effect::destroy, "d19999/y"), later).siblings_destroyed, 1);
  // And an hour later it is over.
  EXPECT_FALSE(look(aws("s3:DeleteObjects", Effect::destroy, "arn:aws:s3:::kept/a"), later + 2 * kHour).denied);
}

TEST_F(HistoriesTest, ALineageThatWasForgottenIsSupposedToHaveDoneIt) {
  Histories few({.lineages = 16, .marks = 64});
  Decision allowed;
  allowed.verdict = Verdict::allow;
  const Operation destroy = aws("dynamodb:DeleteTable", Effect::destroy, kTable);
  const Operation create = aws("dynamodb:CreateTable", Effect::write, kTable);
  few.note("first", destroy, allowed, kNow);
  for (int i = 0; i < 200; ++i) few.note("token" + std::to_string(i), file(Effect::read, "x"), allowed, kNow + 1 + i);
  EXPECT_TRUE(few.look("first", create, kNow + 500).of(0).recreates);
  EXPECT_FALSE(few.look("first", create, kNow + 2 * kHour).of(0).recreates);
}

// Against a model that remembers everything: facts are never missing, whatever was pushed out.
TEST_F(HistoriesTest, NeverForgetsWithinItsHour) {
  std::mt19937_64 random(7);
  Histories small({.lineages = 1'024, .marks = 32});
  std::map<std::string, TimeMs> destroyed;
  std::map<std::string, TimeMs> refused;
  Decision allowed;
  allowed.verdict = Verdict::allow;
  Decision denied;
  denied.code = "policy.forbidden";
  TimeMs now = kNow;
  for (int i = 0; i < 4'000; ++i) {
    now += static_cast<TimeMs>(random() % 60'000);
    const std::string arn = "arn:aws:dynamodb:eu-central-1:1:table/t" + std::to_string(random() % 100);
    const Operation destroy = aws("dynamodb:DeleteTable", Effect::destroy, arn);
    const bool passes = random() % 2 == 0;
    small.note("r", destroy, passes ? allowed : denied, now);
    (passes ? destroyed : refused)[arn] = now;
    const std::string asked = "arn:aws:dynamodb:eu-central-1:1:table/t" + std::to_string(random() % 100);
    auto fresh = [&](const std::map<std::string, TimeMs>& all) {
      const auto found = all.find(asked);
      return found != all.end() && now - found->second < kHour;
    };
    if (fresh(destroyed)) {
      ASSERT_TRUE(small.look("r", aws("dynamodb:CreateTable", Effect::write, asked), now).of(0).recreates) << i;
    }
    if (fresh(refused)) {
      ASSERT_TRUE(small.look("r", aws("dynamodb:BatchWriteItem", Effect::destroy, asked), now).of(0).denied) << i;
    }
  }
}

TEST_F(HistoriesTest, ManyThreads) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      Decision allowed;
      allowed.verdict = Verdict::allow;
      for (int i = 0; i < 2'000; ++i) {
        const std::string root = "r" + std::to_string(i % 5);
        histories_.note(root, file(Effect::destroy, std::to_string(t) + "/" + std::to_string(i)), allowed, kNow + i);
        static_cast<void>(histories_.look(root, file(Effect::destroy, "x"), kNow + i));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int r = 0; r < 5; ++r)
    EXPECT_EQ(histories_.look("r" + std::to_string(r), file(Effect::read, "x"), kNow + 2'000).hour.destroys, 8 * 400);
}

TEST_F(HistoriesTest, WhatTheJournalHasOfTheLastHour) {
  policies::JournalEntry entry;
  entry.root = "r";
  entry.at = kNow - 60'000;
  entry.verdict = Verdict::allow;
  entry.code = "policy.allowed";
  entry.operation = aws("dynamodb:DeleteTable", Effect::destroy, kTable);
  histories_.recall(entry);
  entry.at = kNow - 30 * 60'000;
  entry.operation = file(Effect::destroy, "a");
  histories_.recall(entry);
  EXPECT_TRUE(look(aws("dynamodb:CreateTable", Effect::write, kTable)).recreates);
  EXPECT_EQ(session().hour.destroys, 2);
  EXPECT_EQ(session().minutes.destroys, 1);
  EXPECT_EQ(session().age, 30);
}

TEST(Containers, AreWhatThingsAreIn) {
  EXPECT_EQ(container_of("files/production/config.json"), "files/production");
  EXPECT_EQ(container_of("files/production"), "files");
  EXPECT_EQ(container_of("files"), "");
  EXPECT_EQ(container_of("aws/arn:aws:s3:::orders/2026/a.csv"), "aws/arn:aws:s3:::orders");
  EXPECT_EQ(container_of("aws/arn:aws:s3:::orders"), "aws/arn:aws:s3::");
  EXPECT_EQ(container_of("aws/arn:aws:ec2:eu-central-1:1:instance/i-1"), "aws/arn:aws:ec2:eu-central-1:1:instance");
  EXPECT_EQ(container_of("aws/arn:aws:ec2:eu-central-1:1:instance"), "aws/arn:aws:ec2:eu-central-1:1");
  EXPECT_EQ(container_of("aws/arn:aws:rds:eu-central-1:1:db:orders"), "aws/arn:aws:rds:eu-central-1:1:db");
  EXPECT_EQ(container_of("aws/arn:"), "aws/arn");
  EXPECT_EQ(container_of(""), "");
}

}  // namespace
}  // namespace countersign::proxy
