#include "audit/verify.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <sstream>

#include "audit/proof.h"
#include "support.h"

namespace countersign::audit {
namespace {

using namespace testing;

struct ProgramResult {
  int exit_code;
  std::string output;
};

// The second implementation: tests/audit/verify_log.py.
ProgramResult run_python(const std::string& arguments) {
  std::string command = "python3 " COUNTERSIGN_SOURCE_DIR "/tests/audit/verify_log.py " + arguments + " 2>&1";
  FILE* pipe = ::popen(command.c_str(), "r");
  if (!pipe) return {-1, "no python3"};
  std::string output;
  std::array<char, 4096> buffer{};
  while (std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe)) output.append(buffer.data(), got);
  int status = ::pclose(pipe);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, output};
}

// Six records in two segments, three checkpoints, everything signed.
void small_log(const ScratchFolder& scratch) {
  Options options = quiet();
  options.segment_bytes = 700;
  options.checkpoint_records = 3;
  auto log = open_log(scratch, options);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(append_and_wait(*log, intent("op-" + std::to_string(i))));
    ASSERT_TRUE(append_and_wait(*log, outcome("op-" + std::to_string(i))));
  }
  Entry refused;
  refused.phase = Phase::refused;
  refused.peer = "10.0.0.7:4711";
  refused.detail = "\xff\"\\\n";
  ASSERT_TRUE(append_and_wait(*log, refused));
  ASSERT_TRUE(append_and_wait(*log, admin_entry("\u00e9t\u00e9")));
}

const std::vector<std::string> kFiles = {segment_name(0), "hashes", "checkpoints",
                                         "checkpoint",    "vkey",   "open-intents"};

TEST(Verify, AGoodLogAndItsCopy) {
  ScratchFolder scratch;
  small_log(scratch);
  auto report = verify(scratch.log());
  ASSERT_TRUE(report && report->ok()) << problems_of(report);
  EXPECT_EQ(report->records, 6U);
  EXPECT_EQ(report->signed_records, 6U);
  EXPECT_EQ(report->checkpoints, 3U);
  EXPECT_TRUE(report->open.empty());
  EXPECT_TRUE(report->notes.empty());
  EXPECT_EQ(report->json().at("verified"), true);
  EXPECT_TRUE(report->text().starts_with("verified: 6 records, 3 checkpoints, 6 records signed"));

  fs::path copy = scratch.path() / "copy";
  fs::copy(scratch.log(), copy, fs::copy_options::recursive);
  fs::remove(copy / "open-intents");
  fs::remove(copy / "lock");
  EXPECT_TRUE(verify(copy)->ok());
  VerifyOptions options;
  options.key = Reader::open(scratch.log())->verifier_key();
  fs::remove(copy / "vkey");
  EXPECT_FALSE(verify(copy));
  EXPECT_EQ(verify(copy, options)->problem_count, 1U) << "with the key from elsewhere, only the missing vkey is wrong";
  EXPECT_EQ(run_python(scratch.log().string()).output, "ok 6\n");
}

TEST(Verify, EveryFlippedByteIsFoundAndNamed) {
  ScratchFolder scratch;
  small_log(scratch);
  ASSERT_GT(list_segments(scratch.log())->size(), 1U);
  std::vector<std::string> files = kFiles;
  for (const Segment& segment : list_segments(scratch.log()).value()) {
    if (segment.first != 0) files.push_back(segment.path.filename().string());
  }
  for (const std::string& name : files) {
    std::string original = read_file(scratch.log() / name);
    std::uint64_t seq = name.starts_with("segment-") ? std::stoull(name.substr(8, 20)) : 0;
    for (std::size_t at = 0; at < original.size(); ++at) {
      for (int mask : {1 << (at % 8), 0xff}) {
        if (mask == 0xff && at % 4 != 0) continue;  // one bit of every byte, all bits of some
        std::string changed = original;
        changed[at] = static_cast<char>(changed[at] ^ mask);
        write_file(scratch.log() / name, changed);
        auto report = verify(scratch.log());
        ASSERT_TRUE(report) << name << " " << at << ": " << report.error().message;
        ASSERT_FALSE(report->ok()) << name << " " << at << " " << mask;
        if (name.starts_with("segment-")) {
          ASSERT_TRUE(report->problems[0].seq) << report->text();
          EXPECT_EQ(*report->problems[0].seq, seq) << at << " " << report->text();
          EXPECT_EQ(report->problems[0].file, name);
        } else if (name == "hashes") {
          EXPECT_EQ(report->problems[0].seq.value_or(99), at / 32) << report->text();
          EXPECT_EQ(report->problems[0].file, "hashes") << report->text();
          EXPECT_EQ(report->problem_count, 1U) << report->text();
        } else {
          bool named = std::ranges::any_of(
              report->problems, [&](const Problem& problem) { return problem.file.starts_with(name.substr(0, 10)); });
          EXPECT_TRUE(named) << name << " " << at << " " << report->text();
        }
      }
      if (original[at] == '\n') ++seq;
    }
    write_file(scratch.log() / name, original);
  }
  EXPECT_TRUE(verify(scratch.log())->ok());
}

