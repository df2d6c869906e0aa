#include "audit/proof.h"

#include <algorithm>
#include <bit>
#include <charconv>

#include "audit/entry.h"

namespace countersign::audit {
namespace {

constexpr std::uint64_t kTile = 256;
constexpr unsigned kMaxLevel = 7;
constexpr std::string_view kReceiptTitle = "c2sp.org/tlog-proof@v1";
constexpr std::size_t kMaxReceipt = 256U << 10;

std::unexpected<Error> out_of_range() {
  return fail(ErrorKind::not_found, "audit.range", "the log has no such records");
}

// The largest power of two below `size`, for size > 1: where RFC 6962 splits a tree.
std::uint64_t split_point(std::uint64_t size) {
  return std::bit_floor(size - 1);
}

template <class Number>
bool parse_number(std::string_view text, Number& value) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  bool leading_zero = text.size() > 1 && text.front() == '0';
  return error == std::errc() && end == text.data() + text.size() && !leading_zero;
}

// "x001/x234/067" → 1234067: groups of three digits, all but the last marked with an x.
bool parse_tile_index(std::string_view text, std::uint64_t& index) {
  index = 0;
  for (int groups = 0; groups < 6; ++groups) {
    bool more = text.starts_with('x');
    if (more) text.remove_prefix(1);
    if (text.size() < 3) return false;
    for (char c : text.substr(0, 3)) {
      if (c < '0' || c > '9') return false;
      index = index * 10 + static_cast<std::uint64_t>(c - '0');
    }
    text.remove_prefix(3);
    if (groups == 0 && more && index == 0) return false;  // one spelling only
    if (!more) return text.empty();
    if (!text.starts_with('/')) return false;
    text.remove_prefix(1);
  }
  return false;
}

}  // namespace

Status HashTree::prepare(std::uint64_t size) {
  error_.reset();
  auto count = reader_.size();
  if (!count) return fail(count.error());
  if (size > *count) return out_of_range();
  while ((blocks_.size() + 1) * kTile <= size) {
    std::uint64_t begin = blocks_.size() * kTile;
    std::uint64_t end = std::min(size / kTile * kTile, begin + 64 * kTile);
    auto hashes = reader_.hashes(begin, end);
    if (!hashes) return fail(hashes.error());
    for (std::size_t at = 0; at < hashes->size(); at += kTile) {
      CompactRange block;
      for (std::size_t i = 0; i < kTile; ++i) block.add((*hashes)[at + i]);
      blocks_.push_back(block.root());
    }
  }
  return {};
}

template <class T>
Result<T> HashTree::checked(T value) {
  if (error_) return fail(*error_);
  return value;
}

Digest HashTree::leaf(std::uint64_t index) {
  if (index < leaves_begin_ || index >= leaves_begin_ + leaves_.size()) {
    leaves_begin_ = index / kTile * kTile;
    auto count = reader_.size();
    auto hashes = reader_.hashes(leaves_begin_, std::min(leaves_begin_ + kTile, count ? *count : 0));
    if (!hashes || index - leaves_begin_ >= hashes->size()) {
      error_ =
          hashes ? Error{ErrorKind::internal, "audit.corrupt", "the hashes of the log became fewer"} : hashes.error();
      leaves_.clear();
      return {};
    }
    leaves_ = std::move(*hashes);
  }
  return leaves_[static_cast<std::size_t>(index - leaves_begin_)];
}

Digest HashTree::subtree(std::uint64_t begin, std::uint64_t end) {
  std::uint64_t size = end - begin;
  if (size == 0) return empty_root();
  if (size == 1) return leaf(begin);
  // Trees of RFC 6962 split at powers of two, so a part of 256 leaves always begins at a multiple of 256.
  if (size == kTile) return blocks_[static_cast<std::size_t>(begin / kTile)];
  std::uint64_t middle = begin + split_point(size);
  Digest left = subtree(begin, middle);
  return node_hash(left, subtree(middle, end));
}

Result<Digest> HashTree::root(std::uint64_t size) {
  if (auto ready = prepare(size); !ready) return fail(ready.error());
  return checked(subtree(0, size));
}

