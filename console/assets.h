// The built console (console/web), embedded in the program: console/embed_assets.cmake writes the table at build time
// from the folder that the console's own build leaves. Empty when the console was not built. Constant, any thread.
#pragma once

#include <span>
#include <string_view>

namespace countersign::console {

struct Asset {
  std::string_view path;        // "/index.html", "/assets/app-1A2B3C.js"
  std::string_view media_type;  // with charset where it is text
  std::string_view etag;        // with its quotes
  std::string_view gzip;        // the bytes, compressed
};

// nullptr for a path that is none.
[[nodiscard]] const Asset* find_asset(std::string_view path);

// All of them, sorted by path.
[[nodiscard]] std::span<const Asset> all_assets();

}  // namespace countersign::console
