#include "proxy/adapters/git/refs.h"

#include <gtest/gtest.h>

#include "objects/fixture.h"

namespace countersign::adapters::git {
namespace {

const std::string kOne(40, '1');
const std::string kTwo(40, '2');
const std::string kZero(40, '0');

template <class Reader>
auto read_with(Reader reader, std::string_view body, std::size_t piece = 64U << 20) {
  while (!body.empty()) {
    const std::string part(body.substr(0, piece));
    body.remove_prefix(part.size());
    Status fed = reader.feed(part);
    if (!fed) return decltype(reader.finish())(fail(fed.error()));
  }
  return reader.finish();
}

Result<Advertisement> read(std::string_view body, Service service = Service::upload_pack, RefLimits limits = {}) {
  return read_with(AdvertisementReader(service, limits), body);
}

std::string lines(std::initializer_list<std::string_view> payloads, std::string_view end = "0000") {
  std::string out;
  for (std::string_view payload : payloads) write_pkt(out, payload);
  return out + std::string(end);
}

std::string service(Service which = Service::upload_pack) {
  return lines({"# service=" + std::string(name_of(which)) + "\n"});
}

std::string with_capabilities(std::string_view ref, std::string_view capabilities) {
  return std::string(ref) + std::string(1, '\0') + std::string(capabilities) + "\n";
}

class RealRefs : public testing::TestWithParam<ObjectFormat> {
 protected:
  RealRefs() : repository(folder.path() / "repository", GetParam()) {}

  // What stock git's server says, as over HTTP.
  std::string advertise(Service service, const std::string& version) {
    const std::string out = server(service, "--http-backend-info-refs", version, "");
    return version == "version=2" ? out : git::service(service) + out;
  }
  std::string server(Service service, const std::string& option, const std::string& version, std::string_view input) {
    GitCommand command;
    command.arguments = {std::string(name_of(service)).substr(4), "--stateless-rpc"};
    if (!option.empty()) command.arguments.push_back(option);
    command.arguments.push_back(repository.folder().string());
    if (!version.empty()) command.environment.emplace_back("GIT_PROTOCOL", version);
    command.input = input;
    Result<GitOutcome> outcome = run_git(command);
    EXPECT_EQ(problem(outcome), "");
    EXPECT_EQ(outcome->errors, "");
    return outcome->output;
  }

