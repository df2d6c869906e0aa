#include "approvals/statement.h"

#include <gtest/gtest.h>

#include <random>

#include "core/json.h"
#include "tests/approvals/fixture.h"

namespace countersign::approvals {
namespace {

using test::code_of;

// Text and digest computed by another implementation (Python's json and hashlib).
constexpr std::string_view kText =
    R"({"by":"bob","decision":"approve","expires":"2026-11-21T09:35:00.000Z","for":"",)"
    R"("nonce":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",)"
    R"("reason_sha256":"49fcfc2a61832158d0de3e1ca2308f2e71e62ae7a497a3976f16a36fb2f53379",)"
    R"("requests":[{"documentation_sha256":"","expires":"2026-11-21T13:30:00.000Z",)"
    R"("fingerprint":"abababababababababababababababababababababababababababababababab","grant_sha256":"","id":"req_1",)"
    R"("preview_sha256":"cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",)"
    R"("stages":["production-change/platform"]}],"type":"countersign/vote/v1"})";
constexpr std::string_view kDigest = "5a912b68b35a28c41ee829adb7122eb88837ec9aa2897223598ee8ee9996868a";

Statement example() {
  Bytes nonce(32);
  for (std::size_t i = 0; i < nonce.size(); ++i) nonce[i] = static_cast<std::uint8_t>(i);
  Statement statement;
  statement.by = "bob";
  statement.decision = Choice::approve;
  statement.reason_sha256 = to_hex(sha256("looks fine"));
  statement.nonce = to_base64url(nonce);
  statement.expires = parse_time("2026-11-21T09:35:00Z").value();
  statement.requests = {{.id = "req_1",
                         .fingerprint = to_hex(Bytes(32, 0xab)),
                         .preview_sha256 = to_hex(Bytes(32, 0xcd)),
                         .documentation_sha256 = "",
                         .grant_sha256 = "",
                         .stages = {"production-change/platform"},
                         .expires = parse_time("2026-11-21T13:30:00Z").value()}};
  return statement;
}

std::string changed(std::string_view from, std::string_view to) {
  std::string out(kText);
  const std::size_t at = out.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return out.replace(at, from.size(), to);
}

TEST(Statements, HaveOneTextAndItsDigestIsTheChallenge) {
  EXPECT_EQ(text(example()), kText);
  EXPECT_EQ(to_hex(challenge_of(kText)), kDigest);
  Result<Statement> back = parse_statement(kText);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, example());
}

TEST(Statements, OfEveryShapeComeBackAsTheyWere) {
  std::mt19937_64 random(7);  // NOLINT: the same numbers each time
  auto digest = [&] { return to_hex(sha256(std::to_string(random()))); };
  for (int i = 0; i < 300; ++i) {
    Statement statement = example();
    statement.decision = random() % 2 == 0 ? Choice::approve : Choice::deny;
    statement.by = random() % 2 == 0 ? "bob" : "bö\"b\\\n\x01";
    statement.for_whom = random() % 2 == 0 ? "" : "anna";
    statement.expires = static_cast<TimeMs>(random() % 4'000'000'000'000);
    statement.requests.clear();
    for (std::uint64_t j = 0; j <= random() % 100; ++j) {
      StatedRequest request{.id = "req_" + std::to_string(j),
                            .fingerprint = digest(),
                            .preview_sha256 = digest(),
                            .documentation_sha256 = random() % 2 == 0 ? "" : digest(),
                            .grant_sha256 = random() % 2 == 0 ? "" : digest(),
                            .stages = {},
                            .expires = static_cast<TimeMs>(random() % 4'000'000'000'000)};
      for (std::uint64_t k = 0; k <= random() % 3; ++k) request.stages.push_back("rule/stage " + std::to_string(k));
      statement.requests.push_back(std::move(request));
    }
    const std::string written = text(statement);
    Result<Statement> back = parse_statement(written);
    ASSERT_TRUE(back) << back.error().message << written;
    EXPECT_EQ(*back, statement);
    EXPECT_EQ(text(*back), written);
  }
}

