#include "policies/cedar/schema/closure.h"

#include <algorithm>
#include <utility>

namespace cedar {

std::optional<Graph> closure(const Graph& parents, std::size_t edges) {
  constexpr std::size_t kStepsPerEdge = 64;
  std::size_t steps = 0;
  std::size_t reached = 0;
  Graph out(parents.size());
  std::vector<std::uint32_t> seen_from(parents.size(), UINT32_MAX);
  std::vector<std::uint32_t> open;
  for (std::uint32_t node = 0; node < parents.size(); ++node) {
    open = {node};
    while (!open.empty()) {
      const std::vector<std::uint32_t>& next = parents[open.back()];
      open.pop_back();
      steps += next.size();
      for (std::uint32_t parent : next) {
        if (std::exchange(seen_from[parent], node) == node) continue;
        open.push_back(parent);
        out[node].push_back(parent);
      }
    }
    reached += out[node].size();
    if (reached > edges || steps / kStepsPerEdge > edges) return std::nullopt;
    std::ranges::sort(out[node]);
  }
  return out;
}

}  // namespace cedar
