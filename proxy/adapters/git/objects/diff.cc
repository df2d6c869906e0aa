#include "proxy/adapters/git/objects/diff.h"

#include <algorithm>
#include <vector>

#include "proxy/adapters/git/objects/change_reader.h"
#include "proxy/adapters/git/objects/line_diff.h"
#include "proxy/adapters/git/objects/visible.h"

namespace countersign::adapters::git {
namespace {

constexpr std::string_view kNoLineFeed = "\\ No newline at end of file\n";

std::string_view mode_of(FileKind kind) {
  switch (kind) {
    case FileKind::none:
      return "000000";
    case FileKind::regular:
      return "100644";
    case FileKind::executable:
      return "100755";
    case FileKind::symlink:
      return "120000";
    case FileKind::gitlink:
      return "160000";
  }
  return {};
}

char letter_of(FileStatus status) {
  switch (status) {
    case FileStatus::added:
      return 'A';
    case FileStatus::removed:
      return 'D';
    case FileStatus::modified:
      return 'M';
    case FileStatus::type_changed:
      return 'T';
  }
  return '?';
}

// Hunks whose context meets are one on the page.
struct Page {
  std::size_t old_begin = 0;
  std::size_t old_end = 0;
  std::size_t new_begin = 0;
  std::size_t new_end = 0;
  std::vector<Hunk> hunks;
};

std::vector<Page> pages_of(const std::vector<Hunk>& hunks, std::size_t old_lines, std::size_t context) {
  std::vector<Page> out;
  for (const Hunk& hunk : hunks) {
    std::size_t before = std::min(context, hunk.old_begin);
    std::size_t after = std::min(context, old_lines - hunk.old_end);
    if (out.empty() || hunk.old_begin - before > out.back().old_end) {
      out.push_back({.old_begin = hunk.old_begin - before, .new_begin = hunk.new_begin - before, .hunks = {}});
    }
    out.back().old_end = hunk.old_end + after;
    out.back().new_end = hunk.new_end + after;
    out.back().hunks.push_back(hunk);
  }
  return out;
}

std::string range(std::size_t begin, std::size_t end) {
  // git counts from 1, and names the line before where there is none.
  std::size_t first = begin == end ? begin : begin + 1;
  return std::to_string(first) + (end - begin == 1 ? "" : "," + std::to_string(end - begin));
}

// Text with a limit: what does not fit is counted.
class Sheet {
 public:
  explicit Sheet(std::size_t limit) : limit_(limit) {}
  void add(std::string_view line) {
    if (full_ || text.size() + line.size() > limit_) {
      full_ = true;
      ++left;
      return;
    }
    text += line;
  }
  std::string text;
  std::size_t left = 0;  // lines

 private:
  std::size_t limit_;
  bool full_ = false;
};

class Writer {
 public:
  Writer(ObjectReader& objects, const DiffLimits& limits)
      : objects_(objects), limits_(limits), budget_{.file = limits.text, .all = limits.all_text} {}

  Status file(const FileFacts& facts) {
    Sheet sheet(limits_.file_bytes);
    head(facts, sheet);
    if (facts.old_id != facts.new_id) {
      Status written = body(facts, sheet);
      if (!written) return written;
    }
    if (sheet.left > 0) {
      out.complete = false;
      sheet.text += "[" + std::to_string(sheet.left) + " more lines of this file are not shown]\n";
    }
    if (out.text.size() + sheet.text.size() > limits_.bytes) {
      ++out.files_left;
      out.complete = false;
      return {};
    }
    out.text += sheet.text;
    ++out.files_shown;
    return {};
  }

  DiffText out;
  NeedsBook book;

 private:
  static void head(const FileFacts& facts, Sheet& sheet) {
    sheet.add("diff --git a/" + facts.path + " b/" + facts.path + "\n");
    std::string old_mode(mode_of(facts.old_kind));
    std::string new_mode(mode_of(facts.new_kind));
    if (facts.status == FileStatus::added) {
      sheet.add("new file mode " + new_mode + "\n");
    } else if (facts.status == FileStatus::removed) {
      sheet.add("deleted file mode " + old_mode + "\n");
    } else if (old_mode != new_mode) {
      sheet.add("old mode " + old_mode + "\n");
      sheet.add("new mode " + new_mode + "\n");
    }
  }

  Status body(const FileFacts& facts, Sheet& sheet) {
    Result<Content> before = content(facts.old_kind, facts.old_id);
    if (!before) return fail(before.error());
    Result<Content> after = content(facts.new_kind, facts.new_id);
    if (!after) return fail(after.error());
    if (before->state != ContentState::read || after->state != ContentState::read) {
      out.complete = false;
      bool absent = before->state == ContentState::absent || after->state == ContentState::absent;
      sheet.add(absent ? "[the content is not here to be compared]\n"
                       : "[too large to be compared here: " + sizes(*before, *after) + "]\n");
      return {};
    }
    if (is_binary(before->text) || is_binary(after->text)) {
      sheet.add("[binary: " + sizes(*before, *after) + "]\n");
      return {};
    }
    if (!comparable(before->text, after->text)) {
      out.complete = false;
      sheet.add("[too many lines to be compared here: " + sizes(*before, *after) + "]\n");
      return {};
    }
    lines(facts, before->text, after->text, sheet);
    return {};
  }

  static std::string sizes(const Content& before, const Content& after) {
    return std::to_string(before.size) + " bytes, then " + std::to_string(after.size) + " bytes";
  }

