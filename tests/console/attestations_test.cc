// Attestations through the API: found by commit and request, page by page, and shown as they were signed.
#include "api_fixture.h"
#include "audit/attestation_store.h"

namespace countersign::console::test {
namespace {

class AttestationsTest : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    store_ = audit::AttestationStore::open(folder_ / "requests.db").value();  // beside the held requests
    for (const char* request : {"req_1", "req_2", "req_3"}) {
      audit::Attestation attestation;
      attestation.request = request;
      attestation.upstream = "origin";
      attestation.repository = "team/app";
      attestation.refs = {{"refs/heads/main", "", "", "created", {std::string(40, request[4])}}};
      attestation.executed_at = kNow;
      ASSERT_TRUE(store_->add(attestation, std::string(R"({"payload":")") + request + "\"}"));
    }
    ASSERT_TRUE(store_->mark_published("req_2", kNow + 1000));
    Services with_store = services();
    with_store.attestations = store_.get();
    api_ = std::make_unique<AdminApi>(std::move(with_store));
    sam_ = person("sam");
  }

  std::vector<std::string> listed(const std::string& query) {
    std::vector<std::string> out;
    for (const Json& each : json(get("/api/v1/attestations" + query, sam_))["attestations"])
      out.push_back(each["request"].get<std::string>());
    return out;
  }

  std::unique_ptr<audit::AttestationStore> store_;
  std::string sam_;
};

TEST_F(AttestationsTest, AreFoundByCommitAndRequest) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(listed(""), (Names{"req_3", "req_2", "req_1"}));
  EXPECT_EQ(listed("?commit=" + std::string(40, '2')), Names{"req_2"});
  EXPECT_EQ(listed("?commit=" + std::string(40, '2') + "&request=req_1"), Names{});
  EXPECT_EQ(listed("?request=req_1"), Names{"req_1"});
  const Json one = json(get("/api/v1/attestations?request=req_2", sam_))["attestations"][0];
  EXPECT_EQ(one, (Json{{"request", "req_2"},
                       {"upstream", "origin"},
                       {"repository", "team/app"},
                       {"refs", {"refs/heads/main"}},
                       {"commits", 1},
                       {"executed", "2026-11-21T09:30:00.000Z"},
                       {"published", "2026-11-21T09:30:01.000Z"}}));
  EXPECT_TRUE(json(get("/api/v1/attestations?request=req_1", sam_))["attestations"][0]["published"].is_null());
}

TEST_F(AttestationsTest, PagesCoverEachOnce) {
  const Json first = json(get("/api/v1/attestations?limit=2", sam_));
  EXPECT_EQ(first["attestations"].size(), 2U);
  const std::string rest = "?limit=2&before=" + std::to_string(first["before"].get<std::int64_t>());
  EXPECT_EQ(listed(rest), std::vector<std::string>{"req_1"});
  EXPECT_TRUE(json(get("/api/v1/attestations" + rest, sam_))["before"].is_null());
}

TEST_F(AttestationsTest, OneIsShownAsItWasSigned) {
  const Answer answer = get("/api/v1/attestations/req_1", sam_);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.content_type, "application/json");
  EXPECT_EQ(answer.body, R"({"payload":"req_1"})");
  EXPECT_EQ(get("/api/v1/attestations/req_9", sam_).status, 404);
  EXPECT_EQ(code(get("/api/v1/attestations/req_9", sam_)), "attestation.unknown");
}

TEST_F(AttestationsTest, AreForThoseWhoMayAsk) {
  EXPECT_EQ(get("/api/v1/attestations", "").status, 401);
  EXPECT_EQ(get("/api/v1/attestations/req_1", "").status, 401);
  EXPECT_EQ(socket_get("/api/v1/attestations").status, 200);
  EXPECT_EQ(code(get("/api/v1/attestations?comit=x", sam_)), "admin.bad_query");
  EXPECT_EQ(code(get("/api/v1/attestations?limit=0", sam_)), "admin.bad_query");
  EXPECT_EQ(code(get("/api/v1/attestations?before=x", sam_)), "admin.bad_query");
  api_ = std::make_unique<AdminApi>(services());
  EXPECT_EQ(code(get("/api/v1/attestations", sam_)), "attestation.unavailable");
}

}  // namespace
}  // namespace countersign::console::test
