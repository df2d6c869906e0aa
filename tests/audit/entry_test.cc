#include "audit/entry.h"

#include <gtest/gtest.h>

#include "audit/record_check.h"
#include "core/sha256.h"

namespace countersign::audit {
namespace {

std::string line_of(const Entry& entry, std::uint64_t seq = 7) {
  std::string line;
  complete(render(entry), seq, "2026-11-21T09:30:00.123Z", line);
  return line;
}

Entry full_entry() {
  Entry e;
  e.phase = Phase::intent;
  e.operation = "op-1";
  e.request = "req_1";
  e.agent = "builder";
  e.owner = "team-a";
  e.chain = {"aa", "bb"};
  e.peer = "127.0.0.1:1";
  e.upstream = "files";
  e.protocol = "mcp";
  e.action = "mcp:call_tool";
  e.effect = "write";
  e.resources = {"Tool::write_file", "Path::/a\"b"};
  e.environment = "production";
  e.input_sha256 = "00ff";
  e.input_bytes = 0;
  e.decision = Decision::hold;
  e.code = "policy.held";
  e.reason = "needs two";
  e.policies = {"p1"};
  e.policy_digest = "dd";
  e.fingerprint = "ee";
  e.actor = "ada";
  e.comment = "looks right";
  e.outcome = Outcome::not_forwarded;
  e.status = 202;
  e.output_sha256 = "11";
  e.output_bytes = 12;
  e.latency_us = 0;
  e.detail = "d";
  e.signature = R"({"signature":"AA"})";
  return e;
}

TEST(Entry, SpellsEveryMemberCanonically) {
  EXPECT_EQ(line_of(full_entry()),
            R"({"action":"mcp:call_tool","actor":"ada","agent":"builder","chain":["aa","bb"],"code":"policy.held",)"
            R"("comment":"looks right","decision":"hold","detail":"d","effect":"write","environment":"production",)"
            R"("fingerprint":"ee","input_bytes":0,"input_sha256":"00ff","latency_us":0,"operation":"op-1",)"
            R"("outcome":"not_forwarded","output_bytes":12,"output_sha256":"11","owner":"team-a","peer":"127.0.0.1:1",)"
            R"("phase":"intent","policies":["p1"],"policy_digest":"dd","protocol":"mcp","reason":"needs two",)"
            R"("request":"req_1","resources":["Tool::write_file","Path::/a\"b"],"seq":7,)"
            R"("signature":"{\"signature\":\"AA\"}","status":202,)"
            R"("ts":"2026-11-21T09:30:00.123Z","upstream":"files","v":1})");
  EXPECT_TRUE(check_record(line_of(full_entry())));
}

TEST(Entry, LeavesOutWhatIsAbsent) {
  Entry entry;
  entry.phase = Phase::heartbeat;
  EXPECT_EQ(line_of(entry, 18446744073709551615U),
            R"({"phase":"heartbeat","seq":18446744073709551615,"ts":"2026-11-21T09:30:00.123Z","v":1})");
}

TEST(Entry, KeepsHostileBytesWritable) {
  Entry entry;
  entry.agent = std::string("\xff\xfe\0\x1b\n\",\"seq\":9", 14);
  entry.detail = "\xed\xa0\x80 \xf0\x9f\x92\xa9";
  std::string line = line_of(entry);
  auto record = check_record(line);
  ASSERT_TRUE(record) << record.error().message;
  EXPECT_EQ(record->seq, 7U);
  EXPECT_EQ(raw_integer(line, "seq"), 7);
  EXPECT_EQ(line.find('\n'), std::string::npos);
}