TEST(Verify, TheSecondImplementationAgrees) {
  ScratchFolder scratch;
  small_log(scratch);
  std::vector<std::string> files = kFiles;
  for (const Segment& segment : list_segments(scratch.log()).value()) {
    if (segment.first != 0) files.push_back(segment.path.filename().string());
  }
  std::ostringstream list;
  std::vector<std::pair<std::string, std::size_t>> changes;
  for (const std::string& name : files) {
    std::size_t size = fs::file_size(scratch.log() / name);
    for (std::size_t at = name.size() % 3; at < size; at += 3) {
      changes.emplace_back(name, at);
      list << name << ' ' << at << " 2\n";
    }
  }
  write_file(scratch.path() / "mutations", list.str());
  auto result = run_python("--mutations " + (scratch.path() / "mutations").string() + " " + scratch.log().string());
  ASSERT_EQ(result.exit_code, 0) << result.output;
  std::istringstream verdicts(result.output);
  std::string verdict;
  for (const auto& [name, at] : changes) {
    ASSERT_TRUE(std::getline(verdicts, verdict));
    EXPECT_TRUE(verdict.starts_with("bad ")) << name << " " << at << ": " << verdict;
    if (!name.starts_with("segment-")) continue;
    std::string original = read_file(scratch.log() / name);
    std::string changed = original;
    changed[at] = static_cast<char>(changed[at] ^ 2);
    write_file(scratch.log() / name, changed);
    auto report = verify(scratch.log());
    write_file(scratch.log() / name, original);
    EXPECT_TRUE(verdict.starts_with("bad " + std::to_string(report->problems.at(0).seq.value_or(99)) + " "))
        << verdict << " against " << report->text();
  }
  EXPECT_FALSE(std::getline(verdicts, verdict));
}

TEST(Verify, TheSecondImplementationReadsReceipts) {
  ScratchFolder scratch;
  small_log(scratch);
  Reader reader = Reader::open(scratch.log()).value();
  HashTree tree(reader);
  std::string vkey = reader.verifier_key().text();
  for (std::uint64_t seq : {0U, 3U, 5U}) {
    std::string receipt = make_receipt(reader, tree, seq).value();
    write_file(scratch.path() / "r.tlog-proof", receipt);
    auto result = run_python("--receipt " + (scratch.path() / "r.tlog-proof").string() + " --vkey " + vkey);
    EXPECT_EQ(result.output, "ok " + std::to_string(seq) + "\n");
    receipt[receipt.find("extra ") + 20] ^= 1;
    write_file(scratch.path() / "r.tlog-proof", receipt);
    EXPECT_EQ(run_python("--receipt " + (scratch.path() / "r.tlog-proof").string() + " --vkey " + vkey).exit_code, 1);
  }
}

TEST(Verify, RewrittenHistoryAgainstASavedCheckpoint) {
  ScratchFolder scratch;
  small_log(scratch);
  std::string saved = read_file(scratch.log() / "checkpoint");
  write_file(scratch.path() / "saved", saved);
  VerifyOptions options;
  options.since = saved;
  EXPECT_TRUE(verify(scratch.log(), options)->ok());

  // Someone with the signing key writes another history of the same length; it is perfect in itself.
  fs::remove_all(scratch.log());
  {
    auto log = open_log(scratch);
    for (int i = 0; i < 6; ++i) ASSERT_TRUE(append_and_wait(*log, admin_entry("nothing happened")));
  }
  EXPECT_TRUE(verify(scratch.log())->ok());
  auto report = verify(scratch.log(), options);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->problem_count, 1U);
  EXPECT_TRUE(report->text().contains("history was rewritten")) << report->text();
  std::string since = "--since " + (scratch.path() / "saved").string() + " " + scratch.log().string();
  EXPECT_TRUE(run_python(since).output.contains("rewritten"));

  // Or a shorter one.
  fs::remove_all(scratch.log());
  {
    ASSERT_TRUE(append_and_wait(*open_log(scratch), admin_entry("short")));
  }
  report = verify(scratch.log(), options);
  EXPECT_TRUE(report->text().contains("rolled back")) << report->text();
  EXPECT_TRUE(run_python(since).output.contains("rolled back"));

  options.since = "not a checkpoint";
  EXPECT_EQ(verify(scratch.log(), options).error().code, "audit.since");
  options.since = saved;
  options.key = VerifierKey::make("example.com/audit", SigningKey::generate().public_key()).value();
  EXPECT_EQ(verify(scratch.log(), options).error().code, "audit.since");
}

