#include "cli/render_preview.h"

#include <vector>

namespace countersign::cli {
namespace {

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    out.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

// What a line of a unified diff is. Lines of files always stand behind ' ', '+', '-' or '\', so only a line of the
// format itself begins otherwise; "---" and "+++" name files only before a file's first hunk.
class DiffStyles {
 public:
  Style next(std::string_view line) {
    if (line.starts_with("diff --git ")) {
      in_hunk_ = false;
      return Style::bold;
    }
    if (line.starts_with("@@")) {
      in_hunk_ = true;
      return Style::yellow;
    }
    if (!in_hunk_) return Style::dim;
    if (line.starts_with('+')) return Style::green;
    if (line.starts_with('-')) return Style::red;
    return Style::plain;
  }

 private:
  bool in_hunk_ = false;
};

std::string readable(std::string_view media_type, std::string_view text) {
  if (media_type == "application/json") {
    if (auto value = parse_json(text)) return many_lines(value->dump(2, ' ', false, Json::error_handler_t::replace));
  }
  return many_lines(text);
}

}  // namespace

std::string render_preview(const Json& parts, std::string_view id, Shown shown, const Terminal& terminal) {
  std::string out;
  for (const Json& part : parts) {
    const std::string media_type = string_or(part, "media_type", "");
    out += "\n" + terminal.styled(Style::bold, one_line(string_or(part, "title", ""))) + "\n";
    const std::string text = readable(media_type, string_or(part, "text", ""));
    const std::vector<std::string_view> lines = lines_of(text);
    const std::size_t count = shown == Shown::full ? lines.size() : std::min(lines.size(), kShownLines);
    DiffStyles styles;
    for (std::size_t at = 0; at < count; ++at) {
      const Style style = media_type == "text/x-diff" ? styles.next(lines[at]) : Style::plain;
      out += "  " + terminal.styled(style, lines[at]) + "\n";
    }
    if (count == lines.size()) continue;
    const std::string note = "… " + std::to_string(lines.size() - count) + " more lines: countersign request show " +
                             std::string(id) + " --full";
    out += "  " + terminal.styled(Style::yellow, note) + "\n";
  }
  return out;
}

}  // namespace countersign::cli
