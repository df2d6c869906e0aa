// policy format: Cedar text laid out anew. policy translate: Cedar text ⇄ Cedar's JSON.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "cli/commands/commands.h"
#include "cli/policy_sources.h"
#include "cli/report.h"
#include "cli/text.h"
#include "policies/cedar/est.h"
#include "policies/cedar/format.h"
#include "policies/cedar/printer.h"
#include "policies/cedar/unescape.h"

namespace countersign::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostFiles = 10'000;

// A path as given, or every *.cedar file below a folder, in order.
Result<std::vector<std::string>> files_of(const std::vector<std::string>& paths) {
  std::vector<std::string> out;
  for (const std::string& path : paths) {
    std::error_code error;
    if (path == "-" || !fs::is_directory(path, error)) {
      out.push_back(path);
      continue;
    }
    std::vector<std::string> found;
    fs::recursive_directory_iterator it(path, error);
    for (fs::recursive_directory_iterator end; !error && it != end; it.increment(error)) {
      if (it->path().extension() == ".cedar" && it->is_regular_file(error)) found.push_back(it->path().string());
      if (found.size() > kMostFiles)
        return fail(ErrorKind::too_large, "format.too_many", path + " holds more than 10000 policy files");
    }
    if (error) return fail(ErrorKind::invalid, "format.folder", "cannot read " + path + ": " + error.message());
    std::ranges::sort(found);
    out.insert(out.end(), found.begin(), found.end());
  }
  return out;
}

// Replaces a file whole: what reads it sees the old text or the new one.
Status replace_file(const std::string& path, std::string_view text) {
  std::error_code error;
  fs::path target = fs::canonical(path, error);
  if (error) return fail(ErrorKind::internal, "format.write", "cannot write " + path + ": " + error.message());
  fs::path beside = target;
  beside += ".tmp" + std::to_string(getpid());
  {
    std::ofstream out(beside, std::ios::binary | std::ios::trunc);
    out.write(text.data(), static_cast<std::streamsize>(text.size()));
    out.flush();
    if (!out) {
      std::string why = std::strerror(errno);
      fs::remove(beside, error);
      return fail(ErrorKind::internal, "format.write", "cannot write " + beside.string() + ": " + why);
    }
  }
  fs::permissions(beside, fs::status(target, error).permissions(), error);
  fs::rename(beside, target, error);
  if (error) {
    std::string why = error.message();
    fs::remove(beside, error);
    return fail(ErrorKind::internal, "format.write", "cannot write " + path + ": " + why);
  }
  return {};
}

void complain(const std::string& name, const std::string& text, const cedar::Diagnostics& problems) {
  cedar::Source source(one_line(name), text);
  std::string out;
  for (const cedar::Diagnostic& each : problems) out += many_lines(render(each, source));
  std::fputs(out.c_str(), stderr);
}

std::string shown(const std::string& path) {
  return path == "-" ? "standard input" : path;
}

// JSON, a member or element a line. Not recursive: chains nest as deep as they are long. Objects and arrays deeper than
// a screen is wide stay on one line.
std::string indented_json(std::string_view json) {
  constexpr std::size_t kDeepest = 24;
  std::string out;
  std::size_t depth = 0;
  bool text = false;
  auto new_line = [&] {
    if (depth <= kDeepest) out.append("\n").append(2 * depth, ' ');
  };
  for (std::size_t i = 0; i < json.size(); ++i) {
    char c = json[i];
    bool empty = i + 1 < json.size() && (c == '{' || c == '[') && (json[i + 1] == '}' || json[i + 1] == ']');
    if (text) {
      out += c;
      if (c == '\\') out += json[++i];
      if (c == '"') text = false;
    } else if (empty) {
      out.append({c, json[++i]});
    } else if (c == '{' || c == '[') {
      out += c;
      ++depth;
      new_line();
    } else if (c == '}' || c == ']') {
      if (depth <= kDeepest) out.append("\n").append(2 * (depth - 1), ' ');
      --depth;
      out += c;
    } else if (c == ',') {
      out += c;
      new_line();
    } else {
      out += c;
      if (c == ':') out += ' ';
      text = c == '"';
    }
  }
  return out + "\n";
}

