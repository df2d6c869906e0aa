// DSSE envelopes and statements of approved pushes: the specifications' vectors, round trips, and everything that must
// be refused.
#include "audit/attestation.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "audit/dsse.h"
#include "audit/open_intents.h"
#include "core/json.h"

namespace countersign::audit {
namespace {

const std::string kFirst(40, 'a');
const std::string kSecond(40, 'b');

struct Signer {
  SigningKey key = SigningKey::generate();
  VerifierKey name;

  explicit Signer(std::string_view origin = "gateway.example/log")
      : name(VerifierKey::make(origin, key.public_key()).value()) {}
  [[nodiscard]] std::string seal(std::string_view payload, std::string_view type = kInTotoMediaType) const {
    return sign_envelope(type, payload, name, key);
  }
};

Attestation example() {
  Attestation out;
  out.request = "req_01jd3v9k4t8w2m6x";
  out.agent = "builder";
  out.owner = "alice";
  out.delegates = {"tester"};
  out.upstream = "origin";
  out.repository = "team/app";
  out.refs = {{"refs/heads/main", std::string(40, '1'), kFirst, "fast_forward", {kFirst, kSecond}},
              {"refs/heads/gone", std::string(40, '2'), "", "removed", {}}};
  out.approvals = {{"production-change", "platform", "sam", "senior", 1'763'000'000'000},
                   {"production-change", "director", "pat", "director", 1'763'000'060'123}};
  out.policy_digest = std::string(64, 'c');
  out.fingerprint = std::string(64, 'd');
  out.body_sha256 = std::string(64, 'e');
  out.log = {"gateway.example/log", "0192f0c1-0000-7000-8000-000000000000", 4711, std::string(64, 'f')};
  out.executed_at = 1'763'000'070'000;
  return out;
}

std::string code_of(const auto& result) {
  return result ? "" : result.error().code;
}

// The example's statement with one change to its JSON.
template <class Change>
std::string changed(Change change) {
  Json json = parse_json(statement_text(example()).value()).value();
  change(json);
  return canonical_json(json).value();
}

TEST(Dsse, EncodesAsTheSpecificationSays) {
  EXPECT_EQ(dsse_encoding("http://example.com/HelloWorld", "hello world"),
            "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
  EXPECT_EQ(dsse_encoding("", ""), "DSSEv1 0  0 ");
  // Lengths are of bytes, and no two pairs share an encoding.
  EXPECT_EQ(dsse_encoding("é", "\n"), "DSSEv1 2 é 1 \n");
  EXPECT_NE(dsse_encoding("a b", "c"), dsse_encoding("a", "b c"));
}

TEST(Dsse, ReadsTheSpecificationsEnvelope) {
  auto envelope = parse_envelope(
      R"({"payload": "aGVsbG8gd29ybGQ=", "payloadType": "http://example.com/HelloWorld", "signatures": [{"keyid":
      "66301bbf", "sig":
      "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="}]})");
  ASSERT_TRUE(envelope) << envelope.error().message;
  EXPECT_EQ(envelope->payload, "hello world");
  EXPECT_EQ(envelope->payload_type, "http://example.com/HelloWorld");
  ASSERT_EQ(envelope->signatures.size(), 1U);
  EXPECT_EQ(envelope->signatures[0].keyid, "66301bbf");
  EXPECT_EQ(envelope->signatures[0].signature.size(), 64U);  // ECDSA: another key's, so nothing of ours
  EXPECT_EQ(code_of(check_signatures(*envelope, std::vector{Signer().name})), "dsse.unknown_key");
}

TEST(Dsse, TakesBothSpellingsOfBase64) {
  const Signer signer;
  const std::string payload = "\xfb\xff\xfe?>";  // '+' and '/' in one alphabet, '-' and '_' in the other
  Json json = parse_json(signer.seal(payload)).value();
  for (const bool padded : {true, false}) {
    std::string url = to_base64url(as_bytes(payload));
    if (padded) url.append((4 - url.size() % 4) % 4, '=');
    json["payload"] = url;
    auto envelope = parse_envelope(json.dump());
    ASSERT_TRUE(envelope);
    EXPECT_EQ(envelope->payload, payload);
    EXPECT_TRUE(check_signatures(*envelope, std::vector{signer.name}));
  }
  json["payload"] = "+/-_";
  EXPECT_EQ(code_of(parse_envelope(json.dump())), "dsse.malformed");
}

