#include "proxy/adapters/git/objects/pack_scan.h"

#include <limits>

#include "fixture.h"
#include "pack_maker.h"

namespace countersign::adapters::git {
namespace {

Result<PackSummary> scan(std::string_view pack, const PackLimits& limits = {}, std::size_t piece = SIZE_MAX,
                         ObjectFormat format = ObjectFormat::sha1) {
  PackScan out(format, limits);
  while (!pack.empty()) {
    Status fed = out.feed(as_bytes(pack.substr(0, piece)));
    if (!fed) return fail(fed.error());
    pack.remove_prefix(std::min(piece, pack.size()));
  }
  return out.finish();
}

std::string raw_id(std::string_view type, std::string_view content, ObjectFormat format = ObjectFormat::sha1) {
  ObjectHash hash(format);
  std::string head = std::string(type) + ' ' + std::to_string(content.size());
  hash.update(as_bytes(std::string_view(head.c_str(), head.size() + 1)));
  hash.update(as_bytes(content));
  return hash.finish();
}

TEST(PackScan, CountsWhatIsThere) {
  std::string text(1000, 'x');
  PackMaker pack(4);
  std::size_t first = pack.size();
  pack.object(kBlob, text);
  std::size_t second = pack.size();
  pack.ofs_delta(second - first, copying_delta(1000, 2));
  pack.ref_delta(raw_id("blob", text), copying_delta(1000, 3));
  pack.object(kTree, "");
  for (std::size_t piece : {std::size_t{1}, std::size_t{7}, SIZE_MAX}) {
    Result<PackSummary> summary = scan(pack.finish(), {}, piece);
    ASSERT_TRUE(summary) << problem(summary);
    EXPECT_EQ(summary->objects, 4U);
    EXPECT_EQ(summary->blobs, 1U);
    EXPECT_EQ(summary->trees, 1U);
    EXPECT_EQ(summary->ofs_deltas, 1U);
    EXPECT_EQ(summary->ref_deltas, 1U);
    EXPECT_EQ(summary->depth, 1U);
    EXPECT_EQ(summary->biggest_object, 3000U);
    EXPECT_EQ(summary->bytes, pack.finish().size());
    EXPECT_EQ(summary->checksum, to_hex(as_bytes(std::string_view(pack.finish()).substr(pack.size()))));
    ASSERT_EQ(summary->bases.size(), 1U);
  }
  PackScan looking(ObjectFormat::sha1, {});
  looking.look_for({to_hex(as_bytes(raw_id("blob", text)))});
  ASSERT_TRUE(looking.feed(as_bytes(pack.finish())));
  Result<PackSummary> summary = looking.finish();
  ASSERT_TRUE(summary) << problem(summary);
  EXPECT_TRUE(summary->bases.empty());
}

TEST(PackScan, AnEmptyPackIsWhole) {
  for (ObjectFormat format : {ObjectFormat::sha1, ObjectFormat::sha256}) {
    Result<PackSummary> summary = scan(PackMaker(0, 2, format).finish(), {}, 3, format);
    ASSERT_TRUE(summary) << problem(summary);
    EXPECT_EQ(summary->objects, 0U);
  }
  EXPECT_EQ(code_of(scan(PackMaker(0, 2, ObjectFormat::sha256).finish())), "git.bad_pack");
}

TEST(PackScan, RefusesWhatIsNoPack) {
  std::string sound = PackMaker(1).object(kBlob, "text").finish();
  ASSERT_TRUE(scan(sound));
  for (std::size_t size = 0; size < sound.size(); ++size)
    EXPECT_EQ(code_of(scan(sound.substr(0, size))), "git.bad_pack") << size;
  for (std::size_t at = 0; at < sound.size(); ++at) {
    std::string wrong = sound;
    wrong[at] = static_cast<char>(wrong[at] ^ 0x10);
    EXPECT_FALSE(scan(wrong)) << at;
  }
  EXPECT_EQ(code_of(scan(sound + "x")), "git.bad_pack");
  EXPECT_EQ(code_of(scan(PackMaker(1, 4).object(kBlob, "text").finish())), "git.bad_pack");
  // Says more or fewer objects than there are.
  EXPECT_EQ(code_of(scan(PackMaker(2).object(kBlob, "text").finish())), "git.bad_pack");
  EXPECT_EQ(code_of(scan(PackMaker(0).object(kBlob, "text").finish())), "git.bad_pack");
  for (unsigned type : {0U, 5U}) EXPECT_EQ(code_of(scan(PackMaker(1).object(type, "text").finish())), "git.bad_pack");
  // Sizes that lie, and one that is no number.
  EXPECT_EQ(code_of(scan(PackMaker(1).head(kBlob, 3).raw(deflated("text")).finish())), "git.bad_pack");
  EXPECT_EQ(code_of(scan(PackMaker(1).head(kBlob, 5).raw(deflated("text")).finish())), "git.bad_pack");
  EXPECT_EQ(code_of(scan(PackMaker(1).raw("\xBF" + std::string(12, '\xFF')).finish())), "git.bad_pack");
  EXPECT_EQ(code_of(scan(PackMaker(1).head(kBlob, 4).raw("no zlib stream").finish())), "git.bad_pack");
}

TEST(PackScan, DeltasPointToEarlierObjects) {
  std::string delta = copying_delta(4, 1);
  auto with_distance = [&](std::uint64_t distance) {
    return scan(PackMaker(2).object(kBlob, "text").ofs_delta(distance, delta).finish());
  };
  std::uint64_t right = PackMaker(2).object(kBlob, "text").size() - 12;
  ASSERT_TRUE(with_distance(right));
  for (std::uint64_t wrong : {std::uint64_t{0}, std::uint64_t{1}, right - 1, right + 1, right + 12, right + 13,
                              std::uint64_t{1} << 40, std::numeric_limits<std::uint64_t>::max() >> 1})
    EXPECT_EQ(code_of(with_distance(wrong)), "git.bad_pack") << wrong;
  EXPECT_EQ(code_of(scan(PackMaker(1).head(kOfsDelta, 4).raw(std::string(20, '\xFF')).finish())), "git.bad_pack");
  // A delta that does not say its sizes.
  EXPECT_EQ(code_of(scan(PackMaker(2).object(kBlob, "text").ofs_delta(right, "\x04").finish())), "git.bad_pack");
  EXPECT_EQ(code_of(scan(PackMaker(2).object(kBlob, "text").ofs_delta(right, std::string(20, '\xFF')).finish())),
            "git.bad_pack");
}

TEST(PackScan, LimitsHold) {
  EXPECT_EQ(code_of(scan(PackMaker(0xFFFFFFFF).unfinished())), "git.pack_too_large");
  EXPECT_EQ(code_of(scan(PackMaker(1).object(kBlob, "text").finish(), {.bytes = 30})), "git.pack_too_large");
  EXPECT_EQ(code_of(scan(PackMaker(1).object(kBlob, "text").finish(), {.object_size = 3})), "git.pack_too_large");
  EXPECT_EQ(code_of(scan(PackMaker(2).object(kBlob, "text").object(kBlob, "more").finish(), {.inflated = 7})),
            "git.pack_too_large");
  std::string bomb = PackMaker(1).object(kBlob, std::string(80U << 20, '\0')).finish();
  EXPECT_LT(bomb.size(), 100'000U);
  EXPECT_EQ(code_of(scan(bomb)), "git.pack_too_large");
  EXPECT_TRUE(scan(bomb, {.ratio = 2000}));

  // Small deltas that make much: each doubles nothing on the wire.
  std::string text(60'000, 'x');
  PackMaker multiplying(11);
  multiplying.object(kBlob, text);
  for (int i = 0; i < 10; ++i) multiplying.ofs_delta(multiplying.size() - 12, copying_delta(60'000, 1000));
  EXPECT_EQ(code_of(scan(multiplying.finish(), {.inflated = 100'000'000})), "git.pack_too_large");
  EXPECT_EQ(code_of(scan(multiplying.finish(), {.object_size = 10'000'000})), "git.pack_too_large");
  EXPECT_TRUE(scan(multiplying.finish()));

  PackMaker chain(5);
  std::size_t last = chain.size();
  chain.object(kBlob, "text");
  for (int i = 0; i < 4; ++i) {
    std::size_t here = chain.size();
    chain.ofs_delta(here - last, copying_delta(4, 1));
    last = here;
  }
  Result<PackSummary> summary = scan(chain.finish());
  ASSERT_TRUE(summary) << problem(summary);
  EXPECT_EQ(summary->depth, 4U);
  EXPECT_EQ(code_of(scan(chain.finish(), {.depth = 3})), "git.pack_too_large");

  PackMaker bases(3);
  for (char c : {'a', 'b', 'c'}) bases.ref_delta(std::string(20, c), copying_delta(4, 1));
  EXPECT_EQ(code_of(scan(bases.finish(), {.bases = 2})), "git.pack_too_large");
}

TEST(PackScan, ReadsWhatGitWrites) {
  for (ObjectFormat format : {ObjectFormat::sha1, ObjectFormat::sha256}) {
    Folder folder;
    Repository repository(folder.path() / "r", format);
    for (int i = 0; i < 20; ++i) {
      std::string lines;
      for (int line = 0; line < 200; ++line) lines += std::to_string(line * (line == i ? 7 : 1)) + " of the lines\n";
      repository.write("f", lines);
      repository.commit("number " + std::to_string(i));
    }
    repository.git("tag -a -m tagged v1");
    for (const char* options : {"--delta-base-offset", "", "--thin --delta-base-offset"}) {
      std::string file = repository.pack("main\nv1", options);
      Result<PackSummary> summary = scan_pack(file, 0, format, {});
      ASSERT_TRUE(summary) << problem(summary);
      EXPECT_EQ(summary->objects, 61U);
      EXPECT_EQ(summary->tags, 1U);
      EXPECT_EQ(summary->commits + summary->trees + summary->blobs + summary->ofs_deltas + summary->ref_deltas, 60U);
      EXPECT_GT(summary->ofs_deltas + summary->ref_deltas, 10U);
    }
  }
  EXPECT_EQ(code_of(scan_pack("/nonexistent", 0, ObjectFormat::sha1, {})), "git.pack_unreadable");
}

}  // namespace
}  // namespace countersign::adapters::git
