#include "proxy/adapters/git/fetch.h"

#include <gtest/gtest.h>

#include "objects/fixture.h"

namespace countersign::adapters::git {
namespace {

struct Fetched {
  std::string pack;
  std::string progress;
};

Result<Fetched> read(std::string_view body, std::size_t piece = 64U << 20) {
  FetchReader reader;
  Fetched out;
  while (!body.empty()) {
    const std::string part(body.substr(0, piece));
    body.remove_prefix(part.size());
    Status fed = reader.feed(part, out.pack);
    if (!fed) return fail(fed.error());
  }
  Status finished = reader.finish();
  if (!finished) return fail(finished.error());
  out.progress = reader.progress();
  return out;
}

std::string lines(std::initializer_list<std::string_view> payloads, std::string_view end = "0000") {
  std::string out;
  for (std::string_view payload : payloads) write_pkt(out, payload);
  return out + std::string(end);
}

Advertisement upstream_with(ObjectFormat format, std::string fetch) {
  Advertisement out;
  out.version = 2;
  out.format = format;
  out.capabilities = {"agent=git/2", "ls-refs", "fetch=" + fetch, "object-format=" + std::string(name_of(format))};
  return out;
}

class RealFetch : public testing::TestWithParam<ObjectFormat> {
 protected:
  RealFetch() : repository(folder.path() / "repository", GetParam()) {}

  std::string serve(const FetchCommand& wanted) {
    const std::string body = write_fetch(wanted, upstream_with(GetParam(), "shallow filter"));
    GitCommand command;
    command.arguments = {"-c", "uploadpack.allowFilter=true", "upload-pack", "--stateless-rpc",
                         repository.folder().string()};
    command.environment.emplace_back("GIT_PROTOCOL", "version=2");
    command.input = std::string_view(body);
    Result<GitOutcome> outcome = run_git(command);
    EXPECT_EQ(problem(outcome), "");
    return outcome->output;
  }
  std::uint32_t count(std::string_view pack) {
    std::uint32_t out = 0;
    for (char c : pack.substr(8, 4)) out = out << 8 | static_cast<unsigned char>(c);
    return out;
  }

