#include "proxy/adapters/git/objects/quarantine.h"

#include "fixture.h"
#include "pack_maker.h"
#include "proxy/adapters/git/objects/object_reader.h"

namespace countersign::adapters::git {
namespace {

std::string many_lines(int changed) {
  std::string out;
  for (int line = 0; line < 500; ++line) out += "line " + std::to_string(line == changed ? -1 : line) + " of many\n";
  return out;
}

class QuarantineTest : public testing::TestWithParam<ObjectFormat> {
 protected:
  QuarantineTest() {
    store = std::move(*ObjectStore::open(folder.path() / "store"));
    cache = *store->repository("a", GetParam());
  }
  Quarantine open(const std::string& name = "q") {
    Result<Quarantine> quarantine = Quarantine::open(folder.path() / name, cache);
    EXPECT_TRUE(quarantine) << problem(quarantine);
    return std::move(*quarantine);
  }
  std::string file(std::string_view bytes) {
    std::ofstream(folder.path() / "pushed", std::ios::binary) << bytes;
    return (folder.path() / "pushed").string();
  }
  Folder folder;
  std::unique_ptr<ObjectStore> store;
  std::shared_ptr<Cache> cache;
};

TEST_P(QuarantineTest, HoldsAPushAndNothingElse) {
  Repository repository(folder.path() / "r", GetParam());
  repository.write("f", "one\n");
  std::string commit = repository.commit("one");
  // Behind commands, as on the wire.
  std::string body = file("commands and a flush" + read_file(repository.pack("main")));
  std::filesystem::path where;
  {
    Quarantine quarantine = open();
    where = quarantine.git_dir();
    Result<OrNeeds<PackSummary>> admitted = quarantine.admit({body, 20});
    ASSERT_TRUE(admitted) << problem(admitted);
    ASSERT_TRUE(std::holds_alternative<PackSummary>(*admitted));
    EXPECT_EQ(std::get<PackSummary>(*admitted).objects, 3U);
    ASSERT_NE(quarantine.objects(), nullptr);
    EXPECT_TRUE(quarantine.objects()->contains(commit));
    Result<ObjectReader> reader = ObjectReader::open(cache->git_dir());
    EXPECT_FALSE(reader->info(commit)->has_value()) << "the cache must not learn what was only pushed";
    reader = ObjectReader::open(quarantine.git_dir());
    EXPECT_TRUE(reader->info(commit)->has_value());
    EXPECT_FALSE(reader->info("main")->has_value());
    EXPECT_EQ(code_of(reader->read(commit, 10)), "git.object_too_large");
    EXPECT_TRUE(reader->read(commit, 1000)->has_value()) << "and goes on after a refusal";
  }
  EXPECT_FALSE(std::filesystem::exists(where));
}

TEST_P(QuarantineTest, AbsorbedObjectsAreTheCaches) {
  Repository repository(folder.path() / "r", GetParam());
  repository.write("f", "one\n");
  std::string commit = repository.commit("one");
  {
    Quarantine quarantine = open();
    ASSERT_TRUE(quarantine.admit({repository.pack("main"), 0}));
    ASSERT_NE(quarantine.objects(), nullptr);
    EXPECT_TRUE(quarantine.objects()->contains(commit));
    ASSERT_TRUE(quarantine.absorb());
    EXPECT_EQ(quarantine.objects(), nullptr);
  }
  Result<ObjectReader> reader = ObjectReader::open(cache->git_dir());
  EXPECT_TRUE(reader->info(commit)->has_value());
}

TEST_P(QuarantineTest, NamesTheBasesOfAThinPack) {
  Repository repository(folder.path() / "r", GetParam());
  repository.write("f", many_lines(3));
  repository.commit("one");
  std::string base = repository.id("main:f");
  repository.write("f", many_lines(4));
  repository.commit("two");
  for (const char* options : {"--thin --delta-base-offset", "--thin"}) {
    cache = *store->repository(options, GetParam());
    std::string pack = repository.pack("main\n^main^", options);
    Quarantine quarantine = open();
    Result<OrNeeds<PackSummary>> admitted = quarantine.admit({pack, 0});
    ASSERT_TRUE(admitted) << problem(admitted);
    ASSERT_TRUE(std::holds_alternative<Needs>(*admitted));
    const Needs& needs = std::get<Needs>(*admitted);
    ASSERT_EQ(needs.fetches.size(), 1U);
    EXPECT_EQ(needs.fetches[0].wants, std::vector<std::string>{base});
    EXPECT_EQ(code_of(quarantine.admit({pack, 0}, {}, Missing::accept)), "git.missing_bases");
    answer(needs, repository, *cache);
    admitted = quarantine.admit({pack, 0});
    ASSERT_TRUE(admitted) << problem(admitted);
    EXPECT_TRUE(std::holds_alternative<PackSummary>(*admitted));
    EXPECT_TRUE(quarantine.objects()->contains(repository.id("main:f")));
  }
}

TEST_P(QuarantineTest, EmptyPacksAndNoPack) {
  Quarantine quarantine = open();
  EXPECT_EQ(quarantine.objects(), nullptr);
  Result<OrNeeds<PackSummary>> admitted = quarantine.admit({file(PackMaker(0, 2, GetParam()).finish()), 0});
  ASSERT_TRUE(admitted) << problem(admitted);
  EXPECT_EQ(std::get<PackSummary>(*admitted).objects, 0U);
  EXPECT_EQ(quarantine.objects(), nullptr);
}

TEST_P(QuarantineTest, RefusesBrokenObjects) {
  Quarantine quarantine = open();
  auto admit = [&](unsigned type, std::string_view content) {
    return code_of(quarantine.admit({file(PackMaker(1, 2, GetParam()).object(type, content).finish()), 0}));
  };
  EXPECT_EQ(admit(kCommit, "this is no commit"), "git.bad_object");
  std::string id(hash_length(GetParam()), 'x');
  EXPECT_EQ(admit(kTree, "100644 .git" + std::string(1, '\0') + id), "git.bad_object");
  EXPECT_EQ(admit(kTree, "100644 a/b" + std::string(1, '\0') + id), "git.bad_object");
  EXPECT_EQ(admit(kBlob, "blobs may be anything"), "no error");
  // Two deltas that are each other's base.
  std::string a(hash_length(GetParam()), 'a');
  PackMaker cycle(1, 2, GetParam());
  cycle.ref_delta(a, copying_delta(4, 1));
  EXPECT_EQ(code_of(quarantine.admit({file(cycle.finish()), 0}, {}, Missing::accept)), "git.missing_bases");
  // A delta that copies from beyond its base.
  PackMaker beyond(2, 2, GetParam());
  beyond.object(kBlob, "text").ofs_delta(beyond.size() - 12, copying_delta(400, 1));
  EXPECT_EQ(code_of(quarantine.admit({file(beyond.finish()), 0})), "git.bad_pack");
}

INSTANTIATE_TEST_SUITE_P(Formats, QuarantineTest, testing::Values(ObjectFormat::sha1, ObjectFormat::sha256),
                         [](const auto& info) { return std::string(name_of(info.param)); });

}  // namespace
}  // namespace countersign::adapters::git
