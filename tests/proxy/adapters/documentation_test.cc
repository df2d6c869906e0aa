#include "proxy/adapters/documentation.h"

#include <gtest/gtest.h>

#include "proxy/adapters/http_fields.h"

namespace countersign::adapters {
namespace {

HeaderList fields(std::initializer_list<std::pair<const char*, const char*>> list) {
  HeaderList out;
  for (const auto& [name, value] : list) out.add(name, value);
  return out;
}

TEST(Documentation, FieldsBecomeTheObjectApproversRead) {
  HeaderList said = fields({{"countersign-intent", "raise the limit"},
                            {"Countersign-Intent", "a second one is not read"},
                            {"Countersign-Ticket", "OPS-7"},
                            {"Countersign-Rollback", "set it back"},
                            {"Countersign-Reference", "https://wiki/limits; updated=2026-10-01"},
                            {"Countersign-Reference", "https://wiki/none"},
                            {"Accept", "text/plain"}});
  EXPECT_EQ(documentation_in_fields(said),
            R"({"intent":"raise the limit","references":[{"updated":"2026-10-01","url":"https://wiki/limits"},)"
            R"({"url":"https://wiki/none"}],"rollback":"set it back","ticket":"OPS-7"})");
}

TEST(Documentation, NothingSaidIsEmpty) {
  EXPECT_EQ(documentation_in_fields(fields({{"X-Intent", "no"}, {"Countersign-Other", "no"}})), "");
  EXPECT_EQ(documentation_in_options({}), "");
}

TEST(Documentation, PushOptionsSayTheSame) {
  const std::vector<std::string> options{"countersign.intent=fix the leak", "ci.skip", "countersign.wait=5",
                                         "countersign.reference=https://wiki/a;b; updated=2026-01-02"};
  EXPECT_EQ(documentation_in_options(options),
            R"({"intent":"fix the leak","references":[{"updated":"2026-01-02","url":"https://wiki/a;b"}]})");
}

TEST(Documentation, BytesThatAreNoTextStopNothing) {
  EXPECT_EQ(documentation_in_fields(fields({{"Countersign-Intent", "\xff"}})), "{\"intent\":\"\xEF\xBF\xBD\"}");
}

TEST(Documentation, ItIsForPeopleAndNeverForwarded) {
  HeaderList out =
      fields_to_forward(fields({{"Countersign-Intent", "x"}, {"COUNTERSIGN-anything", "x"}, {"X-A", "1"}}));
  ASSERT_EQ(out.fields().size(), 1U);
  EXPECT_EQ(out.fields()[0].name, "X-A");
}

}  // namespace
}  // namespace countersign::adapters