TEST(Statements, DifferWhereverTheyDiffer) {
  const std::string before = text(example());
  auto differs = [&](auto change) {
    Statement statement = example();
    change(statement);
    return text(statement) != before;
  };
  EXPECT_TRUE(differs([](Statement& s) { s.by = "carol"; }));
  EXPECT_TRUE(differs([](Statement& s) { s.for_whom = "anna"; }));
  EXPECT_TRUE(differs([](Statement& s) { s.decision = Choice::deny; }));
  EXPECT_TRUE(differs([](Statement& s) { s.reason_sha256 = to_hex(sha256("")); }));
  EXPECT_TRUE(differs([](Statement& s) { s.nonce = to_base64url(Bytes(32, 1)); }));
  EXPECT_TRUE(differs([](Statement& s) { s.expires += 1; }));
  EXPECT_TRUE(differs([](Statement& s) { s.requests[0].id = "req_2"; }));
  EXPECT_TRUE(differs([](Statement& s) { s.requests[0].fingerprint = to_hex(sha256("")); }));
  EXPECT_TRUE(differs([](Statement& s) { s.requests[0].preview_sha256 = to_hex(sha256("")); }));
  EXPECT_TRUE(differs([](Statement& s) { s.requests[0].documentation_sha256 = to_hex(sha256("")); }));
  EXPECT_TRUE(differs([](Statement& s) { s.requests[0].grant_sha256 = to_hex(sha256("")); }));
  EXPECT_TRUE(differs([](Statement& s) { s.requests[0].stages[0] = "production-change/director"; }));
  EXPECT_TRUE(differs([](Statement& s) { s.requests[0].expires += 1; }));
}

TEST(Statements, InAnotherSpellingAreRefused) {
  for (const std::string& bad : {
           std::string(),
           std::string("null"),
           std::string("[]"),
           std::string("{}"),
           " " + std::string(kText),
           std::string(kText) + "\n",
           changed(R"("by":"bob","decision":"approve")", R"("decision":"approve","by":"bob")"),
           changed(R"("by":"bob")", R"("by":"bob","by":"eve")"),
           changed(R"("by":"bob")", R"("by":"bob","also":"eve")"),
           changed(R"("by":"bob")", "\"by\":\"\\u0062ob\""),
           changed(R"("by":"bob")", R"("by":"")"),
           changed(R"("by":"bob")", R"("by":3)"),
           changed(R"("for":"",)", ""),
           changed(R"("for":"")", R"("for":null)"),
           changed("approve", "Approve"),
           changed("approve", "maybe"),
           changed("v1", "v2"),
           changed("09:35:00.000Z", "09:35:00Z"),
           changed("09:35:00.000Z", "09:35:00.000+00:00"),
           changed("AAEC", "AAE"),
           changed("AAEC", "AA+C"),
           changed("49fc", "49FC"),
           changed("49fc", "49f"),
           changed("abab", "abag"),
           changed(R"("grant_sha256":"")", R"("grant_sha256":"x")"),
           changed(R"("preview_sha256":"cdcd)", R"("preview_sha256":"cd)"),
           changed(R"(["production-change/platform"])", "[]"),
           changed(R"(["production-change/platform"])", R"(["production-change"])"),
           changed(R"(["production-change/platform"])", R"(["/platform"])"),
           changed(R"(["production-change/platform"])", R"(["production-change/platform",3])"),
           changed(R"("id":"req_1")", R"("id":"")"),
           changed(R"("id":"req_1")", R"("id":"req_1","extra":1)"),
           changed(R"("requests":[{)", R"("requests":[[],{)"),
       }) {
    EXPECT_EQ(code_of(parse_statement(bad)), "statement.malformed") << bad;
  }
}

TEST(Statements, HaveLimits) {
  Statement statement = example();
  statement.requests.clear();
  EXPECT_EQ(code_of(parse_statement(text(statement))), "statement.malformed");
  for (int i = 0; i < 100; ++i) {
    statement.requests.push_back(example().requests[0]);
    statement.requests.back().id = "req_" + std::to_string(i);
  }
  EXPECT_EQ(code_of(parse_statement(text(statement))), "");
  Statement twice = statement;
  twice.requests[99].id = "req_0";
  EXPECT_EQ(code_of(parse_statement(text(twice))), "statement.malformed");
  statement.requests.push_back(example().requests[0]);
  EXPECT_EQ(code_of(parse_statement(text(statement))), "statement.malformed");
  statement = example();
  statement.requests[0].stages.assign(101, "a/b");
  EXPECT_EQ(code_of(parse_statement(text(statement))), "statement.malformed");
  statement = example();
  statement.by = std::string(201, 'b');
  EXPECT_EQ(code_of(parse_statement(text(statement))), "statement.malformed");
  EXPECT_EQ(code_of(parse_statement(std::string(kMostStatementBytes + 1, ' '))), "statement.too_large");
  EXPECT_EQ(code_of(parse_statement(std::string(100'000, '['))), "statement.malformed");
  statement = example();
  statement.by = "\xff";
  EXPECT_EQ(text(statement), "");
}

}  // namespace
}  // namespace countersign::approvals
