#include "approvals/plans.h"

#include <algorithm>

#include "approvals/plan_json.h"
#include "tests/approvals/fixture.h"
#include "tests/approvals/plan_fixture.h"

namespace countersign::approvals {
namespace {

using test::aws;
using test::kHour;
using test::kNow;

constexpr const char* kRoot = "root-of-builder";

class PlansTest : public testing::Test {
 protected:
  PlansTest() { reopen(); }

  void reopen(TimeMs now = kNow) {
    plans_.reset();
    auto plans = Plans::open(folder_.path() / "countersign.db", {}, now);
    ASSERT_TRUE(plans) << plans.error().message;
    plans_ = std::move(*plans);
  }

  void submit(const std::string& id, const std::string& text, std::string_view root = kRoot, TimeMs now = kNow) {
    auto read = parse_terraform_plan(text);
    ASSERT_TRUE(read);
    Plan plan{.id = id,
              .upstream = "aws",
              .agent = "builder",
              .owner = "olivia",
              .root = std::string(root),
              .token = "leaf",
              .sha256 = read->sha256,
              .terraform_version = read->terraform_version,
              .submitted = now,
              .until = now + kHour,
              .index = std::make_shared<const PlanIndex>(std::move(read->changes))};
    ASSERT_TRUE(plans_->submit(std::move(plan), now));
  }

  static Operation delete_bucket(const std::string& name) {
    return aws("s3:DeleteBucket", {{"arn:aws:s3:::" + name, Effect::destroy}});
  }
  static Operation run_instances() {
    return aws("ec2:RunInstances", {{"arn:aws:ec2:eu-central-1::image/ami-12c6146b", Effect::write}},
               {{"MaxCount", 1}});
  }