TEST(Dsse, RefusesWhatIsNoEnvelope) {
  const char* const kBad[] = {
      "",
      "[]",
      "null",
      R"({"payload":"","payloadType":"t"})",
      R"({"payload":"","payloadType":"t","signatures":[]})",
      R"({"payload":"","payloadType":"t","signatures":{}})",
      R"({"payload":1,"payloadType":"t","signatures":[{"keyid":"k","sig":""}]})",
      R"({"payload":"","payloadType":null,"signatures":[{"keyid":"k","sig":""}]})",
      R"({"payload":"%","payloadType":"t","signatures":[{"keyid":"k","sig":""}]})",
      R"({"payload":"","payloadType":"t","signatures":[{"sig":""}]})",
      R"({"payload":"","payloadType":"t","signatures":[{"keyid":"k"}]})",
      R"({"payload":"","payloadType":"t","signatures":[{"keyid":"k","sig":"!"}]})",
      R"({"payload":"","payloadType":"t","signatures":[{"keyid":"k","sig":"","extra":1}]})",
      R"({"payload":"","payloadType":"t","extra":"","signatures":[{"keyid":"k","sig":""}]})",
      R"({"payload":"","payload":"","payloadType":"t","signatures":[{"keyid":"k","sig":""}]})",
      R"({"payload":"","payloadType":"t","signatures":[{"keyid":"k","keyid":"l","sig":""}]})",
      R"({"payload":"","payloadType":"t","signatures":[[[[[[]]]]]]})",
      R"({"payload":"","payloadType":"t","signatures":[{"keyid":"k","sig":""}]} x)",
  };
  for (const char* text : kBad) EXPECT_EQ(code_of(parse_envelope(text)), "dsse.malformed") << text;
  EXPECT_EQ(code_of(parse_envelope(std::string(kMaxEnvelopeBytes + 1, ' '))), "dsse.too_large");
  std::string many = R"({"payload":"","payloadType":"t","signatures":[{"keyid":"k","sig":""})";
  for (std::size_t i = 0; i < kMaxEnvelopeSignatures; ++i) many += R"(,{"keyid":"k","sig":""})";
  EXPECT_EQ(code_of(parse_envelope(many + "]}")), "dsse.too_large");
}

TEST(Dsse, EverySignatureInAKnownNameMustBeGood) {
  const Signer one;
  const Signer two("other.example/log");
  Json json = parse_json(one.seal("body")).value();
  const Json other = parse_json(two.seal("body")).value()["signatures"][0];
  json["signatures"].push_back(other);
  auto both = parse_envelope(json.dump());
  ASSERT_TRUE(both);
  EXPECT_TRUE(check_signatures(*both, std::vector{one.name}));
  EXPECT_TRUE(check_signatures(*both, std::vector{two.name}));
  EXPECT_TRUE(check_signatures(*both, std::vector{two.name, one.name}));

  json["signatures"][1]["sig"] = json["signatures"][0]["sig"];  // one's signature in two's name
  auto mixed = parse_envelope(json.dump());
  EXPECT_TRUE(check_signatures(*mixed, std::vector{one.name}));
  EXPECT_EQ(code_of(check_signatures(*mixed, std::vector{one.name, two.name})), "dsse.signature");
  EXPECT_EQ(code_of(check_signatures(*mixed, {})), "dsse.unknown_key");
}

TEST(Dsse, NotesAndEnvelopesAreNeverTakenForEachOther) {
  const Signer signer;
  const Checkpoint checkpoint{signer.name.name, 7, {}};
  // A checkpoint's signature over an envelope made of its own text, as type or as body.
  const std::string note = sign_note(checkpoint.text(), signer.name, signer.key);
  const std::string tail = note.substr(note.rfind(' ') + 1, note.size() - note.rfind(' ') - 2);
  const Bytes tagged = from_base64(tail).value();
  const std::string signature = to_base64(ByteView(tagged).subspan(4));
  for (const auto& [type, body] :
       {std::pair<std::string, std::string>{checkpoint.text(), ""}, {"", checkpoint.text()}}) {
    const Json json = {{"payload", to_base64(as_bytes(body))},
                       {"payloadType", type},
                       {"signatures", {{{"keyid", keyid_of(signer.name)}, {"sig", signature}}}}};
    auto envelope = parse_envelope(json.dump());
    ASSERT_TRUE(envelope);
    EXPECT_EQ(code_of(check_signatures(*envelope, std::vector{signer.name})), "dsse.signature");
  }
  // And the other way: what an envelope signs is no checkpoint, whatever its type and body are.
  const std::string encoding = dsse_encoding(checkpoint.text(), checkpoint.text());
  EXPECT_TRUE(encoding.starts_with("DSSEv1 "));
  EXPECT_EQ(code_of(open_checkpoint(sign_note(encoding, signer.name, signer.key), signer.name)),
            "audit.checkpoint_malformed");
  EXPECT_EQ(code_of(VerifierKey::make("DSSEv1 29 x", signer.key.public_key())), "audit.origin");
  EXPECT_FALSE(read_position(sign_note(encoding, signer.name, signer.key), signer.name));
}

