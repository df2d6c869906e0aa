// The command line's way to a security key, through libfido2, with a key made of software in place of the USB device.
#include "cli/security_key.h"

#include <gtest/gtest.h>

#include "approvals/statement.h"
#include "cli/signed_vote.h"
#include "core/sha256.h"
#include "tests/support/ctap_key.h"

namespace countersign::cli {
namespace {

using approvals::Choice;
using countersign::testing::CtapKey;

const auth::RelyingParty kParty{.id = "countersign.example", .origins = {"https://countersign.example"}};

AskPin no_pin() {
  return []() -> Result<Secret> {
    ADD_FAILURE() << "asked for a PIN";
    return Secret();
  };
}

template <class T>
std::string code_of(const Result<T>& result) {
  return result ? "good" : result.error().code;
}

class SecurityKeyTest : public ::testing::Test {
 protected:
  SecurityKey::Creation creation(ByteView challenge) const {
    return {.relying_party_id = kParty.id,
            .relying_party_name = "Countersign",
            .user_id = Bytes(32, 7),
            .user_name = "maria",
            .exclude = {},
            .client_data = auth::client_data_json("webauthn.create", challenge, kParty.origins[0])};
  }
  auth::Passkey enrolled() {
    Bytes challenge = random_bytes(32);
    auto made = creation(challenge);
    auto object = key().create(made, no_pin());
    auto passkey = object
                       ? auth::verify_registration(to_base64url(as_bytes(made.client_data)), *object, kParty, challenge)
                       : Result<auth::Passkey>(fail(object.error()));
    EXPECT_TRUE(passkey) << passkey.error().message;
    return passkey.value_or(auth::Passkey());
  }
  SecurityKey key() { return SecurityKey(FidoDevice(device_.open())); }

  CtapKey device_;
};

TEST_F(SecurityKeyTest, MakesAKeyThatTheServerAccepts) {
  auth::Passkey passkey = enrolled();
  ASSERT_EQ(device_.keys.size(), 1U);
  EXPECT_EQ(passkey.id, to_base64url(device_.keys[0]->id()));
  EXPECT_EQ(device_.asked, std::vector<std::string>{"make countersign.example"});
}

TEST_F(SecurityKeyTest, AnswersWithTheKeyThatIsAllowed) {
  auth::Passkey first = enrolled();
  auth::Passkey second = enrolled();
  Bytes challenge = random_bytes(32);
  std::string client = auth::client_data_json("webauthn.get", challenge, kParty.origins[0]);
  for (const auth::Passkey& passkey : {first, second}) {
    auto answer = key().answer(kParty.id, client, {to_base64url(random_bytes(32)), passkey.id}, no_pin());
    ASSERT_TRUE(answer) << answer.error().message;
    auto facts = auth::verify_assertion(*answer, passkey, kParty, challenge);
    EXPECT_TRUE(facts) << facts.error().message;
  }
  EXPECT_EQ(code_of(key().answer(kParty.id, client, {to_base64url(random_bytes(32))}, no_pin())), "key.unknown");
  EXPECT_EQ(code_of(key().answer("evil.example", client, {first.id}, no_pin())), "key.unknown");
  EXPECT_EQ(code_of(key().answer(kParty.id, client, {}, no_pin())), "key.unknown");
}

TEST_F(SecurityKeyTest, IsNotEnrolledTwice) {
  auth::Passkey passkey = enrolled();
  auto again = creation(random_bytes(32));
  again.exclude = {passkey.id};
  EXPECT_EQ(code_of(key().create(again, no_pin())), "key.known");
  EXPECT_EQ(device_.keys.size(), 1U);
}

TEST_F(SecurityKeyTest, AKeyThatCannotVerifyItsUserIsRefusedBeforeItIsTouched) {
  auth::Passkey passkey = enrolled();
  device_.verifies_user = false;
  device_.asked.clear();
  EXPECT_EQ(code_of(key().create(creation(random_bytes(32)), no_pin())), "key.no_verification");
  EXPECT_EQ(code_of(key().answer(kParty.id, "{}", {passkey.id}, no_pin())), "key.no_verification");
  EXPECT_TRUE(device_.asked.empty());
}

TEST_F(SecurityKeyTest, FailuresAreTold) {
  struct Case {
    std::uint8_t status;
    std::string_view code;
  };
  for (Case each : {Case{0x27, "key.refused"}, Case{0x2f, "key.refused"}, Case{0x2d, "key.refused"},
                    Case{0x31, "key.pin_wrong"}, Case{0x32, "key.pin_blocked"}, Case{0x3c, "key.pin_blocked"},
                    Case{0x36, "key.no_verification"}, Case{0x7f, "key.failed"}, Case{0x12, "key.failed"}}) {
    device_.next_error = each.status;
    EXPECT_EQ(code_of(key().create(creation(random_bytes(32)), no_pin())), each.code) << int{each.status};
    device_.next_error = each.status;
    EXPECT_EQ(code_of(key().answer(kParty.id, "{}", {"AAAA"}, no_pin())), each.code) << int{each.status};
  }
  EXPECT_TRUE(device_.keys.empty());
}

// What the server shows and asks to be signed.
class SignedVoteTest : public SecurityKeyTest {
 protected:
  SignedVoteTest() : passkey_(enrolled()) {
    request_ = {{"id", "req_1"},
                {"fingerprint", to_hex(sha256("operation"))},
                {"documentation", {{"intent", "upgrade"}}},
                {"preview", {{"sentence", "Delete everything"}, {"parts", Json::array()}}}};
    statement_ = {.by = "maria",
                  .for_whom = "",
                  .decision = Choice::approve,
                  .reason_sha256 = to_hex(sha256("agreed")),
                  .nonce = to_base64url(random_bytes(32)),
                  .expires = 1'795'000'300'000,
                  .requests = {{.id = "req_1",
                                .fingerprint = to_hex(sha256("operation")),
                                .preview_sha256 = to_hex(sha256(R"({"parts":[],"sentence":"Delete everything"})")),
                                .documentation_sha256 = to_hex(sha256(R"({"intent":"upgrade"})")),
                                .grant_sha256 = "",
                                .stages = {"rule/stage"},
                                .expires = 1'795'000'900'000}}};
  }
  [[nodiscard]] Json challenge() const {
    // The server's own `challenge` is not what is signed.
    return {{"statement", approvals::text(statement_)},
            {"challenge", to_base64url(random_bytes(32))},
            {"credentials", {passkey_.id}},
            {"rp_id", kParty.id},
            {"origin", kParty.origins[0]},
            {"expires", "2026-11-21T09:35:00.000Z"}};
  }
  [[nodiscard]] Result<Question> question() const {
    return question_of({.request = &request_, .choice = Choice::approve, .reason = "agreed", .for_whom = ""},
                       challenge());
  }

