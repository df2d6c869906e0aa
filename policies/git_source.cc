#include "policies/git_source.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "policies/proof.h"
#include "policies/run_git.h"

namespace countersign::policies {
namespace {

constexpr std::string_view kTip = "refs/countersign/tip";
constexpr std::string_view kAccepted = "refs/countersign/accepted";
constexpr std::size_t kMostEntries = 5'000;  // of the folder in the repository

std::unexpected<Error> refuse(std::string_view code, const std::string& commit, std::string why) {
  return fail(ErrorKind::forbidden, code, "commit " + commit.substr(0, 12) + " " + std::move(why));
}

bool is_commit_id(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::vector<std::string> split(std::string_view text, char at) {
  std::vector<std::string> out;
  while (!text.empty()) {
    std::size_t end = std::min(text.find(at), text.size());
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

// One line of `git ls-tree -r -z`: "<mode> <type> <id>\t<path>".
struct TreeEntry {
  std::string mode;
  std::string id;
  std::string path;
};
std::optional<TreeEntry> parse_entry(std::string_view line) {
  std::size_t tab = line.find('\t');
  if (tab == std::string_view::npos) return std::nullopt;
  std::vector<std::string> words = split(line.substr(0, tab), ' ');
  if (words.size() != 3) return std::nullopt;
  return TreeEntry{words[0], words[2], std::string(line.substr(tab + 1))};
}

// Names under which a folder on disk would be read, whether a draft may use them or not.
bool looks_like_policy(std::string_view name) {
  std::size_t slash = name.rfind('/');
  std::string_view folder = slash == std::string_view::npos ? std::string_view() : name.substr(0, slash + 1);
  bool cedar = name.ends_with(".cedar") && (folder.empty() || folder == kFloor || folder == kRolesFolder);
  return cedar || (name.ends_with(".json") && folder == kTestsFolder) || is_policy_file(name);
}

}  // namespace

struct GitSource::Commit {
  std::string id;
  std::string tree;
  std::vector<std::string> parents;
  std::string signer;  // empty: no good signature of an allowed signer
  std::string subject;
};

GitSource::GitSource(const config::PolicyRepository& repository, const std::filesystem::path& state)
    : repository_(repository), mirror_(state / "policies-git") {}

Result<std::string> GitSource::git(std::vector<std::string> arguments, std::string_view code, std::string_view input) {
  auto done = run_git({.arguments = std::move(arguments), .git_dir = mirror_.string(), .input = input});
  if (!done) return fail(done.error());
  if (done->code != 0) return fail(ErrorKind::unavailable, code, "git: " + bounded(done->errors, 300));
  return std::move(done->output);
}

Status GitSource::make_mirror() {
  std::error_code error;
  if (std::filesystem::exists(mirror_ / "HEAD", error)) return {};
  std::filesystem::create_directories(mirror_, error);
  std::filesystem::permissions(mirror_, std::filesystem::perms::owner_all, error);
  auto made = git({"init", "--quiet", "--bare"}, "policies.git_not_kept");
  if (!made) return fail(made.error());
  return {};
}

Result<std::string> GitSource::accepted() {
  if (auto made = make_mirror(); !made) return fail(made.error());
  auto done = run_git({.arguments = {"rev-parse", "--verify", "--quiet", std::string(kAccepted) + "^{commit}"},
                       .git_dir = mirror_.string()});
  if (!done) return fail(done.error());
  return done->code == 0 ? trimmed(done->output) : std::string();
}

Status GitSource::accept(const std::string& commit) {
  auto done = git({"-c", "core.fsync=all", "update-ref", std::string(kAccepted), commit}, "policies.git_not_kept");
  if (!done) return fail(done.error());
  return {};
}

// Signature, parents and tree of one commit. The programs of other kinds of signature are never started.
Result<GitSource::Commit> GitSource::read_commit(const std::string& id) {
  auto text =
      git({"-c", "gpg.ssh.allowedSignersFile=" + repository_.allowed_signers, "-c", "gpg.openpgp.program=/bin/false",
           "-c", "gpg.x509.program=/bin/false", "-c", "gpg.minTrustLevel=fully", "-c", "log.showSignature=false",
           "show", "--no-patch", "--no-show-signature", "--format=%G?%x00%GS%x00%T%x00%P%x00%s", id, "--"},
          "policies.git_not_kept");
  if (!text) return fail(text.error());
  std::vector<std::string> parts = split(trimmed(std::move(*text)), '\0');
  if (parts.size() < 4) return fail(ErrorKind::internal, "policies.git_not_kept", "git says nothing of " + id);
  Commit out{id, parts[2], split(parts[3], ' '), "", parts.size() > 4 ? bounded(parts[4], 200) : std::string()};
  // "G": a good signature whose key the file of allowed signers has; %GS is the name it has there.
  if (parts[0] == "G") out.signer = parts[1];
  return out;
}

Result<std::vector<std::string>> GitSource::commits(const std::vector<std::string>& range) {
  std::vector<std::string> arguments = {"rev-list", "--max-count=" + std::to_string(kMostCommits + 1)};
  arguments.insert(arguments.end(), range.begin(), range.end());
  auto text = git(std::move(arguments), "policies.git_not_kept");
  if (!text) return fail(text.error());
  return split(*text, '\n');
}

Status GitSource::check_two_people(const Commit& merge, std::vector<std::string>& proposed) {
  constexpr std::string_view kCode = "policies.git_one_person";
  if (merge.parents.size() != 2) {
    return refuse(
        kCode, merge.id,
        "is not a merge of one branch: an edit is signed by whoever wrote it, and the merge by somebody else");
  }
  const std::string& main = merge.parents[0];
  auto brought = commits({merge.id, "^" + main});
  if (!brought) return fail(brought.error());
  if (brought->size() > kMostCommits) return refuse(kCode, merge.id, "brings more than 1,000 commits");
  std::size_t others = 0;
  for (const std::string& id : *brought) {
    if (id == merge.id) continue;
    ++others;
    auto commit = read_commit(id);
    if (!commit) return fail(commit.error());
    if (commit->signer.empty())
      return refuse("policies.git_unsigned", id, "has no good signature of an allowed signer");
    if (commit->signer == merge.signer)
      return refuse(kCode, merge.id,
                    "and " + id.substr(0, 12) + ", which it brings, are both signed by " + merge.signer);
    proposed.push_back(commit->signer);
  }
  if (others == 0) return refuse(kCode, merge.id, "brings no commit of anybody else");
  // Whoever merges must not slip anything in.
  auto tree = run_git({.arguments = {"merge-tree", "--write-tree", "--no-messages", main, merge.parents[1]},
                       .git_dir = mirror_.string()});
  if (!tree) return fail(tree.error());
  if (tree->code != 0 || trimmed(tree->output) != merge.tree) {
    return refuse(kCode, merge.id,
                  "is not simply the two sides put together: resolve conflicts in the branch, so that somebody else "
                  "merges them");
  }
  return {};
}

Result<SnapshotSource> GitSource::files_of(const std::string& commit) {
  std::string root = repository_.path.empty() ? std::string() : repository_.path + "/";
  std::vector<std::string> arguments = {"ls-tree", "-r", "-z", "--full-tree", commit};
  if (!root.empty()) arguments.insert(arguments.end(), {"--", root});
  auto listed = git(std::move(arguments), "policies.git_not_kept");
  if (!listed) return fail(listed.error());
  std::vector<std::string> lines = split(*listed, '\0');
  if (lines.size() > kMostEntries) return refuse("policies.git_files", commit, "holds more than 5,000 files");
  std::vector<TreeEntry> entries;
  std::string wanted;
  for (const std::string& line : lines) {
    auto entry = parse_entry(line);
    if (!entry || !entry->path.starts_with(root)) continue;
    entry->path.erase(0, root.size());
    if (!looks_like_policy(entry->path)) continue;
    bool regular = entry->mode == "100644" || entry->mode == "100755";
    if (!is_policy_file(entry->path) || !regular) {
      return refuse("policies.git_files", commit,
                    "holds `" + bounded(entry->path, 120) +
                        "`, which is no plain file with a name of letters, digits and any of . _ -");
    }
    wanted += entry->id + "\n";
    entries.push_back(std::move(*entry));
  }
  auto texts = git({"cat-file", "--batch"}, "policies.git_not_kept", wanted);
  if (!texts) return fail(texts.error());
  std::vector<DraftFile> files;
  std::string_view rest = *texts;
  for (TreeEntry& entry : entries) {
    // "<id> blob <size>\n<bytes>\n"
    std::size_t end = rest.find('\n');
    std::vector<std::string> head = split(rest.substr(0, std::min(end, rest.size())), ' ');
    std::size_t size = 0;
    if (head.size() == 3) std::from_chars(head[2].data(), head[2].data() + head[2].size(), size);
    bool whole = end != std::string_view::npos && head.size() == 3 && head[0] == entry.id && head[1] == "blob" &&
                 rest.size() >= end + 1 + size + 1;
    if (!whole) return fail(ErrorKind::internal, "policies.git_not_kept", "git does not give " + entry.path);
    files.push_back({std::move(entry.path), std::string(rest.substr(end + 1, size))});
    rest.remove_prefix(end + 1 + size + 1);
  }
  Problems problems;
  SnapshotSource out = read_draft(files, problems);
  if (has_errors(problems)) return refuse("policies.git_files", commit, "holds " + format_problem(problems.front()));
  return out;
}

Result<std::optional<Candidate>> GitSource::fetch() {
  auto before = accepted();
  if (!before) return fail(before.error());
  auto fetched =
      run_git({.arguments = {"fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules",
                             "--no-auto-gc", "--end-of-options", repository_.repository,
                             "+refs/heads/" + repository_.branch + ":" + std::string(kTip)},
               .git_dir = mirror_.string(),
               .settings = GitRun::Settings::users});
  if (!fetched) return fail(fetched.error());
  if (fetched->code != 0) {
    return fail(ErrorKind::unavailable, "policies.git_unreachable",
                "the repository of the policies cannot be fetched: " + bounded(fetched->errors, 300));
  }
  auto tip = git({"rev-parse", "--verify", std::string(kTip) + "^{commit}"}, "policies.git_not_kept");
  if (!tip) return fail(tip.error());
  tip_ = trimmed(std::move(*tip));
  if (!is_commit_id(tip_)) return fail(ErrorKind::internal, "policies.git_not_kept", "git names no commit");
  if (tip_ == *before) return std::optional<Candidate>();

  Candidate out;
  out.commit = tip_;
  out.first = before->empty();
  std::vector<std::string> line = {tip_};
  if (!out.first) {
    auto since = commits({"--first-parent", tip_, "^" + *before});
    if (!since) return fail(since.error());
    line = std::move(*since);
    if (line.empty()) return refuse("policies.git_rewound", tip_, "is older than the one in force");
    if (line.size() > kMostCommits)
      return refuse("policies.git_rewound", tip_, "is more than 1,000 commits ahead of the one in force");
    auto oldest = read_commit(line.back());
    if (!oldest) return fail(oldest.error());
    if (oldest->parents.empty() || oldest->parents[0] != *before) {
      return refuse("policies.git_rewound", tip_,
                    "does not go on from " + before->substr(0, 12) + ", which is in force: the history was rewritten");
    }
  }
  for (const std::string& id : line) {
    auto commit = read_commit(id);
    if (!commit) return fail(commit.error());
    if (commit->signer.empty())
      return refuse("policies.git_unsigned", id, "has no good signature of an allowed signer");
    if (id == tip_) {
      out.signer = commit->signer;
      out.subject = commit->subject;
    }
    if (repository_.two_people && !out.first) {
      if (auto two = check_two_people(*commit, out.proposed); !two) return fail(two.error());
    }
  }
  std::ranges::sort(out.proposed);
  out.proposed.erase(std::ranges::unique(out.proposed).begin(), out.proposed.end());
  auto files = files_of(tip_);
  if (!files) return fail(files.error());
  out.files = std::move(*files);
  return std::optional<Candidate>(std::move(out));
}

}  // namespace countersign::policies
