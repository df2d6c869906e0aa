// Plans and operations of AWS for tests.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "approvals/plan_match.h"
#include "core/json.h"

namespace countersign::approvals::test {

// What Terraform 1.11 said with the AWS provider 5 of an account with two buckets, a table and a database: one bucket
// goes, one is renamed, the database gets a larger disk and another password, and a network with instances is new.
inline std::string terraform_fixture() {
  std::ifstream file(std::string(COUNTERSIGN_SOURCE_DIR) + "/tests/cases/terraform/plan.json", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline Operation aws(std::string_view action, std::vector<std::pair<std::string, Effect>> touched,
                     const Json& parameters = Json::object()) {
  Operation out;
  out.protocol = "aws";
  out.upstream = "aws";
  out.action = "aws:" + std::string(action);
  for (auto& [arn, effect] : touched) out.accesses.push_back({{"AwsResource", "aws/" + arn, arn}, effect});
  out.input = Json{{"parameters", parameters}}.dump();
  return out;
}

inline Json resource_change(std::string_view address, Json actions, Json before, Json after, Json unknown = {},
                            Json sensitive = Json::object()) {
  const std::string type(address.substr(0, address.find('.')));
  return {{"address", address},
          {"mode", "managed"},
          {"type", type},
          {"change",
           {{"actions", std::move(actions)},
            {"before", std::move(before)},
            {"after", std::move(after)},
            {"after_unknown", unknown.is_null() ? Json::object() : std::move(unknown)},
            {"before_sensitive", sensitive},
            {"after_sensitive", sensitive}}}};
}

inline Json plan_of(std::vector<Json> changes) {
  return {{"format_version", "1.2"},
          {"terraform_version", "1.11.4"},
          {"planned_values", Json::object()},
          {"resource_changes", std::move(changes)},
          {"errored", false}};
}

inline PlanIndex index_of(const Json& plan) {
  auto parsed = parse_terraform_plan(plan.dump());
  EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().message);
  return PlanIndex(parsed ? std::move(parsed->changes) : std::vector<PlannedChange>());
}

}  // namespace countersign::approvals::test
