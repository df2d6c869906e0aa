#include "cli/diagnostics.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "cli/text.h"

namespace countersign::cli {
namespace {

constexpr std::size_t kLargestFile = 4U << 20;

std::string_view line_of(std::string_view text, int number) {
  for (int line = 1; line < number; ++line) {
    std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find('\n'));
}

// The text up to the given column (from 1, counted in code points).
std::string_view before_column(std::string_view line, int column) {
  std::size_t at = 0;
  for (int left = column - 1; left > 0 && at < line.size(); --left) {
    ++at;
    while (at < line.size() && (static_cast<unsigned char>(line[at]) & 0xC0) == 0x80) ++at;
  }
  return line.substr(0, at);
}

// The line, and carets under what the problem is about, as far as it goes on this line.
void append_excerpt(std::string_view line, const Problem& problem, std::string& out) {
  if (line.empty()) return;
  std::size_t indent = columns(one_line(before_column(line, problem.column)));
  std::size_t end = columns(one_line(before_column(line, problem.column + std::max(problem.length, 1))));
  out.append("  ").append(one_line(line)).append("\n  ").append(indent, ' ');
  out.append(std::max<std::size_t>(end > indent ? end - indent : 1, 1), '^').append("\n");
}

}  // namespace

std::string render_problems(const Problems& problems) {
  std::map<std::string, std::string> texts;
  std::string out;
  for (const Problem& problem : problems) {
    std::string place = one_line(problem.file);
    if (problem.line > 0) place += ":" + std::to_string(problem.line);
    if (problem.line > 0 && problem.column > 0) place += ":" + std::to_string(problem.column);
    out.append(place).append(problem.severity == Severity::warning ? ": warning: " : ": ");
    out.append(many_lines(problem.message)).append("\n");
    if (problem.line > 0 && problem.column > 0) {
      auto [found, fresh] = texts.try_emplace(problem.file);
      if (fresh) found->second = read_file(problem.file, kLargestFile).value_or("");
      append_excerpt(line_of(found->second, problem.line), problem, out);
    }
    if (!problem.help.empty()) out.append("  help: ").append(many_lines(problem.help)).append("\n");
  }
  return out;
}

}  // namespace countersign::cli