TEST(Verify, AnotherKeyIsNotBelieved) {
  ScratchFolder scratch;
  small_log(scratch);
  VerifyOptions options;
  options.key = VerifierKey::make("example.com/audit", SigningKey::generate().public_key()).value();
  auto report = verify(scratch.log(), options);
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->ok());
  EXPECT_EQ(report->checkpoints, 0U);
}

// Records reordered, removed, repeated or added, with or without their hashes.
TEST(Verify, MovedRecords) {
  ScratchFolder scratch;
  Options options = quiet();
  {
    auto log = open_log(scratch, options);
    for (int i = 0; i < 6; ++i) ASSERT_TRUE(append_and_wait(*log, admin_entry(std::to_string(i))));
  }
  fs::path segment = scratch.log() / segment_name(0);
  std::string original = read_file(segment);
  std::string hashes = read_file(scratch.log() / "hashes");
  std::vector<std::string> lines;
  std::istringstream in(original);
  for (std::string line; std::getline(in, line);) lines.push_back(line + "\n");
  auto join = [](const std::vector<std::string>& parts) {
    std::string out;
    for (const std::string& part : parts) out += part;
    return out;
  };
  auto hash_all = [](const std::vector<std::string>& parts) {
    std::string out;
    for (const std::string& part : parts)
      out += as_text(ByteView(leaf_hash(std::string_view(part).substr(0, part.size() - 1))));
    return out;
  };
  auto expect_found = [&](std::vector<std::string> parts, std::uint64_t seq) {
    write_file(segment, join(parts));
    for (const std::string& stored : {hashes, hash_all(parts)}) {
      write_file(scratch.log() / "hashes", stored);
      auto report = verify(scratch.log());
      ASSERT_TRUE(report);
      EXPECT_TRUE(!report->ok() && names_record(*report, seq)) << seq << report->text();
      EXPECT_TRUE(run_python(scratch.log().string()).output.starts_with("bad "));
    }
  };
  auto swapped = lines;
  std::swap(swapped[2], swapped[3]);
  expect_found(swapped, 2);
  auto removed = lines;
  removed.erase(removed.begin() + 4);
  expect_found(removed, 4);
  auto repeated = lines;
  repeated.insert(repeated.begin() + 2, lines[1]);
  expect_found(repeated, 2);
  auto cut = lines;
  cut.pop_back();
  expect_found(cut, 5);
  expect_found({}, 0);
}

TEST(Verify, RecordsWithAGoodHashMustStillBeRecords) {
  for (const std::string& bad : {std::string("{}"), std::string("not json"), std::string(R"({"seq":0, "v":1})"),
                                 std::string(R"({"phase":"admin","seq":1,"ts":"2026-11-21T09:30:00.123Z","v":1})"),
                                 std::string(R"({"phase":"admin","seq":0,"ts":"yesterday","v":1})")}) {
    ScratchFolder scratch;
    SigningKey key = key_of(scratch);
    VerifierKey name = VerifierKey::make("o", key.public_key()).value();
    fs::create_directories(scratch.log());
    std::string note = sign_note(Checkpoint{"o", 1, leaf_hash(bad)}.text(), name, key);
    write_file(scratch.log() / "vkey", name.text() + "\n");
    write_file(scratch.log() / segment_name(0), bad + "\n");
    write_file(scratch.log() / "hashes", std::string(as_text(ByteView(leaf_hash(bad)))));
    write_file(scratch.log() / "checkpoints", note + "\n");
    write_file(scratch.log() / "checkpoint", note);
    auto report = verify(scratch.log());
    ASSERT_TRUE(report);
    EXPECT_FALSE(report->ok()) << bad;
    EXPECT_TRUE(names_record(*report, 0)) << report->text();
    EXPECT_EQ(run_python(scratch.log().string()).exit_code, 1);
  }
}

TEST(Verify, MissingFilesAndNoise) {
  ScratchFolder scratch;
  small_log(scratch);
  fs::path image = scratch.path() / "image";
  fs::copy(scratch.log(), image, fs::copy_options::recursive);
  for (const std::string& name :
       {segment_name(0), std::string("hashes"), std::string("checkpoints"), std::string("checkpoint")}) {
    fs::remove(scratch.log() / name);
    EXPECT_FALSE(verify(scratch.log())->ok()) << name;
    EXPECT_EQ(run_python(scratch.log().string()).exit_code, 1) << name;
    fs::copy_file(image / name, scratch.log() / name);
  }
  // Long noise in a segment costs a bounded report, not the process.
  write_file(scratch.log() / segment_name(0), std::string(3U << 20, 'x'));
  auto report = verify(scratch.log());
  EXPECT_FALSE(report->ok());
  EXPECT_LE(report->problems.size(), kMaxProblems);
  EXPECT_EQ(verify(scratch.path() / "none").error().code, "audit.not_a_log");
}

}  // namespace
}  // namespace countersign::audit
