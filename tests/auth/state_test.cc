// What auth/ keeps on disk: root keys, revocations, the register of issued tokens.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <fstream>
#include <iterator>
#include <thread>

#include "auth/keyring.h"
#include "auth/registry.h"
#include "auth/revocation.h"
#include "fixtures.h"

namespace countersign::auth {
namespace {

std::string content(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
void write(const std::filesystem::path& path, std::string_view text, std::ios::openmode mode = std::ios::trunc) {
  std::ofstream(path, std::ios::binary | std::ios::out | mode) << text;
}
::mode_t mode_of(const std::filesystem::path& path) {
  struct stat info{};
  ::stat(path.c_str(), &info);
  return info.st_mode & 0777;
}
TokenId id_of(std::uint8_t byte) {
  TokenId id{};
  id.fill(byte);
  return id;
}

TEST(Keyring, MakesAKeyAtTheFirstStartAndKeepsIt) {
  TemporaryFolder folder;
  std::filesystem::path keys = folder.path() / "keys";
  auto first = Keyring::open(keys, kNow);
  ASSERT_TRUE(first.has_value());
  ASSERT_EQ((*first)->current()->keys.size(), 1U);
  std::string kid = (*first)->current()->newest;
  EXPECT_EQ(mode_of(keys), 0700U);
  EXPECT_EQ(mode_of(keys / ("root-" + kid + ".key")), 0600U);
  EXPECT_EQ(content(keys / ("root-" + kid + ".key")), (*first)->current()->find(kid)->expose());

  auto second = Keyring::open(keys, kNow + kHour);
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ((*second)->current()->newest, kid);
  EXPECT_EQ((*second)->current()->keys.size(), 1U);
}

TEST(Keyring, TheNewestSignsAndAllVerify) {
  TemporaryFolder folder;
  auto ring = Keyring::open(folder.path() / "keys", kNow);
  ASSERT_TRUE(ring.has_value());
  std::string old_kid = (*ring)->current()->newest;
  std::string old_token(seal(issue(*(*ring)->current(), test_claims())->expose())->expose());
  ASSERT_TRUE((*ring)->rotate(kNow + 1).has_value());
  EXPECT_EQ((*ring)->current()->keys.size(), 2U);
  EXPECT_GT((*ring)->current()->newest, old_kid);
  EXPECT_TRUE(verify(old_token, *(*ring)->current(), Audience::agents, kNow).has_value());

  std::filesystem::remove(folder.path() / "keys" / ("root-" + old_kid + ".key"));
  ASSERT_TRUE((*ring)->reload().has_value());
  EXPECT_EQ(code_of(verify(old_token, *(*ring)->current(), Audience::agents, kNow)), "token.unknown_key");
}

TEST(Keyring, RefusesKeysThatOthersCanReadOrThatAreNoKeys) {
  TemporaryFolder folder;
  std::filesystem::path keys = folder.path() / "keys";
  auto ring = Keyring::open(keys, kNow);
  ASSERT_TRUE(ring.has_value());
  std::filesystem::path key = keys / ("root-" + (*ring)->current()->newest + ".key");

  ::chmod(key.c_str(), 0640);
  EXPECT_EQ(code_of(Keyring::open(keys, kNow)), "keys.permissions");
  ::chmod(key.c_str(), 0600);
  ::chmod(keys.c_str(), 0755);
  EXPECT_EQ(code_of(Keyring::open(keys, kNow)), "keys.permissions");
  ::chmod(keys.c_str(), 0700);

  write(keys / "root-UPPER.key", std::string(32, 'x'));
  EXPECT_EQ(code_of(Keyring::open(keys, kNow)), "keys.malformed");
  std::filesystem::remove(keys / "root-UPPER.key");

  for (std::size_t length : {std::size_t{0}, std::size_t{31}, std::size_t{33}}) {
    write(keys / "root-short.key", std::string(length, 'x'));
    ::chmod((keys / "root-short.key").c_str(), 0600);
    EXPECT_EQ(code_of(Keyring::open(keys, kNow)), "keys.malformed") << length;
  }
  std::filesystem::remove(keys / "root-short.key");

  std::filesystem::create_symlink(key, keys / "root-link.key");
  EXPECT_EQ(code_of(Keyring::open(keys, kNow)), "keys.unreadable");
  std::filesystem::remove(keys / "root-link.key");

  write(keys / "notes.txt", "not a key");
  EXPECT_TRUE(Keyring::open(keys, kNow).has_value());
  // What failed to load has not replaced what is in use.
  ::chmod(key.c_str(), 0644);
  EXPECT_EQ(code_of((*ring)->reload()), "keys.permissions");
  EXPECT_EQ((*ring)->current()->keys.size(), 1U);
}

TEST(Revocations, LastAcrossARestart) {
  TemporaryFolder folder;
  std::filesystem::path path = folder.path() / "revoked";
  {
    auto revocations = Revocations::open(path);
    ASSERT_TRUE(revocations->healthy());
    EXPECT_EQ(mode_of(path), 0600U);
    EXPECT_TRUE(revocations->revoke(id_of(1), "alice", "leaked in a log", kNow).has_value());
    EXPECT_TRUE(revocations->revoke(id_of(2), "bob\tx", "two\nlines\t", kNow).has_value());
    EXPECT_TRUE(revocations->revoke(id_of(1), "carol", "again", kNow + 1).has_value());
  }
  auto revocations = Revocations::open(path);
  EXPECT_TRUE(revocations->healthy());
  EXPECT_EQ(content(path), to_hex(id_of(1)) + "\t" + format_time(kNow) + "\talice\tleaked in a log\n" +
                               to_hex(id_of(2)) + "\t" + format_time(kNow) + "\tbob x\ttwo lines \n");
  ASSERT_TRUE(revocations->find(id_of(1)).has_value());
  EXPECT_EQ(revocations->find(id_of(1))->actor, "alice");
  EXPECT_EQ(revocations->find(id_of(1))->at, kNow);
  EXPECT_TRUE(revocations->is_revoked(std::vector{id_of(9), id_of(2)}));
  EXPECT_FALSE(revocations->is_revoked(std::vector{id_of(9)}));
  EXPECT_FALSE(revocations->is_revoked({}));
}

TEST(Revocations, LongTextsAreCutBetweenCharacters) {
  TemporaryFolder folder;
  auto revocations = Revocations::open(folder.path() / "revoked");
  std::string reason(kMaxReasonBytes - 1, 'x');
  reason += "\xc3\xbc and more";
  ASSERT_TRUE(revocations->revoke(id_of(1), std::string(5000, 'a'), reason, kNow).has_value());
  EXPECT_EQ(revocations->find(id_of(1))->actor.size(), kMaxActorBytes);
  EXPECT_EQ(revocations->find(id_of(1))->reason, std::string(kMaxReasonBytes - 1, 'x'));
  EXPECT_TRUE(Revocations::open(folder.path() / "revoked")->healthy());
}

TEST(Revocations, ATornLineIsDroppedAndAWholeOneKept) {
  TemporaryFolder folder;
  std::filesystem::path path = folder.path() / "revoked";
  std::string whole = to_hex(id_of(1)) + "\t" + format_time(kNow) + "\talice\twhy";
  write(path, whole + "\n" + to_hex(id_of(2)).substr(0, 20));
  {
    auto revocations = Revocations::open(path);
    EXPECT_TRUE(revocations->healthy());
    EXPECT_EQ(content(path), whole + "\n");
    EXPECT_TRUE(revocations->revoke(id_of(3), "a", "b", kNow).has_value());
  }
  write(path, to_hex(id_of(4)) + whole.substr(32), std::ios::app);  // as an editor leaves it
  auto revocations = Revocations::open(path);
  EXPECT_TRUE(revocations->healthy());
  for (std::uint8_t byte : {std::uint8_t{1}, std::uint8_t{3}, std::uint8_t{4}})
    EXPECT_TRUE(revocations->find(id_of(byte)).has_value()) << int{byte};
  EXPECT_TRUE(revocations->revoke(id_of(5), "a", "b", kNow).has_value());
  EXPECT_TRUE(Revocations::open(path)->healthy());
}

TEST(Revocations, ADamagedFileIsNotHealthyButKeepsWhatItKnows) {
  TemporaryFolder folder;
  std::filesystem::path path = folder.path() / "revoked";
  write(path, to_hex(id_of(1)) + "\t" + format_time(kNow) + "\ta\tb\nthis is no revocation\n");
  auto revocations = Revocations::open(path);
  EXPECT_FALSE(revocations->healthy());
  EXPECT_TRUE(revocations->problem().contains(":2:"));
  EXPECT_TRUE(revocations->find(id_of(1)).has_value());

  auto impossible = Revocations::open(folder.path() / "absent" / "revoked");
  EXPECT_FALSE(impossible->healthy());
  // It still takes effect here, and says that it will not last.
  EXPECT_EQ(code_of(impossible->revoke(id_of(1), "a", "b", kNow)), "token.revocation_unavailable");
  EXPECT_TRUE(impossible->is_revoked(std::vector{id_of(1)}));
}

TEST(Revocations, AFileThatWasTakenAwayIsNoticed) {
  TemporaryFolder folder;
  std::filesystem::path path = folder.path() / "revoked";
  auto revocations = Revocations::open(path);
  std::filesystem::remove(path);
  EXPECT_FALSE(revocations->healthy());
  EXPECT_EQ(code_of(revocations->revoke(id_of(1), "a", "b", kNow)), "token.revocation_unavailable");
  EXPECT_TRUE(revocations->find(id_of(1)).has_value());
  write(path, "");  // another file in its place is not the one that is open
  EXPECT_FALSE(revocations->healthy());
}

TEST(Revocations, ReadersAndWritersTogether) {
  TemporaryFolder folder;
  auto revocations = Revocations::open(folder.path() / "revoked");
  std::atomic<bool> stop = false;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!stop) {
        if (revocations->is_revoked(std::vector{id_of(255)})) ++wrong;
        if (!revocations->healthy()) ++wrong;
      }
    });
  }
  for (std::uint8_t i = 0; i < 50; ++i) {
    EXPECT_TRUE(revocations->revoke(id_of(i), "a", "b", kNow).has_value());
    EXPECT_TRUE(revocations->is_revoked(std::vector{id_of(i)}));
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Registry, ListsWhatWasIssuedWithItsRevocation) {
  TemporaryFolder folder;
  std::filesystem::path path = folder.path() / "tokens.jsonl";
  auto revocations = Revocations::open(folder.path() / "revoked");
  IssuedToken agent{id_of(1), Audience::agents, "builder", "alice", "read on files", kIssued, kIssued + kHour, "root"};
  IssuedToken user{id_of(2), Audience::admin, "", "bob", "any \"quoted\"\n", kIssued, kIssued + kHour, "root"};
  {
    auto registry = Registry::open(path);
    ASSERT_TRUE(registry.has_value());
    EXPECT_TRUE((*registry)->add(agent).has_value());
    EXPECT_TRUE((*registry)->add(user).has_value());
  }
  ASSERT_TRUE(revocations->revoke(id_of(1), "alice", "done", kNow).has_value());
  auto registry = Registry::open(path);
  ASSERT_TRUE(registry.has_value());
  EXPECT_EQ(mode_of(path), 0600U);
  std::vector<ListedToken> listed = (*registry)->list(*revocations);
  ASSERT_EQ(listed.size(), 2U);
  EXPECT_EQ(listed[0].token.owner, "bob");
  EXPECT_EQ(listed[0].token.audience, Audience::admin);
  EXPECT_EQ(listed[0].token.scope, user.scope);
  EXPECT_FALSE(listed[0].revoked.has_value());
  EXPECT_EQ(listed[1].token.agent, "builder");
  EXPECT_EQ(listed[1].token.expires, kIssued + kHour);
  EXPECT_EQ(listed[1].token.issued_by, "root");
  ASSERT_TRUE(listed[1].revoked.has_value());
  EXPECT_EQ(listed[1].revoked->reason, "done");
}

TEST(Registry, ATornRecordIsDroppedAndADamagedOneNamed) {
  TemporaryFolder folder;
  std::filesystem::path path = folder.path() / "tokens.jsonl";
  auto revocations = Revocations::open(folder.path() / "revoked");
  IssuedToken token{id_of(1), Audience::agents, "builder", "alice", "s", kIssued, kIssued + kHour, "root"};
  {
    ASSERT_TRUE((*Registry::open(path))->add(token).has_value());
  }
  std::string line = content(path);
  write(path, line.substr(0, line.size() / 2), std::ios::app);
  {
    auto registry = Registry::open(path);
    ASSERT_TRUE(registry.has_value());
    EXPECT_EQ((*registry)->list(*revocations).size(), 1U);
    EXPECT_TRUE((*registry)->add(token).has_value());
  }
  EXPECT_EQ(content(path), line + line);
  write(path, "{\"id\":\"zz\"}\n", std::ios::app);
  auto damaged = Registry::open(path);
  ASSERT_FALSE(damaged.has_value());
  EXPECT_EQ(damaged.error().code, "registry.unavailable");
  EXPECT_TRUE(damaged.error().message.contains(":3:"));
}

}  // namespace
}  // namespace countersign::auth
