#include "audit/attestation_store.h"

#include <gtest/gtest.h>

#include "support.h"

namespace countersign::audit {
namespace {

const std::string kFirst(40, 'a');
const std::string kSecond(40, 'b');

Attestation attested(std::string request, std::vector<std::string> commits) {
  Attestation out;
  out.request = std::move(request);
  out.upstream = "origin";
  out.repository = "team/app";
  out.refs = {{"refs/heads/main", "", "", "fast_forward", commits}, {"refs/heads/dev", "", "", "created", commits}};
  out.executed_at = 1'000;
  return out;
}

std::vector<std::string> requests(const Result<std::vector<KeptAttestation>>& rows) {
  std::vector<std::string> out;
  for (const KeptAttestation& row : rows.value()) out.push_back(row.request);
  return out;
}

TEST(AttestationStore, FindsByCommitAndRequestNewestFirst) {
  testing::ScratchFolder folder;
  auto store = AttestationStore::open(folder.path() / "state.db").value();
  ASSERT_TRUE(store->add(attested("req_1", {kFirst}), "one"));
  ASSERT_TRUE(store->add(attested("req_2", {kFirst, kSecond}), "two"));
  EXPECT_EQ(requests(store->list({})), (std::vector<std::string>{"req_2", "req_1"}));
  EXPECT_EQ(requests(store->list({.commit = kFirst})), (std::vector<std::string>{"req_2", "req_1"}));
  EXPECT_EQ(requests(store->list({.commit = kSecond})), std::vector<std::string>{"req_2"});
  EXPECT_EQ(requests(store->list({.commit = kSecond, .request = "req_1"})), std::vector<std::string>{});
  EXPECT_EQ(requests(store->list({.commit = "a"})), std::vector<std::string>{});
  EXPECT_EQ(requests(store->list({.request = "req_1"})), std::vector<std::string>{"req_1"});
  const auto first_page = store->list({.limit = 1}).value();
  ASSERT_EQ(first_page.size(), 1U);
  EXPECT_EQ(requests(store->list({.before = first_page[0].number})), std::vector<std::string>{"req_1"});
  EXPECT_EQ(first_page[0].refs, (std::vector<std::string>{"refs/heads/main", "refs/heads/dev"}));
  EXPECT_EQ(first_page[0].commits, 2U);  // distinct ones
  EXPECT_EQ(store->envelope("req_1").value(), "one");
  EXPECT_EQ(store->envelope("req_3").error().code, "attestation.unknown");
}

TEST(AttestationStore, KeepsOneAttestationARequestForGood) {
  testing::ScratchFolder folder;
  const auto file = folder.path() / "state.db";
  {
    auto store = AttestationStore::open(file).value();
    ASSERT_TRUE(store->add(attested("req_1", {kFirst}), "one"));
    EXPECT_TRUE(store->add(attested("req_1", {kFirst}), "one"));
    EXPECT_EQ(store->add(attested("req_1", {kSecond}), "other").error().code, "attestation.exists");
  }
  auto store = AttestationStore::open(file).value();
  EXPECT_EQ(requests(store->list({})), std::vector<std::string>{"req_1"});
  EXPECT_EQ(requests(store->list({.commit = kSecond})), std::vector<std::string>{});
  EXPECT_EQ(store->envelope("req_1").value(), "one");
}

TEST(AttestationStore, RemembersWhatTheUpstreamHasNotTaken) {
  testing::ScratchFolder folder;
  const auto file = folder.path() / "state.db";
  auto store = AttestationStore::open(file).value();
  for (const char* request : {"req_1", "req_2", "req_3"}) ASSERT_TRUE(store->add(attested(request, {kFirst}), request));
  ASSERT_TRUE(store->mark_published("req_2", 5'000));
  ASSERT_TRUE(store->mark_published("req_2", 9'000));
  EXPECT_EQ(store->mark_published("req_9", 5'000).error().code, "attestation.unknown");
  store = AttestationStore::open(file).value();
  EXPECT_EQ(requests(store->unpublished(10)), (std::vector<std::string>{"req_1", "req_3"}));
  EXPECT_EQ(requests(store->unpublished(1)), std::vector<std::string>{"req_1"});
  EXPECT_EQ(store->list({.request = "req_2"}).value().at(0).published, 5'000);
}

}  // namespace
}  // namespace countersign::audit
