// The pack scanner over any bytes: it must end, stay within its limits, and say the same however the bytes are cut.
// The first byte chooses the object format and the size of the pieces.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "proxy/adapters/git/objects/commit.h"
#include "proxy/adapters/git/objects/pack_scan.h"
#include "proxy/adapters/git/objects/trailers.h"
#include "proxy/adapters/git/objects/tree_diff.h"
#include "proxy/adapters/git/objects/visible.h"

namespace {

using namespace countersign;
using namespace countersign::adapters::git;

Result<PackSummary> scan(ByteView pack, std::size_t piece, ObjectFormat format) {
  PackScan out(
      format,
      {.bytes = 1U << 20, .objects = 1'000, .object_size = 1U << 20, .inflated = 4U << 20, .depth = 50, .bases = 100});
  while (!pack.empty()) {
    std::size_t size = std::min(piece, pack.size());
    Status fed = out.feed(pack.first(size));
    if (!fed) return fail(fed.error());
    pack = pack.subspan(size);
  }
  return out.finish();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  ObjectFormat format = (data[0] & 1U) == 0 ? ObjectFormat::sha1 : ObjectFormat::sha256;
  ByteView bytes(data + 1, size - 1);
  Result<PackSummary> whole = scan(bytes, bytes.size(), format);
  Result<PackSummary> pieces = scan(bytes, 1U + (data[0] >> 1U), format);
  if (whole.has_value() != pieces.has_value()) std::abort();
  if (whole &&
      (whole->objects != pieces->objects || whole->inflated != pieces->inflated || whole->bases != pieces->bases))
    std::abort();

  // The same bytes as what packs hold.
  std::string_view text = as_text(bytes);
  Result<std::vector<TreeEntry>> tree = parse_tree(text, format);
  if (tree && tree->size() > bytes.size()) std::abort();
  Result<Commit> commit = parse_commit(text, format);
  Result<Tag> tag = parse_tag(text, format);
  if (commit && commit->tree.size() != hex_length(format)) std::abort();
  if (tag && tag->object.size() != hex_length(format)) std::abort();
  if (trailers_of(text).size() > 100 || assistance_of(text).size() > 20) std::abort();
  for (char c : visible(text)) {
    auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\t') || byte == 0x7F) std::abort();
  }
  return 0;
}
