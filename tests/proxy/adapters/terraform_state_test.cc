// What a state says, and what writing one does to another (proxy/adapters/terraform_state.h).
#include "proxy/adapters/terraform_state.h"

#include <gtest/gtest.h>

#include "core/sha256.h"
#include "terraform_states.h"

namespace countersign::adapters::test {
namespace {

using Names = std::vector<std::string>;

FoundState found(const std::string& text) {
  FoundState out{.kind = FoundState::Kind::unreadable, .state = {}, .sha256 = to_hex(sha256(text))};
  if (auto state = read_terraform_state(text)) {
    out.kind = FoundState::Kind::readable;
    out.state = std::move(*state);
  }
  return out;
}

FoundState nothing() {
  return {.kind = FoundState::Kind::absent, .state = {}, .sha256 = {}};
}

std::string with(const std::string& member, const std::string& in_place_of) {
  std::string text = state_json(3, {{"aws_s3_bucket.logs", "logs"}});
  const std::size_t at = text.find(in_place_of);
  if (at == std::string::npos) throw std::logic_error(in_place_of);
  return text.replace(at, in_place_of.size(), member);
}

bool readable(const std::string& text) {
  return read_terraform_state(text).has_value();
}

TEST(TerraformState, KnowsWhatItTracks) {
  auto state = read_terraform_state(state_json(12, {{"aws_db_instance.orders", "db-1"},
                                                    {"module.net.aws_subnet.a[0]", "s-0"},
                                                    {"module.net.aws_subnet.a[1]", "s-1"},
                                                    {"aws_s3_bucket.b[\"eu\"]", "b-eu"}}));
  ASSERT_TRUE(state);
  EXPECT_EQ(state->serial, 12);
  ASSERT_EQ(state->instances.size(), 4U);
  EXPECT_EQ(state->instances[0].resource, "aws_db_instance.orders");
  EXPECT_EQ(state->instances[0].type, "aws_db_instance");
  EXPECT_EQ(state->instances[1].key, "aws_s3_bucket.b[\"eu\"]");
  EXPECT_EQ(state->instances[3].key, "module.net.aws_subnet.a[1]");
  EXPECT_EQ(state->instances[3].resource, "module.net.aws_subnet.a");
}

TEST(TerraformState, IsReadWithoutWhatMayBeLeftOut) {
  EXPECT_TRUE(readable(R"({"version":4,"serial":0,"lineage":"l"})"));
  EXPECT_TRUE(readable(R"({"version":4,"serial":0,"lineage":"l","resources":null,"unknown_member":[{}]})"));
  EXPECT_TRUE(readable(with(R"("mode":"data")", R"("mode":"managed")")));
  EXPECT_TRUE(readable(with(R"("instances":null)", R"("instances":[)" + instance_json("", "logs") + "]")));
}

TEST(TerraformState, HasNoReadingWhereTerraformCouldHaveAnother) {
  EXPECT_FALSE(readable(""));
  EXPECT_FALSE(readable("[]"));
  EXPECT_FALSE(readable(with(R"("version":3)", R"("version":4)")));
  EXPECT_FALSE(readable(with(R"("version":"4")", R"("version":4)")));
  EXPECT_FALSE(readable(with(R"("serial":-1)", R"("serial":3)")));
  EXPECT_FALSE(readable(with(R"("serial":3.5)", R"("serial":3)")));
  EXPECT_FALSE(readable(with(R"("serial":18446744073709551615)", R"("serial":3)")));
  EXPECT_FALSE(readable(with(R"("serial":3,"serial":4)", R"("serial":3)")));
  EXPECT_FALSE(readable(with(R"("serial":3,"Serial":4)", R"("serial":3)")));
  EXPECT_FALSE(
      readable(with("\"serial\":3,\"\xC5\xBF"
                    "erial\":4",
                    R"("serial":3)")));  // ſ folds to s in Go
  EXPECT_FALSE(readable(with(R"("serial":3,"Resources":[])", R"("serial":3)")));
  EXPECT_FALSE(readable(with(R"("lineage":"")", R"("lineage":"c9d4d8a6-343d-e9aa-0e22-b064af4ebdda")")));
  EXPECT_FALSE(readable(with(R"("resources":{},"x":[)", R"("resources":[)")));
  EXPECT_FALSE(readable(with(R"("mode":"managed","Type":"x")", R"("mode":"managed")")));
  EXPECT_FALSE(readable(with(R"("mode":"other")", R"("mode":"managed")")));
  EXPECT_FALSE(readable(with(R"("module":7,"mode":"managed")", R"("mode":"managed")")));
  EXPECT_FALSE(readable(with(R"("Index_key":1,"schema_version":0)", R"("schema_version":0)")));
  EXPECT_FALSE(readable(with(R"("index_key":{},"schema_version":0)", R"("schema_version":0)")));
  EXPECT_FALSE(readable(with(R"("deposed":1,"schema_version":0)", R"("schema_version":0)")));
  EXPECT_FALSE(readable(state_json(1, {{"a.b[0]"}, {"a.b[0]"}})));
  EXPECT_FALSE(readable(state_json(1, {{"a.b"}, {"c.d"}, {"a.b"}})));
}

TEST(TerraformState, BoundsWhatItReads) {
  std::string deep = R"({"version":4,"serial":0,"lineage":"l","outputs":)";
  for (int i = 0; i < 200; ++i) deep += "[";
  for (int i = 0; i < 200; ++i) deep += "]";
  EXPECT_FALSE(readable(deep + "}"));
  std::string values = R"({"version":4,"serial":0,"lineage":"l","outputs":[0)";
  for (int i = 0; i < 1'000'001; ++i) values += ",0";
  EXPECT_FALSE(readable(values + "]}"));
  EXPECT_FALSE(readable(state_json(1, {}) + std::string(kMaxStateBytes, ' ')));
}

TEST(TerraformStateChange, AnOrdinaryApplyIsAWrite) {
  const FoundState before = found(state_json(3, {{"a.b", "1"}}));
  const StateChange change = compare_states(before, found(state_json(4, {{"a.b", "1"}, {"a.c", "2"}})));
  EXPECT_EQ(change.flags, Names{});
  EXPECT_EQ(change.added, 1);
  EXPECT_EQ(change.previous_serial, 3);
  EXPECT_EQ(change.serial, 4);
  EXPECT_EQ(change.resources, 2);
  EXPECT_EQ(effect_of(change, StateLock::none), Effect::write);
}

TEST(TerraformStateChange, TheFirstStateIsAWrite) {
  const StateChange change = compare_states(nothing(), found(state_json(1, {{"a.b", "1"}})));
  EXPECT_EQ(change.flags, Names{"created"});
  EXPECT_EQ(change.previous_serial, 0);
  EXPECT_EQ(effect_of(change, StateLock::none), Effect::write);
}

TEST(TerraformStateChange, LosingResourcesIsDestructionWithoutOnesOwnLock) {
  const FoundState before = found(state_json(3, {{"aws_db_instance.orders", "1"}, {"a.b[0]", "2"}, {"a.b[1]", "3"}}));
  const StateChange change = compare_states(before, found(state_json(4, {{"a.b[1]", "3"}})));
  EXPECT_EQ(change.flags, Names{"resources_lost"});
  EXPECT_EQ(change.lost, 2);
  EXPECT_EQ(change.lost_resources, (Names{"a.b", "aws_db_instance.orders"}));
  EXPECT_EQ(change.lost_types, (Names{"a", "aws_db_instance"}));
  EXPECT_EQ(effect_of(change, StateLock::none), Effect::destroy);
  EXPECT_EQ(effect_of(change, StateLock::own), Effect::write);
}

TEST(TerraformStateChange, AnotherObjectAtTheSameAddressIsALoss) {
  const FoundState before = found(state_json(3, {{"a.b", "1"}}));
  const StateChange change = compare_states(before, found(state_json(4, {{"a.b", "2"}})));
  EXPECT_EQ(change.flags, (Names{"resources_lost", "resources_replaced"}));
  EXPECT_EQ(change.lost_resources, Names{"a.b"});
  EXPECT_EQ(effect_of(change, StateLock::none), Effect::destroy);
}

TEST(TerraformStateChange, WhatMovedIsNotLost) {
  const FoundState before = found(state_json(3, {{"a.b", "1"}, {"a.c", "2"}}));
  EXPECT_EQ(compare_states(before, found(state_json(4, {{"a.c", "2"}, {"module.m.a.b", "1"}}))).lost, 0);
  // Neither under another type, nor two under one, nor where it has been all along.
  EXPECT_EQ(compare_states(before, found(state_json(4, {{"a.c", "2"}, {"z.b", "1"}}))).lost, 1);
  const FoundState twins = found(state_json(3, {{"a.b", "1"}, {"a.c", "1"}}));
  EXPECT_EQ(compare_states(twins, found(state_json(4, {{"a.d", "1"}}))).lost, 1);
  EXPECT_EQ(compare_states(twins, found(state_json(4, {{"a.c", "1"}}))).lost, 1);
  // Without an id nothing tells one from another.
  const FoundState nameless = found(state_json(3, {{"a.b"}}));
  EXPECT_EQ(compare_states(nameless, found(state_json(4, {{"a.d"}}))).lost, 1);
}

TEST(TerraformStateChange, OlderOrForeignStatesAreDestructionEvenUnderOnesOwnLock) {
  const FoundState before = found(state_json(3, {{"a.b", "1"}}));
  for (std::int64_t serial : {0, 2, 3}) {
    const StateChange change = compare_states(before, found(state_json(serial, {{"a.b", "1"}, {"a.c", "2"}})));
    EXPECT_EQ(change.flags, Names{"serial_regression"}) << serial;
    EXPECT_EQ(effect_of(change, StateLock::own), Effect::destroy);
  }
  const StateChange other = compare_states(before, found(state_json(9, {{"a.b", "1"}}, "another-lineage")));
  EXPECT_EQ(other.flags, Names{"lineage_changed"});
  EXPECT_EQ(effect_of(other, StateLock::own), Effect::destroy);
}

TEST(TerraformStateChange, TheSameBytesAgainAreAClientsSecondTry) {
  const FoundState before = found(state_json(3, {{"a.b", "1"}}));
  const StateChange change = compare_states(before, before);
  EXPECT_EQ(change.flags, Names{});
  EXPECT_EQ(effect_of(change, StateLock::none), Effect::write);
}

TEST(TerraformStateChange, WhatCannotBeReadIsDestruction) {
  const FoundState before = found(state_json(3, {{"a.b", "1"}}));
  for (const StateChange& change : {compare_states(before, found("\x01\x02")), compare_states(found("{}"), before),
                                    compare_states(before, FoundState()), compare_states(FoundState(), before)}) {
    EXPECT_TRUE(change.has("opaque"));
    EXPECT_EQ(effect_of(change, StateLock::own), Effect::destroy);
  }
  EXPECT_EQ(effect_of(compare_states(nothing(), found("{}")), StateLock::own), Effect::destroy);
}

TEST(TerraformStateChange, NamesABoundedNumberOfWhatIsLost) {
  std::vector<Tracked> many;
  for (int i = 0; i < 300; ++i) many.push_back({"a.r" + std::to_string(i), std::to_string(i)});
  const StateChange change = compare_states(found(state_json(3, many)), found(state_json(4, {})));
  EXPECT_EQ(change.lost, 300);
  EXPECT_EQ(change.lost_resources.size(), kMostLost);
  EXPECT_EQ(change.unnamed, 100);
}

TEST(TerraformStateChange, ADeletionLosesEverything) {
  const StateChange change = compare_with_nothing(found(state_json(3, {{"a.b", "1"}, {"a.c", "2"}})));
  EXPECT_EQ(change.lost, 2);
  EXPECT_EQ(change.resources, 0);
  EXPECT_EQ(change.previous_serial, 3);
  EXPECT_EQ(change.flags, Names{"resources_lost"});
  EXPECT_EQ(compare_with_nothing(nothing()).lost, 0);
  EXPECT_TRUE(compare_with_nothing(FoundState()).has("opaque"));
}

}  // namespace
}  // namespace countersign::adapters::test
