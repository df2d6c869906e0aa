// A decision allocates nothing once the memory it works in has grown: counted at operator new and malloc's door.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "policies/cedar/authorizer.h"
#include "random_set.h"

namespace {

std::atomic<std::size_t> allocations;

void* counted(std::size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* out = std::malloc(bytes == 0 ? 1 : bytes);
  if (out == nullptr) throw std::bad_alloc();
  return out;
}

}  // namespace

void* operator new(std::size_t bytes) {
  return counted(bytes);
}
void* operator new[](std::size_t bytes) {
  return counted(bytes);
}
void operator delete(void* at) noexcept {
  std::free(at);
}
void operator delete[](void* at) noexcept {
  std::free(at);
}
void operator delete(void* at, std::size_t) noexcept {
  std::free(at);
}
void operator delete[](void* at, std::size_t) noexcept {
  std::free(at);
}

namespace cedar {
namespace {

constexpr const char* kPolicies = R"(
permit (principal, action, resource) when { [principal.name, context.name, "x"].contains("x") };
permit (principal, action, resource) when { [[context.n], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, context.n]].contains([context.n]) };
permit (principal, action, resource) when { {a: context.n, b: {c: principal.name}}.b.c == principal.name };
permit (principal, action, resource) when { {a: [context.n]} == {a: [context.n, context.n]} };
permit (principal, action, resource) when { ip(context.address).isInRange(ip("10.0.0.0/8")) };
permit (principal, action, resource) when { ip(context.wide).isIpv6() || ip(context.wide).isLoopback() };
permit (principal, action, resource) when { decimal(context.price).lessThan(decimal("12.5")) };
permit (principal, action, resource) when { datetime(context.day).offset(duration(context.span)) > datetime("2024-01-01") };
permit (principal, action, resource) when { datetime(context.day).toTime().toHours() == 0 };
permit (principal, action, resource) when { context.name like "*long*" && resource.getTag(context.tag) == "v" };
permit (principal, action, resource) when { context.n * context.n + 3 - -context.n >= 0 };
forbid (principal, action, resource) when { context.n + 9223372036854775807 > 0 };
forbid (principal, action, resource) when { -(-9223372036854775807 - context.n) > 0 };
forbid (principal, action, resource) when { resource.an_attribute_that_is_not_there_and_has_a_long_name };
forbid (principal, action, resource) when { context.an_attribute_that_is_not_there_and_has_a_long_name };
forbid (principal, action, resource) when { resource.getTag("a tag that is not there and has a long name") == 1 };
forbid (principal, action, resource) when { Ghost::"an entity that does not exist anywhere".x == 1 };
forbid (principal, action, resource) when { decimal("not a decimal at all, but a long text").lessThan(decimal("1.0")) };
forbid (principal, action, resource) when { ip(context.name).isIpv4() };
forbid (principal, action, resource) when { ip(context.address).isInRange(context.name) };
forbid (principal, action, resource) when { ip(context.address).isInRange() };
forbid (principal, action, resource) when { datetime(context.name) < datetime(context.day) };
forbid (principal, action, resource) when { duration("106751991167d").toDays() > duration(context.name).toDays() };
forbid (principal, action, resource) when { principal < 1 };
forbid (principal, action, resource) when { [resource, principal] in principal };
forbid (principal, action, resource) unless { principal in [resource, context.owner, Team::"red"] };
permit (principal, action, resource) when { context.unknown_thing == 1 };
permit (principal, action, resource) when { [context.unknown_thing].isEmpty() };
permit (principal == User::"alice", action in [Action::"read", Action::"write"], resource is Doc in Folder::"f");
)";

std::size_t allocations_of_round(const PolicySet& set, const std::vector<Request>& requests,
                                 const EntityOverlay& entities, Answer& answer) {
  std::size_t before = allocations.load();
  for (const Request& request : requests) authorize(set, request, entities, answer);
  return allocations.load() - before;
}

TEST(CedarAllocations, TheCounterCounts) {
  std::size_t before = allocations.load();
  std::vector<int> some(100);
  EXPECT_GE(allocations.load(), before + 1) << some.size();
}

TEST(CedarAllocations, NoneInTheSteadyState) {
  auto set = PolicySet::parse(kPolicies);
  ASSERT_TRUE(set.has_value()) << set.error().front().to_text();
  Entity doc{.uid = EntityUid("Doc", "d"), .parents = {EntityUid("Folder", "f")}};
  doc.tags = RecordBuilder().set("t", Value::string("v")).build();
  Entity alice{.uid = EntityUid("User", "alice"), .parents = {EntityUid("Team", "red")}};
  alice.attributes =
      RecordBuilder().set("name", Value::string("alice, of a name too long to be stored inside")).build();
  Entities base = Entities::make({doc, alice}).value();
  EntityOverlay entities(base);
  std::vector<Request> requests;
  for (std::int64_t i = 0; i < 50; ++i) {
    Value context = RecordBuilder()
                        .set("n", Value::integer(i))
                        .set("name", Value::string("a text that is too long to be stored inside"))
                        .set("address", Value::string("10.2.3." + std::to_string(i)))
                        .set("wide", Value::string("2001:db8:1:2:3:4:5:" + std::to_string(i)))
                        .set("price", Value::string(std::to_string(i) + ".2500"))
                        .set("day", Value::string("2024-10-15"))
                        .set("span", Value::string("-1d2h3m4s5ms"))
                        .set("tag", Value::string("t"))
                        .set("owner", Value::entity(EntityUid("User", "bob")))
                        .set("unknown_thing", Value::unknown("context.unknown_thing"))
                        .build();
    Value principal = i % 5 == 0 ? Value::unknown("who, of a name too long to be stored inside")
                                 : Value::entity(EntityUid("User", "alice"));
    requests.emplace_back(std::move(principal), EntityUid("Action", i % 2 == 0 ? "read" : "delete"),
                          Value::entity(EntityUid("Doc", "d")), std::move(context));
  }
  Answer answer;
  EXPECT_GT(allocations_of_round(*set, requests, entities, answer), 0U);  // memory grows once
  EXPECT_EQ(allocations_of_round(*set, requests, entities, answer), 0U);
  EXPECT_GE(answer.satisfied_permits.size(), 9U);
  EXPECT_GE(answer.errored_forbids.size(), 12U);
  EXPECT_GE(answer.maybe_permits.size(), 2U);
}

TEST(CedarAllocations, NoneForRandomSets) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    test::Generator generate(seed);
    auto set = PolicySet::parse(generate.policies(40) + generate.conditional_policies(100));
    ASSERT_TRUE(set.has_value());
    Entities base = Entities::make(generate.entities()).value();
    EntityOverlay entities(base);
    std::vector<Request> requests;
    for (int i = 0; i < 40; ++i) requests.push_back(generate.request());
    Answer answer;
    allocations_of_round(*set, requests, entities, answer);
    EXPECT_EQ(allocations_of_round(*set, requests, entities, answer), 0U) << "seed " << seed;
  }
}

}  // namespace
}  // namespace cedar
