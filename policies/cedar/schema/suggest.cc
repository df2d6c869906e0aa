#include "policies/cedar/schema/suggest.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace cedar {
namespace {

constexpr std::size_t kLongest = 80;
constexpr std::size_t kConsidered = 5'000;

// Letters to insert, remove or change to make one of the other.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
    }
  }
  return row.back();
}

}  // namespace

void Suggestion::consider(std::string_view known) {
  if (++considered_ > kConsidered || known.size() > kLongest || wanted_.size() > kLongest) return;
  std::size_t distance = edit_distance(wanted_, known);
  if (distance > std::max<std::size_t>(1, wanted_.size() / 3) || (best_ && distance >= distance_)) return;
  best_ = known;
  distance_ = distance;
}

}  // namespace cedar
