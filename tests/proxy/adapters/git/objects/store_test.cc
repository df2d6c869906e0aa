#include "proxy/adapters/git/objects/store.h"

#include <thread>

#include "fixture.h"
#include "proxy/adapters/git/objects/object_reader.h"
#include "proxy/adapters/git/objects/repository.h"

namespace countersign::adapters::git {
namespace {

struct StoreTest : testing::Test {
  std::unique_ptr<ObjectStore> open(StoreLimits limits = {}) {
    Result<std::unique_ptr<ObjectStore>> store = ObjectStore::open(folder.path() / "store", limits);
    EXPECT_TRUE(store) << problem(store);
    return std::move(*store);
  }
  static bool has(const Cache& cache, const std::string& id) {
    Result<ObjectReader> reader = ObjectReader::open(cache.git_dir());
    EXPECT_TRUE(reader) << problem(reader);
    Result<std::optional<ObjectInfo>> info = reader->info(id);
    EXPECT_TRUE(info) << problem(info);
    return info->has_value();
  }
  Folder folder;
};

TEST_F(StoreTest, KeepsPacksOverARestart) {
  Repository repository(folder.path() / "r", ObjectFormat::sha256);
  repository.write("f", "text\n");
  std::string commit = repository.commit("one");
  std::string pack = repository.pack("main");
  {
    auto store = open();
    auto cache = *store->repository("origin/a", ObjectFormat::sha256);
    EXPECT_FALSE(has(*cache, commit));
    Result<std::shared_ptr<const PackIndex>> added = cache->add_pack({pack, 0});
    ASSERT_TRUE(added) << problem(added);
    EXPECT_EQ((*added)->size(), 3U);
    EXPECT_TRUE((*added)->contains(commit));
    EXPECT_FALSE((*added)->contains(repository.zero()));
    EXPECT_FALSE((*added)->contains("nonsense"));
    EXPECT_TRUE(has(*cache, commit));
    EXPECT_FALSE(has(**store->repository("origin/b", ObjectFormat::sha256), commit));
  }
  auto store = open();
  EXPECT_GT(store->bytes(), 0U);
  EXPECT_TRUE(has(**store->repository("origin/a", ObjectFormat::sha256), commit));
  EXPECT_FALSE(has(**store->repository("origin/a", ObjectFormat::sha1), commit));
}

TEST_F(StoreTest, BeginsAnewWhenTheMachineWasStartedAgain) {
  Repository repository(folder.path() / "r", ObjectFormat::sha1);
  repository.write("f", "text\n");
  std::string commit = repository.commit("one");
  ASSERT_TRUE((*open()->repository("origin/a", ObjectFormat::sha1))->add_pack({repository.pack("main"), 0}));
  EXPECT_TRUE(has(**open()->repository("origin/a", ObjectFormat::sha1), commit));
  ASSERT_TRUE(write_file(folder.path() / "store" / "boot", "another time"));
  EXPECT_FALSE(has(**open()->repository("origin/a", ObjectFormat::sha1), commit));
}

TEST_F(StoreTest, RetiredCachesServeThoseWhoHoldThem) {
  Repository repository(folder.path() / "r");
  repository.write("f", std::string(5000, 'x'));
  std::string commit = repository.commit("one");
  auto store = open({.bytes = 1});  // every pack is too much
  auto cache = *store->repository("a", ObjectFormat::sha1);
  ASSERT_TRUE(cache->add_pack({repository.pack("main"), 0}));
  EXPECT_TRUE(has(*cache, commit));
  auto next = *store->repository("a", ObjectFormat::sha1);
  EXPECT_NE(next->git_dir(), cache->git_dir());
  EXPECT_FALSE(has(*next, commit));
  std::filesystem::path old = cache->git_dir();
  cache = nullptr;
  EXPECT_FALSE(std::filesystem::exists(old));
  EXPECT_TRUE(std::filesystem::exists(next->git_dir()));
}

TEST_F(StoreTest, TheLongestUnusedGoesFirst) {
  Repository repository(folder.path() / "r");
  std::string noise;
  for (std::uint32_t i = 0, x = 1; i < 20'000; ++i) noise += static_cast<char>((x = x * 1664525 + 1013904223) >> 24U);
  repository.write("f", noise);
  std::string commit = repository.commit("one");
  std::string pack = repository.pack("main");
  auto store = open({.bytes = 50'000});
  ASSERT_TRUE((*store->repository("a", ObjectFormat::sha1))->add_pack({pack, 0}));
  ASSERT_TRUE((*store->repository("b", ObjectFormat::sha1))->add_pack({pack, 0}));
  EXPECT_TRUE(has(**store->repository("a", ObjectFormat::sha1), commit));
  ASSERT_TRUE((*store->repository("c", ObjectFormat::sha1))->add_pack({pack, 0}));
  EXPECT_LE(store->bytes(), 50'000U);
  EXPECT_TRUE(has(**store->repository("a", ObjectFormat::sha1), commit));
  EXPECT_FALSE(has(**store->repository("b", ObjectFormat::sha1), commit));
  EXPECT_TRUE(has(**store->repository("c", ObjectFormat::sha1), commit));
}

TEST_F(StoreTest, ManyAtOnce) {
  Repository repository(folder.path() / "r");
  std::vector<std::string> packs;
  std::vector<std::string> commits;
  for (int i = 0; i < 8; ++i) {
    repository.write("f", std::to_string(i));
    commits.push_back(repository.commit("number"));
    packs.push_back(repository.pack(i == 0 ? "main" : "main\n^main^", "--delta-base-offset"));
  }
  auto store = open();
  std::vector<std::thread> threads;
  for (const std::string& pack : packs) {
    for (int twice = 0; twice < 2; ++twice) {
      threads.emplace_back([&store, &pack] {
        auto cache = *store->repository("a", ObjectFormat::sha1);
        EXPECT_TRUE(cache->add_pack({pack, 0}));
      });
    }
  }
  for (std::thread& each : threads) each.join();
  for (const std::string& commit : commits) EXPECT_TRUE(has(**store->repository("a", ObjectFormat::sha1), commit));
}

TEST_F(StoreTest, RefusesWhatIsNoPack) {
  auto store = open();
  auto cache = *store->repository("a", ObjectFormat::sha1);
  std::ofstream(folder.path() / "junk") << "not a pack";
  EXPECT_EQ(code_of(cache->add_pack({(folder.path() / "junk").string(), 0})), "git.bad_upstream_pack");
  EXPECT_EQ(code_of(cache->add_pack({"/nonexistent", 0})), "git.tool_failed");
}

}  // namespace
}  // namespace countersign::adapters::git
