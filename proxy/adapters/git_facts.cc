#include "proxy/adapters/git_facts.h"

#include <algorithm>
#include <optional>
#include <set>

#include "core/json_writer.h"

namespace countersign::adapters {
namespace {

using Names = std::set<std::string, std::less<>>;

// Parameters of one ref; nullopt: not found out.
struct RefInput {
  std::optional<std::int64_t> commits;
  std::optional<Names> authors;
  std::optional<std::int64_t> unsigned_commits;
  std::optional<bool> assisted;
  std::optional<Names> assistants;
  std::optional<git::ChangeTotals> totals;
  std::optional<Names> paths;
  std::optional<Names> directories;
  std::optional<std::int64_t> secrets;
  std::optional<std::int64_t> unscanned;
};

std::int64_t number(std::uint64_t count) {
  return static_cast<std::int64_t>(std::min<std::uint64_t>(count, INT64_MAX));
}

void add_commits(const git::RefFacts& facts, RefInput& out) {
  Names assistants;
  bool assisted = false;
  std::int64_t without_signature = 0;
  Names authors;
  for (const git::CommitFacts& commit : facts.commits) {
    authors.insert(commit.author.email);
    // A signature of no known form is none.
    if (commit.signature == git::Signature::none || commit.signature == git::Signature::unknown) ++without_signature;
    for (const git::Assistance& each : commit.assistance) {
      assisted = true;
      assistants.insert(each.assistant.empty() ? "other" : each.assistant);
    }
  }
  if (!facts.commits_unknown) out.commits = number(facts.commit_count);
  const bool all_listed = !facts.commits_unknown && !facts.commits_truncated;
  if (assisted || all_listed) out.assisted = assisted;  // one that is seen is enough to know
  if (!all_listed) return;
  out.authors = std::move(authors);
  out.assistants = std::move(assistants);
  out.unsigned_commits = without_signature;
}

void add_files(const git::RefFacts& facts, RefInput& out) {
  if (facts.files_unknown) return;
  out.totals = facts.totals;
  if (facts.files_truncated) return;
  Names paths;
  Names directories;
  std::size_t bytes = 0;
  for (const git::FileFacts& file : facts.files) {
    bytes += file.path.size();
    paths.insert(file.path);
    for (std::size_t slash = file.path.find('/'); slash != std::string::npos; slash = file.path.find('/', slash + 1)) {
      if (directories.insert(file.path.substr(0, slash)).second) bytes += slash;
      if (bytes > kMostPathBytes) return;
    }
  }
  if (bytes > kMostPathBytes) return;
  out.paths = std::move(paths);
  out.directories = std::move(directories);
}

RefInput known_of(const git::RefCommand& command, const PushFindings& findings, const git::RefFacts& facts) {
  RefInput out;
  if (findings.secrets.complete || findings.secrets.finding_count > 0)
    out.secrets = number(findings.secrets.finding_count);
  if (findings.secrets.complete) out.unscanned = number(findings.secrets.unscanned_count);
  if (command.kind() == git::CommandKind::remove) {
    out.commits = 0;
    out.authors.emplace();
    out.assistants.emplace();
    out.unsigned_commits = 0;
    out.assisted = false;
    out.totals.emplace();
    out.paths.emplace();
    out.directories.emplace();
    return out;
  }
  add_commits(facts, out);
  add_files(facts, out);
  return out;
}

class Members {
 public:
  explicit Members(std::string& out) : writer_(out) {}
  void add(std::string_view name, std::optional<std::int64_t> value) {
    if (value) writer_.member(name, *value);
  }
  void add(std::string_view name, std::optional<bool> value) {
    if (value) writer_.member(name, *value);
  }
  void add(std::string_view name, std::string_view text) { writer_.member(name, text); }
  void add(std::string_view name, const std::optional<Names>& set) {
    if (!set) return;
    writer_.key(name).begin_array();
    for (const std::string& each : *set) writer_.value(each);
    writer_.end_array();
  }
  JsonWriter& writer() { return writer_; }

 private:
  JsonWriter writer_;
};

std::string_view id_or_empty(std::string_view id) {
  return git::is_null_id(id) ? std::string_view() : id;
}

}  // namespace

git::Ancestry ancestry_of(const PushFindings* findings, std::size_t index) {
  if (findings == nullptr || index >= findings->facts.refs.size()) return git::Ancestry::unknown;
  return findings->facts.refs[index].ancestry;
}

std::string ref_input(const git::PushRequest& push, std::size_t index, const PushFindings* findings) {
  const git::RefCommand& command = push.commands[index];
  git::Ancestry ancestry = ancestry_of(findings, index);
  if (command.kind() == git::CommandKind::create) ancestry = git::Ancestry::created;
  if (command.kind() == git::CommandKind::remove) ancestry = git::Ancestry::removed;
  RefInput known;
  std::optional<bool> is_default;
  if (findings != nullptr && index < findings->facts.refs.size()) {
    known = known_of(command, *findings, findings->facts.refs[index]);
    if (!findings->default_branch.empty()) is_default = findings->default_branch == command.ref;
  }
  auto total = [&](std::uint64_t git::ChangeTotals::* member) -> std::optional<std::int64_t> {
    if (!known.totals) return std::nullopt;
    return number((*known.totals).*member);
  };
  Names options(push.options.begin(), push.options.end());
  const bool lines_known = known.totals && known.totals->not_compared == 0;
  const bool sizes_known = known.totals && known.totals->without_size == 0;
  const bool forced = ancestry != git::Ancestry::created && ancestry != git::Ancestry::fast_forward;

  std::string out;
  Members members(out);
  members.writer().begin_object();
  if (lines_known) members.add("additions", total(&git::ChangeTotals::additions));
  members.add("ancestry", git::name_of(ancestry));
  members.add("assistants", known.assistants);
  members.add("assisted", known.assisted);
  members.add("atomic", std::optional(push.capabilities.atomic));
  members.add("authors", known.authors);
  members.add("binary_files", total(&git::ChangeTotals::binary));
  members.add("ci_files", total(&git::ChangeTotals::ci_files));
  members.add("commits", known.commits);
  members.add("default_branch", is_default);
  if (lines_known) members.add("deletions", total(&git::ChangeTotals::deletions));
  members.add("directories", known.directories);
  members.add("files", total(&git::ChangeTotals::files));
  members.add("forced", std::optional(forced));
  if (sizes_known) members.add("largest_file", total(&git::ChangeTotals::largest_size));
  members.add("new", id_or_empty(command.new_id));
  members.add("old", id_or_empty(command.old_id));
  members.add("options", std::optional(options));
  members.add("paths", known.paths);
  members.add("ref", std::string_view(command.ref));
  members.add("refs", std::optional(number(push.commands.size())));
  members.add("secrets", known.secrets);
  members.add("submodules", total(&git::ChangeTotals::gitlinks));
  members.add("symlinks", total(&git::ChangeTotals::symlinks));
  members.add("unscanned", known.unscanned);
  members.add("unsigned_commits", known.unsigned_commits);
  members.writer().end_object();
  return out;
}

}  // namespace countersign::adapters
