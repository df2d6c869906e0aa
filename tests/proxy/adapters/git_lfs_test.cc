#include "proxy/adapters/git_lfs.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "core/json.h"
#include "core/sha256.h"
#include "lfs_messages.h"
#include "proxy/adapters/git_lfs_answer.h"
#include "proxy/adapters/git_lfs_ticket.h"

namespace countersign::adapters {
namespace {

using test::batch;
using test::kOid;
using test::kOther;
using test::kSecret;
using test::lfs_headers;
using test::object;

// ── requests

TEST(LfsRequest, SaysWhatItDoes) {
  struct Case {
    GitService service;
    std::string body, action;
    Effect effect;
    std::string ref, input;
  };
  const Case cases[] = {
      {GitService::lfs_batch, batch("download", "refs/heads/main", object(kOid, 3)), "git:fetch", Effect::read,
       "refs/heads/main", ""},
      {GitService::lfs_batch, batch("download", "HEAD", object(kOid, 3)), "git:fetch", Effect::read, "HEAD", ""},
      {GitService::lfs_batch, batch("upload", "refs/heads/main", object(kOid, 3) + "," + object(kOther, 4)),
       "git:lfs_upload", Effect::write, "refs/heads/main", R"({"bytes":7,"objects":2,"ref":"refs/heads/main"})"},
      {GitService::lfs_batch, batch("upload", "", object(kOid, 0)), "git:lfs_upload", Effect::write, "",
       R"({"bytes":0,"objects":1})"},
      {GitService::lfs_batch, R"({"operation":"upload","objects":[],"ref":null})", "git:lfs_upload", Effect::write, "",
       R"({"bytes":0,"objects":0})"},
      {GitService::lfs_verify, object(kOid, 3), "git:lfs_upload", Effect::write, "", R"({"bytes":3,"objects":1})"},
      {GitService::lfs_locks, "", "git:fetch", Effect::read, "", ""},
      {GitService::lfs_verify_locks, R"({"ref":{"name":"refs/heads/main"}})", "git:fetch", Effect::read,
       "refs/heads/main", ""},
      {GitService::lfs_lock, R"({"path":"a.psd","ref":{"name":"refs/heads/main"}})", "git:lfs_lock", Effect::write,
       "refs/heads/main", R"({"bytes":0,"objects":0,"ref":"refs/heads/main"})"},
      {GitService::lfs_unlock, "{}", "git:lfs_unlock", Effect::write, "", R"({"bytes":0,"objects":0})"},
      {GitService::lfs_unlock, R"({"force":false})", "git:lfs_unlock", Effect::write, "", R"({"bytes":0,"objects":0})"},
      {GitService::lfs_unlock, R"({"force":true})", "git:lfs_force_unlock", Effect::destroy, "",
       R"({"bytes":0,"objects":0})"},
  };
  for (const Case& each : cases) {
    auto read = read_lfs(each.service, lfs_headers(), each.body);
    ASSERT_TRUE(read) << each.body << ": " << read.error().message;
    EXPECT_EQ(read->action, each.action) << each.body;
    EXPECT_EQ(read->effect, each.effect) << each.body;
    EXPECT_EQ(read->ref, each.ref) << each.body;
    EXPECT_EQ(read->input, each.input) << each.body;
  }
  auto upload =
      read_lfs(GitService::lfs_batch, lfs_headers("application/json"), batch("upload", "", object(kOid, 12'345'678)));
  ASSERT_TRUE(upload);
  EXPECT_EQ(upload->summary, "upload 1 LFS file (12 MB) to");
}

TEST(LfsRequest, WhatCannotBeReadInOneWayIsRefused) {
  struct Case {
    GitService service;
    std::string body, code;
  };
  std::string many;
  for (std::size_t i = 0; i <= kMaxLfsObjects; ++i) {
    std::string oid = to_hex(sha256(std::to_string(i)));
    many += (i > 0 ? "," : "") + object(oid, 1);
  }
  const Case cases[] = {
      {GitService::lfs_batch, batch("delete", "", object(kOid, 3)), "git.bad_lfs"},
      {GitService::lfs_batch, batch("Upload", "", object(kOid, 3)), "git.bad_lfs"},
      {GitService::lfs_batch, R"({"operation":"download","operation":"upload","objects":[]})", "json.duplicate_key"},
      {GitService::lfs_batch, "[]", "git.bad_lfs"},
      {GitService::lfs_batch, "", "json.malformed"},
      {GitService::lfs_batch, R"({"operation":"upload"})", "git.bad_lfs"},
      {GitService::lfs_batch, R"({"operation":"upload","objects":{}})", "git.bad_lfs"},
      {GitService::lfs_batch, batch("upload", "", object("../../etc/passwd", 3)), "git.bad_lfs"},
      {GitService::lfs_batch, batch("upload", "", object(std::string(64, 'A'), 3)), "git.bad_lfs"},
      {GitService::lfs_batch, batch("upload", "", object(kOid, -1)), "git.bad_lfs"},
      {GitService::lfs_batch, batch("upload", "", object(kOid, kMaxLfsSize + 1)), "git.bad_lfs"},
      {GitService::lfs_batch, batch("upload", "", object(kOid, 1) + "," + object(kOid, 2)), "git.bad_lfs"},
      {GitService::lfs_batch, batch("upload", "", many), "git.too_large"},
      {GitService::lfs_batch, batch("upload", "main", object(kOid, 1)), "git.bad_lfs"},
      {GitService::lfs_batch, batch("upload", "refs/heads/../x", object(kOid, 1)), "git.bad_lfs"},
      {GitService::lfs_batch, R"({"operation":"upload","objects":[],"ref":"refs/heads/main"})", "git.bad_lfs"},
      {GitService::lfs_batch, R"({"operation":"upload","objects":[],"ref":{"name":7}})", "git.bad_lfs"},
      {GitService::lfs_batch, R"({"operation":"upload","objects":[],"hash_algo":"sha512"})", "git.bad_lfs"},
      {GitService::lfs_verify, R"({"oid":"x","size":1})", "git.bad_lfs"},
      {GitService::lfs_lock, "{}", "git.bad_lfs"},
      {GitService::lfs_unlock, R"({"force":"true"})", "git.bad_lfs"},
      {GitService::lfs_unlock, R"({"force":1})", "git.bad_lfs"},
      {GitService::lfs_locks, "{}", "git.bad_lfs"},
      {GitService::fetch, "{}", "git.bad_lfs"},
  };
  for (const Case& each : cases) {
    auto read = read_lfs(each.service, lfs_headers(), each.body);
    ASSERT_FALSE(read) << each.body.substr(0, 200);
    EXPECT_EQ(read.error().code, each.code) << each.body.substr(0, 200);
  }
  const std::string sound = batch("upload", "", object(kOid, 1));
  EXPECT_FALSE(read_lfs(GitService::lfs_batch, lfs_headers("application/x-www-form-urlencoded"), sound));
  EXPECT_FALSE(read_lfs(GitService::lfs_batch, HeaderList(), sound));
  HeaderList packed = lfs_headers();
  packed.add("Content-Encoding", "gzip");
  EXPECT_FALSE(read_lfs(GitService::lfs_batch, packed, sound));
}

// ── tickets

Secret key(char c) {
  return Secret(std::string(32, c));
}

TEST(LfsTickets, OpenOnlyWhatWasSealedHere) {
  const LfsTickets tickets(key('k'));
  const LfsTicket ticket{"PUT", "/lfs/x?a=\"b\"",     "team/app", {kOid, 7}, "refs/heads/main",
                         1000,  LfsStanding::approved};
  const std::string text = tickets.seal(ticket);
  auto opened = tickets.open(text, 999);
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->method, "PUT");
  EXPECT_EQ(opened->path, ticket.path);
  EXPECT_EQ(opened->repository, "team/app");
  EXPECT_EQ(opened->object, ticket.object);
  EXPECT_EQ(opened->ref, "refs/heads/main");
  EXPECT_EQ(opened->standing, LfsStanding::approved);

