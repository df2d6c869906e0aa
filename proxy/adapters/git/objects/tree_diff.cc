#include "proxy/adapters/git/objects/tree_diff.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <set>

#include "core/bytes.h"
#include "proxy/adapters/git/objects/object_hash.h"

namespace countersign::adapters::git {
namespace {

std::unexpected<Error> bad(std::string message) {
  return fail(ErrorKind::malformed, "git.bad_object", std::move(message));
}

FileKind kind_of(std::uint32_t mode) {
  switch (mode & 0170000U) {
    case 0120000:
      return FileKind::symlink;
    case 0160000:
      return FileKind::gitlink;
    default:
      return (mode & 0100U) != 0 ? FileKind::executable : FileKind::regular;
  }
}

bool is_known(std::uint32_t mode) {
  switch (mode) {
    case 0040000:
    case 0120000:
    case 0160000:
      return true;
    default:
      return (mode & ~0777U) == 0100000;  // 100664 stands in old histories
  }
}

bool is_dot_git(std::string_view name) {
  return name.size() == 4 && std::ranges::equal(name, std::string_view(".git"), {}, [](char c) {
           return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
         });
}

// git sorts trees as if their names ended in a slash.
int compare(const TreeEntry& a, const TreeEntry& b) {
  std::size_t common = std::min(a.name.size(), b.name.size());
  int order = a.name.compare(0, common, b.name, 0, common);
  if (order != 0) return order;
  auto next = [&](const TreeEntry& each) -> int {
    if (each.name.size() > common) return static_cast<unsigned char>(each.name[common]);
    return each.is_tree() ? '/' : 0;
  };
  return next(a) - next(b);
}

class Walk {
 public:
  Walk(ObjectReader& objects, ObjectFormat format, const TreeDiffLimits& limits)
      : objects_(objects), format_(format), limits_(limits) {}

  Status compare_trees(std::string_view old_id, std::string_view new_id, const std::string& prefix, std::size_t depth) {
    if (old_id == new_id) return {};
    if (depth > limits_.depth || prefix.size() > limits_.path) return bad("a tree is too deep");
    Result<std::optional<std::vector<TreeEntry>>> olds = read(old_id);
    if (!olds) return fail(olds.error());
    Result<std::optional<std::vector<TreeEntry>>> news = read(new_id);
    if (!news) return fail(news.error());
    if (!*olds || !*news) return {};  // noted as missing, or past the limit

    auto a = (*olds)->begin();
    auto b = (*news)->begin();
    while (a != (*olds)->end() || b != (*news)->end()) {
      if (out.truncated) return {};
      int order = 0;
      if (a == (*olds)->end()) {
        order = 1;
      } else if (b == (*news)->end()) {
        order = -1;
      } else {
        order = compare(*a, *b);
      }
      Status done = entry(order <= 0 ? &*a : nullptr, order >= 0 ? &*b : nullptr, prefix, depth);
      if (!done) return done;
      if (order <= 0) ++a;
      if (order >= 0) ++b;
    }
    return {};
  }

  TreeDiff out;

 private:
  // nullopt: not here (noted), or one too many.
  Result<std::optional<std::vector<TreeEntry>>> read(std::string_view id) {
    if (id.empty()) return std::vector<TreeEntry>();
    if (++trees_ > limits_.trees) {
      out.truncated = true;
      return std::nullopt;
    }
    Result<std::optional<Object>> object = objects_.read(id, limits_.tree_bytes);
    if (!object) return fail(object.error());
    if (!*object) {
      if (noted_.insert(std::string(id)).second) out.missing.emplace_back(id);
      return std::nullopt;
    }
    if ((*object)->type != ObjectType::tree) return bad("what should be a tree is none");
    Result<std::vector<TreeEntry>> entries = parse_tree((*object)->content, format_);
    if (!entries) return fail(entries.error());
    return std::move(*entries);
  }

  Status entry(const TreeEntry* before, const TreeEntry* after, const std::string& prefix, std::size_t depth) {
    if (before != nullptr && after != nullptr && before->id == after->id && before->mode == after->mode) return {};
    const std::string& name = before != nullptr ? before->name : after->name;
    bool tree = before != nullptr ? before->is_tree() : after->is_tree();  // the order keeps trees and files apart
    if (tree) {
      return compare_trees(before != nullptr ? before->id : "", after != nullptr ? after->id : "", prefix + name + "/",
                           depth + 1);
    }
    if (out.changes.size() == limits_.changes) {
      out.truncated = true;
      return {};
    }
    TreeChange change{.path = prefix + name};
    if (change.path.size() > limits_.path) return bad("a path is too long");
    if (before != nullptr) {
      change.old_id = before->id;
      change.old_kind = kind_of(before->mode);
    }
    if (after != nullptr) {
      change.new_id = after->id;
      change.new_kind = kind_of(after->mode);
    }
    auto sort = [](FileKind kind) { return kind == FileKind::executable ? FileKind::regular : kind; };
    if (before == nullptr) {
      change.status = FileStatus::added;
    } else if (after == nullptr) {
      change.status = FileStatus::removed;
    } else if (sort(change.old_kind) != sort(change.new_kind)) {
      change.status = FileStatus::type_changed;
    }
    out.changes.push_back(std::move(change));
    return {};
  }

  ObjectReader& objects_;
  ObjectFormat format_;
  const TreeDiffLimits& limits_;
  std::size_t trees_ = 0;
  std::set<std::string> noted_;
};

}  // namespace

Result<std::vector<TreeEntry>> parse_tree(std::string_view bytes, ObjectFormat format) {
  std::vector<TreeEntry> out;
  std::size_t hash = hash_length(format);
  while (!bytes.empty()) {
    TreeEntry entry;
    std::size_t space = bytes.find(' ');
    if (space == 0 || space > 7) return bad("a tree's entry has no mode");
    for (char c : bytes.substr(0, space)) {
      if (c < '0' || c > '7') return bad("a tree's entry has no mode");
      entry.mode = entry.mode * 8 + static_cast<std::uint32_t>(c - '0');
    }
    if (!is_known(entry.mode)) return bad("a tree's entry has an unknown mode");
    std::size_t end = bytes.find('\0', space);
    if (end == std::string_view::npos || bytes.size() - end - 1 < hash) return bad("a tree breaks off");
    entry.name = bytes.substr(space + 1, end - space - 1);
    bool odd = entry.name.empty() || entry.name == "." || entry.name == ".." || entry.name.contains('/');
    if (odd || is_dot_git(entry.name)) return bad("a tree's entry has a name that is forbidden");
    entry.id = to_hex(as_bytes(bytes.substr(end + 1, hash)));
    bytes.remove_prefix(end + 1 + hash);
    if (!out.empty() && compare(out.back(), entry) >= 0) return bad("a tree is not sorted");
    out.push_back(std::move(entry));
  }
  // A file and a folder of one name do not stand side by side when another name sorts between them.
  std::set<std::string_view> names;
  for (const TreeEntry& each : out) {
    if (!names.insert(each.name).second) return bad("a tree has a name twice");
  }
  return out;
}

Result<TreeDiff> diff_trees(ObjectReader& objects, std::string_view old_tree, std::string_view new_tree,
                            ObjectFormat format, const TreeDiffLimits& limits) {
  Walk walk(objects, format, limits);
  Status done = walk.compare_trees(old_tree, new_tree, "", 0);
  if (!done) return fail(done.error());
  return std::move(walk.out);
}

}  // namespace countersign::adapters::git
