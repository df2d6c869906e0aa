#include "proxy/adapters/git/upload_request.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <fstream>
#include <iterator>

#include "proxy/adapters/git/content_coding.h"
#include "proxy/adapters/git/pkt_line.h"

namespace countersign::adapters::git {
namespace {

using namespace std::string_literals;

const std::string kA(40, 'a');

// What stock git 2.39 sent to a server, byte for byte.
std::string from_git(const std::string& name) {
  std::ifstream file(COUNTERSIGN_SOURCE_DIR "/tests/fuzz/git/corpus/upload/" + name, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string pkt(std::string_view payload) {
  std::string out;
  write_pkt(out, payload);
  return out;
}

std::string fetch(const std::string& arguments, const std::string& capabilities = "") {
  return pkt("command=fetch") + capabilities + "0001" + arguments + "0000";
}

std::string code_of(const std::string& body, const UploadLimits& limits = {}) {
  auto request = read_upload_request(body, limits);
  return request ? "" : request.error().code;
}

std::string gzip(std::string_view text) {
  z_stream zlib{};
  EXPECT_EQ(::deflateInit2(&zlib, 9, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(::deflateBound(&zlib, text.size()), '\0');
  zlib.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  zlib.avail_in = static_cast<uInt>(text.size());
  zlib.next_out = reinterpret_cast<Bytef*>(out.data());
  zlib.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(::deflate(&zlib, Z_FINISH), Z_STREAM_END);
  out.resize(zlib.total_out);
  ::deflateEnd(&zlib);
  return out;
}

TEST(UploadRequest, ReadsWhatGitAsksForWhenOneRefIsFetched) {
  auto request = read_upload_request(from_git("ls-refs-one"));
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->command, UploadCommand::ls_refs);
  EXPECT_EQ(request->format, ObjectFormat::sha1);
  ASSERT_EQ(request->prefixes.size(), 7U);
  EXPECT_EQ(request->prefixes.front(), "refs/approvals/req_06fg0000abcdefgh");
  EXPECT_EQ(request->prefixes.back(), "refs/tags/");
  auto all = read_upload_request(from_git("ls-refs-all"));
  ASSERT_TRUE(all);
  EXPECT_TRUE(all->prefixes.empty());
}

TEST(UploadRequest, ReadsFetchesOfGit) {
  auto request = read_upload_request(from_git("fetch-haves"));
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->command, UploadCommand::fetch);
  EXPECT_EQ(request->wants, std::vector<std::string>{"cef3448bda94c4717c73295021c283e577a06b35"});
  EXPECT_GE(request->haves, 10U);
  auto named = read_upload_request(from_git("fetch-want-ref"));
  ASSERT_TRUE(named) << named.error().message;
  EXPECT_EQ(named->want_refs, std::vector<std::string>{"refs/approvals/req_06fg0000abcdefgh"});
  EXPECT_TRUE(named->wants.empty());
  EXPECT_EQ(code_of(from_git("fetch-shallow")), "");
}

TEST(UploadRequest, ReadsWhatGitCompresses) {
  for (const char* name : {"fetch-gzip", "fetch-want-ref-gzip"}) {
    auto text = gunzip(from_git(name), 8U << 20);
    ASSERT_TRUE(text) << text.error().message;
    EXPECT_EQ(code_of(*text), "") << name;
    auto front = gunzip(from_git(name), 17, Beyond::cut);
    ASSERT_TRUE(front);
    EXPECT_EQ(*front, "0011command=fetch");
  }
}

TEST(UploadRequest, RefusesEverythingThatCouldBeReadInTwoWays) {
  EXPECT_EQ(code_of(""), "git.truncated");
  EXPECT_EQ(code_of("0000"), "git.bad_upload_request");
  EXPECT_EQ(code_of(pkt("command=fetch")), "git.truncated");
  EXPECT_EQ(code_of("zzzz"), "git.bad_packet");
  EXPECT_EQ(code_of(pkt("command=fetch") + "0003"), "git.bad_packet");
  EXPECT_EQ(code_of(pkt("command=object-info") + "0000"), "git.bad_upload_request");
  EXPECT_EQ(code_of(pkt("agent=git/2.39.5") + pkt("command=fetch") + "0000"), "git.bad_upload_request");
  const std::string want = pkt("want " + kA);
  EXPECT_EQ(code_of(fetch(want)), "");
  EXPECT_EQ(code_of(fetch(want) + "0000"), "git.bad_upload_request") << "something follows";
  EXPECT_EQ(code_of(fetch(want + "0001" + want)), "git.bad_upload_request") << "two delimiters";
  EXPECT_EQ(code_of(fetch(want + "0002")), "git.bad_upload_request");
  EXPECT_EQ(code_of(fetch(pkt("want " + kA + "\n" + "want " + kA))), "git.bad_upload_request") << "two lines in one";
  EXPECT_EQ(code_of(fetch(pkt("want " + kA + "\0x"s))), "git.bad_upload_request");
  EXPECT_EQ(code_of(fetch(pkt("want " + kA + " refs/heads/main"))), "git.bad_upload_request") << "version 0";
  EXPECT_EQ(code_of(fetch(pkt("want " + std::string(40, 'A')))), "git.bad_upload_request");
  EXPECT_EQ(code_of(fetch(pkt("have x"))), "git.bad_upload_request");
  EXPECT_EQ(code_of(fetch(pkt("want-ref ../x"))), "git.bad_upload_request");
  EXPECT_EQ(code_of(fetch(pkt("upload all"))), "git.bad_upload_request");
  EXPECT_EQ(code_of(fetch(pkt("ref-prefix refs/"))), "git.bad_upload_request") << "of another command";
  EXPECT_EQ(code_of(fetch(want, pkt("object-format=md5"))), "git.bad_upload_request");
  EXPECT_EQ(code_of(fetch(want, pkt("object-format=sha1") + pkt("object-format=sha1"))), "git.bad_upload_request");
  EXPECT_EQ(code_of(fetch(want, pkt("object-format=sha256"))), "git.bad_upload_request") << "a name of another format";
  EXPECT_EQ(code_of(fetch(pkt("want " + std::string(64, 'a')), pkt("object-format=sha256"))), "");
}

TEST(UploadRequest, HasLimits) {
  const std::string want = pkt("want " + kA);
  EXPECT_EQ(code_of(fetch(want + want + want), {.names = 3}), "");
  EXPECT_EQ(code_of(fetch(want + want + want), {.names = 2}), "git.too_large");
  EXPECT_EQ(code_of(fetch(want), {.bytes = 20}), "git.too_large");
  EXPECT_EQ(code_of(pkt("command=ls-refs") + "0001" + pkt("ref-prefix " + std::string(2000, 'x')) + "0000"),
            "git.bad_upload_request");
}

TEST(UploadRequest, WritesAFetchAgainInWordsThatAnyGitKnows) {
  const std::string want = pkt("want " + kA + "\n");
  const std::string known = pkt("agent=git/2.39.5") + pkt("object-format=sha1");
  EXPECT_EQ(plain_fetch(fetch(pkt("thin-pack") + want + pkt("packfile-uris https") + pkt("done"),
                              known + pkt("session-id=7") + pkt("server-option=a"))),
            fetch(pkt("thin-pack") + want + pkt("done"), known));
  const std::string real = from_git("fetch-haves");
  EXPECT_EQ(plain_fetch(real), real);
}

TEST(Gunzip, GivesTheTextOfOneSoundMember) {
  const std::string text(100'000, 'x');
  auto out = gunzip(gzip(text), text.size());
  ASSERT_TRUE(out) << out.error().message;
  EXPECT_EQ(*out, text);
  auto nothing = gunzip(gzip(""), 0);
  ASSERT_TRUE(nothing);
  EXPECT_EQ(*nothing, "");
}

TEST(Gunzip, RefusesBombsAndWhatIsNotSound) {
  const std::string text(100'000, 'x');
  auto code = [](const std::string& body, std::size_t limit) {
    auto out = gunzip(body, limit);
    return out ? std::string() : out.error().code;
  };
  EXPECT_EQ(code(gzip(text), text.size() - 1), "git.too_large");
  EXPECT_EQ(code(gzip(text) + "x", text.size()), "git.bad_gzip");
  EXPECT_EQ(code(gzip(text) + gzip(text), 3 * text.size()), "git.bad_gzip") << "a second member";
  EXPECT_EQ(code(gzip(text).substr(0, 40), text.size()), "git.bad_gzip");
  EXPECT_EQ(code("", 10), "git.bad_gzip");
  EXPECT_EQ(code("0011command=fetch", 100), "git.bad_gzip");
  std::string damaged = gzip(text);
  damaged[damaged.size() - 8] = static_cast<char>(damaged[damaged.size() - 8] ^ 1);
  EXPECT_EQ(code(damaged, text.size()), "git.bad_gzip") << "the checksum";
}

}  // namespace
}  // namespace countersign::adapters::git
