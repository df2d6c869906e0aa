// A reader of packs that trusts nothing: it runs over every pushed pack before git sees it, and says what git would
// have to spend on it. (gitformat-pack "pack-*.pack files have the following format")
//
// It checks what can be checked without building objects: the header, each object's type and size, that offset deltas
// point to an object before them, that every object inflates to exactly its size and within the limits, the sizes that
// deltas say they will have, and the checksum at the end, behind which nothing may follow. Whether deltas apply and
// objects are well-formed is git index-pack's part.
//
// Memory: a constant, sixteen bytes an object (PackLimits::objects bounds them), and the names of delta bases.
// One thread at a time; different scans are independent.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "core/result.h"
#include "proxy/adapters/git/object_id.h"

namespace countersign::adapters::git {

struct PackLimits {
  std::uint64_t bytes = 2ULL << 30;
  std::uint32_t objects = 1'000'000;
  std::uint64_t object_size = 1ULL << 30;  // of one object, or of what a delta says it makes
  std::uint64_t inflated = 8ULL << 30;     // of all objects together, what deltas make included
  std::uint64_t ratio = 200;               // inflated bytes a packed byte, beyond a free part of 64 MiB
  std::uint32_t depth = 4'095;             // of a chain of deltas: the most git itself writes
  std::size_t bases = 100'000;             // different bases of ref deltas
};

struct PackSummary {
  std::uint32_t objects = 0;
  std::uint32_t commits = 0;
  std::uint32_t trees = 0;
  std::uint32_t blobs = 0;
  std::uint32_t tags = 0;
  std::uint32_t ofs_deltas = 0;
  std::uint32_t ref_deltas = 0;
  std::uint64_t bytes = 0;           // the pack, checksum included
  std::uint64_t inflated = 0;        // as PackLimits::inflated
  std::uint64_t biggest_object = 0;  // in bytes
  std::uint32_t depth = 0;           // of the longest chain of offset deltas
  std::string checksum;              // in hexadecimal
  // Bases that ref deltas name, in hexadecimal, less those that were found in the pack (look_for). When the client used
  // offset deltas within the pack, as git does, these are the objects it expects the upstream to have.
  std::set<std::string> bases;
};

class PackScan {
 public:
  PackScan(ObjectFormat format, PackLimits limits);
  ~PackScan();
  PackScan(PackScan&&) noexcept;
  PackScan& operator=(PackScan&&) noexcept;

  // Before the first byte: takes those of these objects (names in hexadecimal) that the pack holds whole out of
  // PackSummary::bases. Costs a hash over all that is inflated. For packs whose ref deltas point into the pack itself.
  void look_for(std::set<std::string> ids);

  // The next bytes of the pack. After an error the scan is over.
  // Errors: git.bad_pack, git.pack_too_large (any of the limits).
  Status feed(ByteView bytes);

  // At the end. Errors: git.bad_pack (it breaks off).
  Result<PackSummary> finish();

 private:
  class Reader;
  std::unique_ptr<Reader> reader_;
};

// Scans a file from an offset to its end. More errors: git.pack_unreadable.
Result<PackSummary> scan_pack(const std::string& path, std::uint64_t offset, ObjectFormat format,
                              const PackLimits& limits, std::set<std::string> look_for = {});

}  // namespace countersign::adapters::git
