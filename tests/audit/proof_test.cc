#include "audit/proof.h"

#include <gtest/gtest.h>

#include "support.h"

namespace countersign::audit {
namespace {

using namespace testing;

Digest digest(std::string_view hex) {
  Digest out{};
  std::ranges::copy(from_hex(hex).value(), out.begin());
  return out;
}

// The definition of RFC 9162 section 2.1.1, and nothing else.
Digest naive_root(const std::vector<Digest>& leaves, std::size_t begin, std::size_t end) {
  if (begin == end) return empty_root();
  if (end - begin == 1) return leaves[begin];
  std::size_t k = 1;
  while (k * 2 < end - begin) k *= 2;
  return node_hash(naive_root(leaves, begin, begin + k), naive_root(leaves, begin + k, end));
}

// The well-known vectors of Certificate Transparency's reference implementation.
TEST(Merkle, KnownVectors) {
  const std::vector<std::string> inputs = {
      "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"};
  const std::vector<std::string> roots = {"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                                          "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
                                          "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
                                          "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                                          "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
                                          "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
                                          "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
                                          "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
  EXPECT_EQ(empty_root(), digest("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
  CompactRange range;
  EXPECT_EQ(range.root(), empty_root());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    range.add(leaf_hash(as_text(from_hex(inputs[i]).value())));
    EXPECT_EQ(range.root(), digest(roots[i])) << i;
  }
}

TEST(Merkle, CompactRangeIsTheTreeAtEverySize) {
  CompactRange range;
  std::vector<Digest> leaves;
  for (int i = 0; i < 300; ++i) {
    leaves.push_back(leaf_hash(std::to_string(i)));
    range.add(leaves.back());
    ASSERT_EQ(range.root(), naive_root(leaves, 0, leaves.size())) << i;
    ASSERT_EQ(CompactRange::restore(range.size(), range.nodes()).value(), range);
  }
  EXPECT_FALSE(CompactRange::restore(3, {leaves[0]}));
}

// A log folder that holds only what HashTree reads.
class HashesOnly : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(scratch_.log());
    write_file(scratch_.log() / "vkey", VerifierKey::make("o", SigningKey::generate().public_key())->text() + "\n");
  }
  void grow(std::size_t count) {
    std::string bytes;
    while (leaves_.size() < count) leaves_.push_back(leaf_hash("leaf " + std::to_string(leaves_.size())));
    for (const Digest& leaf : leaves_) bytes += as_text(ByteView(leaf));
    write_file(scratch_.log() / "hashes", bytes);
  }
  [[nodiscard]] Reader reader() const { return Reader::open(scratch_.log()).value(); }

  ScratchFolder scratch_;
  std::vector<Digest> leaves_;
};

TEST_F(HashesOnly, InclusionProofsOfAllSmallTrees) {
  grow(40);
  HashTree tree(reader());
  for (std::uint64_t size = 1; size <= 40; ++size) {
    Digest root = naive_root(leaves_, 0, size);
    ASSERT_EQ(tree.root(size).value(), root);
    for (std::uint64_t i = 0; i < size; ++i) {
      auto path = tree.inclusion(i, size).value();
      ASSERT_TRUE(verify_inclusion(leaves_[i], i, size, path, root));
      EXPECT_FALSE(verify_inclusion(leaves_[(i + 1) % 40], i, size, path, root));
      EXPECT_FALSE(verify_inclusion(leaves_[i], i, size, path, leaves_[0]) && size > 1);
      if (size > 1) {
        EXPECT_FALSE(verify_inclusion(leaves_[i], (i + 1) % size, size, path, root));
        auto shorter = path;
        shorter.pop_back();
        EXPECT_FALSE(verify_inclusion(leaves_[i], i, size, shorter, root));
      }
      path.push_back(root);
      EXPECT_FALSE(verify_inclusion(leaves_[i], i, size, path, root));
    }
    EXPECT_FALSE(tree.inclusion(size, size));
  }
  EXPECT_EQ(tree.inclusion(0, 41).error().code, "audit.range");
}

TEST_F(HashesOnly, ConsistencyProofsOfAllSmallTrees) {
  grow(40);
  HashTree tree(reader());
  for (std::uint64_t to = 1; to <= 40; ++to) {
    Digest to_root = naive_root(leaves_, 0, to);
    for (std::uint64_t from = 1; from <= to; ++from) {
      Digest from_root = naive_root(leaves_, 0, from);
      auto path = tree.consistency(from, to).value();
      ASSERT_TRUE(verify_consistency(from, from_root, to, to_root, path)) << from << " " << to;
      if (from == to) continue;
      EXPECT_FALSE(verify_consistency(from, to_root, to, to_root, path));
      EXPECT_FALSE(verify_consistency(from, from_root, to, from_root, path));
      for (Digest& hash : path) {
        hash[3] ^= 1;
        EXPECT_FALSE(verify_consistency(from, from_root, to, to_root, path));
        hash[3] ^= 1;
      }
      path.push_back(to_root);
      EXPECT_FALSE(verify_consistency(from, from_root, to, to_root, path));
    }
    EXPECT_FALSE(tree.consistency(0, to));
    EXPECT_FALSE(tree.consistency(to + 1, to));
  }
}

TEST_F(HashesOnly, LargeTreesWhileTheyGrow) {
  grow(500);
  HashTree tree(reader());
  ASSERT_EQ(tree.root(500).value(), naive_root(leaves_, 0, 500));
  grow(3'000);
  for (std::uint64_t size : {511U, 512U, 513U, 767U, 768U, 1'024U, 2'049U, 3'000U}) {
    Digest root = naive_root(leaves_, 0, size);
    ASSERT_EQ(tree.root(size).value(), root);
    for (std::uint64_t i = 0; i < size; i += 97)
      ASSERT_TRUE(verify_inclusion(leaves_[i], i, size, tree.inclusion(i, size).value(), root));
    for (std::uint64_t from = 1; from < size; from += 131) {
      ASSERT_TRUE(
          verify_consistency(from, naive_root(leaves_, 0, from), size, root, tree.consistency(from, size).value()));
    }
  }
}

TEST_F(HashesOnly, Tiles) {
  grow(70'000);
  HashTree tree(reader());
  std::string all = read_file(scratch_.log() / "hashes");
  EXPECT_EQ(tree.tile(0, 1, 256).value(), all.substr(256 * 32, 256 * 32));
  EXPECT_EQ(tree.tile(0, 273, 112).value(), all.substr(273 * 256 * 32));
  EXPECT_FALSE(tree.tile(0, 273, 113));
  EXPECT_EQ(tree.tile(1, 0, 3).value().substr(64), as_text(ByteView(naive_root(leaves_, 512, 768))));
  EXPECT_EQ(tree.tile(1, 1, 17).value().size(), 17U * 32);
  EXPECT_EQ(tree.tile(2, 0, 1).value(), as_text(ByteView(naive_root(leaves_, 0, 65'536))));
  EXPECT_FALSE(tree.tile(2, 0, 2));
  EXPECT_FALSE(tree.tile(7, 0, 1));
  EXPECT_FALSE(tree.tile(8, 0, 1));
  EXPECT_FALSE(tree.tile(0, UINT64_MAX, 256));
  EXPECT_FALSE(tree.tile(7, UINT64_MAX >> 9, 256));
  EXPECT_FALSE(tree.tile(0, 0, 0));
  EXPECT_FALSE(tree.tile(0, 0, 257));

  Reader r = reader();
  EXPECT_EQ(log_resource(r, tree, "tile/0/001").value(), tree.tile(0, 1, 256).value());
  EXPECT_EQ(log_resource(r, tree, "tile/0/273.p/112").value(), tree.tile(0, 273, 112).value());
  EXPECT_EQ(log_resource(r, tree, "tile/1/000.p/3").value(), tree.tile(1, 0, 3).value());
  for (std::string_view bad :
       {"", "tile", "tile/0", "tile/0/1", "tile/0/0001", "tile/0/x000/001", "tile/00/001", "tile/0/001.p/0",
        "tile/0/001.p/256", "tile/0/001.p/01", "tile/0/001.p/", "tile/0/x001", "tile/-1/001", "tile/0/001/",
        "tile/0/../001", "tile/9/000", "tile/0/x999/x999/x999/x999/x999/x999/999", "../vkey", "tile/0/x001/234"}) {
    EXPECT_FALSE(log_resource(r, tree, bad)) << bad;
  }
}

TEST(Receipt, ProvesARecordByItself) {
  ScratchFolder scratch;
  auto log = open_log(scratch);
  for (int i = 0; i < 13; ++i) ASSERT_TRUE(append_and_wait(*log, admin_entry("record " + std::to_string(i))));
  Reader reader = Reader::open(scratch.log()).value();
  HashTree tree(reader);
  EXPECT_EQ(make_receipt(reader, tree, 5).error().code, "audit.not_signed_yet");
  ASSERT_TRUE(log->checkpoint());
  for (std::uint64_t seq = 0; seq < 13; ++seq) {
    std::string receipt = make_receipt(reader, tree, seq).value();
    auto proven = verify_receipt(receipt, log->verifier_key());
    ASSERT_TRUE(proven) << proven.error().message;
    EXPECT_EQ(proven->seq, seq);
    EXPECT_EQ(proven->line, reader.get(seq)->line);
    EXPECT_EQ(proven->checkpoint.size, 13U);
  }
  std::string receipt = make_receipt(reader, tree, 5).value();
  for (std::size_t i = 0; i < receipt.size(); ++i) {
    std::string bad = receipt;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    EXPECT_FALSE(verify_receipt(bad, log->verifier_key())) << i;
  }
  EXPECT_FALSE(
      verify_receipt(receipt, VerifierKey::make("example.com/audit", SigningKey::generate().public_key()).value()));
  EXPECT_EQ(make_receipt(reader, tree, 13).error().code, "audit.unknown_record");
}

TEST(Receipt, BundlesHoldLengthPrefixedRecords) {
  ScratchFolder scratch;
  auto log = open_log(scratch);
  for (int i = 0; i < 300; ++i) log->append(admin_entry(std::to_string(i)));
  ASSERT_TRUE(append_and_wait(*log, admin_entry("last")));
  Reader reader = Reader::open(scratch.log()).value();
  HashTree tree(reader);
  std::string bundle = log_resource(reader, tree, "tile/entries/001.p/45").value();
  std::size_t at = 0;
  std::uint64_t seq = 256;
  while (at < bundle.size()) {
    std::size_t length = static_cast<unsigned char>(bundle[at]) * 256U + static_cast<unsigned char>(bundle[at + 1]);
    EXPECT_EQ(bundle.substr(at + 2, length), reader.get(seq++)->line);
    at += 2 + length;
  }
  EXPECT_EQ(seq, 301U);
  EXPECT_FALSE(log_resource(reader, tree, "tile/entries/001.p/46"));
  ASSERT_TRUE(log->checkpoint());
  EXPECT_EQ(log_resource(reader, tree, "checkpoint").value(), read_file(scratch.log() / "checkpoint"));
}

}  // namespace
}  // namespace countersign::audit
