#include "console/assets.h"

#include <algorithm>

namespace countersign::console {

const Asset* find_asset(std::string_view path) {
  auto assets = all_assets();
  auto found = std::ranges::lower_bound(assets, path, {}, &Asset::path);
  return found != assets.end() && found->path == path ? &*found : nullptr;
}

}  // namespace countersign::console
