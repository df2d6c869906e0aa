// What is reachable in a graph of parents, for every node of it, within a bound.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace cedar {

using Graph = std::vector<std::vector<std::uint32_t>>;  // each node's parents, by number

// Each node's ancestors, sorted; a node is among its own only when it is in a circle. nullopt when there are more than
// `edges` of them in all, or finding them takes many times as many steps.
std::optional<Graph> closure(const Graph& parents, std::size_t edges);

}  // namespace cedar
