#include "audit/checkpoint.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "audit/merkle.h"
#include "support.h"

namespace countersign::audit {
namespace {

using testing::ScratchFolder;

// RFC 8032 section 7.1, test 2.
TEST(Ed25519, KnownVector) {
  PublicKey key{};
  auto bytes = from_hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c").value();
  std::ranges::copy(bytes, key.begin());
  auto signature = from_hex(
                       "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                       "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")
                       .value();
  EXPECT_TRUE(verify_ed25519(key, "r", signature));
  EXPECT_FALSE(verify_ed25519(key, "s", signature));
  signature[5] ^= 1;
  EXPECT_FALSE(verify_ed25519(key, "r", signature));
  EXPECT_FALSE(verify_ed25519(key, "r", {}));
}

// The verifier key of Go's checksum database: public, and made by other software.
TEST(VerifierKey, ReadsAForeignKey) {
  std::string text = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
  auto key = VerifierKey::parse(text);
  ASSERT_TRUE(key);
  EXPECT_EQ(key->name, "sum.golang.org");
  EXPECT_EQ(key->text(), text);
}

TEST(VerifierKey, RefusesEverythingElse) {
  SigningKey key = SigningKey::generate();
  std::string good = VerifierKey::make("example.com/audit", key.public_key())->text();
  ASSERT_TRUE(VerifierKey::parse(good));
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    EXPECT_FALSE(VerifierKey::parse(bad)) << bad;
  }
  EXPECT_FALSE(VerifierKey::parse(""));
  EXPECT_FALSE(VerifierKey::parse(good + "A"));
  for (std::string name : {std::string(), std::string("a b"), std::string("a+b"), std::string("a\n"),
                           std::string("\xc3\xa9"), std::string(256, 'a')}) {
    EXPECT_FALSE(VerifierKey::make(name, key.public_key())) << name;
  }
}

TEST(Checkpoint, SignsAndOpens) {
  SigningKey key = SigningKey::generate();
  VerifierKey name = VerifierKey::make("example.com/audit", key.public_key()).value();
  Checkpoint checkpoint{"example.com/audit", 42, leaf_hash("x")};
  std::string note = sign_note(checkpoint.text(), name, key);
  auto opened = open_checkpoint(note, name);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->checkpoint, checkpoint);
  EXPECT_EQ(opened->note, note);
  for (std::size_t i = 0; i < note.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = note;
      bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
      EXPECT_FALSE(open_checkpoint(bad, name)) << i;
    }
    EXPECT_FALSE(open_checkpoint(note.substr(0, i), name)) << i;
  }
}

TEST(Checkpoint, PassesOverWitnessesButNeedsTheLog) {
  SigningKey key = SigningKey::generate();
  SigningKey witness_key = SigningKey::generate();
  VerifierKey name = VerifierKey::make("example.com/audit", key.public_key()).value();
  VerifierKey witness = VerifierKey::make("witness.example", witness_key.public_key()).value();
  Checkpoint checkpoint{"example.com/audit", 1, {}};
  std::string ours = sign_note(checkpoint.text(), name, key);
  std::string theirs = sign_note(checkpoint.text(), witness, witness_key);
  std::string line = theirs.substr(checkpoint.text().size() + 1);
  EXPECT_TRUE(open_checkpoint(ours + line, name));
  EXPECT_TRUE(open_checkpoint(checkpoint.text() + "\n" + line + ours.substr(checkpoint.text().size() + 1), name));
  auto unsigned_by_us = open_checkpoint(theirs, name);
  ASSERT_FALSE(unsigned_by_us);
  EXPECT_EQ(unsigned_by_us.error().code, "audit.signature");
  std::string many = ours;
  for (int i = 0; i < 16; ++i) many += line;
  EXPECT_FALSE(open_checkpoint(many, name));
}

TEST(Checkpoint, RefusesASignedTextThatIsNotOne) {
  SigningKey key = SigningKey::generate();
  VerifierKey name = VerifierKey::make("o", key.public_key()).value();
  std::string root = to_base64(ByteView(Digest{}));
  ASSERT_TRUE(open_checkpoint(sign_note("o\n7\n" + root + "\n", name, key), name));
  for (const std::string& text : std::vector<std::string>{
           "o\n07\n" + root + "\n", "o\n-7\n" + root + "\n", "o\n7\n\n", "other\n7\n" + root + "\n",
           std::string("o\n7\n"), "o\n7\n" + root + "\nextension\n", "o\n99999999999999999999\n" + root + "\n"}) {
    auto opened = open_checkpoint(sign_note(text, name, key), name);
    ASSERT_FALSE(opened) << text;
    EXPECT_EQ(opened.error().code, "audit.checkpoint_malformed");
  }
}

TEST(SigningKey, IsCreatedOnceAndKeptPrivate) {
  ScratchFolder scratch;
  auto path = scratch.path() / "key.pem";
  auto first = SigningKey::load_or_create(path);
  ASSERT_TRUE(first);
  struct stat info{};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  auto second = SigningKey::load_or_create(path);
  ASSERT_TRUE(second);
  EXPECT_EQ(first->public_key(), second->public_key());
  EXPECT_TRUE(verify_ed25519(first->public_key(), "m", second->sign("m")));

  ASSERT_EQ(::chmod(path.c_str(), 0640), 0);
  EXPECT_EQ(SigningKey::load_or_create(path).error().code, "audit.key_permissions");
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  testing::write_file(path, "not a key");
  EXPECT_EQ(SigningKey::load_or_create(path).error().code, "audit.key_malformed");
  EXPECT_EQ(SigningKey::load_or_create(scratch.path() / "none" / "key.pem").error().code, "audit.key_unreadable");
}

}  // namespace
}  // namespace countersign::audit