  EXPECT_FALSE(tickets.open(text, 1000)) << "expired";
  EXPECT_FALSE(LfsTickets(key('j')).open(text, 0)) << "another key";
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    auto forged = tickets.open(changed, 0);
    ASSERT_FALSE(forged) << i;
    EXPECT_EQ(forged.error().code, "git.lfs_ticket");
  }
  for (std::string_view odd : {"", ".", "a", "a.b.c", "e30.", "e30"}) EXPECT_FALSE(tickets.open(odd, 0)) << odd;
}

TEST(LfsTickets, KeysAreKeptAndDifferByUpstream) {
  const std::filesystem::path folder = std::filesystem::path(::testing::TempDir()) / ("lfs-" + to_hex(random_bytes(8)));
  std::filesystem::create_directory(folder);
  const std::filesystem::path file = folder / "lfs.key";
  const LfsTicket ticket{"GET", "/x", "team/app", {kOid, 1}, "", 1000};
  auto first = LfsTickets::open_with_key(file, "origin");
  ASSERT_TRUE(first) << first.error().message;
  const std::string text = first->seal(ticket);
  auto restarted = LfsTickets::open_with_key(file, "origin");
  ASSERT_TRUE(restarted);
  EXPECT_TRUE(restarted->open(text, 0));
  auto other = LfsTickets::open_with_key(file, "other");
  ASSERT_TRUE(other);
  EXPECT_FALSE(other->open(text, 0));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1) << "no draft stays behind";

  std::filesystem::permissions(file, std::filesystem::perms::others_read, std::filesystem::perm_options::add);
  EXPECT_EQ(LfsTickets::open_with_key(file, "origin").error().code, "git.lfs_key");
  std::ofstream(folder / "short.key") << "short";
  std::filesystem::permissions(folder / "short.key", std::filesystem::perms::owner_read);
  EXPECT_EQ(LfsTickets::open_with_key(folder / "short.key", "origin").error().code, "git.lfs_key");
  EXPECT_EQ(LfsTickets::open_with_key(folder / "none" / "lfs.key", "origin").error().code, "git.lfs_key");
  std::filesystem::remove_all(folder);
}

