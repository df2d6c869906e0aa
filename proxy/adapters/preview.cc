#include "proxy/adapters/preview.h"

#include <algorithm>

#include "core/json.h"
#include "core/json_reader.h"

namespace countersign::adapters {
PreviewPart preview_body(std::string title, std::string_view body, std::uint64_t size, std::string_view sha256,
                         Coding coding) {
  bool whole = body.size() == size;
  if (whole && coding == Coding::plain && size <= kMaxPreviewBytes) {
    Result<Json> json = parse_json(body);
    if (json) return {std::move(title), "application/json", printable(json->dump(2), 4 * kMaxPreviewBytes)};
  }
  // A sequence may be cut at the end of a beginning.
  std::string_view shown = body;
  for (int i = 0; !whole && i < 3 && !shown.empty() && !is_utf8(shown); ++i) shown.remove_suffix(1);
  if (coding == Coding::plain && !shown.empty() && is_utf8(shown) && shown.find('\0') == std::string_view::npos) {
    std::string text = printable(shown, kMaxPreviewBytes);
    if (!whole) text += "\n… the body has " + std::to_string(size) + " bytes in all";
    return {std::move(title), "text/plain", std::move(text)};
  }
  return {std::move(title), "text/plain",
          std::to_string(size) + " bytes that are not text\nSHA-256 " + std::string(sha256)};
}

}  // namespace countersign::adapters
