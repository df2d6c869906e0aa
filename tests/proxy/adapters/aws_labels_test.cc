#include "proxy/adapters/aws_labels.h"

#include <gtest/gtest.h>

#include "aws_tag_fixture.h"

namespace countersign::adapters::test {
namespace {

class Labels : public ::testing::Test {
 protected:
  std::string of(const std::vector<AwsTag>& tags) const { return said(labels_of_tags(config_, upstream_, tags)); }
  config::AwsTags config_ = *tagged_upstream().aws.tags;
  config::LabelSet upstream_;
};

TEST_F(Labels, AreWhatTagsSay) {
  EXPECT_EQ(of({{"Environment", "dev"}, {"Tier", "2"}, {"Owner", "platform"}}), "dev/2/platform");
  EXPECT_EQ(of({{"env", "Sandbox"}, {"Name", "x"}}), "sandbox/?/?") << "in small letters";
  EXPECT_EQ(of({{"Environment", " P "}}), "production/?/?") << "a word of the configuration's";
  EXPECT_EQ(of({{"Environment", "NonProd"}}), "staging/?/?") << "which outranks how it looks";
  EXPECT_EQ(of({}), "?/?/?");
  EXPECT_EQ(of({{"Name", "dev"}}), "?/?/?");
}

TEST_F(Labels, WhatLooksLikeProductionIs) {
  for (const char* value : {"prod", "PROD", "Production", "prod-eu-1", "eu-prod", "PRD", "eu_prd", "live", "pre-prod"})
    EXPECT_EQ(of({{"Environment", value}}), "production/?/?") << value;
  EXPECT_EQ(of({{"Environment", "delivery"}}), "delivery/?/?");
}

TEST_F(Labels, WhatIsNoNameIsProduction) {
  EXPECT_EQ(of({{"Environment", ""}}), "production/?/?");
  EXPECT_EQ(of({{"Environment", "dev team"}}), "production/?/?");
  EXPECT_EQ(of({{"Environment", "d\xD0\xB5v"}}), "production/?/?") << "a letter that only looks like one";
  EXPECT_EQ(of({{"Environment", std::string(64, 'a')}}), "production/?/?");
}

TEST_F(Labels, OfSeveralTheStrictestCounts) {
  EXPECT_EQ(of({{"Environment", "dev"}, {"environment", "staging"}}), "?/?/?") << "keys that differ in case only";
  EXPECT_EQ(of({{"Environment", "dev"}, {"env", "prod"}}), "?/?/?");
  EXPECT_EQ(of({{"Environment", "dev"}, {"ENV", "dev"}}), "dev/?/?") << "they agree";
  EXPECT_EQ(of({{"Environment", "dev"}, {"Tier", "3"}, {"tier", "1"}}), "dev/1/?");
  EXPECT_EQ(of({{"Environment", "dev"}, {"Tier", "3"}, {"tier", "low"}}), "dev/?/?") << "one cannot be read";
  EXPECT_EQ(of({{"Environment", "dev"}, {"Tier", "-1"}}), "dev/?/?");
  EXPECT_EQ(of({{"Environment", "dev"}, {"Tier", "9999"}}), "dev/?/?");
  EXPECT_EQ(of({{"Environment", "dev"}, {"Owner", "a"}, {"owner", "b"}}), "?/?/?") << "owners have no stricter one";
}

TEST_F(Labels, WhatNoTagIsAskedForIsTheUpstreams) {
  upstream_.environment = "staging";
  upstream_.tier = 3;
  config_.tier.clear();
  EXPECT_EQ(of({{"Environment", "dev"}}), "dev/3/?");
  EXPECT_EQ(of({{"Environment", "prod"}}), "production/?/?") << "the upstream's tier is that of something else";
  EXPECT_EQ(of({}), "?/?/?");
  config_.tier = {"Tier"};
  config_.environment.clear();
  EXPECT_EQ(of({{"Environment", "prod"}, {"Tier", "2"}}), "staging/2/?");
}

TEST_F(Labels, KeysAreComparedWithoutCase) {
  EXPECT_TRUE(is_label_key(config_, "environment"));
  EXPECT_TRUE(is_label_key(config_, " ENV "));
  EXPECT_TRUE(is_label_key(config_, "owner"));
  EXPECT_FALSE(is_label_key(config_, "Name"));
  EXPECT_FALSE(is_label_key(config_, "Environments"));
}

}  // namespace
}  // namespace countersign::adapters::test
