#include "proxy/adapters/git/objects/evidence_pack.h"

#include <zlib.h>

#include <algorithm>
#include <cstdlib>

#include "core/bytes.h"
#include "proxy/adapters/git/objects/object_hash.h"

namespace countersign::adapters::git {
namespace {

// Types of objects in a pack. (gitformat-pack(5))
enum class PackedType : std::uint8_t { commit = 1, tree = 2, blob = 3 };

std::string_view name_of(PackedType type) {
  switch (type) {
    case PackedType::commit:
      return "commit";
    case PackedType::tree:
      return "tree";
    case PackedType::blob:
      return "blob";
  }
  return {};
}

std::string big_endian(std::uint32_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>((value >> shift) & 0xffU);
  return out;
}

std::string deflated(std::string_view content) {
  uLongf size = compressBound(static_cast<uLong>(content.size()));
  std::string out(size, '\0');
  int done = compress2(reinterpret_cast<Bytef*>(out.data()), &size, as_bytes(content).data(),
                       static_cast<uLong>(content.size()), Z_DEFAULT_COMPRESSION);
  if (done != Z_OK) std::abort();  // out of memory: the bound is zlib's own
  out.resize(size);
  return out;
}

class PackWriter {
 public:
  PackWriter(ObjectFormat format, std::uint32_t objects)
      : format_(format), pack_("PACK" + big_endian(2) + big_endian(objects)) {}

  // Returns the raw hash of the object.
  std::string add(PackedType type, std::string_view content) {
    // Four bits of the size beside the type, then seven a byte, lowest first.
    std::uint64_t size = content.size();
    std::uint64_t byte = (static_cast<std::uint64_t>(type) << 4U) | (size & 0x0fU);
    for (size >>= 4U; size > 0; size >>= 7U) {
      pack_ += static_cast<char>(byte | 0x80U);
      byte = size & 0x7fU;
    }
    pack_ += static_cast<char>(byte);
    pack_ += deflated(content);

    ObjectHash hash(format_);
    const std::string head = std::string(name_of(type)) + ' ' + std::to_string(content.size()) + '\0';
    hash.update(as_bytes(head));
    hash.update(as_bytes(content));
    return hash.finish();
  }

  std::string finish() {
    ObjectHash hash(format_);
    hash.update(as_bytes(pack_));
    return pack_ + hash.finish();
  }

 private:
  ObjectFormat format_;
  std::string pack_;
};

bool is_plain_id(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

}  // namespace

Result<EvidencePack> attestation_pack(ObjectFormat format, std::string_view request, std::string_view envelope,
                                      TimeMs executed_at) {
  if (!is_plain_id(request)) return fail(ErrorKind::invalid, "git.bad_ref", "not a request's id");
  PackWriter pack(format, 3);
  const std::string blob = pack.add(PackedType::blob, envelope);
  const std::string tree =
      pack.add(PackedType::tree, "100644 " + std::string(kAttestationFile) + std::string(1, '\0') + blob);
  const std::string who = "Countersign <> " + std::to_string(std::max<TimeMs>(0, executed_at / 1000)) + " +0000\n";
  const std::string commit =
      pack.add(PackedType::commit, "tree " + to_hex(as_bytes(tree)) + "\nauthor " + who + "committer " + who +
                                       "\nAttestation of " + std::string(request) + "\n");
  return EvidencePack{pack.finish(), to_hex(as_bytes(commit))};
}

}  // namespace countersign::adapters::git
