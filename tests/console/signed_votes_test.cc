// Signed votes from end to end: a browser's passkey and a security key on the command line enrol and vote through the
// admin API, and the audit log that this leaves is verified on its own.
#include "api_fixture.h"
#include "audit/verify.h"
#include "cli/signed_vote.h"
#include "cli/vote_check.h"
#include "tests/support/ctap_key.h"

namespace countersign::console::test {
namespace {

class SignedVotesTest : public ApiTest {
 protected:
  static cli::AskPin no_pin() {
    return []() -> Result<Secret> { return Secret(); };
  }
  cli::SecurityKey plug_in() { return cli::SecurityKey(cli::FidoDevice(device_.open())); }

  // What `countersign key enrol` does between sign-in and sign-out.
  void enrol_device(const Browser& browser) {
    Json asked = json(submit(browser, "/api/v1/passkeys/challenge", Json::object()));
    auto challenge = from_base64url(string_or(asked, "challenge", ""));
    auto user = from_base64url(string_or(asked["user"], "id", ""));
    ASSERT_TRUE(challenge && user) << asked.dump();
    std::string client = auth::client_data_json("webauthn.create", *challenge, string_or(asked, "origin", ""));
    auto object = plug_in().create({.relying_party_id = string_or(asked["rp"], "id", ""),
                                    .relying_party_name = string_or(asked["rp"], "name", ""),
                                    .user_id = *user,
                                    .user_name = string_or(asked["user"], "name", ""),
                                    .exclude = asked["exclude"].get<std::vector<std::string>>(),
                                    .client_data = client},
                                   no_pin());
    ASSERT_TRUE(object) << object.error().message;
    Answer added = submit(
        browser, "/api/v1/passkeys",
        {{"name", "blue key"}, {"client_data", to_base64url(as_bytes(client))}, {"attestation_object", *object}});
    ASSERT_EQ(added.status, 201) << added.body;
  }

  // What `countersign approve --sign` does.
  Answer approve_with_device(const std::string& id, const std::string& token) {
    Json request = json(get("/api/v1/requests/" + id, token));
    Json asked = json(post("/api/v1/votes/challenge", token,
                           {{"requests", {id}}, {"decision", "approve"}, {"reason", "agreed"}, {"for", ""}}));
    auto question = cli::question_of(
        {.request = &request, .choice = approvals::Choice::approve, .reason = "agreed", .for_whom = ""}, asked);
    EXPECT_TRUE(question) << question.error().message << asked.dump();
    if (!question) return {};
    cli::SecurityKey key = plug_in();
    auto signature = cli::signed_by(key, *question, no_pin());
    EXPECT_TRUE(signature) << signature.error().message;
    if (!signature) return {};
    return post("/api/v1/requests/" + id + "/approve", token,
                {{"reason", "agreed"},
                 {"for", ""},
                 {"preview_sha256", cli::shown_preview_digest(request)},
                 {"viewed_ms", 1200},
                 {"signature", *signature}});
  }

  struct Verified {
    audit::VerifyReport report;
    cli::VoteCheck::Summary votes;
  };
  Verified verify_log() {
    static_cast<void>(log_->checkpoint());
    cli::VoteCheck check;
    audit::VerifyOptions options;
    options.judge = [&check](const audit::CheckedRecord& record) { return check.judge(record); };
    auto report = audit::verify(log_->folder(), options);
    EXPECT_TRUE(report);
    return {.report = report ? *report : audit::VerifyReport(), .votes = check.summary()};
  }

  testing::CtapKey device_;
};

TEST_F(SignedVotesTest, TheLogProvesThem) {
  std::string first = hold("one");
  std::string second = hold("two");
  std::string third = hold("three");

  // Sam decides two of them with one gesture, in the browser.
  Browser sam = sign_in("sam");
  auto passkey = enrol(sam);
  Json batch = Json::array();
  for (const std::string& id : {first, second}) {
    Json request = json(browse(sam, "/api/v1/requests/" + id));
    EXPECT_EQ(string_or(request, "preview_sha256", ""), cli::shown_preview_digest(request));
    batch.push_back({{"id", id}, {"preview_sha256", request["preview_sha256"]}});
  }
  Answer voted = submit(sam, "/api/v1/votes",
                        {{"requests", batch},
                         {"decision", "approve"},
                         {"reason", "both reviewed"},
                         {"signature", signature(sam, *passkey, {first, second}, "approve", "both reviewed")}});
  ASSERT_EQ(voted.status, 200) << voted.body;

  // Pat enrols a security key and approves on the command line, with a personal token.
  enrol_device(sign_in("pat"));
  std::string pat = person("pat");
  Answer approved = approve_with_device(first, pat);
  ASSERT_EQ(approved.status, 200) << approved.body;
  EXPECT_EQ(string_or(json(approved), "state", ""), "approved");
  EXPECT_EQ(json(approved)["signed"], true);

  // And denies another without signing; Sam's passkey is removed in the end.
  Answer denied = post("/api/v1/requests/" + third + "/deny", pat, {{"reason", "no"}});
  ASSERT_EQ(denied.status, 200) << denied.body;
  Answer removed = submit(sam, "/api/v1/passkeys/" + to_base64url(passkey->id()) + "/remove", Json::object());
  ASSERT_EQ(removed.status, 200) << removed.body;

  Verified verified = verify_log();
  std::string problems;
  for (const audit::Problem& problem : verified.report.problems) problems += problem.text() + "\n";
  EXPECT_TRUE(verified.report.ok()) << problems;
  EXPECT_EQ(verified.votes.text(), "votes: 3 signed by 2 people, 1 unsigned; 1 key enrolled\n");
}

// A burst: the log proves each of its votes by itself, and together they are as many as one signature takes.
TEST_F(SignedVotesTest, OneSignatureOverABurstProvesEachOfItsVotes) {
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < kMostSigned; ++i) {
    ids.push_back(hold("burst-" + std::to_string(i), "builder", {.window = 30'000}));
  }
  Browser sam = sign_in("sam");
  auto passkey = enrol(sam);
  Json list = Json::array();
  for (const std::string& id : ids) list.push_back({{"id", id}, {"fingerprint", queue_->get(id)->fingerprint}});
  const std::string burst = queue_->get(ids[0])->burst;
  Answer voted = submit(sam, "/api/v1/bursts/" + burst + "/approve",
                        {{"requests", list},
                         {"reason", "all read"},
                         {"signature", signature(sam, *passkey, ids, "approve", "all read")}});
  ASSERT_EQ(voted.status, 200) << voted.body;
  Verified verified = verify_log();
  std::string problems;
  for (const audit::Problem& problem : verified.report.problems) problems += problem.text() + "\n";
  EXPECT_TRUE(verified.report.ok()) << problems;
  EXPECT_EQ(verified.votes.verified, kMostSigned);
}

TEST_F(SignedVotesTest, ASignatureIsNotUsedTwice) {
  std::string id = hold("one");
  Browser sam = sign_in("sam");
  auto passkey = enrol(sam);
  Json body = {{"reason", "agreed"}, {"signature", signature(sam, *passkey, {id}, "approve", "agreed")}};
  ASSERT_EQ(submit(sam, "/api/v1/requests/" + id + "/approve", body).status, 200);
  EXPECT_EQ(code(submit(sam, "/api/v1/requests/" + id + "/approve", body)), "approval.signature_invalid");
  Verified verified = verify_log();
  EXPECT_TRUE(verified.report.ok());
  EXPECT_EQ(verified.votes.verified, 1U);
}

}  // namespace
}  // namespace countersign::console::test
