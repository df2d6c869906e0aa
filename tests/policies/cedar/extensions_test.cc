#include "policies/cedar/value.h"

#include <gtest/gtest.h>

namespace cedar {
namespace {

// What to_text writes must read back as the same value.
TEST(CedarExtensions, TextReadsBack) {
  for (const char* text : {"0.0", "-0.0001", "1.5", "922337203685477.5807", "-922337203685477.5808"}) {
    EXPECT_EQ(Decimal::parse(text)->to_text(), text);
  }
  EXPECT_EQ(Decimal::parse("1.5000")->to_text(), "1.5");
  for (const char* text : {"1.2.3.4", "1.2.3.4/0", "0:0:0:0:0:0:0:1", "ffff:0:0:0:0:0:0:0/12"}) {
    EXPECT_EQ(IpAddress::parse(text)->to_text(), text);
  }
  for (const char* text : {"2024-10-15T11:38:02.101Z", "0000-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z",
                           "1969-12-31T23:59:59.999Z", "2000-02-29T00:00:00.000Z"}) {
    EXPECT_EQ(Datetime::parse(text)->to_text(), text);
  }
  EXPECT_EQ((Datetime{INT64_MIN}).to_text(), "-9223372036854775808ms");
  EXPECT_EQ((Duration{INT64_MIN}).to_text(), "-9223372036854775808ms");
  EXPECT_EQ(Duration::parse(Duration{INT64_MIN}.to_text())->milliseconds, INT64_MIN);
}

TEST(CedarValue, RecordsKeepTheLaterOfTwoFields) {
  Value record =
      RecordBuilder().set("b", Value::integer(1)).set("a", Value::integer(2)).set("b", Value::integer(3)).build();
  EXPECT_EQ(record.to_text(), R"({"a": 2, "b": 3})");
  EXPECT_EQ(record.find("b")->as_integer(), 3);
  EXPECT_EQ(record.find("c"), nullptr);
}

TEST(CedarValue, LargeRecordsAndSetsAreSearched) {
  RecordBuilder builder;
  std::vector<Value> elements;
  for (int i = 0; i < 1000; ++i) {
    builder.set("key" + std::to_string(i), Value::integer(i));
    elements.push_back(Value::string("e" + std::to_string(i % 500)));
  }
  Value record = builder.build();
  Value set = Value::set(std::move(elements));
  EXPECT_EQ(set.elements().size(), 500U);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(record.find("key" + std::to_string(i))->as_integer(), i);
  EXPECT_EQ(record.find("key1000"), nullptr);
  EXPECT_TRUE(set.contains(Value::string("e499")));
  EXPECT_FALSE(set.contains(Value::string("e500")));
}

TEST(CedarValue, BorrowedValuesBecomeOwned) {
  Value kept;
  {
    Value original = Value::string("long enough not to be stored in place");
    Value borrowed = original.borrowed();
    EXPECT_FALSE(borrowed.is_owned());
    kept = Value::set({borrowed, Value::integer(1)});
  }
  EXPECT_EQ(kept.to_text(), R"([1, "long enough not to be stored in place"])");
}

TEST(CedarValue, QuotingEscapesControlCharacters) {
  EXPECT_EQ(Value::string(std::string_view("a\"\\\n\r\t\0\x1b\x7f é", 12)).to_text(),
            R"("a\"\\\n\r\t\0\u{1b}\u{7f} é")");
}

}  // namespace
}  // namespace cedar