// ── answers

struct Passing {
  LfsTickets tickets{key('k')};
  LfsRequest request;
  std::string url = "https://git.example/base/";
  LfsStanding standing = LfsStanding::judged;

  Passing() {
    request.ref = "refs/heads/main";
    request.objects = {{kOid, 3}, {kOther, 4}};
  }
  Result<std::string> pass(std::string answer) const {
    const LfsAsked asked{"http://gw/origin/team/app.git/info/lfs/countersign/", "team/app", &request, standing, 1000};
    return pass_lfs_answer(std::move(answer), upstream(), tickets, asked);
  }
  LfsUpstream upstream() const {
    return {url, [](std::string_view text) { return text.contains("Y2k6dGhlLXVwc3RyZWFtJ3Mtb3du"); }};
  }
  Result<LfsTicket> ticket_in(const Json& action) const {
    std::string href = string_or(action, "href", "");
    EXPECT_TRUE(href.starts_with("http://gw/origin/team/app.git/info/lfs/countersign/")) << href;
    return tickets.open(lfs_ticket_of(href), 1000);
  }
};

std::string answer_with(const std::string& actions, const std::string& more = "") {
  return R"({"transfer":"basic","objects":[{"oid":")" + kOid + R"(","size":3)" + more + R"(,"actions":)" + actions +
         "}]}";
}

TEST(LfsAnswer, OtherHostsPassByteForByte) {
  const Passing passing;
  for (
      std::string_view answer :
      {R"({"objects":[ {"oid":"x","size":1,"actions":{"upload":{"href":"https://store.example/x?X-Sig=1","header":{"Authorization":"AWS4 a"}}}} ]})",
       R"({"objects":[{"oid":"x","size":1,"actions":{"download":{"href":"https://git.example:8443/base/x"}}}]})",
       R"({"objects":[{"oid":"x","size":1,"actions":{"download":{"href":"http://git.example/base/x"}}}]})",
       R"({"objects":[{"oid":"x","size":1}],  "transfer":"basic"})", R"({"message":"no"})"}) {
    auto passed = passing.pass(std::string(answer));
    ASSERT_TRUE(passed) << passed.error().message;
    EXPECT_EQ(*passed, answer);
  }
}

