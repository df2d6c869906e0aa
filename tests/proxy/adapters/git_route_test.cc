#include "proxy/adapters/git_route.h"

#include <gtest/gtest.h>

namespace countersign::adapters {
namespace {

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
      {"GET", "/app.git/objects/pack/pack-12.idx", GitService::dumb, "app"},
      {"GET", "/app.git/objects/12/34567890", GitService::dumb, "app"},
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
      {"GET", "/app.git/info/refs?service=git-upload-archive", "git.bad_query"},
      {"GET", "/app.git/info/refs?service=git%2dreceive-pack", "git.bad_query"},
      {"POST", "/app.git/git-receive-pack?x=1", "git.bad_query"},
      {"POST", "/a/../b.git/git-receive-pack", "git.bad_path"},
      {"POST", "/a//b.git/git-receive-pack", "git.bad_path"},
      {"POST", "/%61pp.git/git-receive-pack", "git.bad_path"},
      {"POST", "/.git/git-receive-pack", "git.bad_path"},
      {"POST", "/git-receive-pack", "git.bad_path"},
      {"POST", "/app.git/info/lfs/locks/1/2/unlock", "git.unknown_endpoint"},
      {"GET", "/app.git/objects/secrets", "git.unknown_endpoint"},
  };
  for (const Case& each : cases) {
    auto route = read_git_route(each.method, each.target);
    ASSERT_FALSE(route) << each.target;
    EXPECT_EQ(route.error().code, each.code) << each.target;
  }
}

}  // namespace
}  // namespace countersign::adapters
