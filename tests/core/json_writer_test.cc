#include "core/json_writer.h"

#include <gtest/gtest.h>

#include "core/json.h"

namespace countersign {
namespace {

TEST(JsonWriterTest, WritesNestedValues) {
  std::string out;
  JsonWriter w(out);
  w.begin_object()
      .member("a", std::int64_t{-1})
      .key("b")
      .begin_array()
      .value("x")
      .value(true)
      .begin_object()
      .end_object();
  w.end_array().member_if("c", "").strings("d", {"1", "2"}).strings("e", {}).key("f").raw("{\"g\":null}").end_object();
  EXPECT_EQ(out, R"({"a":-1,"b":["x",true,{}],"d":["1","2"],"f":{"g":null}})");
}

TEST(JsonWriterTest, IsCanonical) {
  std::string text;
  for (int c = 0; c < 0x80; ++c) text += static_cast<char>(c);
  text += "\u20ac\U0001F600";
  std::string out;
  JsonWriter(out).value(text);
  EXPECT_EQ(out, canonical_json(Json(text)).value());
}

TEST(JsonWriterTest, BadUtf8BecomesReplacementCharactersAndStaysReadable) {
  for (std::string_view bad : {"\xff", "a\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\xf0\x9f\x98"}) {
    std::string out;
    JsonWriter(out).value(bad);
    Result<Json> parsed = parse_json(out);
    ASSERT_TRUE(parsed) << out;
    EXPECT_NE(parsed->get<std::string>().find("\xEF\xBF\xBD"), std::string::npos);
  }
}

}  // namespace
}  // namespace countersign
