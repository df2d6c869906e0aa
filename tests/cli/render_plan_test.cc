#include "cli/render_plan.h"

#include <gtest/gtest.h>

namespace countersign::cli {
namespace {

const Terminal kPlain(Terminal::Colours::off, 100);

Json plan() {
  return {{"plan", "pln_1"},
          {"upstream", "aws"},
          {"agent", "builder"},
          {"state", "in_force"},
          {"until", "2026-11-22T05:12:00.000Z"},
          {"submitted", "2026-11-22T03:12:00.000Z"},
          {"sha256", "ab"},
          {"summary", "0 to add, 0 to change, 1 to destroy"},
          {"left_out", 3},
          {"changes", {{{"action", "delete"}, {"address", "aws_s3_bucket.logs[\"\x1b[2J\"]"}, {"reason", "because"}}}}};
}

TEST(RenderPlan, Summary) {
  EXPECT_EQ(
      render_plan(plan(), 0, kPlain, PlanShown::summary),
      "plan pln_1: 0 to add, 0 to change, 1 to destroy; changes of this token on aws outside of it are refused until "
      "2026-11-22T05:12:00.000Z (plan withdraw ends it)\n");
  Json over = plan();
  over["state"] = "superseded";
  over["superseded_by"] = "pln_2";
  EXPECT_NE(render_plan(over, 0, kPlain, PlanShown::summary).find("pln_2 took its place"), std::string::npos);
}

TEST(RenderPlan, WhatAnAddressHoldsCannotRepaintTheScreen) {
  const std::string shown = render_plan(plan(), 0, kPlain, PlanShown::changes);
  EXPECT_NE(shown.find("aws_s3_bucket.logs"), std::string::npos);
  EXPECT_NE(shown.find("and 3 more"), std::string::npos);
  EXPECT_EQ(shown.find('\x1b'), std::string::npos);
}

TEST(RenderPlan, OfARequest) {
  EXPECT_EQ(render_announced({{"id", "req_1"}}), "");
  const Json request = {{"plan", {{"plan", "pln_1"}, {"announced_as", {"aws_vpc.a (create)", "aws_vpc.b (create)"}}}}};
  EXPECT_EQ(render_announced(request), "pln_1 as aws_vpc.a (create), aws_vpc.b (create)");
}

}  // namespace
}  // namespace countersign::cli
