#include "approvals/terraform_plan.h"

#include <algorithm>

#include "approvals/terraform_types.h"
#include "scopes/catalogue/aws_catalogue.h"
#include "tests/approvals/plan_fixture.h"

namespace countersign::approvals {
namespace {

using test::plan_of;
using test::resource_change;
using test::terraform_fixture;

std::string code_of(std::string_view text) {
  auto plan = parse_terraform_plan(text);
  return plan ? "" : plan.error().code;
}

const PlannedChange& change_of(const TerraformPlan& plan, std::string_view address) {
  static const PlannedChange kNone;
  auto found = std::ranges::find(plan.changes, address, &PlannedChange::address);
  EXPECT_NE(found, plan.changes.end()) << address;
  return found == plan.changes.end() ? kNone : *found;
}

TEST(TerraformPlan, WhatTerraformWroteIsRead) {
  auto plan = parse_terraform_plan(terraform_fixture());
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->terraform_version, "1.11.4");
  EXPECT_EQ(plan->sha256.size(), 64U);
  const PlanCounts counts = plan->counts();
  EXPECT_EQ(counts.add, 22U);  // as `terraform plan` says: 22 to add, 1 to change, 2 to destroy
  EXPECT_EQ(counts.change, 1U);
  EXPECT_EQ(counts.destroy, 2U);
  EXPECT_EQ(counts.replace, 1U);

  const PlannedChange& gone = change_of(*plan, "aws_s3_bucket.logs");
  EXPECT_EQ(action_word(gone), "delete");
  EXPECT_EQ(gone.reason, "delete_because_no_resource_config");
  EXPECT_EQ(gone.before.own, (std::vector<std::string>{"arn:aws:s3:::logs", "logs"}));
  EXPECT_TRUE(gone.after.own.empty());
  EXPECT_EQ(action_word(change_of(*plan, "aws_s3_bucket.moved")), "replace");
  EXPECT_EQ(change_of(*plan, "aws_s3_bucket.moved").after.own, std::vector<std::string>{"moved-new"});
  const PlannedChange& database = change_of(*plan, "aws_db_instance.main");
  EXPECT_EQ(database.changed, (std::vector<std::string>{"allocated_storage", "password"}));
  EXPECT_TRUE(change_of(*plan, "aws_subnet.a").after.related_unknown);
  // What stays is not in it.
  EXPECT_EQ(std::ranges::count(plan->changes, "aws_dynamodb_table.orders", &PlannedChange::address), 0);
}

TEST(TerraformPlan, SecretsAreNotKept) {
  auto plan = parse_terraform_plan(terraform_fixture());
  ASSERT_TRUE(plan);
  ASSERT_NE(terraform_fixture().find("hunter2hunter2"), std::string::npos);
  const std::string kept = changes_text(plan->changes);
  EXPECT_EQ(kept.find("hunter2"), std::string::npos);
  EXPECT_EQ(kept.find("correcthorse"), std::string::npos);

  // Whatever attribute Terraform calls sensitive, though its name is one of those that are kept: whole, below, or all.
  Json values = {{"id", "secret-id"}, {"role", "secret-role"}, {"subnet_ids", {"subnet-open", "secret-subnet"}}};
  Json marks = {{"id", true}, {"role", true}, {"subnet_ids", {false, true}}};
  auto marked = parse_terraform_plan(
      plan_of({resource_change("aws_lambda_function.f", {"delete"}, values, nullptr, {}, marks)}).dump());
  ASSERT_TRUE(marked);
  EXPECT_EQ(changes_text(marked->changes).find("secret-"), std::string::npos);
  EXPECT_NE(changes_text(marked->changes).find("subnet-open"), std::string::npos);
  auto whole = parse_terraform_plan(
      plan_of({resource_change("aws_lambda_function.f", {"delete"}, values, nullptr, {}, true)}).dump());
  ASSERT_TRUE(whole);
  EXPECT_EQ(changes_text(whole->changes).find("subnet-open"), std::string::npos);
}

TEST(TerraformPlan, StoredAndReadAgainIsTheSame) {
  auto plan = parse_terraform_plan(terraform_fixture());
  ASSERT_TRUE(plan);
  auto again = changes_from_text(changes_text(plan->changes));
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, plan->changes);
  EXPECT_FALSE(changes_from_text("{}"));
  EXPECT_FALSE(changes_from_text(R"([{"address":"a"}])"));
}

