// The change as text, and secrets in it.
#include <algorithm>

#include "fixture.h"
#include "proxy/adapters/git/objects/diff.h"
#include "proxy/adapters/git/objects/push_secrets.h"

namespace countersign::adapters::git {
namespace {

// Put together here so that no scanner takes this file for a leak.
std::string joined(std::string_view a, std::string_view b) {
  return std::string(a) + std::string(b);
}
const std::string kGithub = joined("ghp_", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8");

class PreviewTest : public testing::Test {
 protected:
  PreviewTest() : client(folder.path() / "client") {
    store = std::move(*ObjectStore::open(folder.path() / "store"));
    cache = *store->repository("a", ObjectFormat::sha1);
  }

  // Pushes all of main (`old` empty) or main behind `old`, which the upstream has.
  void push(const std::string& old = "") {
    quarantine =
        std::make_unique<Quarantine>(std::move(*Quarantine::open(folder.path() / std::to_string(++pushes), cache)));
    FileInput pack{client.pack(old.empty() ? "main" : "main\n^" + old, "--delta-base-offset"), 0};
    Result<OrNeeds<PackSummary>> admitted = quarantine->admit(pack);
    ASSERT_TRUE(admitted) << problem(admitted);
    FactsQuestion question{.commands = {{old.empty() ? client.zero() : old, client.head(), "refs/heads/main"}},
                           .tips = {},
                           .default_tip = "",
                           .answers = {}};
    if (!old.empty()) question.tips.push_back(old);
    for (int round = 0; round < 4; ++round) {
      Result<OrNeeds<PushFacts>> answered = facts_of(*quarantine, question);
      ASSERT_TRUE(answered) << problem(answered);
      if (std::holds_alternative<PushFacts>(*answered)) {
        facts = std::get<PushFacts>(*answered);
        return;
      }
      for (Answer& each : answer(std::get<Needs>(*answered), client, *cache))
        question.answers.push_back(std::move(each));
    }
    FAIL() << "too many rounds";
  }

  DiffText diff(const DiffLimits& limits = {}) {
    Result<OrNeeds<DiffText>> out = diff_text(*quarantine, facts.refs[0], limits);
    EXPECT_TRUE(out) << problem(out);
    EXPECT_TRUE(std::holds_alternative<DiffText>(*out)) << "facts have fetched all that a diff needs";
    return std::get<DiffText>(*out);
  }

  SecretReport secrets(const SecretLimits& limits = {}) {
    static const SecretScanner kScanner;
    for (int round = 0; round < 4; ++round) {
      Result<OrNeeds<SecretReport>> out = secrets_of(*quarantine, facts, kScanner, limits);
      EXPECT_TRUE(out) << problem(out);
      if (std::holds_alternative<SecretReport>(*out)) return std::get<SecretReport>(*out);
      answer(std::get<Needs>(*out), client, *cache);
    }
    ADD_FAILURE() << "too many rounds";
    return {};
  }

  Folder folder;
  Repository client;
  std::unique_ptr<ObjectStore> store;
  std::shared_ptr<Cache> cache;
  std::unique_ptr<Quarantine> quarantine;
  PushFacts facts;
  int pushes = 0;
};

std::string numbered(int count) {
  std::string out;
  for (int i = 1; i <= count; ++i) out += "line " + std::to_string(i) + "\n";
  return out;
}

TEST_F(PreviewTest, IsWhatGitWouldShow) {
  client.write("a.txt", numbered(40));
  client.write("gone.txt", "x\ny\n");
  client.write("end.txt", "no line feed");
  client.write("run", "#!/bin/sh\n");
  std::string old = client.commit("one");
  std::string text = numbered(40);
  text.replace(text.find("line 3\n"), 7, "line three\n");
  text.replace(text.find("line 8\n"), 7, "");
  text.replace(text.find("line 30\n"), 8, "line 30\nmore\n");
  client.write("a.txt", text);
  client.write("new.txt", "hello\n");
  client.write("end.txt", "with line feed\n");
  client.git("rm -q gone.txt");
  std::filesystem::permissions(client.folder() / "run", std::filesystem::perms::owner_exec,
                               std::filesystem::perm_options::add);
  client.commit("two");
  push(old);
  DiffText shown = diff();
  EXPECT_TRUE(shown.complete);
  EXPECT_EQ(shown.files_shown, 5U);
  // git adds `index` lines and names functions behind @@.
  std::string expected =
      client.git("diff --no-renames --no-color HEAD^ HEAD | sed -e '/^index /d' -e 's/^\\(@@ .* @@\\).*/\\1/'") + "\n";
  EXPECT_EQ(shown.text, expected);
  EXPECT_EQ(statistics(facts.refs[0]), "5 files changed, 4 lines added, 5 removed");
  EXPECT_EQ(file_tree(facts.refs[0]),
            "M a.txt +2 -2\nM end.txt +1 -1\nD gone.txt +0 -2\nA new.txt +1 -0\nM run +0 -0\n");
}

TEST_F(PreviewTest, HidesNothingAndIsBounded) {
  client.write("src/a/bidi.c", "if (x) \xE2\x80\xAE{ \x1B[2K evil\r\n");
  client.write("src/a/bin", std::string("\0\1", 2));
  client.write("src/long", std::string(5000, 'x') + "\n" + numbered(3000));
  client.write("src/z", numbered(20'000));
  client.write(".github/workflows/a.yml", "on: push\n");
  client.commit("one");
  push();
  DiffText shown = diff();
  EXPECT_TRUE(shown.text.contains("+if (x) <U+202E>{ <1B>[2K evil<0D>\n"));
  EXPECT_TRUE(shown.text.contains("[binary: 0 bytes, then 2 bytes]"));
  EXPECT_TRUE(shown.text.contains("[4500 more bytes of this line]"));
  EXPECT_TRUE(shown.text.contains("more lines of this file are not shown]"));
  EXPECT_FALSE(shown.complete);
  EXPECT_EQ(shown.files_shown, 5U);
  DiffLimits limits;
  limits.bytes = 1'000;
  shown = diff(limits);
  EXPECT_LE(shown.text.size(), 1'000U);
  EXPECT_EQ(shown.files_left + shown.files_shown, 5U);
  EXPECT_GT(shown.files_left, 0U);
  limits.text = 10;
  EXPECT_TRUE(diff(limits).text.contains("[too large to be compared here: "));
  std::string tree = file_tree(facts.refs[0]);
  EXPECT_TRUE(
      tree.starts_with(".github/\n  workflows/\n    A a.yml +1 -0 [github-actions]\nsrc/\n  a/\n    A bidi.c +1 -0\n"))
      << tree;
  EXPECT_TRUE(file_tree(facts.refs[0], 30).ends_with("[more is not shown]\n"));
  EXPECT_TRUE(statistics(facts.refs[0]).ends_with("; 1 binary; 1 CI file"));
}

TEST(GitSecrets, EveryRuleFindsItsOwnAndNoPlaceholder) {
  auto noise = [](std::size_t size, std::string_view alphabet) {
    std::string out;
    std::uint32_t x = 7;
    while (out.size() < size) out += alphabet[(x = x * 1664525 + 1013904223) / 65536 % alphabet.size()];
    return out;
  };
  constexpr std::string_view kWord = "qN3vX8LmZ2bT7KcR5wY9dHsF4gJ6pQ1aVtBn";
  constexpr std::string_view kUpper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  constexpr std::string_view kHex = "0123456789abcdef";
  auto w = [&](std::size_t size) { return noise(size, kWord); };
  auto h = [&](std::size_t size) { return noise(size, kHex); };
  std::vector<std::pair<std::string, std::string>> lines = {
      {"countersign-token", joined("csb", "1_") + w(60) + "." + w(43)},
      {"countersign-session", joined("cs", "1_") + w(90)},
      {"aws-access-key-id", "key = " + joined("AKI", "A") + noise(16, kUpper)},
      {"aws-secret-key", "aws_secret_access_key = " + w(40)},
      {"aws-session-token", "aws_session_token=" + w(120)},
      {"github-token", "token: " + kGithub},
      {"github-fine-grained-token", joined("github", "_pat_") + w(82)},
      {"gitlab-token", joined("glp", "at-") + w(20)},
      {"slack-token", joined("xox", "b-") + w(40)},
      {"slack-app-token", joined("xap", "p-1-") + "A0B1C2D3E4F-9135792468135-" + h(64)},
      {"slack-webhook", joined("https://hooks.sla", "ck.com/services/") + w(44)},
      {"discord-webhook", joined("https://disco", "rd.com/api/webhooks/") + "917345628901834567/" + w(68)},
      {"stripe-key", joined("sk_li", "ve_") + w(24)},
      {"stripe-webhook-secret", joined("whs", "ec_") + w(32)},
      {"google-api-key", joined("AI", "za") + w(35)},
      {"google-oauth-secret", joined("GOC", "SPX-") + w(28)},
      {"google-refresh-token", " " + joined("1/", "/0") + w(60)},
      {"google-service-account", "\"private_key_id\": \"" + h(40) + "\""},
      {"azure-storage-key", "Account" + joined("Key", "=") + w(86) + "=="},
      {"azure-client-secret", " " + joined("abc8", "Q~") + w(34)},
      {"azure-sas", "https://x/?sv=2024-01-01&sr=b&sig=" + w(44)},
      {"npm-token", joined("np", "m_") + w(36)},
      {"npm-auth-token", joined("//registry.internal/:_auth", "Token=") + w(30)},
      {"pypi-token", joined("pyp", "i-AgE") + w(60)},
      {"rubygems-key", joined("rubyg", "ems_") + h(48)},
      {"crates-token", joined("ci", "o") + w(32)},
      {"docker-token", joined("dck", "r_pat_") + w(27)},
      {"digitalocean-token", joined("do", "p_v1_") + h(64)},
      {"hashicorp-vault-token", joined("hv", "s.") + w(30)},
      {"terraform-cloud-token", w(14) + joined(".atlas", "v1.") + w(65)},
      {"anthropic-key", joined("sk-a", "nt-api03-") + w(93)},
      {"openai-key", joined("sk-", "proj-") + w(48)},
      {"huggingface-token", joined("h", "f_") + noise(34, "qNvXLmZbTKcRwYdHsFgJpQaVtBn")},
      {"sendgrid-key", joined("S", "G.") + w(22) + "." + w(43)},
      {"mailgun-key", joined("ke", "y-") + h(32)},
      {"mailchimp-key", h(32) + joined("-u", "s12")},
      {"twilio-key", joined("S", "K") + h(32)},
      {"shopify-token", joined("shp", "at_") + h(32)},
      {"square-token", joined("sq0", "csp-") + w(43)},
      {"datadog-key", joined("DD_API", "_KEY=") + h(32)},
      {"new-relic-key", joined("NRA", "K-") + noise(27, kUpper)},
      {"grafana-token", joined("gl", "sa_") + w(40)},
      {"sentry-token", joined("sntr", "ys_") + w(60)},
      {"linear-key", joined("lin_", "api_") + w(40)},
      {"notion-token", joined("nt", "n_") + w(46)},
      {"atlassian-token", joined("ATA", "TT3") + w(180)},
      {"databricks-token", joined("da", "pi") + h(32)},
      {"telegram-bot-token", " 9876543210" + joined(":A", "A") + w(33)},
      {"age-secret-key", joined("AGE-SECRET", "-KEY-1") + noise(58, "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L")},
      {"private-key", joined("-----BEGIN OPENSSH PRIV", "ATE KEY-----")},
      {"putty-key", joined("PuTTY-User-Key-", "File-3: ssh-ed25519")},
      {"json-web-token", joined("ey", "J") + w(30) + joined(".ey", "J") + w(40) + "." + w(43)},
      {"url-password", "postgres" + joined("://", "app:") + "s3cr3t-Pa55@db.internal/x"},
      {"dsn-password", "Server=db;Database=x;User=sa;" + joined("Pass", "word=") + "Zx9$kL2mQ"},
      {"basic-authorization", joined("Authorization: Ba", "sic ") + w(32)},
      {"bearer-authorization", joined("authorization: Bea", "rer ") + w(40)},
      {"assigned-secret", "api_" + joined("secret", " = \"") + w(32) + "\""},
  };
  SecretScanner scanner;
  std::vector<std::string_view> rules = SecretScanner::rules();
  ASSERT_EQ(lines.size(), rules.size()) << "each rule has its line here, in the table's order";
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto& [rule, line] = lines[i];
    EXPECT_EQ(rule, rules[i]);
    std::vector<SecretMatch> found = scanner.scan("before\n" + line + "\nafter");
    ASSERT_EQ(found.size(), 1U) << line;
    EXPECT_EQ(found[0].rule, rule) << line;
    EXPECT_EQ(found[0].line, 2U);
    if (found[0].excerpt.contains("characters)"))
      EXPECT_LT(found[0].excerpt.find("\xE2\x80\xA6"), 30U) << found[0].excerpt;
    EXPECT_FALSE(found[0].excerpt.contains(w(12))) << "the secret must not be in " << found[0].excerpt;
  }
  for (const std::string& harmless :
       {joined("AKI", "AIOSFODNN7EXAMPLE"), std::string("api_key = \"your_api_key_goes_here\""),
        std::string("password = \"${DATABASE_PASSWORD_FROM_ENV}\""),
        std::string("postgres://user:password@localhost/db"), std::string("postgres://user:${PASSWORD}@localhost/db"),
        joined("gh", "p_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        std::string("commit 9fceb02d0ae598e95dc970b74767f19372d61af8"),
        std::string("sha512-AbC+/dEf0123456789abcdefGHIJKLmnopqrstuvwxyzABCDEFGHIJKLMNOPQRST=="),
        std::string("the secret of good tokens: the key is to keep them short")}) {
    EXPECT_TRUE(scanner.scan(harmless).empty()) << harmless << " " << scanner.scan(harmless)[0].rule;
  }
  // Two on a line, one far along a line without an end, and bytes that are no text.
  EXPECT_EQ(scanner.scan(kGithub + " " + joined("np", "m_") + w(36)).size(), 2U);
  std::vector<SecretMatch> far = scanner.scan(std::string(200'000, ' ') + kGithub);
  ASSERT_EQ(far.size(), 1U);
  EXPECT_EQ(far[0].excerpt, "ghp_\xE2\x80\xA6 (40 characters)");
  EXPECT_EQ(scanner.scan("\xFF\xFE " + kGithub + " \xFF").size(), 1U);
}

TEST_F(PreviewTest, SecretsAreFoundInEveryNewCommit) {
  client.write("old.env", "token: " + kGithub + "\n");
  std::string old = client.commit("before our time");
  client.write("old.env", "token: " + kGithub + "\nmore: 1\n");
  client.write("b.env", "x\ny\ntoken: " + joined("np", "m_") + "q7N3vX8LmZ2bT7KcR5wY9dHsF4gJ6pQ1aVtB\n");
  std::string leak = client.commit("leak");
  client.git("rm -q b.env");
  client.commit("removed again");
  client.write("c", "c\n");
  client.commit("message with " + kGithub + "\n");
  push(old);
  SecretReport report = secrets();
  EXPECT_TRUE(report.complete);
  ASSERT_EQ(report.findings.size(), 2U) << "what was there before is not reported, what came and went is";
  std::ranges::sort(report.findings, {}, &SecretFinding::path);
  EXPECT_EQ(report.findings[0].path, "");
  EXPECT_EQ(report.findings[0].rule, "github-token");
  EXPECT_EQ(report.findings[1].path, "b.env");
  EXPECT_EQ(report.findings[1].line, 3U);
  EXPECT_EQ(report.findings[1].commit, leak);
  EXPECT_EQ(report.findings[1].rule, "npm-token");
  EXPECT_EQ(report.findings[1].excerpt, "npm_\xE2\x80\xA6 (40 characters)");
}

TEST_F(PreviewTest, WhatIsNotLookedAtIsSaid) {
  client.write("large", std::string(5000, 'x') + kGithub);
  client.write("small", kGithub + "\n" + kGithub + "\n");
  client.commit("one");
  push();
  SecretLimits limits;
  limits.text = 1000;
  limits.findings = 1;
  SecretReport report = secrets(limits);
  EXPECT_TRUE(report.complete) << "everything else was looked at";
  EXPECT_EQ(report.unscanned_count, 1U);
  EXPECT_EQ(report.unscanned, std::vector<std::string>{"large"});
  EXPECT_EQ(report.finding_count, 2U);
  EXPECT_EQ(report.findings.size(), 1U);
}

TEST_F(PreviewTest, AMergeBringsOnlyItsOwn) {
  client.write("a", "a\n");
  client.commit("root");
  client.git("checkout -q -b side");
  client.write("leak", kGithub + "\n");
  std::string side = client.commit("side");
  client.git("checkout -q main");
  client.write("b", "b\n");
  client.commit("main");
  client.git("merge -q --no-edit side");
  push();
  SecretReport report = secrets();
  ASSERT_EQ(report.findings.size(), 1U);
  EXPECT_EQ(report.findings[0].commit, side);
}

}  // namespace
}  // namespace countersign::adapters::git
