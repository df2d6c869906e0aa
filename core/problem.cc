#include "core/problem.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <tuple>

namespace countersign {
namespace {

// Insertions, deletions, replacements, and swaps of neighbours, the commonest slip of all (optimal string alignment).
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> rows(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) rows[i][0] = i;
  std::iota(rows[0].begin(), rows[0].end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      std::size_t replaced = rows[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      rows[i][j] = std::min({replaced, rows[i - 1][j] + 1, rows[i][j - 1] + 1});
      bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) rows[i][j] = std::min(rows[i][j], rows[i - 2][j - 2] + 1);
    }
  }
  return rows[a.size()][b.size()];
}

}  // namespace

std::string format_problem(const Problem& problem) {
  std::string out = problem.file;
  if (problem.line > 0) out += ":" + std::to_string(problem.line);
  out += problem.severity == Severity::warning ? ": warning: " : ": ";
  return out + problem.message;
}

std::string format_problems(const Problems& problems) {
  std::string out;
  for (const Problem& problem : problems) out += format_problem(problem) + "\n";
  return out;
}

bool has_errors(const Problems& problems) {
  return std::ranges::any_of(problems, [](const Problem& problem) { return problem.severity == Severity::error; });
}

void sort_problems(Problems& problems) {
  std::vector<std::size_t> order(problems.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  auto place = [&](std::size_t i) {
    const Problem& problem = problems[i];
    return std::tuple<const std::string&, int, int, std::size_t>(problem.file, problem.line, problem.column, i);
  };
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) { return place(a) < place(b); });
  Problems sorted;
  for (std::size_t i : order) sorted.push_back(std::move(problems[i]));
  problems = std::move(sorted);
}

std::string_view closest(std::string_view text, const std::vector<std::string_view>& candidates) {
  constexpr std::size_t kLongest = 64;  // longer words are no slip of the finger, and the comparison is quadratic
  if (text.size() > kLongest) return {};
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(1, text.size() / 3) + 1;
  for (std::string_view candidate : candidates) {
    if (candidate.size() > kLongest) continue;
    std::size_t distance = edit_distance(text, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

Result<std::string> read_file(const std::string& path, std::size_t limit) {
  std::error_code error;
  auto status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found)
    return fail(ErrorKind::not_found, "file.missing", "there is no file " + path);
  if (!std::filesystem::is_regular_file(status))
    return fail(ErrorKind::invalid, "file.unreadable", path + " is not a regular file");
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return fail(ErrorKind::invalid, "file.unreadable", "cannot open " + path);
  // One byte more than allowed tells a file at the limit from one past it, whatever its size says by now.
  std::string text(limit + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (stream.bad()) return fail(ErrorKind::invalid, "file.unreadable", "cannot read " + path);
  auto size = static_cast<std::size_t>(stream.gcount());
  if (size > limit)
    return fail(ErrorKind::too_large, "file.too_large", path + " has more than " + std::to_string(limit) + " bytes");
  text.resize(size);
  return text;
}

}  // namespace countersign
