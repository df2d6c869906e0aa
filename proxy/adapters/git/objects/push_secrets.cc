#include "proxy/adapters/git/objects/push_secrets.h"

#include <algorithm>
#include <set>
#include <unordered_set>
#include <utility>

#include "proxy/adapters/git/objects/change_reader.h"
#include "proxy/adapters/git/objects/line_diff.h"
#include "proxy/adapters/git/objects/visible.h"

namespace countersign::adapters::git {
namespace {

class Search {
 public:
  Search(const Quarantine& quarantine, const SecretScanner& scanner, const SecretLimits& limits, ObjectReader& objects)
      : scanner_(scanner),
        limits_(limits),
        format_(quarantine.format()),
        pushed_(quarantine.objects()),
        objects_(objects),
        history_(objects, format_, nullptr, no_answers_, history_limits_),
        budget_{.file = limits.text, .all = limits.all_text} {}

  Status run(const PushFacts& facts) {
    out.complete = !facts.new_commits_unknown && facts.new_commits.size() <= limits_.commits;
    for (const std::string& id : facts.new_commits) {
      if (Status looked = look_at_commit(id); !looked) return looked;
    }
    return look_at_the_rest();
  }

  SecretReport out;
  NeedsBook book;

 private:
  Status look_at_commit(const std::string& id) {
    if (!commits_.insert(id).second) return {};
    if (commits_.size() > limits_.commits) {
      out.complete = false;
      return {};
    }
    Result<const Commit*> commit = history_.commit(id);
    if (!commit) return fail(commit.error());
    if (*commit == nullptr) {
      out.complete = false;
      return {};
    }
    return look_at(id, **commit);
  }

  // What the pack holds besides: the upstream keeps it too, and whoever knows its name can fetch it, or make a ref of
  // it later with a push that brings nothing.
  Status look_at_the_rest() {
    if (!pushed_) return {};
    constexpr std::uint64_t kTagBytes = 4U << 20;
    std::vector<std::string> files;
    for (std::uint32_t i = 0; i < pushed_->size(); ++i) {
      std::string id = pushed_->id(i);
      if (commits_.contains(id) || contents_.contains(id)) continue;
      Result<std::optional<ObjectInfo>> info = objects_.info(id);
      if (!info) return fail(info.error());
      if (!*info) continue;
      if ((*info)->type == ObjectType::commit) {
        if (Status looked = look_at_commit(id); !looked) return looked;
      } else if ((*info)->type == ObjectType::blob) {
        files.push_back(std::move(id));
      } else if ((*info)->type == ObjectType::tag && (*info)->size <= kTagBytes) {
        Result<std::optional<Object>> tag = objects_.read(id, kTagBytes);
        if (!tag) return fail(tag.error());
        if (*tag) search(id, (*tag)->content);
      } else if ((*info)->type == ObjectType::tag) {
        pass_over(named(id));
      }
    }
    for (const std::string& id : files) {
      if (contents_.contains(id)) continue;  // of a commit that was found here too
      Result<Content> content = read_content(objects_, id, budget_);
      if (!content) return fail(content.error());
      if (content->state != ContentState::read || is_binary(content->text)) {
        pass_over(named(id));
        continue;
      }
      search(id, content->text);
    }
    return {};
  }

  static std::string named(const std::string& id) { return "(object " + id.substr(0, 12) + ")"; }

  void search(const std::string& id, std::string_view text) {
    for (const SecretMatch& match : scanner_.scan(text)) add(id, named(id), match);
  }

  Status look_at(const std::string& id, const Commit& commit) {
    Result<std::string> message = history_.message_of(id);
    if (!message) return fail(message.error());
    for (const SecretMatch& match : scanner_.scan(*message)) add(id, "", match);
    std::string first = commit.parents.empty() ? std::string() : commit.parents.front();
    Result<TreeDiff> diff = changes_between(history_, objects_, format_, first, id, limits_.trees, book);
    if (!diff) return fail(diff.error());
    if (diff->truncated) out.complete = false;
    std::vector<TreeChange> changes = std::move(diff->changes);
    // Of a merge, what differs from every parent: the rest came with their own commits.
    for (std::size_t parent = 1; parent < commit.parents.size() && !changes.empty(); ++parent) {
      Result<TreeDiff> other =
          changes_between(history_, objects_, format_, commit.parents[parent], id, limits_.trees, book);
      if (!other) return fail(other.error());
      if (other->truncated) continue;  // unknown: look at more rather than at less
      std::set<std::string_view> differ;
      for (const TreeChange& each : other->changes) differ.insert(each.path);
      std::erase_if(changes, [&](const TreeChange& each) { return !differ.contains(each.path); });
    }
    for (const TreeChange& change : changes) {
      Status looked = look_at(id, change);
      if (!looked) return looked;
    }
    return {};
  }

