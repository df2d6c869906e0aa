#include "core/id.h"

#include <gtest/gtest.h>

#include <set>

namespace countersign {
namespace {

TEST(Uuid, HasTheFormOfVersion7) {
  std::string id = new_uuid(1'700'000'000'123);
  ASSERT_EQ(id.size(), 36U);
  EXPECT_EQ(id.substr(0, 13), "018bcfe5-687b");
  EXPECT_EQ(id[14], '7');
  EXPECT_NE(std::string("89ab").find(id[19]), std::string::npos);
  for (std::size_t at : {8U, 13U, 18U, 23U}) EXPECT_EQ(id[at], '-');
}

TEST(Uuid, SortsByTimeAndNeverRepeats) {
  EXPECT_LT(new_uuid(1000), new_uuid(1001));
  std::set<std::string> seen;
  for (int i = 0; i < 10'000; ++i) EXPECT_TRUE(seen.insert(new_uuid(5)).second);
}

TEST(ShortId, IsShortAndNeverRepeats) {
  std::set<std::string> seen;
  for (int i = 0; i < 10'000; ++i) {
    std::string id = new_short_id("req_", 1'700'000'000'000);
    ASSERT_EQ(id.size(), 20U);
    EXPECT_TRUE(id.starts_with("req_"));
    EXPECT_EQ(id.find_first_not_of("0123456789abcdefghjkmnpqrstvwxyz", 4), std::string::npos);
    EXPECT_TRUE(seen.insert(id).second);
  }
  EXPECT_LT(new_short_id("", 1'000'000), new_short_id("", 2'000'000));
}

}  // namespace
}  // namespace countersign
