// Real logs with enrolments and votes, verified from their files; then each way to forge one.
#include "cli/vote_check.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <functional>
#include <future>

#include "audit/log.h"
#include "audit/verify.h"
#include "core/sha256.h"
#include "tests/support/soft_key.h"

namespace countersign::cli {
namespace {

namespace fs = std::filesystem;
using approvals::Choice;
using countersign::testing::SoftKey;

constexpr TimeMs kStart = 1'795'000'000'000;
constexpr std::string_view kOrigin = "http://localhost:8701";

std::string digest(std::string_view text) {
  return to_hex(sha256(text));
}

struct Verdict {
  audit::VerifyReport report;
  VoteCheck::Summary votes;

  [[nodiscard]] std::string problems() const {
    std::string out;
    for (const audit::Problem& problem : report.problems)
      out += std::to_string(problem.seq.value_or(0)) + ": " + problem.what + "\n";
    return out;
  }
};

// Collects records, then writes them to a log in a folder of its own and verifies that.
class VoteCheckTest : public ::testing::Test {
 protected:
  VoteCheckTest() {
    fs::path parent = ::access("/dev/shm", W_OK) == 0 ? fs::path("/dev/shm") : fs::temp_directory_path();
    std::string pattern = (parent / "countersign-votes-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~VoteCheckTest() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }

  static audit::Entry key_record(std::string_view action, std::string_view person, const SoftKey& key) {
    audit::Entry entry;
    entry.phase = audit::Phase::admin;
    entry.protocol = "admin";
    entry.action = action;
    entry.actor = person;
    entry.detail = canonical_json(Json{{"credential", to_base64url(key.id())},
                                       {"origin", kOrigin},
                                       {"public_key", to_base64url(key.public_key())},
                                       {"rp_id", key.relying_party_id}})
                       .value();
    return entry;
  }
  void enrol(std::string_view person, const SoftKey& key) {
    records_.push_back(key_record("passkey:enrol", person, key));
  }
  void remove(std::string_view person, const SoftKey& key) {
    records_.push_back(key_record("passkey:remove", person, key));
  }

  static approvals::Statement statement_of(std::string_view person, Choice decision,
                                           const std::vector<std::string>& requests) {
    approvals::Statement out{.by = std::string(person),
                             .for_whom = "",
                             .decision = decision,
                             .reason_sha256 = digest("looks right"),
                             .nonce = to_base64url(random_bytes(32)),
                             .expires = kStart + 5 * 60'000,
                             .requests = {}};
    for (const std::string& id : requests) {
      out.requests.push_back({.id = id,
                              .fingerprint = digest("operation of " + id),
                              .preview_sha256 = digest("preview of " + id),
                              .documentation_sha256 = "",
                              .grant_sha256 = "",
                              .stages = {"production-change/platform"},
                              .expires = kStart + 3'600'000});
    }
    return out;
  }
  static std::string sign(const approvals::Statement& statement, SoftKey& key) {
    std::string text = approvals::text(statement);
    return auth::signed_text_json({.statement = text, .assertion = key.get(approvals::challenge_of(text), kOrigin)});
  }
  static audit::Entry vote_record(std::string_view person, Choice decision, const std::string& request,
                                  std::string signature) {
    audit::Entry entry;
    entry.phase = audit::Phase::approval;
    entry.protocol = "admin";
    entry.action = decision == Choice::approve ? "approval:approve" : "approval:deny";
    entry.actor = person;
    entry.request = request;
    entry.fingerprint = digest("operation of " + request);
    entry.comment = "looks right";
    entry.signature = std::move(signature);
    return entry;
  }
  audit::Entry& vote(std::string_view person, Choice decision, const std::string& request, SoftKey& key) {
    return records_.emplace_back(
        vote_record(person, decision, request, sign(statement_of(person, decision, {request}), key)));
  }

  Verdict verify(TimeMs at = kStart + 1000) {
    ManualClock clock(at);
    fs::path log_folder = folder_ / ("log" + std::to_string(++logs_));
    {
      audit::Options options;
      options.origin = "example.com/audit";
      options.reserve_bytes = 0;
      options.heartbeat_interval = std::chrono::milliseconds(0);
      auto key = audit::SigningKey::load_or_create(folder_ / "key.pem");
      auto log = audit::Log::open(log_folder, options, std::move(key.value()), clock);
      if (!log) std::abort();
      for (const audit::Entry& record : records_) {
        std::promise<bool> done;
        (*log)->append(record, [&done](Result<audit::Receipt> receipt) { done.set_value(receipt.has_value()); });
        EXPECT_TRUE(done.get_future().get());
        clock.advance(step_);
      }
    }
    VoteCheck check;
    audit::VerifyOptions verify_options;
    verify_options.judge = [&check](const audit::CheckedRecord& record) { return check.judge(record); };
    auto report = audit::verify(log_folder, verify_options);
    if (!report) std::abort();
    return {.report = std::move(*report), .votes = check.summary()};
  }

  std::vector<audit::Entry> records_;
  TimeMs step_ = 0;  // between two records
  SoftKey maria_{auth::CoseAlgorithm::es256};
  SoftKey bob_{auth::CoseAlgorithm::eddsa};

 private:
  fs::path folder_;
  int logs_ = 0;
};

TEST_F(VoteCheckTest, SignedVotesAreVerified) {
  SoftKey windows(auth::CoseAlgorithm::rs256);
  enrol("maria", maria_);
  enrol("bob", bob_);
  enrol("bob", windows);
  vote("maria", Choice::approve, "req_1", maria_);
  vote("bob", Choice::deny, "req_1", bob_);
  vote("bob", Choice::approve, "req_2", windows);
  records_.push_back(vote_record("ada", Choice::approve, "req_2", ""));
  remove("maria", maria_);
  enrol("maria", maria_);  // again: the same device may be enrolled anew
  vote("maria", Choice::approve, "req_3", maria_);
  remove("administrator", windows);
  Verdict verdict = verify();
  EXPECT_TRUE(verdict.report.ok()) << verdict.problems();
  EXPECT_EQ(verdict.votes.text(), "votes: 4 signed by 2 people, 1 unsigned; 2 keys enrolled\n");
  EXPECT_EQ(verdict.votes.json(), (Json{{"signed", 4}, {"people", 2}, {"unsigned", 1}, {"bad", 0}, {"keys", 2}}));
}

TEST_F(VoteCheckTest, ALogWithoutVotesSaysSo) {
  Verdict verdict = verify();
  EXPECT_TRUE(verdict.report.ok());
  EXPECT_EQ(verdict.votes.text(), "votes: 0 signed, 0 unsigned; 0 keys enrolled\n");
}

TEST_F(VoteCheckTest, OneGestureDecidesABatchOnceEach) {
  enrol("maria", maria_);
  std::string signature = sign(statement_of("maria", Choice::approve, {"req_1", "req_2", "req_3"}), maria_);
  for (std::string id : {"req_1", "req_3", "req_2"})
    records_.push_back(vote_record("maria", Choice::approve, id, signature));
  Verdict good = verify();
  EXPECT_TRUE(good.report.ok()) << good.problems();
  EXPECT_EQ(good.votes.verified, 3U);
  records_.push_back(vote_record("maria", Choice::approve, "req_3", signature));
  EXPECT_EQ(verify().problems(), "4: is a vote whose signature was used for this request before\n");
  records_.back() = vote_record("maria", Choice::approve, "req_4", signature);
  EXPECT_EQ(verify().problems(), "4: is a vote on req_4, which its statement is not about\n");
}

TEST_F(VoteCheckTest, ABigBatchFitsItsRecords) {
  enrol("maria", maria_);
  std::vector<std::string> ids;
  for (int i = 0; i < 80; ++i) ids.push_back("req_" + std::string(22, 'x') + std::to_string(1000 + i));
  std::string signature = sign(statement_of("maria", Choice::approve, ids), maria_);
  ASSERT_TRUE(audit::signature_fits(signature));
  audit::Entry entry = vote_record("maria", Choice::approve, ids[79], signature);
  entry.comment = "looks right";
  entry.resources = std::vector<std::string>(2000, "Ref::refs/heads/main");
  records_.push_back(entry);
  Verdict verdict = verify();
  EXPECT_TRUE(verdict.report.ok()) << verdict.problems();
  EXPECT_EQ(verdict.votes.verified, 1U);
}

TEST_F(VoteCheckTest, AShortenedReasonIsKnownByItsDigest) {
  enrol("maria", maria_);
  std::string reason(40'000, 'r');
  approvals::Statement statement = statement_of("maria", Choice::approve, {"req_1"});
  statement.reason_sha256 = digest(reason);
  audit::Entry entry = vote_record("maria", Choice::approve, "req_1", sign(statement, maria_));
  entry.comment = reason;
  entry.detail = std::string(40'000, 'd');
  records_.push_back(entry);
  Verdict verdict = verify();
  EXPECT_TRUE(verdict.report.ok()) << verdict.problems();
  records_.back().comment.back() = 'R';
  EXPECT_EQ(verify().problems(), "1: is a vote with another reason than the one that was signed\n");
}

TEST_F(VoteCheckTest, AVoteIsWhatWasSigned) {
  struct Case {
    std::string_view name;
    std::function<void(audit::Entry&)> forge;
    std::string_view problem;
  };
  const std::vector<Case> cases = {
      {"another person", [](audit::Entry& e) { e.actor = "bob"; }, "1: is a vote of bob with a statement of maria\n"},
      {"nobody", [](audit::Entry& e) { e.actor.clear(); }, "1: is a vote of nobody with a statement of maria\n"},
      {"another decision", [](audit::Entry& e) { e.action = "approval:deny"; },
       "1: is a vote to deny with a statement to approve\n"},
      {"another reason", [](audit::Entry& e) { e.comment = "whatever"; },
       "1: is a vote with another reason than the one that was signed\n"},
      {"no reason", [](audit::Entry& e) { e.comment.clear(); },
       "1: is a vote with another reason than the one that was signed\n"},
      {"another request", [](audit::Entry& e) { e.request = "req_2"; },
       "1: is a vote on req_2, which its statement is not about\n"},
      {"another operation", [](audit::Entry& e) { e.fingerprint = digest("operation of req_2"); },
       "1: is a vote on req_1 whose statement is about another operation: the fingerprints differ\n"},
      {"no operation", [](audit::Entry& e) { e.fingerprint.clear(); },
       "1: is a vote on req_1 whose statement is about another operation: the fingerprints differ\n"},
      {"another's place", [](audit::Entry& e) { e.detail = R"({"for":"alice"})"; },
       "1: is a vote in another person's place than the one that was signed for\n"},
      {"another preview", [](audit::Entry& e) { e.detail = R"({"preview_sha256":"00"})"; },
       "1: is a vote on another preview than the one that was signed\n"},
      {"another grant", [](audit::Entry& e) { e.detail = R"({"grant":"00"})"; },
       "1: is a vote for another grant than the one that was signed for\n"},
      {"not a vote", [](audit::Entry& e) { e.action = "approval:cancel"; }, "1: has a signature and is no vote\n"},
      {"another phase", [](audit::Entry& e) { e.phase = audit::Phase::admin; }, "1: has a signature and is no vote\n"},
      {"no JSON", [](audit::Entry& e) { e.signature = "signed"; },
       "1: is a vote whose signature cannot be read: the text is not valid JSON\n"},
      {"other members", [](audit::Entry& e) { e.signature = "{}"; },
       "1: is a vote whose signature cannot be read: a signature needs `statement`\n"},
      {"another spelling", [](audit::Entry& e) { e.signature = " " + e.signature; },
       "1: is a vote whose signature is not in canonical form\n"},
  };
  for (const Case& each : cases) {
    records_.clear();
    enrol("maria", maria_);
    each.forge(vote("maria", Choice::approve, "req_1", maria_));
    Verdict verdict = verify();
    if (each.name == "no JSON") {
      EXPECT_TRUE(verdict.problems().starts_with("1: is a vote whose signature cannot be read: ")) << each.name;
    } else {
      EXPECT_EQ(verdict.problems(), each.problem) << each.name;
    }
    EXPECT_FALSE(verdict.report.ok());
    EXPECT_EQ(verdict.votes.verified, 0U);
  }
}

// The record and the statement are made to agree: then the signature does not.
TEST_F(VoteCheckTest, AStatementIsWhatTheKeySigned) {
  struct Case {
    std::string_view name;
    std::function<void(approvals::Statement&, audit::Entry&)> forge;
  };
  const std::vector<Case> cases = {
      {"decision",
       [](approvals::Statement& s, audit::Entry& e) {
         s.decision = Choice::deny;
         e.action = "approval:deny";
       }},
      {"request", [](approvals::Statement& s, audit::Entry& e) { s.requests[0].id = e.request = "req_2"; }},
      {"operation",
       [](approvals::Statement& s, audit::Entry& e) { s.requests[0].fingerprint = e.fingerprint = digest("other"); }},
      {"reason",
       [](approvals::Statement& s, audit::Entry& e) {
         s.reason_sha256 = digest("other");
         e.comment = "other";
       }},
      {"preview", [](approvals::Statement& s, audit::Entry&) { s.requests[0].preview_sha256 = digest("other"); }},
      {"documentation",
       [](approvals::Statement& s, audit::Entry&) { s.requests[0].documentation_sha256 = digest("other"); }},
      {"grant", [](approvals::Statement& s, audit::Entry&) { s.requests[0].grant_sha256 = digest("other"); }},
      {"stage", [](approvals::Statement& s, audit::Entry&) { s.requests[0].stages = {"other/stage"}; }},
      {"expiry", [](approvals::Statement& s, audit::Entry&) { s.expires += 1; }},
      {"nonce", [](approvals::Statement& s, audit::Entry&) { s.nonce = to_base64url(Bytes(32, 1)); }},
      {"for", [](approvals::Statement& s, audit::Entry&) { s.for_whom = "alice"; }},
      {"one more request",
       [](approvals::Statement& s, audit::Entry&) {
         s.requests.push_back(s.requests[0]);
         s.requests[1].id = "req_9";
       }},
  };
  for (const Case& each : cases) {
    records_.clear();
    enrol("maria", maria_);
    approvals::Statement statement = statement_of("maria", Choice::approve, {"req_1"});
    audit::Entry entry = vote_record("maria", Choice::approve, "req_1", sign(statement, maria_));
    auto signed_text = auth::signed_text_from_json(parse_json(entry.signature).value()).value();
    each.forge(statement, entry);
    signed_text.statement = approvals::text(statement);
    entry.signature = auth::signed_text_json(signed_text);
    records_.push_back(entry);
    EXPECT_EQ(verify().problems(),
              "1: is a vote whose signature is not good: the answer is to another challenge (webauthn.challenge)\n")
        << each.name;
  }
}

TEST_F(VoteCheckTest, OnlyKeysOfThatPersonAtThatTimeCount) {
  enrol("bob", bob_);
  vote("maria", Choice::approve, "req_1", maria_);
  EXPECT_EQ(verify().problems(), "1: is a vote signed with a key that was never enrolled\n");

  records_.clear();
  vote("maria", Choice::approve, "req_1", maria_);
  enrol("maria", maria_);
  EXPECT_EQ(verify().problems(), "0: is a vote signed with a key that was never enrolled\n");

  records_.clear();
  enrol("bob", bob_);
  vote("maria", Choice::approve, "req_1", bob_);
  EXPECT_EQ(verify().problems(), "1: is a vote of maria signed with a key of bob\n");

  records_.clear();
  enrol("maria", maria_);
  remove("maria", maria_);
  vote("maria", Choice::approve, "req_1", maria_);
  EXPECT_TRUE(verify().report.ok());  // was under way when the key was removed
  step_ = 61'000;
  Verdict removed = verify();
  EXPECT_EQ(removed.problems(), "2: is a vote signed with a key that was removed in record 1\n");
  EXPECT_EQ(removed.votes.bad, 1U);
  EXPECT_TRUE(removed.votes.text().starts_with("votes: 0 signed, 0 unsigned, 1 with a signature that proves nothing"));

  step_ = 0;

  // The key's name of one person with the signature of another key.
  records_.clear();
  enrol("maria", maria_);
  auto text =
      auth::signed_text_from_json(parse_json(sign(statement_of("maria", Choice::approve, {"req_1"}), bob_)).value())
          .value();
  text.assertion.credential = to_base64url(maria_.id());
  records_.push_back(vote_record("maria", Choice::approve, "req_1", auth::signed_text_json(text)));
  EXPECT_EQ(verify().problems(),
            "1: is a vote whose signature is not good: the signature is not by this key (webauthn.signature)\n");
}

TEST_F(VoteCheckTest, ASignatureMadeElsewhereOrUnverifiedIsNone) {
  auto verdict_of = [&](const std::function<auth::Assertion(const Digest&)>& answer) {
    records_.clear();
    maria_.flags = countersign::testing::kUserPresent | countersign::testing::kUserVerified;
    maria_.relying_party_id = "localhost";
    enrol("maria", maria_);
    std::string text = approvals::text(statement_of("maria", Choice::approve, {"req_1"}));
    records_.push_back(
        vote_record("maria", Choice::approve, "req_1",
                    auth::signed_text_json({.statement = text, .assertion = answer(approvals::challenge_of(text))})));
    std::string problems = verify().problems();
    return problems.substr(std::min(problems.size(), problems.find('(')));
  };
  EXPECT_EQ(verdict_of([&](const Digest& challenge) { return maria_.get(challenge, "http://localhost:9999"); }), "");
  EXPECT_EQ(verdict_of([&](const Digest& challenge) { return maria_.get(challenge, "https://evil.example"); }),
            "(webauthn.origin)\n");
  EXPECT_EQ(verdict_of([&](const Digest& challenge) {
              maria_.relying_party_id = "evil.example";
              return maria_.get(challenge, kOrigin);
            }),
            "(webauthn.relying_party)\n");
  EXPECT_EQ(verdict_of([&](const Digest& challenge) {
              maria_.flags = countersign::testing::kUserPresent;
              return maria_.get(challenge, kOrigin);
            }),
            "(webauthn.user_not_verified)\n");
  EXPECT_EQ(verdict_of([&](const Digest& challenge) {
              return maria_.assertion_over(maria_.assertion_data(),
                                           auth::client_data_json("webauthn.create", challenge, kOrigin));
            }),
            "(webauthn.type)\n");
  EXPECT_EQ(verdict_of([&](const Digest& challenge) {
              auth::Assertion out = maria_.get(challenge, kOrigin);
              out.signature += "AA";
              return out;
            }),
            "(webauthn.signature)\n");
}

TEST_F(VoteCheckTest, NoncesAreUsedOnce) {
  enrol("maria", maria_);
  approvals::Statement first = statement_of("maria", Choice::approve, {"req_1"});
  approvals::Statement second = statement_of("maria", Choice::approve, {"req_2"});
  second.nonce = first.nonce;
  records_.push_back(vote_record("maria", Choice::approve, "req_1", sign(first, maria_)));
  records_.push_back(vote_record("maria", Choice::approve, "req_2", sign(second, maria_)));
  EXPECT_EQ(verify().problems(), "2: is a vote whose nonce was used before, in record 1\n");
  records_[2] = records_[1];
  EXPECT_EQ(verify().problems(), "2: is a vote whose signature was used for this request before\n");
}

TEST_F(VoteCheckTest, VotesAreGivenWhileTheirStatementIsGood) {
  enrol("maria", maria_);
  vote("maria", Choice::approve, "req_1", maria_);
  EXPECT_TRUE(verify(kStart + 5 * 60'000).report.ok());
  EXPECT_EQ(verify(kStart + 7 * 60'000).problems(), "1: is a vote given after its statement had expired\n");
}

TEST_F(VoteCheckTest, EnrolmentsAreReadStrictly) {
  const audit::Entry good = key_record("passkey:enrol", "maria", maria_);
  auto with = [&](const std::function<void(audit::Entry&)>& change) {
    records_ = {good};
    change(records_[0]);
    return verify().problems();
  };
  auto with_member = [&](const std::string& name, const Json& value) {
    return with([&](audit::Entry& e) {
      Json detail = parse_json(e.detail).value();
      detail[name] = value;
      e.detail = canonical_json(detail).value();
    });
  };
  const std::string unreadable = "0: enrols a key in a form that cannot be read\n";
  EXPECT_EQ(with([](audit::Entry&) {}), "");
  EXPECT_EQ(with([](audit::Entry& e) { e.actor.clear(); }), unreadable);
  EXPECT_EQ(with([](audit::Entry& e) { e.detail.clear(); }), unreadable);
  EXPECT_EQ(with([](audit::Entry& e) { e.detail += " "; }), unreadable);
  EXPECT_EQ(with_member("public_key", "AAAA"), unreadable);
  EXPECT_EQ(with_member("public_key", 1), unreadable);
  EXPECT_EQ(with_member("credential", ""), unreadable);
  EXPECT_EQ(with_member("rp_id", ""), unreadable);
  EXPECT_EQ(with_member("origin", ""), unreadable);
  EXPECT_EQ(with_member("more", "x"), unreadable);

  records_ = {good, key_record("passkey:enrol", "mallory", maria_)};
  EXPECT_EQ(verify().problems(), "1: enrols a key that maria has already\n");
  records_ = {key_record("passkey:remove", "maria", maria_)};
  EXPECT_EQ(verify().problems(), "0: removes a key that is not enrolled\n");
  records_ = {good, key_record("passkey:remove", "maria", maria_), key_record("passkey:remove", "maria", maria_)};
  EXPECT_EQ(verify().problems(), "2: removes a key that is not enrolled\n");
}

}  // namespace
}  // namespace countersign::cli
