// The reader of the tables, against tables that were damaged.
#include <gtest/gtest.h>
#include <zlib.h>

#include <fstream>
#include <sstream>
#include <string>

#include "scopes/catalogue/aws_catalogue.h"
#include "scopes/catalogue/aws_embedded.h"
#include "scopes/catalogue/aws_tables.h"

namespace countersign {
namespace {

std::string tiny() {
  std::ifstream in(std::string(COUNTERSIGN_SOURCE_DIR) + "/tests/fuzz/aws_tables/corpus/tiny", std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::string packed(const std::string& bytes) {
  z_stream zlib{};
  EXPECT_EQ(::deflateInit2(&zlib, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(::deflateBound(&zlib, bytes.size()), '\0');
  std::string in = bytes;
  zlib.next_in = reinterpret_cast<Bytef*>(in.data());
  zlib.avail_in = static_cast<uInt>(in.size());
  zlib.next_out = reinterpret_cast<Bytef*>(out.data());
  zlib.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(::deflate(&zlib, Z_FINISH), Z_STREAM_END);
  out.resize(zlib.total_out);
  ::deflateEnd(&zlib);
  return out;
}

// Touches every view, so that a sanitizer sees one that points astray.
std::size_t touch(const AwsCatalogue& read) {
  std::size_t sum = 0;
  auto all = [&sum](std::span<const std::string_view> texts) {
    for (std::string_view text : texts)
      for (char c : text) sum += static_cast<unsigned char>(c);
  };
  for (const AwsService& service : read.services()) {
    all({{service.key, service.title, service.signing_name, service.version}});
    all(service.versions);
    for (const AwsOperation& one : service.operations) {
      all({{one.name, one.path, one.host_prefix}});
      for (std::span<const std::string_view> texts : {one.iam_actions, one.why, one.roles}) all(texts);
      for (const AwsSecret& secret : one.secrets) {
        all({{secret.path}});
        all(secret.steps);
      }
      for (const AwsSegment& segment : one.segments) all({{segment.text}});
      for (const AwsResourceTemplate* resource : one.resources) all({{resource->type, resource->arn}});
      for (const AwsMember& member : one.input ? one.input->members : std::span<const AwsMember>()) {
        all({{member.name, member.wire_name}});
        sum += static_cast<std::size_t>(member.shape->type);
        if (member.shape->element) sum += static_cast<std::size_t>(member.shape->element->type);
      }
    }
  }
  return sum;
}

TEST(AwsTables, ASmallTable) {
  Result<AwsCatalogue> read = AwsCatalogue::parse(tiny());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->sources(), "tiny 1");
  const AwsOperation* remove = read->find("tiny", "DeleteThing");
  ASSERT_NE(remove, nullptr);
  EXPECT_EQ(remove->effect, Effect::destroy);
  EXPECT_EQ(remove->effects, (EffectSet{Effect::read, Effect::destroy}));
  ASSERT_EQ(remove->segments.size(), 3U);
  EXPECT_EQ(remove->segments[2].kind, AwsSegment::Kind::greedy);
  ASSERT_EQ(remove->literals.size(), 2U);
  EXPECT_FALSE(remove->literals[0].value);
  EXPECT_EQ(remove->literals[1].value, "now");
  ASSERT_EQ(remove->required.size(), 1U);
  EXPECT_EQ(remove->required[0]->wire_name, "x-token");
  EXPECT_TRUE(remove->required[0]->idempotency_token);
  EXPECT_EQ(remove->payload->shape, remove->input) << "a shape may contain itself";
  EXPECT_TRUE(remove->input->find("Many")->shape->element->sensitive);
  EXPECT_EQ(remove->input->find("Map")->shape->key_name, "key");
  EXPECT_EQ(remove->input->find("Doc")->shape->type, AwsType::document);
  ASSERT_EQ(remove->resources.size(), 2U);
  EXPECT_EQ(remove->resources[0]->parts.back().member, "Name");
  EXPECT_EQ(remove->resources[1]->member, "Name");
  const AwsOperation* list = read->find("tiny", "ListThings");
  ASSERT_NE(list, nullptr);
  EXPECT_EQ(list->input, nullptr);
  ASSERT_EQ(list->segments.size(), 2U);
  EXPECT_EQ(list->segments[1].text, "");
  EXPECT_EQ(read->by_key("tiny")->version, "2020-01-01");
}

TEST(AwsTables, NoTableThatBreaksOffIsRead) {
  std::string whole = tiny();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    Result<AwsCatalogue> read = AwsCatalogue::parse(whole.substr(0, size));
    ASSERT_FALSE(read) << size;
    EXPECT_EQ(read.error().code, "aws_catalogue.malformed");
  }
  EXPECT_FALSE(AwsCatalogue::parse(whole + '\0'));
}

TEST(AwsTables, ADamagedTableIsRefusedOrWhole) {
  std::string whole = tiny();
  int refused = 0;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(static_cast<unsigned char>(damaged[at]) ^ (1U << bit));
      if (Result<AwsCatalogue> read = AwsCatalogue::parse(damaged))
        touch(*read);
      else
        ++refused;
    }
    std::string huge = whole;
    huge.replace(at, 1, "\xff\xff\xff\xff\x0f");
    if (Result<AwsCatalogue> read = AwsCatalogue::parse(huge)) touch(*read);
  }
  EXPECT_GT(refused, 1000);
}

TEST(AwsTables, TheEmbeddedTableBrokenOffIsRefused) {
  Result<std::string> whole = unpack_aws_tables(embedded_aws_tables());
  ASSERT_TRUE(whole);
  for (std::size_t part = 0; part < 16; ++part)
    EXPECT_FALSE(AwsCatalogue::parse(whole->substr(0, whole->size() * part / 16))) << part;
  EXPECT_FALSE(AwsCatalogue::parse(*whole + "x"));
}

TEST(AwsTables, OnlyOneWholeGzipIsUnpacked) {
  std::string whole = packed(tiny());
  EXPECT_TRUE(AwsCatalogue::unpack(whole));
  EXPECT_FALSE(AwsCatalogue::unpack(""));
  EXPECT_FALSE(AwsCatalogue::unpack(tiny()));
  EXPECT_FALSE(AwsCatalogue::unpack(whole + whole));
  EXPECT_FALSE(AwsCatalogue::unpack(whole + "x"));
  for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(AwsCatalogue::unpack(whole.substr(0, size)));
  Result<AwsCatalogue> bomb = AwsCatalogue::unpack(packed(std::string(kMaxAwsTablesBytes + (4U << 20U), '\0')));
  ASSERT_FALSE(bomb);
  EXPECT_EQ(bomb.error().code, "aws_catalogue.too_large");
}

}  // namespace
}  // namespace countersign