  auth::Passkey passkey_;
  Json request_;
  approvals::Statement statement_;
};

TEST_F(SignedVoteTest, WhatWasShownIsSigned) {
  auto asked = question();
  ASSERT_TRUE(asked) << asked.error().message;
  SecurityKey device = key();
  auto signature = signed_by(device, *asked, no_pin());
  ASSERT_TRUE(signature) << signature.error().message;
  auto read = auth::signed_text_from_json(*signature);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->statement, approvals::text(statement_));
  auto facts =
      auth::verify_assertion(read->assertion, passkey_, kParty, approvals::challenge_of(approvals::text(statement_)));
  EXPECT_TRUE(facts) << facts.error().message;
}

TEST_F(SignedVoteTest, NothingElseIsSigned) {
  const approvals::Statement good = statement_;
  auto with = [&](auto change) {
    statement_ = good;
    change(statement_);
    return code_of(question());
  };
  EXPECT_EQ(with([](approvals::Statement&) {}), "good");
  constexpr std::string_view kOther = "vote.other_statement";
  EXPECT_EQ(with([](approvals::Statement& s) { s.decision = Choice::deny; }), kOther);
  EXPECT_EQ(with([](approvals::Statement& s) { s.reason_sha256 = to_hex(sha256("other")); }), kOther);
  EXPECT_EQ(with([](approvals::Statement& s) { s.for_whom = "alice"; }), kOther);
  EXPECT_EQ(with([](approvals::Statement& s) { s.requests[0].id = "req_2"; }), kOther);
  EXPECT_EQ(with([](approvals::Statement& s) { s.requests[0].fingerprint = to_hex(sha256("other")); }), kOther);
  EXPECT_EQ(with([](approvals::Statement& s) { s.requests[0].preview_sha256 = to_hex(sha256("other")); }), kOther);
  EXPECT_EQ(with([](approvals::Statement& s) { s.requests[0].documentation_sha256 = ""; }), kOther);
  EXPECT_EQ(with([](approvals::Statement& s) { s.requests[0].grant_sha256 = to_hex(sha256("grant")); }), kOther);
  EXPECT_EQ(with([](approvals::Statement& s) {
              s.requests.push_back(s.requests[0]);
              s.requests[1].id = "req_2";
            }),
            kOther);
  // A server that shows one thing and says that it showed another.
  statement_ = good;
  request_["preview"]["sentence"] = "Read everything";
  EXPECT_EQ(code_of(question()), kOther);
}

// A burst: the list that was shown, all of it and nothing besides.
TEST_F(SignedVoteTest, OfSeveralExactlyThoseThatWereShown) {
  Json second = request_;
  second["id"] = "req_second";
  second["fingerprint"] = to_hex(sha256("second"));
  approvals::StatedRequest stated = statement_.requests[0];
  stated.id = "req_second";
  stated.fingerprint = to_hex(sha256("second"));
  statement_.requests.insert(statement_.requests.begin(), stated);  // in whatever order
  const approvals::Statement good = statement_;
  auto ask = [&](std::vector<const Json*> shown) {
    return code_of(question_of(ShownVotes{std::move(shown), Choice::approve, "agreed", ""}, challenge()));
  };
  EXPECT_EQ(ask({&request_, &second}), "good");
  constexpr std::string_view kOther = "vote.other_statement";
  EXPECT_EQ(ask({&request_}), kOther) << "one more than was shown";
  Json third = second;
  third["id"] = "req_third";
  EXPECT_EQ(ask({&request_, &third}), kOther);
  EXPECT_EQ(ask({&request_, &second, &third}), kOther) << "one less";
  EXPECT_EQ(ask({&request_, &request_}), kOther) << "one twice stands for no other";
  statement_.requests[0].fingerprint = statement_.requests[1].fingerprint;
  EXPECT_EQ(ask({&request_, &second}), kOther);
  statement_ = good;
  second["preview"] = {{"sentence", "Read everything"}, {"parts", Json::array()}};
  EXPECT_EQ(ask({&request_, &second}), kOther);
}

TEST_F(SignedVoteTest, AnAnswerThatIsNoneIsNotSigned) {
  for (std::string member : {"statement", "rp_id", "origin", "credentials"}) {
    Json broken = challenge();
    broken.erase(member);
    EXPECT_EQ(code_of(question_of({.request = &request_, .choice = Choice::approve, .reason = "agreed", .for_whom = ""},
                                  broken)),
              "server.unexpected")
        << member;
  }
}

}  // namespace
}  // namespace countersign::cli