int to_json(const std::string& name, const std::string& text) {
  std::vector<cedar::PolicySet::NamedText> texts;
  texts.push_back({one_line(shown(name)), text});
  auto set = cedar::PolicySet::parse(std::move(texts));
  if (!set) {
    std::string out;
    for (const cedar::SourceDiagnostic& each : set.error()) out += many_lines(each.to_text());
    std::fputs(out.c_str(), stderr);
    return kNo;
  }
  auto json = cedar::write_policy_set_json(*set);
  if (!json) return report(json.error());
  return finish(indented_json(*json));
}

// Text has no ids and no links: an id that is not the positional one becomes a comment, a link a policy with the
// entities filled in.
int to_cedar(const std::string& text) {
  constexpr std::string_view kSets[] = {"staticPolicies", "templates", "templateLinks"};
  auto is_set = [&] {
    auto json = parse_json(text, {.bytes = text.size() + 1, .depth = 2'000'000, .values = 2'000'000});
    return json && json->is_object() &&
           (json->empty() || std::ranges::any_of(kSets, [&](std::string_view key) { return json->contains(key); }));
  };
  std::string out;
  if (is_set()) {
    auto set = cedar::read_policy_set_json(text, "policies");
    if (!set) return report({ErrorKind::forbidden, set.error().code, set.error().message});
    std::size_t number = 0;
    auto add = [&](const std::string& id, const cedar::ast::Policy& syntax, const std::string& remark) {
      if (id != "policy" + std::to_string(number++) || !remark.empty()) out += "// " + cedar::quote(id) + remark + "\n";
      out += cedar::print(syntax) + "\n";
    };
    for (const cedar::Policy& each : set->all()) {
      if (!each.link()) add(each.id(), each.syntax(), "");
    }
    for (const cedar::Template& each : set->templates()) add(each.id(), each.syntax(), "");
    for (const cedar::Policy& each : set->all()) {
      if (each.link()) add(each.id(), each.syntax(), ", a link of " + cedar::quote(each.link()->template_id));
    }
  } else {
    auto policy = cedar::read_policy_json(text);
    if (!policy) return report({ErrorKind::forbidden, policy.error().code, policy.error().message});
    out = cedar::print(*policy);
  }
  auto formatted = cedar::format_policies(out, {}, {.bytes = 1U << 30, .tokens = 100'000'000, .depth = 1000});
  return finish(formatted ? *formatted : out + "\n");
}

}  // namespace

int run_policy_format(const PolicyFormatOptions& options) {
  if (options.check && options.write) return report_usage("--check and --write exclude each other");
  auto files = files_of(options.paths);
  if (!files) return report(files.error());
  bool rewrites = options.check || options.write;
  if (!rewrites && (files->size() > 1 || (files->size() == 1 && files->front() != options.paths.front())))
    return report_usage("several files cannot be printed", "add --check or --write");
  int code = kDone;
  std::string changed;
  for (const std::string& path : *files) {
    auto text = read_argument(path);
    if (!text) return report_usage(text.error().message);
    auto formatted = cedar::format_policies(*text, {options.line_width, options.indent});
    if (!formatted) {
      complain(shown(path), *text, formatted.error());
      code = kNo;
      continue;
    }
    bool prints = !rewrites || (options.write && path == "-");
    if (prints) {
      if (!print(*formatted)) return kUnreachable;
    } else if (*formatted != *text) {
      changed += one_line(shown(path)) + "\n";
      if (options.check) code = kNo;
      if (options.write) {
        if (auto written = replace_file(path, *formatted); !written) return report(written.error());
      }
    }
  }
  return finish(changed, code);
}

int run_policy_translate(const PolicyTranslateOptions& options) {
  auto text = read_argument(options.file);
  if (!text) return report_usage(text.error().message);
  return options.to == Syntax::json ? to_json(options.file, *text) : to_cedar(*text);
}

}  // namespace countersign::cli
