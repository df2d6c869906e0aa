#include "proxy/adapters/doors.h"

#include <algorithm>

namespace countersign::adapters {

const McpTool* McpCatalogue::find(std::string_view name) const {
  auto found = std::ranges::find(tools, name, &McpTool::name);
  return found == tools.end() ? nullptr : &*found;
}

}  // namespace countersign::adapters
