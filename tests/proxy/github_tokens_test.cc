// Which token a git request needs. How tokens are fetched, kept, shared and replaced:
// tests/e2e/test_git_credentials.py.
#include "proxy/github_tokens.h"

#include <gtest/gtest.h>

namespace countersign::proxy {
namespace {

using Contents = config::GithubApp::Contents;

class TextSource final : public adapters::BodySource {
 public:
  explicit TextSource(std::string text) : text_(std::move(text)) {}
  [[nodiscard]] std::uint64_t size() const override { return text_.size(); }
  void rewind() override { at_ = 0; }
  Result<ByteView> next() override {
    const std::string_view piece = std::string_view(text_).substr(at_, 7);
    at_ += piece.size();
    return as_bytes(piece);
  }

 private:
  std::string text_;
  std::size_t at_ = 0;
};

std::string need(std::string method, std::string target, std::string body = "", Contents most = Contents::write) {
  config::GithubApp app;
  app.contents = most;
  TextSource source(std::move(body));
  auto need = token_need_of(app, RequestHead{std::move(method), std::move(target), {}}, &source);
  if (!need) return need.error().code;
  // What follows reads the body from its start.
  source.rewind();
  return need->owner + "/" + need->name + (need->contents == Contents::write ? " write" : " read");
}

TEST(TokenNeedTest, FetchesReadAndPushesWrite) {
  EXPECT_EQ(need("GET", "/Acme/App.git/info/refs?service=git-upload-pack"), "acme/app read");
  EXPECT_EQ(need("POST", "/acme/app/git-upload-pack", "0000"), "acme/app read");
  EXPECT_EQ(need("GET", "/acme/app.git/info/refs"), "acme/app read");
  EXPECT_EQ(need("GET", "/acme/app.git/info/refs?service=git-receive-pack"), "acme/app write");
  EXPECT_EQ(need("POST", "/acme/app.git/git-receive-pack", "0000"), "acme/app write");
  EXPECT_EQ(need("POST", "/acme/app.git/git-receive-pack", "0000", Contents::read), "vault.github_app_read_only");
  EXPECT_EQ(need("POST", "/acme/app.git/git-upload-pack", "0000", Contents::read), "acme/app read");
}

TEST(TokenNeedTest, LfsReadsOnlyWhereItSaysThatItDownloads) {
  const std::string batch = "/acme/app.git/info/lfs/objects/batch";
  EXPECT_EQ(need("POST", batch, R"({"operation":"download","objects":[]})"), "acme/app read");
  EXPECT_EQ(need("POST", batch, R"({"operation":"upload","objects":[]})"), "acme/app write");
  EXPECT_EQ(need("POST", batch, R"({"operation":"download","operation":"upload"})"), "acme/app write");
  EXPECT_EQ(need("POST", batch, R"(["download"])"), "acme/app write");
  EXPECT_EQ(need("POST", batch, ""), "acme/app write");
  EXPECT_EQ(need("POST", batch, R"({"operation":"download","x":")" + std::string(2U << 20, 'x') + "\"}"),
            "acme/app write");
  EXPECT_EQ(need("GET", "/acme/app.git/info/lfs/locks"), "acme/app read");
  EXPECT_EQ(need("POST", "/acme/app.git/info/lfs/locks", "{}"), "acme/app write");
  EXPECT_EQ(need("POST", "/acme/app.git/info/lfs/locks/verify", "{}"), "acme/app write");
  EXPECT_EQ(need("POST", "/acme/app.git/info/lfs/locks/7/unlock", "{}"), "acme/app write");
}

TEST(TokenNeedTest, WhatNamesNoRepositoryGetsNoToken) {
  for (const char* target :
       {"/", "/app.git/info/refs", "/a/b/c.git/info/refs", "/acme/app.git/unknown", "/acme/../info/refs",
        "/acme/a%2fb/info/refs", "/acme/app.git/info/refs?service=other", "/acme//info/refs"}) {
    EXPECT_EQ(need("GET", target), "vault.github_app_repository") << target;
  }
  EXPECT_EQ(need("DELETE", "/acme/app.git/info/refs"), "vault.github_app_repository");
}

}  // namespace
}  // namespace countersign::proxy
