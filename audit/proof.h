// Inclusion and consistency proofs (RFC 9162 section 2.1), the resources of C2SP tlog-tiles, and receipts (C2SP
// tlog-proof).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/merkle.h"
#include "audit/reader.h"

namespace countersign::audit {

// The tree over a log's stored hashes. Keeps the root of every 256 hashes it has seen (32 bytes for 256 records), so
// the first proof reads the whole `hashes` file and later ones little. One thread.
class HashTree {
 public:
  explicit HashTree(Reader reader) : reader_(std::move(reader)) {}

  // Of the first `size` records. audit.range when there are fewer.
  Result<Digest> root(std::uint64_t size);
  // PATH(index, D[size]); audit.range unless index < size.
  Result<std::vector<Digest>> inclusion(std::uint64_t index, std::uint64_t size);
  // PROOF(from, D[to]); audit.range unless 0 < from <= to.
  Result<std::vector<Digest>> consistency(std::uint64_t from, std::uint64_t to);
  // `width` (1 … 256) hashes of level `level` (0 … 7) from 256 * index on, as in tile/<level>/<index>[.p/<width>].
  Result<std::string> tile(unsigned level, std::uint64_t index, unsigned width);

 private:
  Status prepare(std::uint64_t size);
  Digest subtree(std::uint64_t begin, std::uint64_t end);
  Digest leaf(std::uint64_t index);
  void collect_inclusion(std::uint64_t index, std::uint64_t begin, std::uint64_t end, std::vector<Digest>& path);
  void collect_consistency(std::uint64_t from, std::uint64_t begin, std::uint64_t end, bool known,
                           std::vector<Digest>& path);
  template <class T>
  Result<T> checked(T value);

  Reader reader_;
  std::vector<Digest> blocks_;  // roots of the complete groups of 256
  std::vector<Digest> leaves_;  // a window of hashes
  std::uint64_t leaves_begin_ = 0;
  std::optional<Error> error_;  // of a read inside the recursion
};

// RFC 9162 section 2.1.3.2 and 2.1.4.2.
[[nodiscard]] bool verify_inclusion(const Digest& leaf, std::uint64_t index, std::uint64_t size,
                                    const std::vector<Digest>& path, const Digest& root);
[[nodiscard]] bool verify_consistency(std::uint64_t from, const Digest& from_root, std::uint64_t to,
                                      const Digest& to_root, const std::vector<Digest>& path);

// `width` (1 … 256) records from 256 * index on, each behind its 16-bit length: tile/entries/<index>[.p/<width>].
Result<std::string> entry_bundle(const Reader& reader, std::uint64_t index, unsigned width);

// The bytes of a tlog-tiles path below the log's prefix: "checkpoint", "tile/0/x001/234", "tile/entries/000.p/17".
// audit.no_resource for any other path.
Result<std::string> log_resource(const Reader& reader, HashTree& tree, std::string_view path);

// A self-contained text that proves that record `seq` is in the log, for the latest checkpoint; the record itself
// travels in the `extra` line. audit.not_signed_yet while the checkpoint does not cover the record.
Result<std::string> make_receipt(const Reader& reader, HashTree& tree, std::uint64_t seq);

struct ProvenRecord {
  std::uint64_t seq = 0;
  std::string line;
  Checkpoint checkpoint;
};
// Needs nothing but the receipt and the log's public key. audit.receipt_malformed, audit.signature, or
// audit.not_included.
Result<ProvenRecord> verify_receipt(std::string_view receipt, const VerifierKey& key);

}  // namespace countersign::audit
