#include "proxy/adapters/git/objects/change_reader.h"

#include <algorithm>
#include <utility>

namespace countersign::adapters::git {

void NeedsBook::fetch(Fetch fetch) {
  for (Fetch& each : others_) {
    if (each.haves != fetch.haves || each.filter != fetch.filter || each.depth != fetch.depth) continue;
    for (std::string& want : fetch.wants) {
      if (std::ranges::find(each.wants, want) == each.wants.end()) each.wants.push_back(std::move(want));
    }
    return;
  }
  others_.push_back(std::move(fetch));
}

Needs NeedsBook::take() const {
  Needs out{others_};
  auto add = [&](const std::set<std::string>& ids, Filter filter, std::uint32_t depth) {
    if (!ids.empty())
      out.fetches.push_back({.wants = {ids.begin(), ids.end()}, .haves = {}, .filter = filter, .depth = depth});
  };
  add(snapshots_, Filter::no_blobs, 1);
  add(trees_, Filter::no_blobs, 0);
  add(blobs_, Filter::no_trees, 0);
  return out;
}

Result<Content> read_content(ObjectReader& objects, const std::string& id, ContentBudget& budget) {
  Content out;
  if (id.empty()) {
    out.state = ContentState::read;
    return out;
  }
  Result<std::optional<ObjectInfo>> info = objects.info(id);
  if (!info) return fail(info.error());
  if (!*info) return out;
  if ((*info)->type != ObjectType::blob)
    return fail(ErrorKind::malformed, "git.bad_object", "what should be a file is none");
  out.size = (*info)->size;
  out.state = ContentState::too_large;
  if (out.size > budget.file || out.size > budget.all) return out;
  Result<std::optional<Object>> object = objects.read(id, out.size);
  if (!object) return fail(object.error());
  if (!*object) return Content{};
  budget.all -= out.size;
  out.state = ContentState::read;
  out.text = std::move((*object)->content);
  return out;
}

Result<TreeDiff> changes_between(History& history, ObjectReader& objects, ObjectFormat format, const std::string& base,
                                 const std::string& tip, const TreeDiffLimits& limits, NeedsBook& book) {
  TreeDiff absent{.changes = {}, .missing = {}, .truncated = true};
  std::string trees[2];
  const std::string* commits[2] = {&base, &tip};
  bool here = true;
  for (std::size_t side : {0U, 1U}) {
    if (commits[side]->empty()) continue;
    Result<const Commit*> commit = history.commit(*commits[side]);
    if (!commit) return fail(commit.error());
    if (*commit == nullptr) {
      book.snapshot(*commits[side]);
      here = false;
    } else {
      trees[side] = (*commit)->tree;
    }
  }
  if (!here) return absent;
  Result<TreeDiff> diff = diff_trees(objects, trees[0], trees[1], format, limits);
  if (!diff) return fail(diff.error());
  for (const std::string& tree : diff->missing) {
    book.tree(tree);
    diff->truncated = true;
  }
  return diff;
}

}  // namespace countersign::adapters::git