TEST(Statement, SaysWhatTheSpecificationsAsk) {
  const Json json = parse_json(statement_text(example()).value()).value();
  EXPECT_EQ(json["_type"], "https://in-toto.io/Statement/v1");
  EXPECT_EQ(json["predicateType"], "https://countersign.dev/attestation/approved-push/v1");
  ASSERT_EQ(json["subject"].size(), 2U);
  EXPECT_EQ(json["subject"][0]["name"], "git+origin/team/app@refs/heads/main#" + kFirst);
  EXPECT_EQ(json["subject"][0]["digest"], (Json{{"gitCommit", kFirst}}));
  EXPECT_EQ(json["predicate"]["approvals"][1]["at"], "2025-11-13T02:14:20.123Z");
  EXPECT_EQ(json["predicate"]["log"]["seq"], 4711);
  EXPECT_EQ(json["predicate"]["refs"][1]["new"], "");
}

TEST(Statement, IsReadAsItWasWritten) {
  const std::string text = statement_text(example()).value();
  const Attestation read = parse_statement(text).value();
  EXPECT_EQ(statement_text(read).value(), text);
  EXPECT_EQ(read.refs[0].commits, (std::vector{kFirst, kSecond}));
  EXPECT_EQ(read.approvals[1].by, "pat");
  EXPECT_EQ(read.approvals[1].at, 1'763'000'060'123);
  EXPECT_EQ(read.delegates, std::vector<std::string>{"tester"});
}

TEST(Statement, NamesMayHoldTheMarksOfTheSubject) {
  Attestation odd = example();
  odd.repository = "team/a@b#c";
  odd.refs[0].ref = "refs/heads/x@refs/heads/main#" + kSecond;
  const std::string text = statement_text(odd).value();
  EXPECT_EQ(parse_statement(text).value().refs[0].ref, odd.refs[0].ref);
}

TEST(Statement, MembersOfLaterVersionsArePassedOver) {
  const std::string text = changed([](Json& json) {
    json["later"] = 1;
    json["predicate"]["later"] = {{"a", 1}};
    json["predicate"]["approvals"][0]["later"] = "x";
    json["subject"][0]["digest"]["sha512"] = "00";
  });
  EXPECT_EQ(statement_text(parse_statement(text).value()).value(), statement_text(example()).value());
}

TEST(Statement, WhatSubjectsAndPredicateSayMustAgree) {
  auto refused = [](auto change) { return code_of(parse_statement(changed(change))); };
  const std::string third(40, '3');
  EXPECT_EQ(refused([&](Json& j) { j["subject"][0]["digest"]["gitCommit"] = third; }), "attestation.malformed");
  EXPECT_EQ(refused([](Json& j) { j["predicate"]["repository"] = "team/other"; }), "attestation.malformed");
  EXPECT_EQ(refused([](Json& j) { j["predicate"]["upstream"] = "elsewhere"; }), "attestation.malformed");
  EXPECT_EQ(refused([](Json& j) { j["predicate"]["refs"][0]["ref"] = "refs/heads/dev"; }), "attestation.malformed");
  EXPECT_EQ(refused([](Json& j) { j["predicate"]["refs"].push_back(j["predicate"]["refs"][0]); }),
            "attestation.malformed");
  EXPECT_EQ(refused([](Json& j) { j["subject"].push_back(j["subject"][0]); }), "attestation.malformed");
}

