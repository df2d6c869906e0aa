// What git asks its credential helper, what it is told, and what the leaf then may do.
#include "cli/git_credential.h"

#include <gtest/gtest.h>

#include "auth/token.h"

namespace countersign::cli {
namespace {

constexpr TimeMs kNow = 1'795'000'000'000;
constexpr TimeMs kHour = 3'600'000;
constexpr TimeMs kTenMinutes = 600'000;

std::string code_of(const auto& result) {
  return result ? std::string("ok") : result.error().code;
}

TEST(GitCredentialTest, ReadsWhatGitAsks) {
  auto question = read_question(
      "capability[]=authtype\ncapability[]=state\nprotocol=http\nhost=127.0.0.1:8700\npath=origin/team/app.git\n"
      "wwwauth[]=Basic realm=\"countersign push\", charset=\"UTF-8\"\nwwwauth[]=Bearer realm=\"x\"\nfuture=1\n\nnot "
      "read");
  ASSERT_TRUE(question.has_value()) << question.error().message;
  EXPECT_EQ(question->protocol, "http");
  EXPECT_EQ(question->host, "127.0.0.1:8700");
  EXPECT_EQ(question->path, "origin/team/app.git");
  EXPECT_TRUE(question->knows_ephemeral);
  EXPECT_EQ(question->challenges.size(), 2U);

  auto old = read_question("protocol=http\nhost=h\n");
  ASSERT_TRUE(old.has_value());
  EXPECT_FALSE(old->path.has_value());
  EXPECT_FALSE(old->knows_ephemeral);
  auto cleared = read_question("wwwauth[]=a\nwwwauth[]=\nwwwauth[]=b\n");
  ASSERT_TRUE(cleared.has_value());
  EXPECT_EQ(cleared->challenges, std::vector<std::string>{"b"});
  EXPECT_TRUE(read_question("").has_value());
}

TEST(GitCredentialTest, InputHasLimits) {
  auto code = [](const std::string& text) { return code_of(read_question(text)); };
  const std::string bad = "git_credential.malformed";
  EXPECT_EQ(code("protocol"), bad);
  EXPECT_EQ(code("host=a\nhost=b\n"), bad);
  EXPECT_EQ(code("path=a\npath=a\n"), bad);
  EXPECT_EQ(code("host=a\r\n"), bad);
  EXPECT_EQ(code(std::string("host=a\0b\n", 9)), bad);
  EXPECT_EQ(code("x=" + std::string(kMaxCredentialLine - 2, 'a') + "\n"), "ok");
  EXPECT_EQ(code("x=" + std::string(kMaxCredentialLine - 1, 'a') + "\n"), bad);
  std::string many;
  for (std::size_t i = 0; i < kMaxCredentialLines; ++i) many += "x=1\n";
  EXPECT_EQ(code(many), "ok");
  EXPECT_EQ(code(many + "x=1\n"), bad);
  std::string much;
  while (much.size() <= kMaxCredentialInput) much += "x=" + std::string(1000, 'a') + "\n";
  EXPECT_EQ(code(much), bad);
}

TEST(GitCredentialTest, AnswersForTheGatewayAlone) {
  auto gateway = read_gateway("http://127.0.0.1:8700/");
  ASSERT_TRUE(gateway.has_value());
  auto is = [&](std::string protocol, std::string host) {
    CredentialQuestion question;
    question.protocol = std::move(protocol);
    question.host = std::move(host);
    return is_for(question, *gateway);
  };
  EXPECT_TRUE(is("http", "127.0.0.1:8700"));
  EXPECT_FALSE(is("https", "127.0.0.1:8700"));
  EXPECT_FALSE(is("http", "127.0.0.1"));
  EXPECT_FALSE(is("http", "127.0.0.1:87000"));
  EXPECT_FALSE(is("http", "127.0.0.1:8700.evil.example"));
  EXPECT_FALSE(is("http", "localhost:8700"));
  EXPECT_FALSE(is("", ""));
  for (const char* address : {"", "127.0.0.1:8700", "ftp://a", "http://", "http:///", "http://a/b", "http://u@a",
                              "http://a?b", "http://a#b", "http://a b", "HTTP://a"}) {
    EXPECT_EQ(code_of(read_gateway(address)), "git_credential.gateway") << address;
  }
  EXPECT_TRUE(read_gateway("https://[::1]:8700").has_value());
}

TEST(GitCredentialTest, RepositoriesAreNamedAsTheAdapterJudgesThem) {
  auto name = [](std::string_view path) {
    auto place = read_repository(path);
    return place ? place->upstream + " " + place->repository : place.error().code;
  };
  EXPECT_EQ(name("origin/team/app.git"), "origin team/app");
  EXPECT_EQ(name("origin/team/app"), "origin team/app");
  EXPECT_EQ(name("origin/app.git/"), "origin app");
  EXPECT_EQ(name("origin/Team/App.git"), "origin Team/App");
  EXPECT_EQ(name("origin/team/c++.git"), "origin team/c++");
  EXPECT_EQ(name("origin/team/my app"), "origin team/my app");
  EXPECT_EQ(name("origin/team/gr\xc3\xbc\xc3\x9f"), "origin team/gr\xc3\xbc\xc3\x9f");
  EXPECT_EQ(name("origin/team/app.git/info/lfs"), "origin team/app");
  EXPECT_EQ(name("origin/team/app.git/info/lfs/objects/batch"), "origin team/app");
  for (const char* path : {"", "origin", "origin/", "/origin/app", "Origin/app", "origin/..", "origin/a/../b",
                           "origin/a//b", "origin/.git", "origin/*", "origin/te*m/app", "origin/a\\b", "origin/a%2fb",
                           "origin/a?b", "origin/a;b", "origin/\xff"}) {
    EXPECT_EQ(name(path), "git_credential.path") << path;
  }
}

TEST(GitCredentialTest, TheChallengeSaysWhatIsAboutToHappen) {
  EXPECT_EQ(access_asked({"Basic realm=\"countersign push\", charset=\"UTF-8\""}), GitAccess::write);
  EXPECT_EQ(access_asked({"Basic realm=\"countersign fetch\", charset=\"UTF-8\""}), GitAccess::read);
  EXPECT_EQ(access_asked({"Basic realm=\"countersign\""}), std::nullopt);
  EXPECT_EQ(access_asked({"Basic realm=\"countersign pushy\""}), std::nullopt);
  EXPECT_EQ(access_asked({}), std::nullopt);
}

// --- what a leaf may do, judged by a server with the key -------------------------------------------------------------

class GitLeafTest : public testing::Test {
 protected:
  void SetUp() override {
    keys_.keys.emplace("k1", Secret(std::string(32, 'a')));
    keys_.newest = "k1";
    claims_.agent = "builder";
    claims_.owner = "alice";
    claims_.issued = kNow;
    claims_.expires = kNow + kHour;
    claims_.scope = {ScopeRule{}};
  }
  Result<GitLeaf> leaf(const Secret& token, GitAccess access = GitAccess::write,
                       std::string_view path = "origin/Team/App.git", TimeMs now = kNow) {
    auto place = read_repository(path);
    EXPECT_TRUE(place.has_value());
    return leaf_for(token.expose(), *place, access, now, now + kTenMinutes);
  }
  Secret parent() { return std::move(*auth::issue(keys_, claims_)); }
  auth::VerifiedToken verified(const GitLeaf& leaf) {
    auto token = auth::verify(leaf.password.expose(), keys_, auth::Audience::agents, kNow);
    EXPECT_TRUE(token.has_value());
    return std::move(*token);
  }
  static bool admits(const Scope& scope, std::string upstream, std::string action, Effect effect, std::string type,
                     std::string name) {
    Operation operation;
    operation.protocol = "git";
    operation.upstream = upstream;
    operation.action = std::move(action);
    operation.accesses.push_back({{std::move(type), upstream + "/" + name, name}, effect});
    std::vector<LabelledAccess> labelled{{&operation.accesses[0], ""}};
    return !scope.refuses(operation, labelled, kNow).has_value();
  }
  auth::KeySet keys_;
  auth::Claims claims_;
};

TEST_F(GitLeafTest, MayFetchThatRepositoryAndNothingElse) {
  auto made = leaf(parent(), GitAccess::read);
  ASSERT_TRUE(made.has_value()) << made.error().message;
  EXPECT_TRUE(made->password.expose().starts_with("csb1_"));
  EXPECT_FALSE(made->as_was);
  const Scope scope = verified(*made).scope;
  EXPECT_TRUE(admits(scope, "origin", "git:fetch", Effect::read, "Repository", "Team/App"));
  EXPECT_TRUE(admits(scope, "origin", "git:fetch", Effect::read, "Repository", "team/app"));
  EXPECT_FALSE(admits(scope, "origin", "git:fetch", Effect::read, "Repository", "team/apps"));
  EXPECT_FALSE(admits(scope, "origin", "git:fetch", Effect::read, "Repository", "team"));
  EXPECT_FALSE(admits(scope, "mirror", "git:fetch", Effect::read, "Repository", "Team/App"));
  EXPECT_FALSE(admits(scope, "origin", "git:push", Effect::write, "Ref", "Team/App/refs/heads/main"));
  EXPECT_FALSE(admits(scope, "origin", "git:lfs_upload", Effect::write, "Repository", "Team/App"));
  EXPECT_FALSE(admits(scope, "origin", "http:GET", Effect::read, "HttpEndpoint", "Team/App"));
}

TEST_F(GitLeafTest, MayPushWhereTheParentMay) {
  auto made = leaf(parent());
  ASSERT_TRUE(made.has_value());
  Scope scope = verified(*made).scope;
  EXPECT_TRUE(admits(scope, "origin", "git:fetch", Effect::read, "Repository", "Team/App"));
  EXPECT_TRUE(admits(scope, "origin", "git:push", Effect::write, "Ref", "Team/App/refs/heads/main"));
  EXPECT_TRUE(admits(scope, "origin", "git:push", Effect::destroy, "Ref", "team/app/refs/tags/v1"));
  EXPECT_TRUE(admits(scope, "origin", "git:lfs_upload", Effect::write, "Ref", "Team/App/refs/heads/main"));
  EXPECT_TRUE(admits(scope, "origin", "git:lfs_upload", Effect::write, "Repository", "Team/App"));
  EXPECT_FALSE(admits(scope, "origin", "git:push", Effect::write, "Ref", "Team/Other/refs/heads/main"));
  EXPECT_FALSE(admits(scope, "origin", "git:push", Effect::write, "Ref", "Team/App-2/refs/heads/main"));

  claims_.scope = {ScopeRule{.actions = {"git:fetch"}}};
  made = leaf(parent());
  ASSERT_TRUE(made.has_value());
  scope = verified(*made).scope;
  EXPECT_TRUE(admits(scope, "origin", "git:fetch", Effect::read, "Repository", "Team/App"));
  EXPECT_FALSE(admits(scope, "origin", "git:push", Effect::write, "Ref", "Team/App/refs/heads/main"));
}

TEST_F(GitLeafTest, LivesShortlyAndNeverLongerThanItsParent) {
  auto made = leaf(parent());
  ASSERT_TRUE(made.has_value());
  EXPECT_EQ(made->expires, kNow + kTenMinutes);
  EXPECT_EQ(verified(*made).expires, kNow + kTenMinutes);

  claims_.expires = kNow + 60'000;
  made = leaf(parent());
  ASSERT_TRUE(made.has_value());
  EXPECT_EQ(made->expires, kNow + 60'000);

  claims_.expires = kNow + kHour;
  auth::Caveats caveats;
  caveats.expires = kNow + 30'000;
  auto child = auth::narrow(parent().expose(), std::move(caveats));
  ASSERT_TRUE(child.has_value());
  made = leaf(*child);
  ASSERT_TRUE(made.has_value());
  EXPECT_EQ(made->expires, kNow + 30'000);
  EXPECT_EQ(code_of(leaf(*child, GitAccess::write, "origin/a", kNow + 30'000)), "token.expired");
}

TEST_F(GitLeafTest, SealedTokensAreHandedOnAndPersonsTokensAreNot) {
  auto sealed = auth::seal(parent().expose());
  ASSERT_TRUE(sealed.has_value());
  auto made = leaf(*sealed, GitAccess::read);
  ASSERT_TRUE(made.has_value());
  EXPECT_TRUE(made->as_was);
  EXPECT_EQ(made->password.expose(), sealed->expose());
  EXPECT_EQ(made->expires, kNow + kHour);

  EXPECT_EQ(code_of(leaf(Secret(std::string("csd1_nonsense.x")))), "token.malformed");
  claims_.max_depth = 0;
  EXPECT_EQ(code_of(leaf(parent())), "token.too_deep");
  claims_.max_depth.reset();
  claims_.audience = auth::Audience::admin;
  claims_.agent.clear();
  EXPECT_EQ(code_of(leaf(parent())), "git_credential.personal_token");
}

TEST_F(GitLeafTest, TheAnswerSaysHowLongAndNewGitThatItIsNotToBeKept) {
  auto made = leaf(parent());
  ASSERT_TRUE(made.has_value());
  CredentialQuestion question;
  const std::string plain = "username=countersign\npassword=" + std::string(made->password.expose()) +
                            "\npassword_expiry_utc=" + std::to_string((kNow + kTenMinutes) / 1000) + "\n";
  EXPECT_EQ(write_answer(question, *made).expose(), plain);
  question.knows_ephemeral = true;
  EXPECT_EQ(write_answer(question, *made).expose(), "capability[]=authtype\nephemeral=1\n" + plain);
}

}  // namespace
}  // namespace countersign::cli