  Folder folder;
  Repository repository;
};

INSTANTIATE_TEST_SUITE_P(Formats, RealFetch, testing::Values(ObjectFormat::sha1, ObjectFormat::sha256),
                         [](const auto& info) { return std::string(name_of(info.param)); });

TEST_P(RealFetch, PacksOfStockGit) {
  repository.write("a.txt", "alpha\n");
  const std::string first = repository.commit("one");
  repository.write("b.bin", std::string(300'000, 'x'));
  const std::string second = repository.commit("two");

  const std::string answered = serve({.wants = {second}, .haves = {}});
  for (std::size_t piece : {1U, 1'000U, 65'520U, 10'000'000U}) {
    Result<Fetched> all = read(answered, piece);
    ASSERT_EQ(problem(all), "");
    EXPECT_EQ(count(all->pack), 6U);
    EXPECT_EQ(all->progress, "");  // nothing was asked to be said
    repository.write("../received", all->pack);
    EXPECT_EQ(repository.git("index-pack --stdin < ../received").substr(0, 5), "pack\t");
  }
  EXPECT_EQ(count(read(serve({.wants = {second}, .haves = {first}}))->pack), 3U);
  EXPECT_EQ(count(read(serve({.wants = {second}, .haves = {}, .filter = "blob:none"}))->pack), 4U);
  EXPECT_EQ(count(read(serve({.wants = {second}, .haves = {}, .filter = "tree:0"}))->pack), 2U);
  EXPECT_EQ(count(read(serve({.wants = {second}, .haves = {}, .filter = "", .depth = 1}))->pack), 4U);
  Result<Fetched> absent = read(serve({.wants = {std::string(hex_length(GetParam()), 'a')}, .haves = {}}));
  EXPECT_EQ(code_of(absent), "git.upstream_lacks_object");
}

TEST(FetchRequests, SayWhatTheUpstreamOffersAndNoMore) {
  FetchCommand command{
      .wants = {std::string(40, '1')}, .haves = {std::string(40, '2')}, .filter = "tree:0", .depth = 3};
  const std::string full = write_fetch(command, upstream_with(ObjectFormat::sha1, "shallow filter"));
  EXPECT_EQ(full,
            "0012command=fetch\n0016agent=countersign\n0017object-format=sha1\n0001"
            "0010no-progress\n000eofs-delta\n000ddeepen 3\n0012filter tree:0\n0032want " +
                std::string(40, '1') + "\n0032have " + std::string(40, '2') + "\n0009done\n0000");
  const std::string plain = write_fetch(command, upstream_with(ObjectFormat::sha1, "wait-for-done"));
  EXPECT_FALSE(plain.contains("filter"));
  EXPECT_FALSE(plain.contains("deepen"));
  EXPECT_FALSE(full.contains("thin-pack"));
}

TEST(FetchAnswers, SectionsBeforeThePackArePassedOver) {
  const std::string one(40, '1');
  const std::string body = lines({"acknowledgments\n", "ACK " + one + "\n", "ready\n"}, "0001") +
                           lines({"shallow-info\n", "shallow " + one + "\n"}, "0001") +
                           lines({"wanted-refs\n", one + " refs/heads/a\n"}, "0001") +
                           lines({"packfile\n",
                                  "\x02"
                                  "50%\r",
                                  "\x01PA", "\x01",
                                  "\x02"
                                  "done\n",
                                  "\x01"
                                  "CK"});
  for (std::size_t piece : {1U, 3U, 1'000U}) {
    Result<Fetched> out = read(body, piece);
    ASSERT_EQ(problem(out), "");
    EXPECT_EQ(out->pack, "PACK");
    EXPECT_EQ(out->progress, "50%\rdone\n");
  }
  for (std::size_t size = 0; size < body.size(); ++size)
    EXPECT_EQ(code_of(read(body.substr(0, size))), "git.upstream_bad_answer") << size;
}

TEST(FetchAnswers, WhatBreaksTheProtocolIsRefused) {
  const std::string pack = lines({"packfile\n", "\x01PACK"});
  EXPECT_EQ(problem(read(pack)), "");
  const std::vector<std::string> bad = {
      "",
      "0000",
      "0001" + pack,
      "<html>",
      lines({"acknowledgments\n", "NAK\n"}),  // no pack follows
      lines({"acknowledgments\n", "NAK\n"}, "0002") + pack,
      lines({"shallow-info\n"}, "0001") + lines({"acknowledgments\n"}, "0001") + pack,
      lines({"shallow-info\n"}, "0001") + lines({"shallow-info\n"}, "0001") + pack,
      lines({"packfile-uris\n", "1111 https://elsewhere/"}, "0001") + pack,
      lines({"unheard-of\n"}, "0001") + pack,
      lines({"packfile\n", ""}),
      lines({"packfile\n", "\x04 what"}),
      lines({"packfile\n", std::string_view("\0PACK", 5)}),
      lines({"packfile\n", "\x01PACK"}, "0001"),
      lines({"packfile\n", "\x01PACK"}, "0002"),
      lines({"packfile\n", "\x01PACK"}, "0003"),
      lines({"packfile\n", "\x01PACK"}, "fff5"),
      pack + "0000",
      pack + pack,
      pack + "x",
  };
  for (const std::string& body : bad) EXPECT_EQ(code_of(read(body)), "git.upstream_bad_answer") << body;
}

TEST(FetchAnswers, RefusalsAndLimits) {
  EXPECT_EQ(code_of(read(lines({"ERR upload-pack: not our ref 11\n"}))), "git.upstream_lacks_object");
  EXPECT_EQ(code_of(read(lines({"ERR go away\n"}))), "git.upstream_refused");
  EXPECT_EQ(code_of(read(lines({"shallow-info\n", "ERR go away\n"}))), "git.upstream_refused");
  Result<Fetched> fatal = read(lines({"packfile\n",
                                      "\x03"
                                      "fatal: \xe2\x80\xae disk\x07 full\nmore"}));
  EXPECT_EQ(code_of(fatal), "git.upstream_refused");
  EXPECT_EQ(fatal.error().message, "the upstream says: fatal: ? disk? full");
  EXPECT_LT(read(lines({"ERR " + std::string(60'000, 'x')})).error().message.size(), 400U);

  std::string much = lines({"shallow-info\n"}, "");
  while (much.size() < (17U << 20)) write_pkt(much, std::string(60'000, 'x'));
  EXPECT_EQ(code_of(read(much)), "git.upstream_too_large");
  std::string chatty = lines({"packfile\n"}, "");
  for (int i = 0; i < 100; ++i) write_pkt(chatty, "\x02" + std::string(1'000, 'x'));
  EXPECT_EQ(read(chatty + "0000")->progress.size(), 4096U);
}

}  // namespace
}  // namespace countersign::adapters::git
