#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "core/config_load.h"
#include "scopes/effect.h"

namespace countersign::config {
namespace {

class ConfigTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("countersign-config-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_ / "policies");
    for (const char* name : {"a.pem", "a.key", "ca.pem", "shop-openapi.yaml", "token"})
      std::ofstream(folder_ / name) << "x";
    ::unsetenv("COUNTERSIGN_TEST_UNSET");
    ::setenv("COUNTERSIGN_TEST_SET", "hunter2", 1);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  Loaded read_here(std::string_view text, const LoadOptions& options = {}) const {
    return read(folder_ / "countersign.yaml", text, options);
  }
  std::filesystem::path folder_;
};

TEST_F(ConfigTest, ReadsEverything) {
  Loaded loaded = read_here(R"(
state: ./st
listen: { agents: "0.0.0.0:1", admin: "[::1]:2", agents_tls: { certificate: a.pem, key: a.key },
          admin_tls: { certificate: a.pem, key: a.key }, public_url: "https://approve.example.com/cs" }
limits: { header_bytes: 32KiB, body_bytes: 1MiB, memory_bytes: 64KiB, stored_reply_bytes: 2MiB, connections: 7,
          header_time: 5s, request_time: 30s, hold_stream: 1m, drain: 2s }
workers: 3
policies: ./policies
upstreams:
  - name: files
    protocol: mcp
    command: [npx, -y, "@modelcontextprotocol/server-filesystem", ./data]
    environment: { KEY: value }
    directory: ./policies
    labels: { environment: production, tier: 2, owner: platform, anything: else }
    tools:
      write_file: { effect: write, resources: [/path], type: File }
      move_file: { resources: [{ pointer: /source, effect: destroy }, { pointer: /destination, effect: write }], type: File }
      "*": { resources: [/path, /paths], type: File }
  - name: shop
    protocol: http
    url: https://127.0.0.1:8080/
    ca: ./ca.pem
    credential: { bearer: { env: COUNTERSIGN_TEST_SET } }
    openapi: ./shop-openapi.yaml
    operations:
      - { match: "POST /orders/{id}/refund", action: refundOrder, effect: administer }
      - { match: "GET /search/**", effect: read }
      - { match: "* /" }
  - { name: basic, protocol: http, url: "http://a/", credential: { basic: { user: ci, password: { file: token } } } }
  - { name: head, protocol: mcp, url: "http://a/mcp", credential: { header: { name: X-Api-Key, value: { file: token } } } }
  - { name: forge, protocol: git, url: "https://git.example.com/", credential: { github_app: { app_id: 12345,
      installation_id: 678, private_key: { file: a.key }, api: "https://api.example.com",
      permissions: { contents: write, workflows: write } } } }
  - { name: mirror, protocol: git, url: "https://git.example.com/", credential: { github_app: { app_id: Iv23.Abc-1,
      installation_id: 9, private_key: { env: COUNTERSIGN_TEST_SET }, api: "http://127.0.0.1:9/api/v3",
      permissions: { contents: read } } } }
)");
  ASSERT_TRUE(loaded.ok()) << format_problems(loaded.problems);
  EXPECT_TRUE(loaded.problems.empty());
  const Config& c = loaded.config;
  EXPECT_EQ(c.state, folder_ / "st");
  EXPECT_EQ(c.agents.host, "0.0.0.0");
  EXPECT_EQ(c.agents.port, 1);
  EXPECT_EQ(c.admin.host, "::1");
  EXPECT_EQ(c.admin_tls->key, folder_ / "a.key");
  EXPECT_EQ(c.public_url, "https://approve.example.com/cs");
  EXPECT_EQ(c.limits.header_bytes, 32768U);
  EXPECT_EQ(c.limits.connections, 7U);
  EXPECT_EQ(c.limits.hold_stream, 60'000);
  EXPECT_EQ(c.limits.drain, 2000);
  EXPECT_EQ(c.workers, 3);
  EXPECT_EQ(c.policies, folder_ / "policies");
  ASSERT_EQ(c.upstreams.size(), 6U);
  const Upstream& files = c.upstreams[0];
  EXPECT_EQ(files.command.size(), 4U);
  EXPECT_EQ(files.environment.at("KEY"), "value");
  EXPECT_EQ(files.directory, folder_ / "policies");
  EXPECT_EQ(files.labels.environment, "production");
  EXPECT_EQ(files.labels.tier, 2);
  EXPECT_EQ(files.labels.free.at("anything"), "else");
  ASSERT_EQ(files.tools.size(), 3U);
  EXPECT_EQ(files.tools[0].effect, "write");
  EXPECT_EQ(files.tools[1].resources[0].effect, "destroy");
  EXPECT_EQ(files.tools[1].resources[1].pointer, "/destination");
  EXPECT_EQ(files.tools[2].tool, "*");
  EXPECT_EQ(files.tools[2].resource_type, "File");
  const Upstream& shop = c.upstreams[1];
  EXPECT_EQ(shop.ca_file, folder_ / "ca.pem");
  EXPECT_EQ(shop.credential.kind, Credential::Kind::bearer);
  EXPECT_EQ(shop.credential.secret.name, "COUNTERSIGN_TEST_SET");
  EXPECT_EQ(shop.openapi, folder_ / "shop-openapi.yaml");
  ASSERT_EQ(shop.operations.size(), 3U);
  EXPECT_EQ(shop.operations[0].method, "POST");
  EXPECT_EQ(shop.operations[0].path, "/orders/{id}/refund");
  EXPECT_EQ(shop.operations[0].action, "refundOrder");
  EXPECT_EQ(shop.operations[1].effect, "read");
  EXPECT_EQ(c.upstreams[2].credential.user, "ci");
  EXPECT_EQ(c.upstreams[2].credential.secret.name, folder_ / "token");
  EXPECT_EQ(c.upstreams[3].credential.header, "X-Api-Key");
  const Credential& forge = c.upstreams[4].credential;
  EXPECT_EQ(forge.kind, Credential::Kind::github_app);
  EXPECT_EQ(forge.app.app_id, "12345");
  EXPECT_EQ(forge.app.installation_id, "678");
  EXPECT_EQ(forge.app.api, "https://api.example.com");
  EXPECT_EQ(forge.app.contents, GithubApp::Contents::write);
  EXPECT_EQ(forge.app.workflows, GithubApp::Workflows::write);
  EXPECT_EQ(forge.secret.name, folder_ / "a.key");
  const Credential& mirror = c.upstreams[5].credential;
  EXPECT_EQ(mirror.app.app_id, "Iv23.Abc-1");
  EXPECT_EQ(mirror.app.contents, GithubApp::Contents::read);
  EXPECT_EQ(mirror.app.workflows, GithubApp::Workflows::none);
}

TEST_F(ConfigTest, DefaultsAreThoseOfTheContract) {
  Loaded loaded = read_here("upstreams: [{ name: a, protocol: mcp, command: [x] }]\n");
  ASSERT_TRUE(loaded.ok()) << format_problems(loaded.problems);
  EXPECT_EQ(loaded.config.state, folder_ / "state");
  EXPECT_EQ(loaded.config.agents.port, 8700);
  EXPECT_EQ(loaded.config.admin.port, 8701);
  EXPECT_EQ(loaded.config.public_url, "http://localhost:8701") << "passkeys want a name";
  EXPECT_EQ(loaded.config.store, "sqlite");
  EXPECT_EQ(std::filesystem::path(loaded.config.upstreams[0].directory) / "", folder_ / "");
  EXPECT_FALSE(loaded.config.upstreams[0].labels.environment);
}

TEST_F(ConfigTest, TheTableOfProblems) {
  std::ifstream table(std::string(COUNTERSIGN_SOURCE_DIR) + "/tests/cases/config/problems.txt");
  ASSERT_TRUE(table.is_open());
  std::string name;
  std::string text;
  std::string expected;
  bool in_messages = false;
  int cases = 0;
  auto run = [&] {
    if (name.empty()) return;
    ++cases;
    Loaded loaded = read_here(text);
    std::string got;
    std::string prefix = (folder_ / "countersign.yaml").string() + ":";
    for (const Problem& problem : loaded.problems) {
      std::string line = format_problem(problem);
      EXPECT_TRUE(line.starts_with(prefix)) << line;
      got += line.substr(prefix.size()) + "\n";
    }
    EXPECT_EQ(got, expected) << "case: " << name;
    EXPECT_FALSE(loaded.ok()) << "case: " << name;
  };
  for (std::string line; std::getline(table, line);) {
    if (line.starts_with("== ")) {
      run();
      name = line.substr(3);
      text.clear();
      expected.clear();
      in_messages = false;
    } else if (line.starts_with("--")) {
      in_messages = true;
    } else if (in_messages) {
      if (!line.empty()) expected += line + "\n";
    } else {
      text += line + "\n";
    }
  }
  run();
  EXPECT_GE(cases, 12);
}

TEST_F(ConfigTest, AnAccountAtAws) {
  Loaded loaded = read_here(R"(
upstreams:
  - name: aws
    protocol: aws
    credential:
      aws:
        web_identity: { role: "arn:aws:iam::111122223333:role/gateway", token_file: ./token }
        assume_role: { role: "arn:aws-cn:iam::111122223333:role/path/agents", external_id: "a/b", duration: 15m, session: whole }
    aws:
      account: "011122223333"
      wait: none
      host: aws.example.com
      tags: { environment: [Environment, env], tier: [Tier], values: { prod: production }, keep: 30s,
              credential: { aws: { profile: reader } } }
)");
  ASSERT_TRUE(loaded.ok()) << format_problems(loaded.problems);
  const Upstream& aws = loaded.config.upstreams[0];
  const AwsKeys& keys = aws.credential.aws;
  EXPECT_EQ(keys.from, AwsKeys::From::web_identity);
  EXPECT_EQ(keys.web_role, "arn:aws:iam::111122223333:role/gateway");
  EXPECT_EQ(keys.token_file, (folder_ / "token").string());
  ASSERT_TRUE(keys.role);
  EXPECT_EQ(keys.role->session, AwsRole::Session::whole);
  EXPECT_EQ(keys.role->duration, 15 * 60'000);
  EXPECT_EQ(aws.aws.id, "011122223333");
  EXPECT_EQ(aws.aws.wait, 0);
  EXPECT_EQ(aws.aws.host, "aws.example.com");
  ASSERT_TRUE(aws.aws.tags);
  EXPECT_EQ(aws.aws.tags->environment, (std::vector<std::string>{"Environment", "env"}));
  EXPECT_EQ(aws.aws.tags->values.at("prod"), "production");
  EXPECT_EQ(aws.aws.tags->keep, 30'000);
  EXPECT_EQ(aws.aws.tags->credential->profile, "reader");
  // A role is taken on for each operation, unless somebody says otherwise.
  EXPECT_EQ(AwsRole().session, AwsRole::Session::operation);
}

TEST_F(ConfigTest, NoMessageShowsASecret) {
  Loaded loaded = read_here("upstreams: [{name: a, protocol: http, url: 'http://a/', credential: {bearer: hunter2}}]");
  EXPECT_FALSE(loaded.ok());
  EXPECT_EQ(format_problems(loaded.problems).find("hunter2"), std::string::npos);
}

TEST_F(ConfigTest, ChecksCanBeLeftOut) {
  std::string text =
      "policies: none\nupstreams: [{name: a, protocol: http, url: 'http://a/', credential: {bearer: "
      "{env: COUNTERSIGN_TEST_UNSET}}}]";
  EXPECT_EQ(read_here(text).problems.size(), 2U);
  EXPECT_EQ(read_here(text, {.secrets = Check::no}).problems.size(), 1U);
  EXPECT_TRUE(read_here(text, {.files = Check::no, .secrets = Check::no}).ok());
}

TEST_F(ConfigTest, FilesThatCannotBeRead) {
  Loaded none = load(folder_ / "none.yaml");
  EXPECT_EQ(none.problems.at(0).message, "there is no file " + (folder_ / "none.yaml").string());
  std::ofstream(folder_ / "big.yaml") << std::string((1U << 20) + 1, '#');
  EXPECT_FALSE(load(folder_ / "big.yaml").ok());
  EXPECT_FALSE(load(folder_).ok());
}

TEST(Addresses, HostAndPort) {
  EXPECT_EQ(parse_address("127.0.0.1:0")->port, 0);
  EXPECT_EQ(parse_address("[::1]:65535")->host, "::1");
  EXPECT_EQ(parse_address("localhost:1")->host, "localhost");
  for (std::string_view bad :
       {"", ":1", "a", "a:", "a:65536", "a:-1", "a:+1", "::1:1", "a b:1", "a:1 ", "[]:1", "http://a:1"})
    EXPECT_FALSE(parse_address(bad)) << bad;
}

TEST(UpstreamNames, ArePathSegmentsAndPrefixes) {
  EXPECT_TRUE(is_upstream_name("a"));
  EXPECT_TRUE(is_upstream_name("9-x-"));
  EXPECT_TRUE(is_upstream_name(std::string(63, 'a')));
  for (std::string_view bad : {"", "-a", "A", "a_b", "a/b", "a.b", "ä", "a b"})
    EXPECT_FALSE(is_upstream_name(bad)) << bad;
  EXPECT_FALSE(is_upstream_name(std::string(64, 'a')));
}

// core may not include scopes, so it has its own list of effect names.
TEST(Effects, AreTheVocabularyOfScopes) {
  for (std::size_t i = 0; i < kEffectCount; ++i) {
    std::string name(effect_name(static_cast<Effect>(i)));
    Loaded loaded = read("f", "upstreams: [{name: a, protocol: mcp, command: [x], tools: {t: {effect: " + name + "}}}]",
                         {.files = Check::no});
    EXPECT_TRUE(loaded.ok()) << format_problems(loaded.problems);
  }
}

TEST_F(ConfigTest, CommandsThatRunAsTheGatewayAreWarnedAboutWhenAsked) {
  constexpr std::string_view kText = R"(
upstreams:
  - { name: a, protocol: mcp, command: [x] }
  - { name: b, protocol: mcp, command: [x], run_as: nobody }
  - { name: c, protocol: http, url: "http://127.0.0.1/" }
)";
  EXPECT_TRUE(read_here(kText).problems.empty());
  Loaded loaded = read_here(kText, {.run_as = Check::yes});
  EXPECT_TRUE(loaded.ok());
  ASSERT_EQ(loaded.problems.size(), 1U);
  EXPECT_EQ(loaded.problems[0].line, 3);
  EXPECT_EQ(loaded.problems[0].severity, Severity::warning);
  EXPECT_NE(loaded.problems[0].message.find("`run_as`"), std::string::npos);
  EXPECT_EQ(loaded.config.upstreams[1].run_as, "nobody");
}

}  // namespace
}  // namespace countersign::config