TEST(Entry, DegradesWhatIsTooLongAndSaysSo) {
  Entry entry = full_entry();
  entry.reason = std::string(200'000, 'x');
  entry.comment = std::string(40'000, '\x01');  // six bytes each when escaped
  for (int i = 0; i < 5'000; ++i) entry.resources.push_back("Ref::refs/heads/branch-" + std::to_string(i));
  std::string line = line_of(entry);
  EXPECT_LE(line.size(), kMaxRecordBytes);
  auto record = check_record(line);
  ASSERT_TRUE(record) << record.error().message;
  const Json& json = record->json;
  EXPECT_EQ(json.at("truncated"), true);
  EXPECT_EQ(json.at("agent"), "builder");
  std::string reason = json.at("reason").get<std::string>();
  EXPECT_GT(reason.size(), 0U);
  EXPECT_TRUE(entry.reason.starts_with(reason));
  std::string list = canonical_json(Json(entry.resources)).value();
  std::vector<std::string> expected = {"comment:" + to_hex(sha256(entry.comment)),
                                       "reason:" + to_hex(sha256(entry.reason)), "resources:" + to_hex(sha256(list))};
  EXPECT_EQ(json.at("truncated_sha256").get<std::vector<std::string>>(), expected);
  EXPECT_EQ(json.at("resources")[0], "Tool::write_file");
}

TEST(Entry, EveryMemberAtOnceCanBeHuge) {
  for (std::string filler : {"x", "\x01", "\xff", "\xc3\xa9", "\xf0\x9f\x92\xa9", "\xa9"}) {
    std::string huge;
    while (huge.size() < 70'000) huge += filler;
    Entry e = full_entry();
    for (std::string* text :
         {&e.agent, &e.owner, &e.peer, &e.upstream, &e.protocol, &e.action, &e.effect, &e.environment, &e.input_sha256,
          &e.code, &e.reason, &e.policy_digest, &e.fingerprint, &e.actor, &e.comment, &e.output_sha256, &e.detail}) {
      *text = huge;
    }
    e.chain = {huge, huge};
    e.resources = e.policies = std::vector<std::string>(300, huge.substr(0, 1'000));
    std::string line = line_of(e, UINT64_MAX >> 1);
    EXPECT_LE(line.size(), kMaxRecordBytes);
    auto record = check_record(line);
    ASSERT_TRUE(record) << record.error().message;
    EXPECT_EQ(record->json.at("truncated_sha256").size(), 20U);
    EXPECT_FALSE(record->json.at("chain")[0].get<std::string>().empty());
  }
}

TEST(Entry, ASignatureIsNeverCut) {
  Entry e = full_entry();
  for (char filler : {'x', '"'}) {
    std::size_t bytes = filler == '"' ? (kMaxSignatureBytes - 2) / 2 : kMaxSignatureBytes - 2;
    e.signature = std::string(bytes, filler);
    EXPECT_TRUE(signature_fits(e.signature));
    EXPECT_FALSE(signature_fits(e.signature + filler));
    std::string huge(70'000, '\x01');
    for (std::string* text :
         {&e.agent, &e.owner, &e.peer, &e.upstream, &e.protocol, &e.action, &e.effect, &e.environment, &e.input_sha256,
          &e.code, &e.reason, &e.policy_digest, &e.fingerprint, &e.actor, &e.comment, &e.output_sha256, &e.detail}) {
      *text = huge;
    }
    e.operation = e.request = std::string(kMaxIdBytes, 'a');
    e.chain = {huge};
    e.resources = e.policies = std::vector<std::string>(300, huge.substr(0, 1'000));
    std::string line = line_of(e, UINT64_MAX >> 1);
    EXPECT_LE(line.size(), kMaxRecordBytes);
    auto record = check_record(line);
    ASSERT_TRUE(record) << record.error().message;
    EXPECT_EQ(record->json.at("signature"), e.signature);
  }
}

TEST(Entry, TheLongestRecordsFitExactly) {
  Entry entry;
  std::size_t room =
      kMaxRecordBytes - line_of(entry, UINT64_MAX >> 1).size() - std::string_view("\"detail\":\"\",").size();
  for (std::size_t size : {room - 1, room, room + 1, room + 2, room + 50}) {
    entry.detail = std::string(size, 'y');
    std::string line = line_of(entry, UINT64_MAX >> 1);
    EXPECT_LE(line.size(), kMaxRecordBytes);
    if (size > room) EXPECT_NE(line.find("\"truncated\":true"), std::string::npos) << size;
  }
}

TEST(Entry, RawAccessIsNotFooledByContent) {
  Entry entry;
  entry.phase = Phase::outcome;
  entry.detail = R"("phase":"intent","operation":"evil")";
  entry.operation = "good";
  std::string line = line_of(entry);
  EXPECT_EQ(raw_string(line, "phase"), "outcome");
  EXPECT_EQ(raw_string(line, "operation"), "good");
  EXPECT_EQ(raw_string(line, "agent"), "");
  EXPECT_EQ(raw_integer(line, "status"), -1);
}

TEST(Entry, OnlyAnAllowedIntentOpensAnOperation) {
  Entry entry;
  entry.phase = Phase::intent;
  entry.operation = "a";
  for (Decision decision : {Decision::none, Decision::allow, Decision::hold, Decision::deny}) {
    entry.decision = decision;
    bool opens = decision == Decision::none || decision == Decision::allow;
    EXPECT_EQ(opens_operation(entry.phase, decision), opens);
    EXPECT_EQ(opens_operation(line_of(entry)), opens);
  }
  entry.phase = Phase::approval;
  entry.decision = Decision::allow;
  EXPECT_FALSE(opens_operation(line_of(entry)));
}

TEST(RecordCheck, RefusesWhatIsNotARecord) {
  std::string good = line_of(full_entry());
  ASSERT_TRUE(check_record(good));
  for (std::string bad :
       {std::string(), std::string("[]"), std::string("{}"), good + " ", " " + good, good.substr(0, good.size() - 1),
        std::string(R"({"phase":"intent","seq":7,"ts":"2026-11-21T09:30:00.123Z","v":2})"),
        std::string(R"({"phase":"intent","seq":-7,"ts":"2026-11-21T09:30:00.123Z","v":1})"),
        std::string(R"({"phase":"intent","seq":7,"ts":"2026-11-21T09:30:00Z","v":1})"),
        std::string(R"({"phase":"admin","seq":7,"signature":{},"ts":"2026-11-21T09:30:00.123Z","v":1})"),
        std::string(R"({"phase":"guess","seq":7,"ts":"2026-11-21T09:30:00.123Z","v":1})"),
        std::string(R"({"seq":7,"phase":"intent","ts":"2026-11-21T09:30:00.123Z","v":1})"),
        std::string(R"({"phase":"intent","seq":7,"seq":7,"ts":"2026-11-21T09:30:00.123Z","v":1})"),
        std::string(R"({"phase":"intent","seq":7.0,"ts":"2026-11-21T09:30:00.123Z","v":1})")}) {
    EXPECT_FALSE(check_record(bad)) << bad;
  }
  EXPECT_TRUE(check_record(R"({"new_member":"later","phase":"intent","seq":7,"ts":"2026-11-21T09:30:00.123Z","v":1})"));
}

}  // namespace
}  // namespace countersign::audit