void HashTree::collect_inclusion(std::uint64_t index, std::uint64_t begin, std::uint64_t end,
                                 std::vector<Digest>& path) {
  if (end - begin == 1) return;
  std::uint64_t middle = begin + split_point(end - begin);
  if (index < middle) {
    collect_inclusion(index, begin, middle, path);
    path.push_back(subtree(middle, end));
  } else {
    collect_inclusion(index, middle, end, path);
    path.push_back(subtree(begin, middle));
  }
}

Result<std::vector<Digest>> HashTree::inclusion(std::uint64_t index, std::uint64_t size) {
  if (index >= size) return out_of_range();
  if (auto ready = prepare(size); !ready) return fail(ready.error());
  std::vector<Digest> path;
  collect_inclusion(index, 0, size, path);
  return checked(std::move(path));
}

// SUBPROOF(m, D[n], b): `known` is b, true while the verifier already has the root of the part that ends at `from`.
void HashTree::collect_consistency(std::uint64_t from, std::uint64_t begin, std::uint64_t end, bool known,
                                   std::vector<Digest>& path) {
  if (from == end) {
    if (!known) path.push_back(subtree(begin, end));
    return;
  }
  std::uint64_t middle = begin + split_point(end - begin);
  if (from <= middle) {
    collect_consistency(from, begin, middle, known, path);
    path.push_back(subtree(middle, end));
  } else {
    collect_consistency(from, middle, end, false, path);
    path.push_back(subtree(begin, middle));
  }
}

Result<std::vector<Digest>> HashTree::consistency(std::uint64_t from, std::uint64_t to) {
  if (from == 0 || from > to) return out_of_range();
  if (auto ready = prepare(to); !ready) return fail(ready.error());
  std::vector<Digest> path;
  collect_consistency(from, 0, to, true, path);
  return checked(std::move(path));
}

Result<std::string> HashTree::tile(unsigned level, std::uint64_t index, unsigned width) {
  if (level > kMaxLevel || width == 0 || width > kTile) return out_of_range();
  std::uint64_t leaves = std::uint64_t{1} << (8 * level);  // under each hash of the tile
  std::uint64_t last = index * kTile + width;
  if (index > (UINT64_MAX >> 9) || last > UINT64_MAX / leaves) return out_of_range();
  if (auto ready = prepare(last * leaves); !ready) return fail(ready.error());
  std::string bytes;
  for (std::uint64_t i = index * kTile; i < last; ++i)
    bytes += as_text(ByteView(subtree(i * leaves, (i + 1) * leaves)));
  return checked(std::move(bytes));
}

bool verify_inclusion(const Digest& leaf, std::uint64_t index, std::uint64_t size, const std::vector<Digest>& path,
                      const Digest& root) {
  if (index >= size) return false;
  std::uint64_t fn = index;
  std::uint64_t sn = size - 1;
  Digest r = leaf;
  for (const Digest& p : path) {
    if (sn == 0) return false;
    if ((fn & 1U) != 0 || fn == sn) {
      r = node_hash(p, r);
      while ((fn & 1U) == 0 && fn != 0) {
        fn >>= 1U;
        sn >>= 1U;
      }
    } else {
      r = node_hash(r, p);
    }
    fn >>= 1U;
    sn >>= 1U;
  }
  return sn == 0 && r == root;
}

bool verify_consistency(std::uint64_t from, const Digest& from_root, std::uint64_t to, const Digest& to_root,
                        const std::vector<Digest>& path) {
  if (from == 0 || from > to) return false;
  if (from == to) return path.empty() && from_root == to_root;
  std::span<const Digest> rest(path);
  Digest seed = from_root;  // a complete left subtree is its own first node
  if (!std::has_single_bit(from)) {
    if (rest.empty()) return false;
    seed = rest.front();
    rest = rest.subspan(1);
  }
  std::uint64_t fn = from - 1;
  std::uint64_t sn = to - 1;
  while ((fn & 1U) != 0) {
    fn >>= 1U;
    sn >>= 1U;
  }
  Digest fr = seed;
  Digest sr = seed;
  for (const Digest& c : rest) {
    if (sn == 0) return false;
    if ((fn & 1U) != 0 || fn == sn) {
      fr = node_hash(c, fr);
      sr = node_hash(c, sr);
      while ((fn & 1U) == 0 && fn != 0) {
        fn >>= 1U;
        sn >>= 1U;
      }
    } else {
      sr = node_hash(sr, c);
    }
    fn >>= 1U;
    sn >>= 1U;
  }
  return sn == 0 && fr == from_root && sr == to_root;
}

