// The pack that carries an attestation, as git itself reads it.
#include "proxy/adapters/git/objects/evidence_pack.h"

#include <gtest/gtest.h>

#include "core/bytes.h"
#include "fixture.h"

namespace countersign::adapters::git {
namespace {

constexpr TimeMs kTime = 1'763'000'070'999;

class EvidencePackTest : public testing::TestWithParam<ObjectFormat> {
 protected:
  // Puts the pack into a fresh repository by `git index-pack --strict` and a ref to it; the repository has nothing
  // else.
  std::string place(const EvidencePack& pack) {
    Repository repository(folder_.path() / "repository", GetParam());
    repository.write("../evidence.pack", pack.pack);
    repository.git("index-pack --strict --stdin < ../evidence.pack");
    repository.git("update-ref refs/countersign/attestations/req_1 " + pack.commit);
    repository.git("update-ref refs/heads/main " + pack.commit);  // fsck remarks on a HEAD without a commit
    EXPECT_EQ(repository.git("fsck --full --strict --no-dangling 2>&1"), "");
    EXPECT_EQ(repository.git("ls-tree --name-only " + pack.commit), "attestation.json");
    EXPECT_EQ(repository.git("log -1 --format='%an|%ct|%s' " + pack.commit),
              "Countersign|1763000070|Attestation of req_1");
    EXPECT_EQ(repository.git("rev-list --parents -1 " + pack.commit), pack.commit);
    return repository.git("show " + pack.commit + ":attestation.json");
  }

  Folder folder_;
};

TEST_P(EvidencePackTest, GitReadsIt) {
  auto pack = attestation_pack(GetParam(), "req_1", R"({"payload":""})", kTime);
  ASSERT_TRUE(pack);
  EXPECT_EQ(place(*pack), R"({"payload":""})");
}

TEST_P(EvidencePackTest, SizesOfEveryLengthAreWrittenAsGitReadsThem) {
  // Around the steps of the size's encoding: 4 bits, then 7 a byte.
  for (const std::size_t size : {0U, 15U, 16U, 2'047U, 2'048U, 262'143U, 262'144U, 5'000'000U}) {
    std::string content;
    for (std::uint32_t i = 0; content.size() < size; ++i) content += static_cast<char>('a' + i * 2'654'435'761U % 26);
    auto pack = attestation_pack(GetParam(), "req_1", content, kTime);
    ASSERT_TRUE(pack);
    EXPECT_TRUE(place(*pack) == content) << size;
    std::filesystem::remove_all(folder_.path() / "repository");
  }
}

TEST_P(EvidencePackTest, TheSameIsWrittenTwiceAlike) {
  auto one = attestation_pack(GetParam(), "req_1", "{}", kTime);
  auto two = attestation_pack(GetParam(), "req_1", "{}", kTime);
  auto other = attestation_pack(GetParam(), "req_2", "{}", kTime);
  EXPECT_EQ(one.value().pack, two.value().pack);
  EXPECT_EQ(one->commit, two.value().commit);
  EXPECT_NE(one->commit, other.value().commit);
}

INSTANTIATE_TEST_SUITE_P(Formats, EvidencePackTest, testing::Values(ObjectFormat::sha1, ObjectFormat::sha256),
                         [](const auto& each) { return std::string(name_of(each.param)); });

TEST(EvidencePack, OnlyPlainIdsNameACommit) {
  const std::string longest(64, 'a');
  EXPECT_TRUE(attestation_pack(ObjectFormat::sha1, longest, "{}", 0));
  for (const std::string& id :
       {std::string(), longest + "a", std::string("a/b"), std::string("a\nb"), std::string("a b")})
    EXPECT_EQ(attestation_pack(ObjectFormat::sha1, id, "{}", 0).error().code, "git.bad_ref") << id;
}

}  // namespace
}  // namespace countersign::adapters::git
