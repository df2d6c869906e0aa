#include "proxy/adapters/git/advertisement.h"

#include <gtest/gtest.h>

#include "proxy/adapters/git/pkt_line.h"

namespace countersign::adapters::git {
namespace {

using namespace std::string_literals;

std::string pkt(std::string_view payload) {
  std::string out;
  write_pkt(out, payload);
  return out;
}

const std::string kService = pkt("# service=git-receive-pack\n") + "0000";
const std::string kId(40, 'a');

TEST(Advertisement, CapabilitiesAreTrimmedAndTheRestPasses) {
  const std::string rest = pkt(kId + " refs/heads/x\n") + pkt(kId + " .have\n") + "0000";
  const std::string answer =
      kService +
      pkt(kId + " refs/heads/main\0report-status report-status-v2 delete-refs side-band-64k quiet "s +
          "atomic ofs-delta push-cert=nonce push-options object-format=sha1 new-thing agent=git/2.39.5\n") +
      rest;
  auto start = trim_push_advertisement(answer);
  ASSERT_TRUE(start && *start);
  EXPECT_EQ((*start)->bytes, kService + pkt(kId + " refs/heads/main\0report-status report-status-v2 delete-refs "s +
                                            "side-band-64k quiet atomic ofs-delta push-options object-format=sha1 "
                                            "agent=git/2.39.5 no-thin\n"));
  EXPECT_EQ(answer.substr((*start)->replaced), rest);
}

TEST(Advertisement, EmptyRepositoriesAndVersion1) {
  const std::string zero(64, '0');
  const std::string answer =
      kService + pkt("version 1\n") + pkt(zero + " capabilities^{}\0push-cert=x object-format=sha256"s) + "0000";
  auto start = trim_push_advertisement(answer);
  ASSERT_TRUE(start && *start);
  EXPECT_EQ((*start)->format, ObjectFormat::sha256);
  EXPECT_EQ((*start)->bytes,
            kService + pkt("version 1\n") + pkt(zero + " capabilities^{}\0object-format=sha256 no-thin\n"s));
}

TEST(Advertisement, EveryBeginningNeedsMore) {
  const std::string answer = kService + pkt(kId + " refs/heads/main\0report-status\n"s);
  for (std::size_t size = 0; size < answer.size(); ++size) {
    auto start = trim_push_advertisement(answer.substr(0, size));
    ASSERT_TRUE(start) << size;
    EXPECT_FALSE(*start) << size;
  }
}

TEST(Advertisement, WhatIsNoneIsRefused) {
  for (const std::string& answer :
       {pkt("# service=git-upload-pack\n"), kService + "0000", kService + pkt(kId + " refs/heads/main\n"), "<html>"s,
        pkt(kId + " refs/heads/main\0report-status"s)}) {
    auto start = trim_push_advertisement(answer);
    EXPECT_FALSE(start) << answer;
  }
}

}  // namespace
}  // namespace countersign::adapters::git