Result<std::string> entry_bundle(const Reader& reader, std::uint64_t index, unsigned width) {
  if (width == 0 || width > kTile || index > (UINT64_MAX >> 9)) return out_of_range();
  auto records = reader.range(index * kTile, index * kTile + width);
  if (!records) return fail(records.error());
  std::string bytes;
  for (const StoredRecord& record : *records) {
    bytes += static_cast<char>(record.line.size() >> 8);
    bytes += static_cast<char>(record.line.size() & 0xff);
    bytes += record.line;
  }
  return bytes;
}

Result<std::string> log_resource(const Reader& reader, HashTree& tree, std::string_view path) {
  auto unknown = [] { return fail(ErrorKind::not_found, "audit.no_resource", "the log has no such resource"); };
  if (path == "checkpoint") {
    auto latest = reader.checkpoint();
    if (!latest) return fail(latest.error());
    return std::move(latest->note);
  }
  if (!path.starts_with("tile/")) return unknown();
  path.remove_prefix(5);
  std::size_t slash = path.find('/');
  if (slash == std::string_view::npos) return unknown();
  std::string_view level_text = path.substr(0, slash);
  path.remove_prefix(slash + 1);
  unsigned width = kTile;
  if (std::size_t partial = path.find(".p/"); partial != std::string_view::npos) {
    if (!parse_number(path.substr(partial + 3), width) || width == 0 || width >= kTile) return unknown();
    path = path.substr(0, partial);
  }
  std::uint64_t index = 0;
  unsigned level = 0;
  if (!parse_tile_index(path, index)) return unknown();
  if (level_text == "entries") return entry_bundle(reader, index, width);
  if (!parse_number(level_text, level)) return unknown();
  return tree.tile(level, index, width);
}

Result<std::string> make_receipt(const Reader& reader, HashTree& tree, std::uint64_t seq) {
  auto record = reader.get(seq);
  if (!record) return fail(record.error());
  auto latest = reader.checkpoint();
  if (!latest) return fail(latest.error());
  if (latest->checkpoint.size <= seq) {
    return fail(ErrorKind::conflict, "audit.not_signed_yet",
                "no checkpoint covers this record yet; try again in a second");
  }
  auto path = tree.inclusion(seq, latest->checkpoint.size);
  if (!path) return fail(path.error());
  std::string out(kReceiptTitle);
  out += "\nextra " + to_base64(as_bytes(record->line)) + "\nindex " + std::to_string(seq) + "\n";
  for (const Digest& hash : *path) out += to_base64(ByteView(hash)) + "\n";
  out += "\n" + latest->note;
  return out;
}

Result<ProvenRecord> verify_receipt(std::string_view receipt, const VerifierKey& key) {
  auto bad = [] { return fail(ErrorKind::malformed, "audit.receipt_malformed", "not a receipt of an audit record"); };
  if (receipt.size() > kMaxReceipt) return bad();
  auto line = [&]() -> std::optional<std::string_view> {
    std::size_t end = receipt.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    std::string_view text = receipt.substr(0, end);
    receipt.remove_prefix(end + 1);
    return text;
  };
  auto title = line();
  auto extra = line();
  auto index = line();
  ProvenRecord proven;
  if (!title || *title != kReceiptTitle || !extra || !extra->starts_with("extra ") || !index ||
      !index->starts_with("index ") || !parse_number(index->substr(6), proven.seq)) {
    return bad();
  }
  auto record = from_base64(extra->substr(6));
  if (!record) return bad();
  proven.line = as_text(*record);
  std::vector<Digest> path;
  for (auto hash = line(); !hash || !hash->empty(); hash = line()) {
    if (!hash || path.size() == 64) return bad();
    auto bytes = from_base64(*hash);
    if (!bytes || bytes->size() != sizeof(Digest)) return bad();
    std::ranges::copy(*bytes, path.emplace_back().begin());
  }
  auto checkpoint = open_checkpoint(receipt, key);
  if (!checkpoint) return fail(checkpoint.error());
  proven.checkpoint = std::move(checkpoint->checkpoint);
  if (!verify_inclusion(leaf_hash(proven.line), proven.seq, proven.checkpoint.size, path, proven.checkpoint.root)) {
    return fail(ErrorKind::forbidden, "audit.not_included",
                "the checkpoint of this receipt does not cover this record");
  }
  return proven;
}

}  // namespace countersign::audit