  Folder folder;
  Repository repository;
};

INSTANTIATE_TEST_SUITE_P(Formats, RealRefs, testing::Values(ObjectFormat::sha1, ObjectFormat::sha256),
                         [](const auto& info) { return std::string(name_of(info.param)); });

TEST_P(RealRefs, AdvertisementsOfStockGit) {
  const std::string commit = repository.commit("one");
  repository.git("tag -a -m signed v1");
  for (std::size_t piece : {1U, 13U, 1'000'000U}) {
    Result<Advertisement> v0 =
        read_with(AdvertisementReader(Service::upload_pack), advertise(Service::upload_pack, ""), piece);
    ASSERT_EQ(problem(v0), "");
    EXPECT_EQ(v0->version, 0);
    EXPECT_EQ(v0->format, GetParam());
    ASSERT_EQ(v0->refs.size(), 3U);
    EXPECT_EQ(v0->refs[0].name, "HEAD");
    EXPECT_EQ(v0->refs[0].target, "refs/heads/main");
    EXPECT_EQ(v0->refs[1].id, commit);
    EXPECT_EQ(v0->refs[2].peeled, commit);
    EXPECT_TRUE(v0->has("side-band-64k"));
    EXPECT_FALSE(v0->has("side-band-6"));

    Result<Advertisement> v1 =
        read_with(AdvertisementReader(Service::upload_pack), advertise(Service::upload_pack, "version=1"), piece);
    ASSERT_EQ(problem(v1), "");
    EXPECT_EQ(v1->version, 1);
    EXPECT_EQ(v1->refs.size(), 3U);

    Result<Advertisement> v2 =
        read_with(AdvertisementReader(Service::upload_pack), advertise(Service::upload_pack, "version=2"), piece);
    ASSERT_EQ(problem(v2), "");
    EXPECT_EQ(v2->version, 2);
    EXPECT_EQ(v2->format, GetParam());
    EXPECT_TRUE(v2->refs.empty());
    EXPECT_TRUE(v2->has("ls-refs"));
    EXPECT_TRUE(v2->has_word("fetch", "shallow"));
    EXPECT_FALSE(v2->has_word("fetch", "filter"));
    EXPECT_FALSE(v2->has_word("fetch", "shall"));

    Result<Advertisement> push =
        read_with(AdvertisementReader(Service::receive_pack), advertise(Service::receive_pack, ""), piece);
    ASSERT_EQ(problem(push), "");
    EXPECT_EQ(push->format, GetParam());
    EXPECT_TRUE(push->has("report-status-v2"));
    ASSERT_EQ(push->refs.size(), 2U);
    EXPECT_EQ(push->refs[0].name, "refs/heads/main");
  }
}

TEST_P(RealRefs, EmptyRepositoriesOfStockGit) {
  Result<Advertisement> push = read(advertise(Service::receive_pack, ""), Service::receive_pack);
  ASSERT_EQ(problem(push), "");
  EXPECT_EQ(push->format, GetParam());
  EXPECT_TRUE(push->refs.empty());
  EXPECT_TRUE(push->has("report-status"));
  // Before a fetch, the old protocol says nothing of an empty repository.
  Result<Advertisement> nothing = read(advertise(Service::upload_pack, ""));
  ASSERT_EQ(problem(nothing), "");
  EXPECT_TRUE(nothing->refs.empty());
  EXPECT_TRUE(nothing->capabilities.empty());
}

TEST_P(RealRefs, ListingsOfStockGit) {
  Result<Advertisement> upstream = read(advertise(Service::upload_pack, "version=2"));
  ASSERT_EQ(problem(upstream), "");
  auto list = [&](const std::vector<std::string>& prefixes) {
    return read_with(RefsReader(GetParam()),
                     server(Service::upload_pack, "", "version=2", write_ls_refs(prefixes, *upstream)), 11);
  };
  Result<std::vector<ListedRef>> unborn = list({});
  ASSERT_EQ(problem(unborn), "");
  ASSERT_EQ(unborn->size(), 1U);
  EXPECT_EQ((*unborn)[0].name, "HEAD");
  EXPECT_EQ((*unborn)[0].id, "");
  EXPECT_EQ((*unborn)[0].target, "refs/heads/main");

  const std::string commit = repository.commit("one");
  repository.git("tag -a -m signed v1");
  repository.git("branch topic");
  Result<std::vector<ListedRef>> all = list({});
  ASSERT_EQ(problem(all), "");
  ASSERT_EQ(all->size(), 4U);
  EXPECT_EQ((*all)[0].target, "refs/heads/main");
  EXPECT_EQ((*all)[1].name, "refs/heads/main");
  EXPECT_EQ((*all)[1].id, commit);
  EXPECT_EQ((*all)[3].id, repository.id("v1"));
  EXPECT_EQ((*all)[3].peeled, commit);
  Result<std::vector<ListedRef>> some = list({"refs/heads/t", "refs/heads/none"});
  ASSERT_EQ(problem(some), "");
  ASSERT_EQ(some->size(), 1U);
  EXPECT_EQ((*some)[0].name, "refs/heads/topic");
}

TEST(Advertisements, WhatBreaksTheProtocolIsRefused) {
  const std::string first = with_capabilities(kOne + " refs/heads/a", "report-status");
  const std::string sound = service() + lines({first, kTwo + " refs/heads/b\n"});
  EXPECT_EQ(problem(read(sound)), "");
  for (std::size_t size = 0; size < sound.size(); ++size)
    EXPECT_EQ(code_of(read(sound.substr(0, size))), "git.upstream_bad_answer") << size;

  const std::vector<std::string> bad = {
      "<!DOCTYPE html>",
      lines({first}),  // no service
      service(Service::receive_pack) + lines({first}),
      lines({"# service=git-upload-pack\n"}, "0001") + lines({first}),
      service() + service() + lines({first}),
      service() + lines({kOne + " refs/heads/a\n"}),  // no capabilities
      service() + lines({with_capabilities("1111 refs/heads/a", "")}),
      service() + lines({with_capabilities(kZero + " refs/heads/a", "")}),
      service() + lines({with_capabilities(kOne + " capabilities^{}", "")}),
      service() + lines({with_capabilities(kOne, "")}),
      service() + lines({with_capabilities(kOne + " ", "")}),
      service() + lines({with_capabilities(kOne + " refs/heads/a", "object-format=sha256")}),
      service() + lines({with_capabilities(kOne + " refs/heads/a", "object-format=md5")}),
      service() + lines({first, kTwo + "refs/heads/b\n"}),
      service() + lines({first, "shallow main\n"}),
      service() + lines({first}, "0001"),
      service() + lines({first}, "0002"),
      service() + lines({first}, "0003"),
      sound + "0000",
      sound + sound,
      sound + "x",
      service() + lines({"version 3\n", first}),
      service() + lines({"version 1\n", "version 1\n", first}),
      lines({"version 2\n", "ls-refs\n"}) + "0000",
      service() + lines({"version 1\n", "version 2\n", "ls-refs\n"}),
  };
  for (const std::string& body : bad) EXPECT_EQ(code_of(read(body)), "git.upstream_bad_answer") << body;
  // Pushes know no version 2.
  EXPECT_EQ(code_of(read(lines({"version 2\n"}), Service::receive_pack)), "git.upstream_bad_answer");
}

TEST(Advertisements, NamesThatAreNoRefsAreLeftOut) {
  const std::string body = service(Service::receive_pack) +
                           lines({with_capabilities(kOne + " refs/heads/a", ""), kTwo + " .have\n",
                                  kTwo + " refs/heads/../x\n", kTwo + " refs/heads/b\x1b[31m\n",
                                  kTwo + " refs/heads/" + std::string(2'000, 'x') + "\n", kTwo + " refs/tags/t\n",
                                  kOne + " refs/tags/t^{}\n", kOne + " refs/tags/none^{}\n", "shallow " + kOne + "\n"});
  Result<Advertisement> out = read(body, Service::receive_pack);
  ASSERT_EQ(problem(out), "");
  ASSERT_EQ(out->refs.size(), 2U);
  EXPECT_EQ(out->refs[1].name, "refs/tags/t");
  EXPECT_EQ(out->refs[1].peeled, kOne);
}

TEST(Advertisements, RefusalsAndLimits) {
  EXPECT_EQ(code_of(read(lines({"ERR access denied\n"}))), "git.upstream_refused");
  EXPECT_EQ(code_of(read(service() + lines({"ERR access denied\n"}))), "git.upstream_refused");
  const std::string body = service() + lines({with_capabilities(kOne + " refs/heads/a", "x"), kOne + " refs/heads/b\n",
                                              kOne + " refs/heads/c\n"});
  EXPECT_EQ(problem(read(body, Service::upload_pack, {.refs = 3})), "");
  EXPECT_EQ(code_of(read(body, Service::upload_pack, {.refs = 2})), "git.upstream_too_large");
  EXPECT_EQ(problem(read(body, Service::upload_pack, {.bytes = body.size()})), "");
  EXPECT_EQ(code_of(read(body, Service::upload_pack, {.bytes = body.size() - 1})), "git.upstream_too_large");
  std::string many;
  for (int i = 0; i < 1'001; ++i) many += "c" + std::to_string(i) + " ";
  EXPECT_EQ(code_of(read(service() + lines({with_capabilities(kOne + " refs/heads/a", many)}))),
            "git.upstream_too_large");
  EXPECT_EQ(code_of(read(service() + "0000")), "no error");  // nothing at all: an old server's empty repository
}

TEST(Listings, WhatBreaksTheProtocolIsRefused) {
  auto list = [](std::string_view body, RefLimits limits = {}) {
    return read_with(RefsReader(ObjectFormat::sha1, limits), body);
  };
  const std::string a = kOne + " refs/heads/a\n";
  EXPECT_EQ(problem(list(lines({a}))), "");
  for (const std::string& body :
       {std::string(), std::string("x"), lines({a}, ""), lines({a}, "0001"), lines({a}, "0002"), lines({a}, "0003"),
        lines({a}) + lines({a}), lines({kZero + " refs/heads/a\n"}), lines({kOne + "\n"}), lines({kOne + " \n"}),
        lines({"\n"}), lines({std::string(64, '1') + " refs/heads/a\n"}), lines({kOne + " refs/tags/a peeled:12\n"})})
    EXPECT_EQ(code_of(list(body)), "git.upstream_bad_answer") << body;
  EXPECT_EQ(code_of(list(lines({"ERR upload-pack: no\n"}))), "git.upstream_refused");
  EXPECT_EQ(code_of(list(lines({a, a}), {.refs = 1})), "git.upstream_too_large");
  EXPECT_EQ(code_of(list(lines({a, a}), {.bytes = 60})), "git.upstream_too_large");

  Result<std::vector<ListedRef>> odd =
      list(lines({kOne + " refs/heads/a new-attribute:1 peeled:" + kTwo + "\n", kOne + " refs/heads/.lock\n",
                  "unborn refs/heads/b\n", kOne + " HEAD symref-target:../../x\n"}));
  ASSERT_EQ(problem(odd), "");
  ASSERT_EQ(odd->size(), 2U);
  EXPECT_EQ((*odd)[0].peeled, kTwo);
  EXPECT_EQ((*odd)[1].target, "");
}

TEST(Listings, Prefixes) {
  for (std::string_view good : {"HEAD", "refs/", "refs/heads/\xc3\xa9"}) EXPECT_TRUE(is_ref_prefix(good));
  for (std::string_view bad : {"", "a b", "a\nb", "a\x7f", "\t"}) EXPECT_FALSE(is_ref_prefix(bad));
  EXPECT_FALSE(is_ref_prefix(std::string(kMaxRefName + 1, 'a')));
  Advertisement plain;
  EXPECT_EQ(write_ls_refs({"refs/heads/"}, plain),
            "0014command=ls-refs\n00010009peel\n000csymrefs\n001bref-prefix refs/heads/\n0000");
}

}  // namespace
}  // namespace countersign::adapters::git