  Status look_at(const std::string& commit, const TreeChange& change) {
    bool content = change.new_kind != FileKind::none && change.new_kind != FileKind::gitlink;
    if (!content || !looked_at_.insert({change.old_id, change.new_id}).second) return {};
    contents_.insert(change.new_id);
    Result<Content> after = read_content(objects_, change.new_id, budget_);
    if (!after) return fail(after.error());
    if (after->state != ContentState::read) {
      if (after->state == ContentState::absent) {
        book.blob(change.new_id);
        out.complete = false;
      }
      pass_over(change.path);
      return {};
    }
    if (is_binary(after->text)) {
      pass_over(change.path);
      return {};
    }
    Content before;
    if (change.old_kind != FileKind::gitlink) {
      Result<Content> read = read_content(objects_, change.old_id, budget_);
      if (!read) return fail(read.error());
      if (read->state == ContentState::absent) book.blob(change.old_id);
      before = std::move(*read);  // absent or too large: every line counts as added
    }
    if (before.text.empty() || !comparable(before.text, after->text)) {  // every line counts as added
      for (const SecretMatch& match : scanner_.scan(after->text)) add(commit, change.path, match);
      return {};
    }
    std::vector<std::string_view> a = split_lines(before.text);
    std::vector<std::string_view> b = split_lines(after->text);
    for (const Hunk& hunk : diff_lines(a, b, effort_)) {
      for (std::size_t line = hunk.new_begin; line < hunk.new_end; ++line) {
        std::string_view text = b[line];
        if (text.ends_with('\n')) text.remove_suffix(1);
        matches_.clear();
        scanner_.scan_line(text, line + 1, matches_);
        for (const SecretMatch& match : matches_) add(commit, change.path, match);
      }
    }
    return {};
  }

  void pass_over(const std::string& path) {
    ++out.unscanned_count;
    std::string shown = visible(path);
    bool room = out.unscanned.size() < limits_.unscanned;
    if (room && std::ranges::find(out.unscanned, shown) == out.unscanned.end())
      out.unscanned.push_back(std::move(shown));
  }

  void add(const std::string& commit, const std::string& path, const SecretMatch& match) {
    ++out.finding_count;
    if (out.findings.size() == limits_.findings) return;
    out.findings.push_back({.commit = commit,
                            .path = visible(path),
                            .line = match.line,
                            .rule = match.rule,
                            .what = match.what,
                            .excerpt = match.excerpt});
  }

  const SecretScanner& scanner_;
  const SecretLimits& limits_;
  ObjectFormat format_;
  std::shared_ptr<const PackIndex> pushed_;   // null: nothing was
  std::unordered_set<std::string> commits_;   // looked at
  std::unordered_set<std::string> contents_;  // of files, likewise
  ObjectReader& objects_;
  HistoryLimits history_limits_;
  std::vector<Answer> no_answers_;
  History history_;
  ContentBudget budget_;
  DiffEffort effort_;
  std::set<std::pair<std::string, std::string>> looked_at_;  // old and new content
  std::vector<SecretMatch> matches_;
};

}  // namespace

Result<OrNeeds<SecretReport>> secrets_of(const Quarantine& quarantine, const PushFacts& facts,
                                         const SecretScanner& scanner, const SecretLimits& limits, Missing missing) {
  Result<ObjectReader> objects = ObjectReader::open(quarantine.git_dir(), limits.tool);
  if (!objects) return fail(objects.error());
  Search search(quarantine, scanner, limits, *objects);
  Status done = search.run(facts);
  if (!done) return fail(done.error());
  if (missing == Missing::report && !search.book.empty()) return search.book.take();
  return std::move(search.out);
}

}  // namespace countersign::adapters::git
