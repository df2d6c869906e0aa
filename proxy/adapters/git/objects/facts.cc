#include "proxy/adapters/git/objects/facts.h"

#include <algorithm>
#include <set>
#include <utility>

#include "proxy/adapters/git/objects/change_reader.h"
#include "proxy/adapters/git/objects/ci_files.h"
#include "proxy/adapters/git/objects/line_diff.h"
#include "proxy/adapters/git/objects/visible.h"

namespace countersign::adapters::git {
namespace {

constexpr std::size_t kSubject = 500;
constexpr std::size_t kTrailers = 50;

Person shown(Person person) {
  person.name = visible(person.name.substr(0, 200));
  person.email = visible(person.email.substr(0, 200));
  person.zone = visible(person.zone.substr(0, 10));
  return person;
}

CommitFacts facts_of_commit(const std::string& id, const Commit& commit, const std::string& message) {
  CommitFacts out;
  out.id = id;
  out.parents = commit.parents;
  out.author = shown(commit.author);
  out.committer = shown(commit.committer);
  out.subject = visible(subject_of(message).substr(0, kSubject));
  out.signature = commit.signature;
  for (const Trailer& each : trailers_of(message, kTrailers))
    out.trailers.push_back({each.key.substr(0, 100), visible(each.value.substr(0, kSubject))});
  out.assistance = assistance_of(message);
  for (Assistance& each : out.assistance) each.line = visible(each.line);
  return out;
}

Tag shown(Tag tag) {
  tag.name = visible(tag.name.substr(0, 1024));
  tag.tagger = shown(std::move(tag.tagger));
  tag.message = visible(tag.message.substr(0, 4096), LineFeeds::kept);
  return tag;
}

std::vector<Tag> shown(std::vector<Tag> tags) {
  for (Tag& each : tags) each = shown(std::move(each));
  return tags;
}

void count(ChangeTotals& totals, const FileFacts& file) {
  ++totals.files;
  switch (file.status) {
    case FileStatus::added:
      ++totals.added;
      break;
    case FileStatus::removed:
      ++totals.removed;
      break;
    default:
      ++totals.modified;
  }
  totals.additions += file.additions.value_or(0);
  totals.deletions += file.deletions.value_or(0);
  if (!file.additions) ++totals.without_lines;
  if (file.binary) ++totals.binary;
  if (!file.ci_system.empty()) ++totals.ci_files;
  auto is = [&](FileKind kind) { return file.old_kind == kind || file.new_kind == kind; };
  if (is(FileKind::symlink)) ++totals.symlinks;
  if (is(FileKind::gitlink)) ++totals.gitlinks;
  const bool has_size = file.new_kind != FileKind::none && file.new_kind != FileKind::gitlink;
  if (has_size && !file.size) ++totals.without_size;
  const bool has_lines = !file.binary && !is(FileKind::gitlink);
  if (has_lines && !file.additions) ++totals.not_compared;
  if (file.size.value_or(0) > totals.largest_size) {
    totals.largest_size = *file.size;
    totals.largest_path = file.path;
  }
}

class Reader {
 public:
  Reader(const Quarantine& quarantine, const FactsQuestion& question, const FactsLimits& limits, ObjectReader& objects)
      : question_(question),
        limits_(limits),
        format_(quarantine.format()),
        pushed_(quarantine.objects().get()),
        objects_(objects),
        history_(objects, format_, pushed_, question.answers, limits.history),
        budget_{.file = limits.text, .all = limits.all_text} {}

  Result<OrNeeds<PushFacts>> run() {
    PushFacts out;
    for (const RefCommand& command : question_.commands) {
      RefFacts facts;
      Status read = ref(command, facts);
      if (!read) return fail(read.error());
      out.refs.push_back(std::move(facts));
    }
    out.new_commits.assign(new_commits_.begin(), new_commits_.end());
    out.new_commits_unknown = walk_ended_early_;
    if (question_.missing == Missing::report && !book_.empty()) return book_.take();
    return out;
  }

 private:
  Status ref(const RefCommand& command, RefFacts& out) {
    Status peeled = ends(command, out);
    if (!peeled) return peeled;
    switch (command.kind()) {
      case CommandKind::remove:
        out.ancestry = Ancestry::removed;
        return {};
      case CommandKind::create:
        out.ancestry = Ancestry::created;
        break;
      case CommandKind::update: {
        Status moved = ancestry(out);
        if (!moved) return moved;
        break;
      }
    }
    if (out.new_commit.empty()) {  // a tree, a file, or what nobody has: nothing is known of it
      out.commits_unknown = true;
      out.files_unknown = true;
      return {};
    }
    Status listed = commits(command, out);
    if (!listed) return listed;
    // Where it is not settled what is new, nobody knows what to compare with.
    const bool no_base = command.kind() == CommandKind::create && out.commits_unknown;
    if (no_base) {
      out.files_unknown = true;
      if (question_.missing == Missing::report) return {};
    }
    // An update of something that is no commit, or is unknown, has nothing to be compared with.
    if (command.kind() == CommandKind::update) out.base = out.old_commit;
    return files(out);
  }

