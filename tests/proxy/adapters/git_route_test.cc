#include "proxy/adapters/git_route.h"

#include <gtest/gtest.h>

namespace countersign::adapters {
namespace {

const std::string kSha1 = "0123456789abcdef0123456789abcdef01234567";
const std::string kSha256 = kSha1 + "0123456789abcdef01234567";

TEST(GitRoute, NamesServiceAndRepository) {
  struct Case {
    std::string method, target;
    GitService service;
    std::string repository;
  };
  const Case cases[] = {
      {"GET", "/team/app.git/info/refs?service=git-upload-pack", GitService::advertise_fetch, "team/app"},
      {"GET", "/team/app/info/refs?service=git-receive-pack", GitService::advertise_push, "team/app"},
      {"POST", "/app.git/git-upload-pack", GitService::fetch, "app"},
      {"POST", "/a/b/c.git/git-receive-pack", GitService::push, "a/b/c"},
      {"GET", "/app.git/info/refs", GitService::dumb, "app"},
      {"GET", "/app.git/HEAD", GitService::dumb, "app"},
      {"GET", "/app.git/objects/info/packs", GitService::dumb, "app"},
      {"GET", "/app.git/objects/info/http-alternates", GitService::dumb, "app"},
      {"GET", "/app.git/objects/pack/pack-" + kSha1 + ".idx", GitService::dumb, "app"},
      {"GET", "/app.git/objects/pack/pack-" + kSha256 + ".pack", GitService::dumb, "app"},
      {"GET", "/app.git/objects/12/" + kSha1.substr(2), GitService::dumb, "app"},
      {"GET", "/app.git/objects/12/" + kSha256.substr(2), GitService::dumb, "app"},
      {"GET", "/app.git/info/refs?service=git-upload-archive", GitService::advertise_fetch, "app"},
      {"POST", "/app.git/git-upload-archive", GitService::archive, "app"},
      {"GET", "/team/app/info/lfs/locks", GitService::lfs_locks, "team/app"},
      {"GET", "/team/app.git/info/lfs/countersign/abc.def", GitService::lfs_object, "team/app"},
      {"PUT", "/team/app.git/info/lfs/countersign/abc.def", GitService::lfs_object, "team/app"},
      {"POST", "/team/app.git/info/lfs/countersign/abc.def", GitService::lfs_verify_object, "team/app"},
      {"GET", "/gitignore/info/refs?service=git-upload-pack", GitService::advertise_fetch, "gitignore"},
      {"POST", "/team/app.git/info/lfs/objects/batch", GitService::lfs_batch, "team/app"},
      {"POST", "/team/app.git/info/lfs/verify", GitService::lfs_verify, "team/app"},
      {"GET", "/team/app.git/info/lfs/locks?path=a&limit=3", GitService::lfs_locks, "team/app"},
      {"POST", "/team/app.git/info/lfs/locks", GitService::lfs_lock, "team/app"},
      {"POST", "/team/app.git/info/lfs/locks/verify", GitService::lfs_verify_locks, "team/app"},
      {"POST", "/team/app.git/info/lfs/locks/77/unlock", GitService::lfs_unlock, "team/app"},
  };
  for (const Case& each : cases) {
    auto route = read_git_route(each.method, each.target);
    ASSERT_TRUE(route) << each.target << ": " << route.error().message;
    EXPECT_EQ(route->service, each.service) << each.target;
    EXPECT_EQ(route->repository, each.repository) << each.target;
  }
}

TEST(GitRoute, WhatIsNotGitsIsRefused) {
  struct Case {
    std::string method, target, code;
  };
  const Case cases[] = {
      {"GET", "/api/v4/projects", "git.unknown_endpoint"},
      {"POST", "/app.git/info/refs?service=git-receive-pack", "git.unknown_endpoint"},
      {"GET", "/app.git/git-receive-pack", "git.unknown_endpoint"},
      {"DELETE", "/app.git/info/refs", "http.method_not_supported"},
      {"GET", "/app.git/info/refs?service=git-upload-pack&service=git-receive-pack", "git.bad_query"},
      {"GET", "/app.git/info/refs?service=git-upload-pack2", "git.bad_query"},
      {"GET", "/app.git/git-upload-archive", "git.unknown_endpoint"},
      {"GET", "/app.git/info/refs?service=git%2dreceive-pack", "git.bad_query"},
      {"POST", "/app.git/git-receive-pack?x=1", "git.bad_query"},
      {"POST", "/a/../b.git/git-receive-pack", "git.bad_path"},
      {"POST", "/a//b.git/git-receive-pack", "git.bad_path"},
      {"POST", "/%61pp.git/git-receive-pack", "git.bad_path"},
      {"POST", "/.git/git-receive-pack", "git.bad_path"},
      {"POST", "/git-receive-pack", "git.bad_path"},
      {"POST", "/app.git/info/lfs/locks/1/2/unlock", "git.unknown_endpoint"},
      {"GET", "/app.git/objects/secrets", "git.unknown_endpoint"},
      {"GET", "/app.git/objects/12/34567890", "git.unknown_endpoint"},
      {"GET", "/app.git/objects/info/../../config", "git.unknown_endpoint"},
      {"GET", "/app.git/objects/pack/pack-" + kSha1 + ".keep", "git.unknown_endpoint"},
      {"GET", "/app.git/objects/pack/pack-" + kSha1 + ".idx?x=1", "git.unknown_endpoint"},
      {"GET", "/app.git/config", "git.unknown_endpoint"},
      // A worktree's folder is the repository around it by another name.
      {"POST", "/app.git/worktrees/other/git-receive-pack", "git.bad_path"},
      {"POST", "/app.git/modules/sub.git/git-receive-pack", "git.bad_path"},
      {"POST", "/app.GIT/git-receive-pack", "git.bad_path"},
      {"POST", "/app.git.git/git-receive-pack", "git.bad_path"},
      {"POST", "/team/app/.git/git-receive-pack", "git.bad_path"},
      {"POST", "/app.git/info/lfs/locks/%31/unlock", "git.unknown_endpoint"},
      {"POST", "/app.git/info/lfs/locks//unlock", "git.unknown_endpoint"},
      {"GET", "/app.git/info/lfs/locks?path=a&path=b", "git.bad_query"},
      {"GET", "/app.git/info/lfs/locks?force=1", "git.bad_query"},
      {"POST", "/app.git/info/lfs/objects/batch?x=1", "git.bad_query"},
      {"GET", "/app.git/info/lfs/objects/batch", "git.unknown_endpoint"},
      {"PUT", "/app.git/info/lfs/objects/" + kSha256, "http.method_not_supported"},
      {"GET", "/app.git/info/lfs/objects/" + kSha256, "git.unknown_endpoint"},
      {"PUT", "/app.git/info/lfs/countersign/a/b", "http.method_not_supported"},
      {"GET", "/app.git/info/lfs/countersign/", "git.unknown_endpoint"},
      {"GET", "/app.git/info/lfs/countersign/abc?x=1", "git.bad_query"},
      {"DELETE", "/app.git/info/lfs/countersign/abc", "http.method_not_supported"},
  };
  for (const Case& each : cases) {
    auto route = read_git_route(each.method, each.target);
    ASSERT_FALSE(route) << each.target;
    EXPECT_EQ(route.error().code, each.code) << each.target;
  }
}

TEST(GitRoute, PartsOfLfsAddresses) {
  EXPECT_EQ(lfs_repository_path("/team/app.git/info/lfs/objects/batch"), "/team/app.git");
  EXPECT_EQ(lfs_repository_path("/team/app/info/lfs/locks?path=/info/lfs/x"), "/team/app");
  EXPECT_EQ(lfs_repository_path("/team/app.git/info/refs"), "");
  EXPECT_EQ(lfs_ticket_of("/app.git/info/lfs/countersign/a.b"), "a.b");
  EXPECT_EQ(lfs_ticket_of("/app.git/info/lfs/objects/batch"), "");
}

}  // namespace
}  // namespace countersign::adapters
