#include "core/http_head.h"

#include <gtest/gtest.h>

#include "core/json.h"

namespace countersign {
namespace {

TEST(HeaderListTest, NamesAreComparedWithoutCase) {
  HeaderList headers;
  headers.add("Content-Type", "a");
  headers.add("content-type", "b");
  headers.add("X", "c");
  EXPECT_EQ(headers.get("CONTENT-TYPE"), "a");
  EXPECT_EQ(headers.count("Content-type"), 2U);
  headers.set("CONTENT-type", "d");
  EXPECT_EQ(headers.count("content-type"), 1U);
  headers.remove("x");
  EXPECT_EQ(headers.get("X"), std::nullopt);
}

TEST(HeaderListTest, OnlyAsciiLettersFold) {
  EXPECT_TRUE(equal_ignoring_case("AZ", "az"));
  EXPECT_FALSE(equal_ignoring_case("[", "{"));
  EXPECT_FALSE(equal_ignoring_case("\xc3\x84", "\xc3\xa4"));
  EXPECT_FALSE(equal_ignoring_case("a", "ab"));
}

TEST(RequestHeadTest, SplitsTheTargetAtTheFirstQuestionMark) {
  RequestHead head{"GET", "/a/b?x=1?y", {}};
  EXPECT_EQ(head.path(), "/a/b");
  EXPECT_EQ(head.query(), "x=1?y");
  head.target = "/a";
  EXPECT_EQ(head.path(), "/a");
  EXPECT_EQ(head.query(), "");
}

TEST(BodyViewTest, CompleteOnlyWhenAllOfItIsInMemory) {
  EXPECT_TRUE((BodyView{3, "", "abc"}.complete()));
  EXPECT_FALSE((BodyView{3, "", ""}.complete()));
  EXPECT_TRUE((BodyView{}.complete()));
}

TEST(Problem, IsJsonWhateverTheMessage) {
  std::string text =
      problem_json(403, {ErrorKind::forbidden, "policy.forbidden", "a \"quoted\"\nreason"}, "\"request\":\"req_1\"");
  Json value = parse_json(text).value();
  EXPECT_EQ(value["code"], "policy.forbidden");
  EXPECT_EQ(value["detail"], "a \"quoted\"\nreason");
  EXPECT_EQ(value["status"], 403);
  EXPECT_EQ(value["title"], "Forbidden");
  EXPECT_EQ(value["request"], "req_1");
}

TEST(Problem, EveryKindHasAnErrorStatus) {
  for (int kind = 0; kind <= static_cast<int>(ErrorKind::internal); ++kind) {
    int status = http_status(static_cast<ErrorKind>(kind));
    EXPECT_GE(status, 400);
    EXPECT_NE(reason_phrase(status), "Status");
  }
}

}  // namespace
}  // namespace countersign