  // What the ref points to, before and after.
  Status ends(const RefCommand& command, RefFacts& out) {
    if (command.kind() != CommandKind::remove) {
      Result<History::Peeled> now = history_.peel(command.new_id);
      if (!now) return fail(now.error());
      out.new_type = now->type;
      out.new_tags = shown(std::move(now->tags));
      // A ref that is created at something the push does not bring: settling whether that is new tells all there is.
      if (!now->type && command.kind() == CommandKind::update) book_.snapshot(now->id);
      if (now->type.value_or(ObjectType::commit) == ObjectType::commit) out.new_commit = now->id;
    }
    if (command.kind() != CommandKind::create) {
      Result<History::Peeled> was = history_.peel(command.old_id);
      if (!was) return fail(was.error());
      out.old_tags = shown(std::move(was->tags));
      if (was->type.value_or(ObjectType::commit) == ObjectType::commit) out.old_commit = was->id;
      if (!was->type && command.kind() == CommandKind::update) book_.snapshot(was->id);
    }
    return {};
  }

  Status ancestry(RefFacts& out) {
    if (out.new_commit.empty() || out.old_commit.empty()) {
      out.ancestry = Ancestry::forced;  // a tag of a file, say: nothing of the old is kept
      return {};
    }
    std::optional<Fetch> wanted;
    Result<Found> found = history_.is_ancestor(out.old_commit, out.new_commit, wanted);
    if (!found) return fail(found.error());
    switch (*found) {
      case Found::yes:
        out.ancestry = Ancestry::fast_forward;
        break;
      case Found::no:
        out.ancestry = Ancestry::forced;
        break;
      case Found::unknown:
        if (wanted) book_.fetch(std::move(*wanted));
    }
    return {};
  }

  Status commits(const RefCommand& command, RefFacts& out) {
    // What a client says a ref holds is believed for that ref alone: for it, the upstream checks.
    // What only other branches hold is new here: nobody need have looked at it there.
    const bool update = command.kind() == CommandKind::update && !out.old_commit.empty();
    std::vector<std::string> known;
    if (update) known.push_back(out.old_commit);
    if (!question_.default_tip.empty() && question_.default_tip != out.old_commit)
      known.push_back(question_.default_tip);
    if (known.empty()) known = question_.tips;
    Result<History::News> news = history_.news_of(out.new_commit, known);
    if (!news) return fail(news.error());
    out.base = news->base;
    out.commit_count = news->commits.size();
    out.commits_truncated = news->truncated || news->commits.size() > limits_.commits ||
                            listed_commits_ + news->commits.size() > limits_.all_commits;
    out.commits_unknown = news->truncated || !news->unsettled.empty();
    listed_ids_ += news->commits.size();
    if (listed_ids_ <= limits_.all_ids) {
      out.commit_ids = news->commits;
    } else {
      out.commits_unknown = true;
    }
    if (std::optional<Fetch> settling = history_.settling(*news, known)) book_.fetch(std::move(*settling));
    // What is new to the upstream as a whole can only come from the pack.
    walk_ended_early_ = walk_ended_early_ || news->truncated;
    for (const std::string& id : news->commits) {
      if (pushed_ != nullptr && pushed_->contains(id)) new_commits_.insert(id);
    }
    for (const std::string& id : news->commits) {
      if (out.commits.size() == limits_.commits || listed_commits_ == limits_.all_commits) break;
      Result<const Commit*> commit = history_.commit(id);
      if (!commit) return fail(commit.error());
      Result<std::string> message = history_.message_of(id);
      if (!message) return fail(message.error());
      out.commits.push_back(facts_of_commit(id, **commit, *message));
      ++listed_commits_;
    }
    return {};
  }

