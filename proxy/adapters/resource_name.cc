#include "proxy/adapters/resource_name.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <iterator>
#include <utility>

#include "core/json_reader.h"

namespace countersign::adapters {
namespace {

struct CodePoints {
  std::uint32_t first;
  std::uint32_t last;
};

#include "proxy/adapters/unicode_tables.inc"

constexpr std::string_view kAmbiguous = "mcp.ambiguous_resource";

template <std::size_t kCount>
bool contains(const CodePoints (&table)[kCount], std::uint32_t code_point) {
  auto after = std::ranges::upper_bound(table, code_point, {}, &CodePoints::first);
  return after != std::begin(table) && code_point <= std::prev(after)->last;
}

// The next code point of well-formed UTF-8.
std::uint32_t take_code_point(std::string_view& text) {
  auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };
  std::uint32_t lead = byte(0);
  std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  std::uint32_t value = length == 1 ? lead : lead & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) value = value << 6 | (byte(i) & 0x3FU);
  text.remove_prefix(length);
  return value;
}

// What JavaScript's trim() and Python's strip() take away, and characters nobody sees.
bool is_blank(std::uint32_t c) {
  return c <= 0x20 || (c >= 0x7F && c <= 0xA0) || c == 0xAD || c == 0x1680 || c == 0x180E ||
         (c >= 0x2000 && c <= 0x200F) || (c >= 0x2028 && c <= 0x202F) || (c >= 0x205F && c <= 0x206F) || c == 0x3000 ||
         c == 0xFEFF;
}

// Characters with which a name can be made to look like another one to an approver.
bool is_unseen(std::uint32_t c) {
  return c == 0xAD || c == 0x200B || c == 0x200E || c == 0x200F || (c >= 0x2028 && c <= 0x202E) ||
         (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF || (c >= 0xE0000 && c <= 0xE0FFF);
}

bool is_control(char c) {
  auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7F;
}

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~").find(c) != std::string_view::npos;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Why `name`'s segments are ambiguous, or empty. `name` has no leading and no trailing '/'.
std::string_view segment_trouble(std::string_view name) {
  while (!name.empty()) {
    std::size_t end = std::min(name.find('/'), name.size());
    std::string_view segment = name.substr(0, end);
    if (segment.empty()) return "it has an empty segment";
    if (segment == "." || segment == "..") return "it has a dot segment";
    name.remove_prefix(std::min(end + 1, name.size()));
  }
  return {};
}

// Raw characters a URI path may hold (RFC 3986 pchar and '/'), without ';': readers cut path parameters off.
bool is_path_character(char c) {
  return is_unreserved(c) || std::string_view("/!$&'()*+,=:@").find(c) != std::string_view::npos;
}

Result<std::string> decode(std::string_view text, RawUnicode raw, std::string_view code) {
  auto refuse = [&](std::string_view why) {
    return fail(ErrorKind::malformed, code, "the path can be read in more than one way: " + std::string(why));
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (static_cast<unsigned char>(c) >= 0x80) {
      if (raw == RawUnicode::refused) return refuse("it has bytes beyond ASCII that are not percent-encoded");
      out += c;
      continue;
    }
    if (c != '%') {
      if (!is_path_character(c)) return refuse("it has a character that must be percent-encoded, or a `;`");
      out += c;
      continue;
    }
    int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0) return refuse("a percent sign is not followed by two hexadecimal digits");
    char decoded = static_cast<char>(static_cast<unsigned char>(high * 16 + low));
    if (is_control(decoded)) return refuse("it encodes a control character");
    if (is_unreserved(decoded)) return refuse("it encodes a character that needs no encoding");
    if (std::string_view("/\\%;?#").find(decoded) != std::string_view::npos)
      return refuse("it encodes a separator or a percent sign");
    out += decoded;
    i += 2;
  }
  if (!is_composed_unicode(out)) return refuse("it is not UTF-8 in normalisation form C");
  return out;
}

std::filesystem::path without_trailing_slash(std::filesystem::path path) {
  return path.has_filename() || path == "/" ? path : path.parent_path();
}

}  // namespace

bool is_composed_unicode(std::string_view text) {
  if (!is_utf8(text)) return false;
  bool mark_before = false;
  while (!text.empty()) {
    if (static_cast<unsigned char>(text.front()) < 0x80) {
      text.remove_prefix(1);
      mark_before = false;
      continue;
    }
    std::uint32_t c = take_code_point(text);
    if (contains(kNotSurelyComposed, c)) return false;
    bool mark = contains(kMarks, c);
    if (mark && mark_before) return false;  // their order may not be the canonical one
    mark_before = mark;
  }
  return true;
}

Result<std::string> name_of_uri_path(std::string_view path, RawUnicode raw, std::string_view code) {
  auto refuse = [&](std::string_view why) {
    return fail(ErrorKind::malformed, code, "the path can be read in more than one way: " + std::string(why));
  };
  if (path.size() > kMaxNameBytes) return fail(ErrorKind::too_large, code, "the path is too long");
  if (!path.starts_with('/')) return refuse("it does not begin with a slash");
  Result<std::string> decoded = decode(path.substr(1), raw, code);
  if (!decoded) return decoded;
  if (path.starts_with("//")) return refuse("it has an empty segment");
  if (decoded->ends_with('/')) decoded->pop_back();
  std::string_view trouble = segment_trouble(*decoded);
  if (trouble.empty() && decoded->ends_with('/')) trouble = "it has an empty segment";
  if (!trouble.empty()) return refuse(trouble);
  return decoded;
}

