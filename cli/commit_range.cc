#include "cli/commit_range.h"

#include <algorithm>
#include <array>
#include <set>

#include "core/problem.h"
#include "proxy/adapters/git/objects/commit.h"
#include "proxy/adapters/git/objects/process.h"

namespace countersign::cli {
namespace {

namespace git = adapters::git;
namespace fs = std::filesystem;

constexpr std::uint64_t kCommitBytes = 4U << 20;
constexpr std::size_t kSmallFile = 4096;
constexpr std::size_t kShallowFile = 16U << 20;

std::unexpected<Error> bad_range(std::string message) {
  return fail(ErrorKind::invalid, "cli.range", std::move(message));
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

Result<git::GitOutcome> ask_git(const fs::path& git_dir, std::vector<std::string> arguments) {
  git::GitCommand command;
  command.arguments = std::move(arguments);
  command.git_dir = git_dir.string();
  command.environment = {{"GIT_GRAFT_FILE", "/dev/null"}};  // parents are those the commits name
  return git::run_git(command);
}

bool is_git_dir(const fs::path& folder) {
  std::error_code ignored;
  return fs::exists(folder / "HEAD", ignored) &&
         (fs::is_directory(folder / "objects", ignored) || fs::exists(folder / "commondir", ignored));
}

// What `.git` names when it is a file: a worktree's or submodule's own folder. (gitrepository-layout(5))
fs::path git_dir_named_in(const fs::path& file) {
  auto text = read_file(file.string(), kSmallFile);
  constexpr std::string_view kMark = "gitdir: ";
  if (!text || !text->starts_with(kMark)) return {};
  std::string name = text->substr(kMark.size());
  while (name.ends_with('\n') || name.ends_with('\r')) name.pop_back();
  return file.parent_path() / name;
}

Result<std::string> commit_named(const LocalRepository& repository, const std::string& revision) {
  auto found = ask_git(repository.git_dir, {"rev-parse", "--verify", "--quiet", revision + "^{commit}"});
  if (!found) return fail(found.error());
  std::string id = found->output.substr(0, found->output.find('\n'));
  // git takes the tag where a tag and a branch share a name; whoever may push tags must not choose the range.
  const std::string name = revision.substr(0, revision.find_first_of("^~@:"));
  const std::array<std::string, 3> full = {"refs/tags/" + name, "refs/heads/" + name, "refs/remotes/" + name};
  auto named = ask_git(repository.git_dir, {"for-each-ref", "--format=%(refname)", full[0], full[1], full[2]});
  if (!named) return fail(named.error());
  const auto exact = std::ranges::count_if(
      lines_of(named->output), [&](const std::string& ref) { return std::ranges::find(full, ref) != full.end(); });
  if (exact > 1)
    return bad_range("`" + name + "` is the name of several refs: write it in full, as refs/remotes/" + name);
  if (found->exit_code != 0 || !git::is_object_id(id, repository.format))
    return bad_range("there is no commit `" + revision + "` here: fetch the whole history first (fetch-depth: 0)");
  return id;
}

// Commits whose parents were not fetched.
Result<std::set<std::string>> cut_commits(const LocalRepository& repository) {
  auto path = ask_git(repository.git_dir, {"rev-parse", "--git-path", "shallow"});
  if (!path) return fail(path.error());
  if (path->exit_code != 0) return git::tool_failed("git rev-parse", *path);
  const fs::path file = path->output.substr(0, path->output.find('\n'));
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return std::set<std::string>();
  auto text = read_file(file.string(), kShallowFile);
  if (!text) return fail(text.error());
  std::vector<std::string> lines = lines_of(*text);
  return std::set<std::string>(lines.begin(), lines.end());
}

Result<std::vector<std::string>> list_commits(const LocalRepository& repository, const CommitRange& range) {
  std::vector<std::string> arguments = {"rev-list", "--max-count=" + std::to_string(kMaxRangeCommits + 1), range.head};
  if (!range.base.empty()) arguments.push_back("^" + range.base);
  auto listed = ask_git(repository.git_dir, std::move(arguments));
  if (!listed) return fail(listed.error());
  if (listed->exit_code != 0) return git::tool_failed("git rev-list", *listed);
  std::vector<std::string> ids = lines_of(listed->output);
  if (ids.size() > kMaxRangeCommits) return bad_range("the range has more than 100,000 commits");
  return ids;
}

}  // namespace

Result<RangeText> parse_range(std::string_view text) {
  const std::size_t dots = text.find("..");
  RangeText range;
  if (dots != std::string_view::npos) range.base = text.substr(0, dots);
  range.head = dots == std::string_view::npos ? text : text.substr(dots + 2);
  if (range.head.starts_with('.')) return bad_range("a range has two dots: BASE..HEAD");
  if (range.head.empty() || (dots != std::string_view::npos && range.base.empty()))
    return bad_range("a range has two ends: BASE..HEAD");
  for (const std::string* side : {&range.base, &range.head}) {
    const bool odd = std::ranges::any_of(*side, [](unsigned char c) { return c <= ' ' || c == 0x7f; });
    if (side->starts_with('-') || side->starts_with('^') || odd || side->find("..") != std::string::npos)
      return bad_range("`" + *side + "` is no revision");
    if (side->size() >= git::hex_length(git::ObjectFormat::sha1) && git::is_null_id(*side))
      return bad_range("a branch that was created has no BASE: name the branch it grew from, as origin/main..HEAD");
  }
  return range;
}

Result<LocalRepository> find_repository(const fs::path& folder) {
  std::error_code error;
  fs::path here = fs::canonical(folder, error);
  fs::path found;
  while (!error && found.empty()) {
    const fs::path inside = here / ".git";
    if (is_git_dir(inside)) {
      found = inside;
    } else if (fs::path named = fs::is_regular_file(inside, error) ? git_dir_named_in(inside) : fs::path();
               !named.empty() && is_git_dir(named)) {
      found = named;
    } else if (is_git_dir(here)) {
      found = here;
    } else if (here == here.parent_path()) {
      break;
    }
    error.clear();
    here = here.parent_path();
  }
  if (found.empty())
    return fail(ErrorKind::invalid, "cli.no_repository", "`" + folder.string() + "` is not in a git repository");
  auto format = ask_git(found, {"rev-parse", "--show-object-format"});
  if (!format) return fail(format.error());
  if (format->exit_code != 0) return git::tool_failed("git rev-parse", *format);
  const bool sha256 = format->output.starts_with("sha256");
  return LocalRepository{std::move(found), sha256 ? git::ObjectFormat::sha256 : git::ObjectFormat::sha1};
}

Result<CommitRange> read_range(const LocalRepository& repository, git::ObjectReader& objects, const RangeText& range) {
  CommitRange out;
  if (!range.base.empty()) {
    auto base = commit_named(repository, range.base);
    if (!base) return fail(base.error());
    out.base = std::move(*base);
  }
  auto head = commit_named(repository, range.head);
  if (!head) return fail(head.error());
  out.head = std::move(*head);
  auto cut = cut_commits(repository);
  if (!cut) return fail(cut.error());
  auto ids = list_commits(repository, out);
  if (!ids) return fail(ids.error());
  for (std::string& id : *ids) {
    if (cut->contains(id)) {
      return fail(ErrorKind::invalid, "cli.shallow",
                  "the history is cut at " + id + ", inside the range: commits may be missing (fetch-depth: 0)");
    }
    auto object = objects.read(id, kCommitBytes);
    if (!object) return fail(object.error());
    if (!*object || (*object)->type != git::ObjectType::commit)
      return fail(ErrorKind::invalid, "git.bad_object", "the commit " + id + " cannot be read");
    auto commit = git::parse_commit((*object)->content, repository.format);
    if (!commit) return fail(commit.error());
    RangeCommit entry{.id = std::move(id),
                      .subject = git::subject_of(commit->message),
                      .author = commit->author.name + " <" + commit->author.email + ">",
                      .assistance = git::assistance_of(commit->message)};
    out.commits.push_back(std::move(entry));
  }
  return out;
}

}  // namespace countersign::cli