  Status files(RefFacts& out) {
    if (out.base == out.new_commit) return {};
    Result<TreeDiff> diff =
        changes_between(history_, objects_, format_, out.base, out.new_commit, limits_.trees, book_);
    if (!diff) return fail(diff.error());
    out.files_unknown = out.files_unknown || diff->truncated;
    out.files_truncated = out.files_unknown || diff->changes.size() > limits_.files ||
                          listed_files_ + diff->changes.size() > limits_.all_files;
    for (TreeChange& change : diff->changes) {
      Result<FileFacts> facts = file(std::move(change));
      if (!facts) return fail(facts.error());
      count(out.totals, *facts);
      if (out.files.size() == limits_.files || listed_files_ == limits_.all_files) continue;
      out.files.push_back(std::move(*facts));
      ++listed_files_;
    }
    return {};
  }

  Result<FileFacts> file(TreeChange change) {
    FileFacts out;
    out.path = visible(change.path);
    out.raw_path = std::move(change.path);
    out.status = change.status;
    out.old_kind = change.old_kind;
    out.new_kind = change.new_kind;
    out.ci_system = ci_system_of(out.raw_path);
    out.old_id = std::move(change.old_id);
    out.new_id = std::move(change.new_id);
    if (out.old_id == out.new_id) {  // only whether it is executable
      out.additions = 0;
      out.deletions = 0;
      return out;
    }
    Result<Content> before = content(out.old_kind, out.old_id);
    if (!before) return fail(before.error());
    Result<Content> after = content(out.new_kind, out.new_id);
    if (!after) return fail(after.error());
    bool has_size = out.new_kind != FileKind::none && out.new_kind != FileKind::gitlink;
    if (has_size && after->state != ContentState::absent) out.size = after->size;
    out.binary = is_binary(before->text) || is_binary(after->text);
    if (out.binary || before->state != ContentState::read || after->state != ContentState::read) return out;
    if (!comparable(before->text, after->text)) return out;
    out.additions = 0;
    out.deletions = 0;
    for (const Hunk& hunk : diff_lines(split_lines(before->text), split_lines(after->text), effort_)) {
      *out.additions += hunk.new_end - hunk.new_begin;
      *out.deletions += hunk.old_end - hunk.old_begin;
    }
    return out;
  }

  Result<Content> content(FileKind kind, const std::string& id) {
    // A submodule's commit lives in another repository: there is no content, and nothing to fetch.
    if (kind == FileKind::gitlink) return Content{.state = ContentState::absent};
    Result<Content> out = read_content(objects_, id, budget_);
    if (!out) return out;
    if (out->state == ContentState::absent && book_.blobs() < limits_.wanted_blobs) book_.blob(id);
    return out;
  }

  const FactsQuestion& question_;
  const FactsLimits& limits_;
  ObjectFormat format_;
  const PackIndex* pushed_;  // null: nothing was
  ObjectReader& objects_;
  History history_;
  NeedsBook book_;
  ContentBudget budget_;
  DiffEffort effort_;
  std::set<std::string> new_commits_;
  bool walk_ended_early_ = false;
  std::size_t listed_commits_ = 0;  // of all refs
  std::size_t listed_ids_ = 0;
  std::size_t listed_files_ = 0;
};

}  // namespace

Result<OrNeeds<PushFacts>> facts_of(const Quarantine& quarantine, const FactsQuestion& question,
                                    const FactsLimits& limits) {
  Result<ObjectReader> objects = ObjectReader::open(quarantine.git_dir(), limits.tool);
  if (!objects) return fail(objects.error());
  return Reader(quarantine, question, limits, *objects).run();
}

std::string_view name_of(Ancestry ancestry) {
  switch (ancestry) {
    case Ancestry::unknown:
      return "unknown";
    case Ancestry::created:
      return "created";
    case Ancestry::fast_forward:
      return "fast_forward";
    case Ancestry::forced:
      return "forced";
    case Ancestry::removed:
      return "removed";
  }
  return {};
}

std::string_view name_of(FileStatus status) {
  switch (status) {
    case FileStatus::added:
      return "added";
    case FileStatus::removed:
      return "removed";
    case FileStatus::modified:
      return "modified";
    case FileStatus::type_changed:
      return "type-changed";
  }
  return {};
}

std::string_view name_of(FileKind kind) {
  switch (kind) {
    case FileKind::none:
      return "none";
    case FileKind::regular:
      return "file";
    case FileKind::executable:
      return "executable";
    case FileKind::symlink:
      return "symlink";
    case FileKind::gitlink:
      return "submodule";
  }
  return {};
}

std::string_view name_of(Signature signature) {
  switch (signature) {
    case Signature::none:
      return "none";
    case Signature::openpgp:
      return "openpgp";
    case Signature::ssh:
      return "ssh";
    case Signature::x509:
      return "x509";
    case Signature::unknown:
      return "unknown";
  }
  return {};
}

}  // namespace countersign::adapters::git