ResourceNamer::ResourceNamer(const config::Upstream& upstream) {
  if (upstream.command.empty()) return;
  std::error_code error;
  std::filesystem::path working = std::filesystem::absolute(upstream.directory, error).lexically_normal();
  if (error) return;
  working = without_trailing_slash(working);
  auto remember = [this](const std::filesystem::path& path) {
    std::string text = path == "/" ? "/" : path.string() + "/";
    if (std::ranges::find(roots_, text) == roots_.end()) roots_.push_back(std::move(text));
  };
  auto add_root = [&](const std::filesystem::path& root) {
    remember(root);
    // Programs print the folder with its symbolic links resolved, and agents repeat what they read.
    std::filesystem::path resolved = std::filesystem::canonical(root, error);
    if (!error) remember(resolved);
  };
  for (std::size_t i = 1; i < upstream.command.size(); ++i) {
    std::filesystem::path root = without_trailing_slash((working / upstream.command[i]).lexically_normal());
    if (!std::filesystem::is_directory(root, error)) continue;
    add_root(root);
    std::string inside = root.lexically_relative(working).string();
    if (inside != "." && !inside.starts_with("..")) nested_.push_back(inside + "/");
  }
  if (roots_.empty()) add_root(working);
  std::ranges::sort(roots_, std::ranges::greater(),
                    [](const std::string& root) { return std::pair(root.size(), root); });
}

Result<std::string> ResourceNamer::argument(std::string_view value) const {
  auto refuse = [](std::string_view why) {
    return fail(ErrorKind::malformed, kAmbiguous,
                "the argument does not name one thing in one way: " + std::string(why));
  };
  if (value.empty()) return refuse("it is empty");
  if (value.size() > kMaxNameBytes) return refuse("it is too long");
  if (std::ranges::any_of(value, is_control)) return refuse("it has a control character");
  if (!is_composed_unicode(value)) return refuse("it is not in Unicode normalisation form C");
  std::string_view rest = value;
  std::uint32_t first = take_code_point(rest);
  std::uint32_t last = first;
  while (!rest.empty()) {
    last = take_code_point(rest);
    if (is_unseen(last)) return refuse("it has characters that are not seen");
  }
  auto trimmed = [](std::uint32_t c) { return is_blank(c) || c == '"' || c == '\''; };
  if (trimmed(first) || trimmed(last)) return refuse("white space or a quote surrounds it");
  if (value.find('\\') != std::string_view::npos) return refuse("it has a backslash");
  if (value.front() == '~') return refuse("it begins with `~`");

  std::string_view name = value;
  bool absolute = name.starts_with('/');
  if (absolute) {
    if (roots_.empty()) return refuse("it is absolute, and the upstream's folder is not known");
    auto root = std::ranges::find_if(roots_, [&](const std::string& candidate) {
      return name.starts_with(candidate) || name == std::string_view(candidate).substr(0, candidate.size() - 1);
    });
    if (root == roots_.end()) return refuse("it is outside of the upstream's folder");
    name.remove_prefix(std::min(root->size(), name.size()));
  } else if (name == ".") {
    name = {};
  } else if (name.starts_with("./")) {
    name.remove_prefix(2);
  }
  if (name.ends_with('/')) name.remove_suffix(1);
  if (name.starts_with('/') || name.ends_with('/')) return refuse("it has an empty segment");
  std::string_view trouble = segment_trouble(name);
  if (!trouble.empty()) return refuse(trouble);
  for (const std::string& nested : nested_) {
    bool leads_in =
        !absolute && (name.starts_with(nested) || name == std::string_view(nested).substr(0, nested.size() - 1));
    if (leads_in) return refuse("it is relative, and could be meant from the working directory or from the root");
  }
  return std::string(name);
}

Result<std::string> ResourceNamer::uri(std::string_view uri) const {
  auto refuse = [](std::string_view why) {
    return fail(ErrorKind::malformed, kAmbiguous, "the URI does not name one resource in one way: " + std::string(why));
  };
  if (uri.empty() || uri.size() > kMaxNameBytes) return refuse("it is empty or too long");
  std::size_t colon = uri.find(':');
  std::string_view scheme = uri.substr(0, std::min(colon, uri.size()));
  bool plain =
      !scheme.empty() && scheme.front() >= 'a' && scheme.front() <= 'z' && std::ranges::all_of(scheme, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
      });
  if (colon == std::string_view::npos || !plain) return refuse("it has no scheme in lower case");
  std::string_view rest = uri.substr(colon + 1);
  if (scheme == "file") {
    if (!rest.starts_with("///")) return refuse("a file URI begins with file:///");
    Result<std::string> path = name_of_uri_path(rest.substr(2), RawUnicode::allowed, kAmbiguous);
    if (!path) return path;
    return argument("/" + *path);
  }
  std::string prefix(uri.substr(0, colon + 1));
  if (rest.starts_with("//")) {
    prefix += "//";
    rest.remove_prefix(2);
  }
  std::size_t query = rest.find_first_of("?#");
  if (query != std::string_view::npos) return refuse("it has a query or a fragment");
  if (rest.empty()) return prefix;
  Result<std::string> name = name_of_uri_path("/" + std::string(rest), RawUnicode::allowed, kAmbiguous);
  if (!name) return name;
  return prefix + *name;
}

}  // namespace countersign::adapters