TEST(LfsAnswer, WhatPointsToTheUpstreamPointsToTheGateway) {
  const Passing passing;
  auto passed = passing.pass(answer_with(
      R"({"upload":{"href":"HTTPS://Git.Example:443/base/team/app.git/store/1?x=%2F","header":{"authorization":"Bearer minted","X-Note":"n"},"expires_in":60},)"
      R"("verify":{"href":"https://git.example/base/verify","expires_at":"2030-01-01T00:00:00Z"},)"
      R"("download":{"href":"https://elsewhere.example/y"}})"));
  ASSERT_TRUE(passed) << passed.error().message;
  Json actions = parse_json(*passed)->at("objects")[0]["actions"];
  EXPECT_EQ(actions["download"]["href"], "https://elsewhere.example/y");
  EXPECT_EQ(actions["upload"]["header"].dump(), R"({"X-Note":"n"})") << "the gateway signs in by itself";
  EXPECT_FALSE(actions["upload"].contains("expires_in"));
  EXPECT_EQ(actions["upload"]["expires_at"], format_time(1000 + 60'000));
  auto upload = passing.ticket_in(actions["upload"]);
  ASSERT_TRUE(upload);
  EXPECT_EQ(upload->method, "PUT");
  EXPECT_EQ(upload->path, "/team/app.git/store/1?x=%2F");
  EXPECT_EQ(upload->object, (LfsObject{kOid, 3}));
  EXPECT_EQ(upload->ref, "refs/heads/main");
  EXPECT_EQ(upload->repository, "team/app");
  EXPECT_EQ(upload->standing, LfsStanding::judged);
  EXPECT_EQ(upload->expires, 61'000);
  auto verify = passing.ticket_in(actions["verify"]);
  ASSERT_TRUE(verify);
  EXPECT_EQ(verify->method, "POST");
  EXPECT_EQ(verify->path, "/verify");
  EXPECT_EQ(verify->expires, 1000 + kTicketTime) << "no longer than ours";
}

TEST(LfsAnswer, AnEchoedCredentialProvesTheUpstreamByAnotherName) {
  const Passing passing;
  auto passed =
      passing.pass(answer_with(R"({"download":{"href":"https://public.example/base/x","header":{"Authorization":")" +
                               std::string(kSecret) + R"("}}})"));
  ASSERT_TRUE(passed) << passed.error().message;
  EXPECT_FALSE(passed->contains(kSecret));
  Json action = parse_json(*passed)->at("objects")[0]["actions"]["download"];
  auto ticket = passing.ticket_in(action);
  ASSERT_TRUE(ticket);
  EXPECT_EQ(ticket->path, "/x");
}

TEST(LfsAnswer, OlderServersLinksAreReadToo) {
  const Passing passing;
  auto passed = passing.pass(R"({"objects":[{"oid":")" + kOid +
                             R"(","size":3,"_links":{"download":{"href":"https://git.example/base/x"}}}]})");
  ASSERT_TRUE(passed);
  EXPECT_TRUE(passing.ticket_in(parse_json(*passed)->at("objects")[0]["_links"]["download"]));
}