TEST(Statement, EveryMemberMustBeThereAndOfItsType) {
  auto refused = [](auto change) { return code_of(parse_statement(changed(change))); };
  for (const char* name : {"request", "agent", "owner", "delegates", "upstream", "repository", "refs", "approvals",
                           "policies", "fingerprint", "body_sha256", "log", "executed_at"}) {
    EXPECT_EQ(refused([&](Json& j) { j["predicate"].erase(name); }), "attestation.malformed") << name;
    EXPECT_EQ(refused([&](Json& j) { j["predicate"][name] = 1; }), "attestation.malformed") << name;
    EXPECT_EQ(refused([&](Json& j) { j["predicate"][name] = nullptr; }), "attestation.malformed") << name;
  }
  for (const char* name : {"rule", "stage", "by", "level", "at"})
    EXPECT_EQ(refused([&](Json& j) { j["predicate"]["approvals"][0].erase(name); }), "attestation.malformed") << name;
  for (const char* name : {"ref", "old", "new", "ancestry"})
    EXPECT_EQ(refused([&](Json& j) { j["predicate"]["refs"][0].erase(name); }), "attestation.malformed") << name;
  for (const char* name : {"origin", "operation", "seq", "leaf"})
    EXPECT_EQ(refused([&](Json& j) { j["predicate"]["log"].erase(name); }), "attestation.malformed") << name;
  EXPECT_EQ(refused([](Json& j) { j["predicate"]["approvals"] = Json::array(); }), "attestation.malformed");
  EXPECT_EQ(refused([](Json& j) { j["predicate"]["approvals"] = Json{{"by", "sam"}}; }), "attestation.malformed");
  EXPECT_EQ(refused([](Json& j) { j["predicate"]["delegates"][0] = 1; }), "attestation.malformed");
  EXPECT_EQ(refused([](Json& j) { j["predicate"]["log"]["seq"] = -1; }), "attestation.malformed");
  EXPECT_EQ(refused([](Json& j) { j["predicate"]["executed_at"] = "yesterday"; }), "attestation.malformed");
  EXPECT_EQ(refused([](Json& j) { j["subject"] = Json::array(); }), "attestation.malformed");
  EXPECT_EQ(refused([](Json& j) { j["subject"][0] = "x"; }), "attestation.malformed");
  EXPECT_EQ(refused([](Json& j) { j["subject"][0].erase("digest"); }), "attestation.malformed");
  EXPECT_EQ(refused([](Json& j) { j["subject"][0]["digest"] = {{"sha1", kFirst}}; }), "attestation.malformed");
  EXPECT_EQ(refused([](Json& j) { j.erase("subject"); }), "attestation.malformed");
  EXPECT_EQ(refused([](Json& j) { j.erase("predicate"); }), "attestation.malformed");
  EXPECT_EQ(refused([](Json& j) { j["predicateType"] = "https://slsa.dev/provenance/v1"; }), "attestation.other_type");
  EXPECT_EQ(refused([](Json& j) { j["_type"] = "https://in-toto.io/Statement/v0.1"; }), "attestation.other_type");
  EXPECT_EQ(code_of(parse_statement("{")), "attestation.malformed");
  EXPECT_EQ(code_of(parse_statement("[]")), "attestation.malformed");
  EXPECT_EQ(code_of(parse_statement(R"({"_type":"a","_type":"b"})")), "attestation.malformed");
  EXPECT_EQ(code_of(parse_statement(std::string(100, '['))), "attestation.malformed");
}

TEST(Statement, IsWrittenOnlyOfWhatIsWholeAndWithinItsLimits) {
  auto refused = [](auto change) {
    Attestation attestation = example();
    change(attestation);
    return code_of(statement_text(attestation));
  };
  EXPECT_EQ(refused([](auto& a) { a.approvals.clear(); }), "attestation.invalid");
  EXPECT_EQ(refused([](auto& a) { a.request.clear(); }), "attestation.invalid");
  EXPECT_EQ(refused([](auto& a) { a.refs[0].commits.clear(); }), "attestation.no_commits");
  EXPECT_EQ(refused([](auto& a) { a.refs[0].commits[0] = "HEAD"; }), "attestation.invalid");
  EXPECT_EQ(refused([](auto& a) { a.refs[0].commits[0] = std::string(64, 'a'); }), "attestation.invalid");
  EXPECT_EQ(refused([](auto& a) { a.refs[0].commits[0] = kSecond; }), "attestation.invalid");
  EXPECT_EQ(refused([](auto& a) { a.refs[1].ref = a.refs[0].ref; }), "attestation.invalid");
  EXPECT_EQ(refused([](auto& a) { a.agent = "\xff"; }), "attestation.invalid");
  EXPECT_EQ(refused([](auto& a) { a.log.leaf = "00"; }), "attestation.invalid");
  EXPECT_EQ(refused([](auto& a) { a.approvals.resize(kMaxAttestedApprovals + 1); }), "attestation.too_large");
  EXPECT_EQ(refused([](auto& a) { a.refs.resize(kMaxAttestedRefs + 1); }), "attestation.too_large");
  EXPECT_EQ(refused([](auto& a) { a.refs[0].commits.resize(kMaxAttestedCommits + 1); }), "attestation.too_large");
}