TEST(TerraformPlan, WhatIsNoPlanIsRefused) {
  EXPECT_EQ(code_of(""), "plan.malformed");
  EXPECT_EQ(code_of("[]"), "plan.malformed");
  EXPECT_EQ(code_of("{}"), "plan.malformed");
  EXPECT_EQ(code_of(R"({"format_version":"1.0","terraform_version":"1.11.4","values":{}})"),
            "plan.malformed");  // a state
  EXPECT_EQ(code_of(R"({"format_version":"2.0","resource_changes":[]})"), "plan.format");
  EXPECT_EQ(code_of(R"({"format_version":"1.2","errored":true,"resource_changes":[]})"), "plan.errored");
  EXPECT_EQ(code_of(R"({"format_version":"1.2","resource_changes":[],"resource_changes":[]})"), "plan.malformed");
  EXPECT_EQ(code_of(R"({"format_version":"1.2","resource_changes":[1]})"), "plan.malformed");
  EXPECT_EQ(code_of(R"({"format_version":"1.2","resource_changes":{}})"), "plan.malformed");
  EXPECT_EQ(code_of(plan_of({}).dump()), "") << "nothing changes";
  Json change = resource_change("aws_s3_bucket.b", {"obliterate"}, nullptr, nullptr);
  EXPECT_EQ(code_of(plan_of({change}).dump()), "plan.malformed");
  change = resource_change("aws_s3_bucket.b", Json::array(), nullptr, nullptr);
  EXPECT_EQ(code_of(plan_of({change}).dump()), "plan.malformed");
  change = resource_change("aws_s3_bucket.b", {"create"}, nullptr, nullptr);
  change["mode"] = "other";
  EXPECT_EQ(code_of(plan_of({change}).dump()), "plan.malformed");
  change["mode"] = "managed";
  change["address"] = std::string(kMostAddressBytes + 1, 'a');
  EXPECT_EQ(code_of(plan_of({change}).dump()), "plan.malformed");
}

TEST(TerraformPlan, Limits) {
  EXPECT_EQ(code_of(std::string(kMostPlanBytes + 1, ' ')), "plan.too_large");
  std::string deep = R"({"format_version":"1.2","x":)" + std::string(100, '[') + std::string(100, ']') + "}";
  EXPECT_FALSE(code_of(deep).empty());
  std::vector<Json> many(kMostPlannedChanges + 1,
                         resource_change("aws_s3_bucket.b", {"create"}, nullptr, {{"id", "x"}}));
  EXPECT_EQ(code_of(plan_of(many).dump()), "plan.too_many");
  Json ids = Json::array();
  for (int i = 0; i < 1'000; ++i) ids.push_back("subnet-" + std::to_string(i));
  auto plan = parse_terraform_plan(
      plan_of({resource_change("aws_instance.a", {"delete"}, {{"subnet_ids", ids}, {"id", "i-1"}}, nullptr)}).dump());
  ASSERT_TRUE(plan);
  EXPECT_LE(plan->changes[0].before.related.size(), kMostNamesOfChange);
  EXPECT_EQ(plan->changes[0].before.own, std::vector<std::string>{"i-1"});
}

TEST(TerraformPlan, TheRegionIsTheProvidersWhereThereIsOne) {
  auto region_of = [](std::initializer_list<const char*> regions) {
    Json plan = plan_of({resource_change("aws_sqs_queue.q", {"create"}, nullptr, {{"name", "q"}})});
    int number = 0;
    for (const char* region : regions) {
      Json provider = {
          {"name", "aws"}, {"full_name", "registry.terraform.io/hashicorp/aws"}, {"expressions", Json::object()}};
      if (*region != '\0') provider["expressions"]["region"] = {{"constant_value", region}};
      plan["configuration"]["provider_config"]["aws." + std::to_string(number++)] = std::move(provider);
    }
    auto parsed = parse_terraform_plan(plan.dump());
    EXPECT_TRUE(parsed);
    return parsed ? parsed->changes[0].after.region : "";
  };
  EXPECT_EQ(region_of({}), "");
  EXPECT_EQ(region_of({"eu-west-1"}), "eu-west-1");
  EXPECT_EQ(region_of({"eu-west-1", "us-east-1"}), "");
  EXPECT_EQ(region_of({"eu-west-1", ""}), "") << "one is from a variable";
}

TEST(TerraformPlan, NamesThatAreShared) {
  // A policy has the id of what it is the policy of.
  auto plan = parse_terraform_plan(
      plan_of({resource_change("aws_glue_resource_thing.p", {"delete"},
                               {{"id", "orders"}, {"cluster", "orders"}, {"name", "mine"}}, nullptr)})
          .dump());
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->changes[0].before.own, std::vector<std::string>{"mine"});
  EXPECT_EQ(plan->changes[0].before.related, (std::vector<std::string>{"mine", "orders"}));
}