TEST(LfsAnswer, ApprovedUploadsSaySo) {
  Passing passing;
  passing.standing = LfsStanding::approved;
  auto passed = passing.pass(answer_with(R"({"upload":{"href":"https://git.example/base/x"}})"));
  ASSERT_TRUE(passed);
  auto ticket = passing.ticket_in(parse_json(*passed)->at("objects")[0]["actions"]["upload"]);
  ASSERT_TRUE(ticket);
  EXPECT_EQ(ticket->standing, LfsStanding::approved);
  EXPECT_EQ(ticket->expires, 1000 + kApprovedTicketTime);
}

TEST(LfsAnswer, TheClientSignsInWhereItMust) {
  const Passing passing;
  auto own =
      passing.pass(answer_with(R"({"upload":{"href":"https://git.example/base/x"}})", R"(,"authenticated":true)"));
  ASSERT_TRUE(own);
  EXPECT_EQ(parse_json(*own)->at("objects")[0]["authenticated"], false);
  auto mixed = passing.pass(answer_with(
      R"({"upload":{"href":"https://store.example/x"},"verify":{"href":"https://git.example/base/verify"}})",
      R"(,"authenticated":true)"));
  ASSERT_TRUE(mixed);
  Json object_of_mixed = parse_json(*mixed)->at("objects")[0];
  EXPECT_EQ(object_of_mixed["authenticated"], true);
  EXPECT_EQ(object_of_mixed["actions"].dump(), R"({"upload":{"href":"https://store.example/x"}})");
  EXPECT_FALSE(passing.pass(
      answer_with(R"({"upload":{"href":"https://git.example/base/x"},"verify":{"href":"https://store.example/v"}})",
                  R"(,"authenticated":true)")));
}

TEST(LfsAnswer, WhatCannotBeServedOrMustNotBeSeenIsRefused) {
  const Passing passing;
  const std::string secret(kSecret);
  struct Case {
    std::string answer, code;
  };
  const Case cases[] = {
      {"<html>", "git.lfs_answer"},
      {answer_with(R"({"upload":{"href":"https://git.example/other/x"}})"), "git.lfs_answer"},
      {answer_with(R"({"upload":{"href":"https://git.example/basement/x"}})"), "git.lfs_answer"},
      {answer_with(R"({"delete":{"href":"https://git.example/base/x"}})"), "git.lfs_answer"},
      {answer_with(R"({"upload":{"href":"https://git.example/base/)" + std::string(kMaxLfsPath, 'x') + R"("}})"),
       "git.lfs_answer"},
      {R"({"objects":[{"oid":")" + kOid + R"(","size":9,"actions":{"upload":{"href":"https://git.example/base/x"}}}]})",
       "git.lfs_answer"},
      {R"({"objects":[{"oid":")" + std::string(64, 'c') +
           R"(","size":3,"actions":{"upload":{"href":"https://git.example/base/x"}}}]})",
       "git.lfs_answer"},
      {answer_with(R"({"upload":{"href":"https://u:p@git.example/base/x","header":{"A":")" + secret + R"("}}})"),
       "git.lfs_answer"},
      {answer_with(R"({"upload":{"href":"https://store.example/x?token=Y2k6dGhlLXVwc3RyZWFtJ3Mtb3du"}})"),
       "git.lfs_credential"},
      {R"({"message":")" + secret + R"("})", "git.lfs_credential"},
      {R"({"message":"\u0059\u0032k6dGhlLXVwc3RyZWFtJ3Mtb3du"})", "git.lfs_credential"},
      {R"({")" + secret + R"(":1})", "git.lfs_credential"},
  };
  for (const Case& each : cases) {
    auto passed = passing.pass(each.answer);
    ASSERT_FALSE(passed) << each.answer.substr(0, 300);
    EXPECT_EQ(passed.error().code, each.code) << each.answer.substr(0, 300);
    EXPECT_FALSE(passed.error().message.contains("Y2k6")) << passed.error().message;
  }
}

TEST(LfsAnswer, DownloadsThatLeadOn) {
  const Passing passing;
  const LfsTicket from{"GET", "/x", "team/app", {kOid, 3}, "", 5000};
  auto pass = [&](std::string_view location) {
    return pass_lfs_location(location, passing.upstream(), passing.tickets, "http://gw/t/", from);
  };
  EXPECT_EQ(pass("https://store.example/x?sig=1").value(), "https://store.example/x?sig=1");
  for (std::string_view own : {"https://git.example/base/blob", "/base/blob"}) {
    auto passed = pass(own);
    ASSERT_TRUE(passed) << own;
    ASSERT_TRUE(passed->starts_with("http://gw/t/")) << *passed;
    auto ticket = passing.tickets.open(passed->substr(12), 1000);
    ASSERT_TRUE(ticket);
    EXPECT_EQ(ticket->path, "/blob");
    EXPECT_EQ(ticket->expires, 5000) << "no longer than the one before";
  }
  EXPECT_FALSE(pass("//git.example/base/blob"));
  EXPECT_FALSE(pass("ftp://x/y"));
  EXPECT_FALSE(pass("https://git.example/elsewhere"));
  EXPECT_FALSE(pass("https://store.example/Y2k6dGhlLXVwc3RyZWFtJ3Mtb3du"));
}

}  // namespace
}  // namespace countersign::adapters