TEST(Attester, SignsUpToTheMostCommitsThatFit) {
  Signer signer;
  const VerifierKey name = signer.name;
  auto attester = Attester::make(std::move(signer.key), name);
  ASSERT_TRUE(attester);
  Attestation large = example();
  large.refs[0].commits.clear();
  for (std::size_t i = 0; i < kMaxAttestedCommits; ++i) {
    std::string id = to_hex(sha256(std::to_string(i)));
    large.refs[0].commits.push_back(std::move(id));
  }
  auto envelope = (*attester)->sign(large);
  ASSERT_TRUE(envelope) << envelope.error().message;
  auto verified = verify_attestation(*envelope, std::vector{name});
  ASSERT_TRUE(verified) << verified.error().message;
  EXPECT_EQ(verified->attestation.refs[0].commits, large.refs[0].commits);
  EXPECT_EQ(verified->key, name);
}

TEST(Attester, HasTheKeyOfItsLog) {
  Signer one;
  const Signer other;
  EXPECT_EQ(code_of(Attester::make(std::move(one.key), other.name)), "audit.key_mismatch");
}

TEST(Verification, RefusesOtherKeysOtherTypesAndOtherLogs) {
  const Signer signer;
  const std::string text = statement_text(example()).value();
  const std::string envelope = signer.seal(text);
  EXPECT_TRUE(verify_attestation(envelope, std::vector{signer.name}));
  EXPECT_TRUE(verify_attestation(envelope, std::vector{Signer("a.example/log").name, signer.name}));
  EXPECT_EQ(code_of(verify_attestation(envelope, {})), "dsse.unknown_key");
  EXPECT_EQ(code_of(verify_attestation(envelope, std::vector{Signer().name})), "dsse.unknown_key");
  EXPECT_EQ(code_of(verify_attestation(signer.seal(text, "application/json"), std::vector{signer.name})),
            "attestation.other_type");
  const Signer elsewhere("elsewhere.example/log");
  EXPECT_EQ(code_of(verify_attestation(elsewhere.seal(text), std::vector{elsewhere.name})), "attestation.malformed");
  // The right name and hash with another key behind them.
  VerifierKey impostor = signer.name;
  impostor.key = elsewhere.name.key;
  EXPECT_EQ(code_of(verify_attestation(envelope, std::vector{impostor})), "dsse.signature");
}

TEST(Verification, NoByteMayChange) {
  const Signer signer;
  const std::vector keys{signer.name};
  const std::string good = signer.seal(statement_text(example()).value());
  ASSERT_TRUE(verify_attestation(good, keys));
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const unsigned change : {1U << (at % 8), 1U << ((at + 3) % 8)}) {
      std::string bad = good;
      bad[at] = static_cast<char>(static_cast<unsigned char>(bad[at]) ^ change);
      EXPECT_FALSE(verify_attestation(bad, keys)) << "byte " << at << " changed by " << change;
    }
    EXPECT_FALSE(verify_attestation(std::string_view(good).substr(0, at), keys)) << at;
  }
}

TEST(Verification, ReadsWhatAnotherImplementationSigned) {
  // tests/e2e/attestations.py signs with the openssl command, written from docs/git-attestations.md alone.
  std::ifstream file(COUNTERSIGN_SOURCE_DIR "/tests/cases/attestation/vector.json");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const Json vector = parse_json(text).value();
  const VerifierKey key = VerifierKey::parse(vector["vkey"].get<std::string>()).value();
  auto verified = verify_attestation(vector["envelope"].dump(), std::vector{key});
  ASSERT_TRUE(verified) << verified.error().message;
  EXPECT_EQ(verified->attestation.request, "req_vector");
  EXPECT_EQ(verified->attestation.refs.at(0).commits, (std::vector{kFirst, kSecond}));
}

}  // namespace
}  // namespace countersign::audit