TEST(TerraformTypes, ServicesAndNouns) {
  EXPECT_FALSE(find_terraform_type("google_storage_bucket"));
  EXPECT_FALSE(find_terraform_type("aws_"));
  EXPECT_EQ(find_terraform_type("aws_vpc")->service, "ec2");
  EXPECT_EQ(find_terraform_type("aws_lb_target_group")->service, "elasticloadbalancing");
  EXPECT_EQ(find_terraform_type("aws_cloudwatch_log_group")->service, "logs");
  EXPECT_EQ(find_terraform_type("aws_cloudwatch_event_rule")->service, "events");
  EXPECT_EQ(find_terraform_type("aws_glue_job")->service, "glue");
  EXPECT_EQ(find_terraform_type("aws_glue_job")->nouns, (std::vector<std::string>{"gluejob", "job"}));
  EXPECT_EQ(find_terraform_type("aws_db_instance")->nouns, std::vector<std::string>{"dbinstance"});
}

// A word in the table that is no operation of its service would never match anything.
TEST(TerraformTypes, TheTableNamesOperationsThatExist) {
  const AwsCatalogue& catalogue = AwsCatalogue::embedded();
  for (const std::string& name : reviewed_terraform_types()) {
    const TerraformType type = *find_terraform_type(name);
    EXPECT_FALSE(catalogue.by_iam_prefix(type.service).empty()) << name << ": service " << type.service;
    std::vector<std::string> operations = type.creates;
    operations.insert(operations.end(), type.changes.begin(), type.changes.end());
    operations.insert(operations.end(), type.deletes.begin(), type.deletes.end());
    for (const auto& weakening : type.weakens) operations.push_back(weakening.operation);
    for (const std::string& operation : operations)
      EXPECT_FALSE(catalogue.named(type.service, operation).empty())
          << name << ": " << type.service << ":" << operation;
  }
}

// What it is that creates and deletes each of them is known, too, if only by the noun.
TEST(TerraformTypes, EachIsCreatedAndDeletedBySomeOperation) {
  const AwsCatalogue& catalogue = AwsCatalogue::embedded();
  auto exists = [&](const TerraformType& type, std::initializer_list<std::string_view> verbs) {
    for (const AwsService* service : catalogue.by_iam_prefix(type.service)) {
      for (const AwsOperation& operation : service->operations) {
        std::string name(operation.name);
        std::ranges::transform(name, name.begin(),
                               [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
        for (std::string_view verb : verbs) {
          for (const std::string& noun : type.nouns) {
            if (name == std::string(verb) + noun || name == std::string(verb) + noun + "s") return true;
          }
        }
      }
    }
    return false;
  };
  for (const std::string& name : reviewed_terraform_types()) {
    const TerraformType type = *find_terraform_type(name);
    EXPECT_TRUE(!type.creates.empty() || exists(type, {"create", "put", "register", "run", "allocate"})) << name;
    EXPECT_TRUE(!type.deletes.empty() || !type.changes.empty() || !type.weakens.empty() ||
                exists(type, {"delete", "release", "remove"}))
        << name;
  }
}

}  // namespace
}  // namespace countersign::approvals
