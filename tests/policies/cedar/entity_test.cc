#include "policies/cedar/entity.h"

#include <gtest/gtest.h>

namespace cedar {
namespace {

EntityUid uid(std::string_view id) {
  return EntityUid("T", id);
}
Entity entity(std::string_view id, std::vector<std::string> parents = {}) {
  Entity out{.uid = uid(id)};
  for (const std::string& parent : parents) out.parents.push_back(uid(parent));
  return out;
}
bool is_in(const EntityOverlay& entities, std::string_view child, std::string_view ancestor) {
  const StoredEntity* found = entities.find(uid(child));
  return found != nullptr && found->is_in(uid(ancestor).data());
}

TEST(CedarEntities, AncestorsAreTransitive) {
  auto base =
      Entities::make({entity("a", {"b"}), entity("c", {"missing"}), entity("b", {"c", "d"}), entity("d", {"c"})});
  ASSERT_TRUE(base.has_value());
  EntityOverlay all(*base);
  for (const char* ancestor : {"b", "c", "d", "missing"}) EXPECT_TRUE(is_in(all, "a", ancestor)) << ancestor;
  EXPECT_FALSE(is_in(all, "a", "a"));
  EXPECT_FALSE(is_in(all, "c", "a"));
  EXPECT_EQ(base->find(uid("a"))->ancestors().size(), 4U);
  EXPECT_EQ(base->find(uid("missing")), nullptr);
  EXPECT_EQ(base->find(EntityUid("U", "a")), nullptr);
}

TEST(CedarEntities, CyclesAndDuplicatesAreErrors) {
  EXPECT_EQ(Entities::make({entity("a"), entity("a")}).error().code, "entity.duplicate");
  EXPECT_EQ(Entities::make({entity("a", {"a"})}).error().code, "entity.cycle");
  EXPECT_EQ(Entities::make({entity("a", {"b"}), entity("b", {"c"}), entity("c", {"a"})}).error().code, "entity.cycle");
  EXPECT_EQ(Entities::make({entity("a"), entity("b")}, {.entities = 1}).error().code, "entity.too_many");
}

TEST(CedarEntities, DeepAndWideGraphsNeitherCrashNorExplode) {
  std::vector<Entity> chain;
  for (int i = 0; i < 3000; ++i) chain.push_back(entity(std::to_string(i), {std::to_string(i + 1)}));
  EXPECT_EQ(Entities::make(chain, {.ancestors = 100'000}).error().code, "entity.too_many");
  auto made = Entities::make(chain);
  ASSERT_TRUE(made.has_value());
  EXPECT_TRUE(made->find(uid("0"))->is_in(uid("3000").data()));
  EXPECT_FALSE(made->find(uid("1"))->is_in(uid("0").data()));

  std::vector<Entity> diamonds;  // 2^40 paths
  for (int i = 0; i < 40; ++i) {
    std::string next = std::to_string(i + 1);
    diamonds.push_back(entity(std::to_string(i), {"l" + next, "r" + next}));
    diamonds.push_back(entity("l" + next, {next}));
    diamonds.push_back(entity("r" + next, {next}));
  }
  EXPECT_TRUE(Entities::make(diamonds)->find(uid("0"))->is_in(uid("40").data()));
}

TEST(CedarEntities, ManyWaysToTheSameAncestorsCostAndCountThemOnce) {
  constexpr int kWide = 60;
  std::vector<Entity> all;
  std::vector<std::string> groups;
  std::vector<std::string> middle;
  for (int i = 0; i < kWide; ++i) groups.push_back("g" + std::to_string(i));
  for (int i = 0; i < kWide; ++i) {
    middle.push_back("m" + std::to_string(i));
    all.push_back(entity(middle.back(), groups));
  }
  for (int i = 0; i < kWide; ++i) all.push_back(entity("e" + std::to_string(i), middle));
  // 60 × 60 + 60 × 120 ancestors, met 60 × 60 × 60 times.
  ASSERT_TRUE(Entities::make(all, {.ancestors = 10'800}).has_value());
  auto made = Entities::make(all, {.ancestors = 10'799});
  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error().code, "entity.too_many");
  auto whole = Entities::make(all);
  ASSERT_TRUE(whole.has_value());
  EXPECT_EQ(whole->find(uid("e0"))->ancestors().size(), 120U);
}

TEST(CedarEntities, OverlayAddsAndShadows) {
  auto base = Entities::make({entity("red", {"org"}), entity("alice", {"red"})});
  ASSERT_TRUE(base.has_value());
  EntityOverlay overlay(*base);
  Entity tool = entity("tool", {"red", "new"});
  tool.attributes = RecordBuilder().set("environment", Value::string("production")).build();
  ASSERT_TRUE(overlay.add(tool).has_value());
  EXPECT_TRUE(is_in(overlay, "tool", "red"));
  EXPECT_TRUE(is_in(overlay, "tool", "org"));
  EXPECT_TRUE(is_in(overlay, "tool", "new"));
  EXPECT_EQ(overlay.find(uid("tool"))->attributes().find("environment")->as_string(), "production");
  ASSERT_TRUE(overlay.add(entity("call", {"tool"})).has_value());
  EXPECT_TRUE(is_in(overlay, "call", "org"));

  ASSERT_TRUE(overlay.add(entity("alice", {"blue"})).has_value());  // a leaf may be shadowed
  EXPECT_FALSE(is_in(overlay, "alice", "red"));
  EXPECT_TRUE(is_in(overlay, "alice", "blue"));
  EXPECT_TRUE(base->find(uid("alice"))->is_in(uid("red").data()));
}

TEST(CedarEntities, OverlayRefusesWhatItCouldNotAnswerRightly) {
  auto base = Entities::make({entity("red", {"org"}), entity("alice", {"red"})});
  ASSERT_TRUE(base.has_value());
  EntityOverlay overlay(*base);
  EXPECT_EQ(overlay.add(entity("x", {"x"})).error().code, "entity.cycle");
  EXPECT_EQ(overlay.add(entity("org", {"alice"})).error().code, "entity.cycle");
  EXPECT_EQ(overlay.add(entity("red", {"blue"})).error().code, "entity.order");  // alice's ancestors would change
  EXPECT_EQ(overlay.add(entity("red")).error().code, "entity.order");
  EXPECT_EQ(overlay.add(entity("org", {"world"})).error().code, "entity.order");
  EXPECT_TRUE(overlay.add(entity("red", {"org"})).has_value());  // same parents, new attributes
  EXPECT_EQ(overlay.add(entity("red", {"org"})).error().code, "entity.duplicate");
  ASSERT_TRUE(overlay.add(entity("child", {"late"})).has_value());
  EXPECT_EQ(overlay.add(entity("late", {"org"})).error().code, "entity.order");
  EXPECT_TRUE(overlay.add(entity("late")).has_value());
}

}  // namespace
}  // namespace cedar