  // A submodule is shown as git does: one line that names the commit.
  Result<Content> content(FileKind kind, const std::string& id) {
    if (kind == FileKind::gitlink)
      return Content{.state = ContentState::read, .size = 0, .text = "Subproject commit " + id + "\n"};
    Result<Content> read = read_content(objects_, id, budget_);
    if (read && read->state == ContentState::absent) book.blob(id);
    return read;
  }

  void lines(const FileFacts& facts, std::string_view before, std::string_view after, Sheet& sheet) {
    std::vector<std::string_view> a = split_lines(before);
    std::vector<std::string_view> b = split_lines(after);
    std::vector<Hunk> hunks = diff_lines(a, b, effort_);
    if (hunks.empty()) return;
    sheet.add(facts.old_id.empty() ? "--- /dev/null\n" : "--- a/" + facts.path + "\n");
    sheet.add(facts.new_id.empty() ? "+++ /dev/null\n" : "+++ b/" + facts.path + "\n");
    for (const Page& page : pages_of(hunks, a.size(), limits_.context)) {
      sheet.add("@@ -" + range(page.old_begin, page.old_end) + " +" + range(page.new_begin, page.new_end) + " @@\n");
      std::size_t at = page.old_begin;
      for (const Hunk& hunk : page.hunks) {
        for (; at < hunk.old_begin; ++at) line(' ', a[at], sheet);
        for (; at < hunk.old_end; ++at) line('-', a[at], sheet);
        for (std::size_t now = hunk.new_begin; now < hunk.new_end; ++now) line('+', b[now], sheet);
      }
      for (; at < page.old_end; ++at) line(' ', a[at], sheet);
    }
  }

  void line(char mark, std::string_view text, Sheet& sheet) const {
    bool ends = text.ends_with('\n');
    if (ends) text.remove_suffix(1);
    std::string shown = mark + visible(text.substr(0, limits_.line_bytes));
    if (text.size() > limits_.line_bytes)
      shown += "[" + std::to_string(text.size() - limits_.line_bytes) + " more bytes of this line]";
    shown += '\n';
    if (!ends) shown += kNoLineFeed;
    sheet.add(shown);
  }

  ObjectReader& objects_;
  const DiffLimits& limits_;
  ContentBudget budget_;
  DiffEffort effort_;
};

std::string lines_of(const FileFacts& file) {
  if (file.binary) return " (binary, " + std::to_string(file.size.value_or(0)) + " bytes)";
  if (!file.additions || !file.deletions) return file.size ? " (" + std::to_string(*file.size) + " bytes)" : "";
  return " +" + std::to_string(*file.additions) + " -" + std::to_string(*file.deletions);
}

std::string counted(std::uint64_t count, std::string_view noun) {
  return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

}  // namespace

Result<OrNeeds<DiffText>> diff_text(const Quarantine& quarantine, const RefFacts& facts, const DiffLimits& limits,
                                    Missing missing) {
  Result<ObjectReader> objects = ObjectReader::open(quarantine.git_dir(), limits.tool);
  if (!objects) return fail(objects.error());
  Writer writer(*objects, limits);
  writer.out.complete = !facts.files_truncated && !facts.files_unknown;
  for (const FileFacts& file : facts.files) {
    if (writer.out.text.size() >= limits.bytes) {
      ++writer.out.files_left;
      writer.out.complete = false;
      continue;
    }
    Status written = writer.file(file);
    if (!written) return fail(written.error());
  }
  if (missing == Missing::report && !writer.book.empty()) return writer.book.take();
  return std::move(writer.out);
}

std::string file_tree(const RefFacts& facts, std::size_t limit) {
  Sheet sheet(limit);
  std::vector<std::string> open;  // folders that the last line stands in
  for (const FileFacts& file : facts.files) {
    std::vector<std::string> folders;
    std::string_view rest = file.path;
    for (std::size_t slash = rest.find('/'); slash != std::string_view::npos; slash = rest.find('/')) {
      folders.emplace_back(rest.substr(0, slash + 1));
      rest.remove_prefix(slash + 1);
    }
    std::size_t common = 0;
    while (common < std::min(open.size(), folders.size()) && open[common] == folders[common]) ++common;
    for (std::size_t depth = common; depth < folders.size(); ++depth)
      sheet.add(std::string(depth * 2, ' ') + folders[depth] + "\n");
    std::string line(folders.size() * 2, ' ');
    line += letter_of(file.status);
    line += " " + std::string(rest);
    if (file.new_kind == FileKind::symlink) line += " (link)";
    if (file.new_kind == FileKind::gitlink) line += " (submodule)";
    sheet.add(line + lines_of(file) + (file.ci_system.empty() ? "" : " [" + std::string(file.ci_system) + "]") + "\n");
    open = std::move(folders);
  }
  if (sheet.left > 0 || facts.files_truncated) sheet.text += "[more is not shown]\n";
  return std::move(sheet.text);
}

std::string statistics(const RefFacts& facts) {
  const ChangeTotals& totals = facts.totals;
  std::string out = (facts.files_unknown ? "at least " : "") + counted(totals.files, "file") + " changed, " +
                    counted(totals.additions, "line") + " added, " + std::to_string(totals.deletions) + " removed";
  if (totals.without_lines > totals.binary)
    out += "; lines of " + counted(totals.without_lines - totals.binary, "file") + " not counted";
  if (totals.binary > 0) out += "; " + std::to_string(totals.binary) + " binary";
  if (totals.ci_files > 0) out += "; " + counted(totals.ci_files, "CI file");
  if (totals.symlinks > 0) out += "; " + counted(totals.symlinks, "link");
  if (totals.gitlinks > 0) out += "; " + counted(totals.gitlinks, "submodule");
  return out;
}

}  // namespace countersign::adapters::git
