// What answers about tags say, and how long it is kept.
#include <gtest/gtest.h>

#include <thread>

#include "aws_tag_fixture.h"
#include "proxy/adapters/aws_tag_cache.h"
#include "proxy/adapters/aws_tag_questions.h"

namespace countersign::adapters::test {
namespace {

// --- answers that lie or say too little ----------------------------------------------------------------------------

std::vector<AwsTagQuestion> about(AwsTagsBy by, const std::vector<std::string>& names) {
  std::vector<AwsTagQuestion> out;
  for (const std::string& name : names) out.push_back({by, "eu-central-1", name});
  return out;
}
std::string states(const std::vector<AwsTagAnswer>& answers) {
  std::string out;
  for (const AwsTagAnswer& each : answers)
    out += each.state == AwsTagAnswer::State::unknown ? '?' : each.state == AwsTagAnswer::State::absent ? '-' : '+';
  return out;
}

TEST(AwsTagAnswers, SayNothingWhenTheyAreCutOffOrUnreadable) {
  const auto two = about(AwsTagsBy::ec2, {"i-1", "i-2"});
  const std::string page =
      "<DescribeTagsResponse><tagSet><item><resourceId>i-1</resourceId><key>env</key><value>dev"
      "</value></item></tagSet>";
  EXPECT_EQ(states(read_tags(two, 200, page + "</DescribeTagsResponse>")), "+-");
  EXPECT_EQ(states(read_tags(two, 200, page + "<nextToken>x</nextToken></DescribeTagsResponse>")), "??");
  EXPECT_EQ(states(read_tags(two, 200, page)), "??");
  EXPECT_EQ(states(read_tags(two, 503, page + "</DescribeTagsResponse>")), "??");
  EXPECT_EQ(states(read_tags(two, 200, "")), "??");
  EXPECT_EQ(states(read_tags(two, 200, "{}")), "??");
  const auto arns = about(AwsTagsBy::tagging, {"arn:a", "arn:b"});
  const std::string list = R"("ResourceTagMappingList":[{"ResourceARN":"arn:a","Tags":[]}])";
  EXPECT_EQ(states(read_tags(arns, 200, "{" + list + "}")), "+-");
  EXPECT_EQ(states(read_tags(arns, 200, R"({"PaginationToken":"x",)" + list + "}")), "+?");
  EXPECT_EQ(states(read_tags(arns, 400, R"({"__type":"ResourceNotFoundException"})")), "??") << "of which one?";
  const auto table = about(AwsTagsBy::dynamodb, {"arn:t"});
  EXPECT_EQ(states(read_tags(table, 200, R"({"Tags":[{"Key":"env","Value":"dev"}],"NextToken":"x"})")), "?");
  EXPECT_EQ(states(read_tags(table, 400, R"({"__type":"x#AccessDeniedException"})")), "?");
  EXPECT_EQ(states(read_tags(table, 500, R"({"__type":"x#ResourceNotFoundException"})")), "?");
  const auto bucket = about(AwsTagsBy::s3, {"b"});
  EXPECT_EQ(states(read_tags(bucket, 403, "<Error><Code>AccessDenied</Code></Error>")), "?");
  EXPECT_EQ(states(read_tags(bucket, 404, "<Error><Code>NoSuchTagSet</Code></Error>")), "+");
  EXPECT_EQ(states(read_tags(bucket, 301, "<Error><Code>PermanentRedirect</Code></Error>")), "?");
  const auto role = about(AwsTagsBy::iam_role, {"r"});
  const std::string roles = "<ListRoleTagsResponse><ListRoleTagsResult><Tags/><IsTruncated>";
  EXPECT_EQ(states(read_tags(role, 200, roles + "true</IsTruncated></ListRoleTagsResult></ListRoleTagsResponse>")),
            "?");
  EXPECT_EQ(states(read_tags(role, 200, roles + "false</IsTruncated></ListRoleTagsResult></ListRoleTagsResponse>")),
            "+");
}

TEST(AwsTagAnswers, AreOnlyOfWhatWasAskedFor) {
  const auto one = about(AwsTagsBy::ec2, {"i-1"});
  const auto answers =
      read_tags(one, 200,
                "<DescribeTagsResponse><tagSet><item><resourceId>i-10</resourceId><key>env</key><value>dev"
                "</value></item></tagSet></DescribeTagsResponse>");
  EXPECT_EQ(states(answers), "-");
}

// --- the cache -----------------------------------------------------------------------------------------------------

AwsThingLabels dev() {
  AwsThingLabels out{AwsThingLabels::State::present, {}};
  out.labels.environment = "dev";
  return out;
}

TEST(AwsTagCacheTest, HasABound) {
  ManualClock clock(0);
  AwsTagCache cache(clock, 60'000, 3);
  for (const char* key : {"a", "b", "c"}) cache.keep(key, dev(), cache.mark());
  EXPECT_TRUE(cache.find("a")) << "asked for now, so it stays";
  cache.keep("d", dev(), cache.mark());
  EXPECT_EQ(cache.size(), 3U);
  EXPECT_TRUE(cache.find("a"));
  EXPECT_FALSE(cache.find("b")) << "the one nobody asked for longest";
  EXPECT_TRUE(cache.find("d"));
}

TEST(AwsTagCacheTest, IsSharedByThreads) {
  ManualClock clock(0);
  AwsTagCache cache(clock, 60'000, 50);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&cache, t] {
      for (int i = 0; i < 2000; ++i) {
        const std::string key = std::to_string((i * (t + 1)) % 97);
        if (auto found = cache.find(key)) {
          EXPECT_EQ(found->labels.environment, "dev");
        }
        cache.keep(key, dev(), cache.mark());
        if (i % 31 == 0) cache.forget(key);
        if (i % 997 == 0) cache.forget_all();
      }
    });
  }
  for (std::thread& each : threads) each.join();
  EXPECT_LE(cache.size(), 50U);
}

TEST(AwsTagCacheTest, AClockThatIsSetBackMakesNothingFresh) {
  ManualClock clock(100'000);
  AwsTagCache cache(clock, 60'000);
  cache.keep("a", dev(), cache.mark());
  clock.advance(-1);
  EXPECT_FALSE(cache.find("a"));
  cache.keep("a", dev(), cache.mark());
  EXPECT_TRUE(cache.find("a"));
  const std::uint64_t mark = cache.mark();
  cache.forget("a");
  EXPECT_FALSE(cache.find("a"));
  cache.keep("a", dev(), mark);
  EXPECT_FALSE(cache.find("a")) << "it was read before it was forgotten";
  cache.keep("b", dev(), cache.mark());
  cache.forget_all();
  EXPECT_EQ(cache.size(), 0U);
}

}  // namespace
}  // namespace countersign::adapters::test