  test::TempFolder folder_;
  std::unique_ptr<Plans> plans_;
};

TEST_F(PlansTest, OneInForceBindsItsLineageAndUpstream) {
  EXPECT_FALSE(plans_->judge(kRoot, delete_bucket("orders"), kNow).refuses()) << "there is no plan";
  submit("pln_1", test::terraform_fixture());
  EXPECT_TRUE(plans_->judge(kRoot, delete_bucket("orders"), kNow).refuses());
  const PlanVerdict said = plans_->judge(kRoot, delete_bucket("logs"), kNow);
  EXPECT_FALSE(said.refuses());
  EXPECT_EQ(said.addresses(),
            std::vector<std::string>{"aws_s3_bucket.logs (delete, delete_because_no_resource_config)"});
  EXPECT_FALSE(plans_->judge("another", delete_bucket("orders"), kNow).refuses());
  Operation elsewhere = delete_bucket("orders");
  elsewhere.upstream = "sandbox";
  EXPECT_FALSE(plans_->judge(kRoot, elsewhere, kNow).refuses());
}

TEST_F(PlansTest, ItEnds) {
  submit("pln_1", test::terraform_fixture());
  EXPECT_TRUE(plans_->judge(kRoot, delete_bucket("orders"), kNow + kHour - 1).refuses());
  EXPECT_FALSE(plans_->judge(kRoot, delete_bucket("orders"), kNow + kHour).refuses());
  EXPECT_EQ(plans_->withdraw("pln_1", "another", kNow).error().code, "plan.unknown");
  EXPECT_EQ(plans_->withdraw("pln_2", kRoot, kNow).error().code, "plan.unknown");
  ASSERT_TRUE(plans_->withdraw("pln_1", kRoot, kNow));
  EXPECT_FALSE(plans_->judge(kRoot, delete_bucket("orders"), kNow).refuses());
  EXPECT_EQ(plans_->withdraw("pln_1", kRoot, kNow).error().code, "plan.over");
  EXPECT_EQ(plan_state(*plans_->get("pln_1"), kNow), "withdrawn");
  reopen();
  EXPECT_FALSE(plans_->judge(kRoot, delete_bucket("orders"), kNow).refuses());
}

TEST_F(PlansTest, ItOutlivesTheProcess) {
  submit("pln_1", test::terraform_fixture());
  reopen(kNow + 1);
  EXPECT_TRUE(plans_->judge(kRoot, delete_bucket("orders"), kNow + 1).refuses());
  EXPECT_FALSE(plans_->judge(kRoot, delete_bucket("logs"), kNow + 1).refuses());
  reopen(kNow + kHour);
  EXPECT_FALSE(plans_->judge(kRoot, delete_bucket("orders"), kNow + kHour).refuses());
}

TEST_F(PlansTest, ANewOneTakesItsPlace) {
  submit("pln_1", test::terraform_fixture());
  submit("pln_2", test::plan_of({}).dump());
  EXPECT_TRUE(plans_->judge(kRoot, delete_bucket("logs"), kNow).refuses()) << "the second announces nothing";
  EXPECT_EQ(plan_state(*plans_->get("pln_1"), kNow), "superseded");
  EXPECT_EQ(plans_->get("pln_1")->ended_by, "pln_2");
  reopen();
  EXPECT_TRUE(plans_->judge(kRoot, delete_bucket("logs"), kNow).refuses());
  for (int i = 3; i < 40; ++i) submit("pln_" + std::to_string(i), test::plan_of({}).dump());
  EXPECT_LE(plans_->list(kRoot)->size(), 20U) << "what is kept of one lineage is bounded";
}

TEST_F(PlansTest, EachCreationIsGoodForOne) {
  submit("pln_1", test::terraform_fixture());
  const PlanVerdict run = plans_->judge(kRoot, run_instances(), kNow);
  ASSERT_TRUE(run.announced);
  EXPECT_TRUE(*plans_->take(run, "one", kNow));
  EXPECT_TRUE(*plans_->take(run, "one", kNow)) << "the same operation again";
  EXPECT_TRUE(*plans_->take(run, "two", kNow));
  EXPECT_FALSE(*plans_->take(run, "three", kNow)) << "the plan has two";
  reopen();
  EXPECT_FALSE(*plans_->take(run, "three", kNow));
  ASSERT_TRUE(plans_->settle(run, "two", Plans::Outcome::failed, "", ""));
  EXPECT_TRUE(*plans_->take(run, "three", kNow)) << "one failed";
  ASSERT_TRUE(plans_->settle(run, "three", Plans::Outcome::unknown, "", ""));
  EXPECT_FALSE(*plans_->take(run, "four", kNow)) << "what may have happened counts";
}

TEST_F(PlansTest, WhatWasMadeIsRemembered) {
  submit("pln_1", test::terraform_fixture());
  const Operation tag = aws("ec2:CreateTags", {{"arn:aws:ec2:eu-central-1:*:*/i-0123456789abcdef0", Effect::write}});
  EXPECT_TRUE(plans_->judge(kRoot, tag, kNow).refuses());
  const PlanVerdict run = plans_->judge(kRoot, run_instances(), kNow);
  ASSERT_TRUE(plans_->settle(run, "one", Plans::Outcome::done, "<instanceId>i-0123456789abcdef0</instanceId>", "x"));
  EXPECT_FALSE(plans_->judge(kRoot, tag, kNow).refuses());
  reopen();
  EXPECT_FALSE(plans_->judge(kRoot, tag, kNow).refuses());
  submit("pln_2", test::terraform_fixture());
  EXPECT_TRUE(plans_->judge(kRoot, tag, kNow).refuses()) << "another plan made nothing yet";
  ASSERT_TRUE(plans_->settle(run, "one", Plans::Outcome::done, "<instanceId>i-0123456789abcdef0</instanceId>", "x"));
  EXPECT_TRUE(plans_->judge(kRoot, tag, kNow).refuses()) << "what comes late is of the plan that is over";
}

TEST_F(PlansTest, NobodyPlantsAName) {
  submit("pln_1", test::terraform_fixture());
  const Operation tag = aws("ec2:CreateTags", {{"arn:aws:ec2:eu-central-1:*:*/i-0123456789abcdef0", Effect::write}});
  const std::string answer = "<value>i-0123456789abcdef0</value>";
  Operation run = run_instances();
  run.input = R"({"parameters":{"MaxCount":1,"Tag":"i-0123456789abcdef0"}})";
  const PlanVerdict said = plans_->judge(kRoot, run, kNow);
  ASSERT_TRUE(said.announced);
  ASSERT_TRUE(plans_->settle(said, "one", Plans::Outcome::done, answer, "Tag=i%2D0123456789abcdef0"));
  EXPECT_TRUE(plans_->judge(kRoot, tag, kNow).refuses());
  PlanVerdict unknown = said;
  unknown.announced->input = R"({"flags":[]})";
  ASSERT_TRUE(plans_->settle(unknown, "one", Plans::Outcome::done, answer, "x"));
  EXPECT_TRUE(plans_->judge(kRoot, tag, kNow).refuses());
}

TEST_F(PlansTest, NotesOfRequests) {
  submit("pln_1", test::terraform_fixture());
  EXPECT_FALSE(*plans_->note_of("req_1"));
  ASSERT_TRUE(plans_->note("req_1", plans_->judge(kRoot, delete_bucket("logs"), kNow)));
  ASSERT_TRUE(*plans_->note_of("req_1"));
  EXPECT_EQ((*plans_->note_of("req_1"))->plan, "pln_1");
  EXPECT_EQ((*plans_->note_of("req_1"))->addresses.size(), 1U);
}

TEST_F(PlansTest, AsJson) {
  submit("pln_1", test::terraform_fixture());
  const Json json = plan_json(*plans_->get("pln_1"), kNow);
  EXPECT_EQ(json["summary"], "22 to add, 1 to change, 2 to destroy (1 replaced)");
  EXPECT_EQ(json["state"], "in_force");
  EXPECT_EQ(json["changes"][0]["address"], "aws_s3_bucket.logs") << "what is destroyed comes first";
  EXPECT_EQ(json["changes"][1]["action"], "replace");
  EXPECT_EQ(json.dump().find("hunter2"), std::string::npos);
}

}  // namespace
}  // namespace countersign::approvals
