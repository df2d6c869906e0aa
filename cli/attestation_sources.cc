#include "cli/attestation_sources.h"

#include <algorithm>

#include "audit/dsse.h"
#include "core/problem.h"
#include "proxy/adapters/git/objects/commit.h"
#include "proxy/adapters/git/objects/evidence_pack.h"
#include "proxy/adapters/git/objects/process.h"
#include "proxy/adapters/git/objects/tree_diff.h"

namespace countersign::cli {
namespace {

namespace git = adapters::git;
namespace fs = std::filesystem;

constexpr std::uint64_t kSmallObject = 64U << 10;
constexpr std::size_t kFileBytes = 256U << 20;

std::unexpected<Error> unusable(std::string message) {
  return fail(ErrorKind::invalid, "cli.attestations", std::move(message));
}

std::unexpected<Error> no_attestation(std::string what) {
  return fail(ErrorKind::malformed, "attestation.malformed", std::move(what));
}

Result<std::string> content_of(git::ObjectReader& objects, std::string_view id, git::ObjectType type,
                               std::uint64_t limit) {
  auto object = objects.read(id, limit);
  if (!object) return fail(object.error());
  if (!*object || (*object)->type != type) return no_attestation("an object of it is absent or of another type");
  return std::move((*object)->content);
}

Result<std::string> envelope_at(git::ObjectReader& objects, const std::string& id, git::ObjectFormat format) {
  auto commit_text = content_of(objects, id, git::ObjectType::commit, kSmallObject);
  if (!commit_text) return fail(commit_text.error());
  auto commit = git::parse_commit(*commit_text, format);
  if (!commit) return fail(commit.error());
  auto tree_text = content_of(objects, commit->tree, git::ObjectType::tree, kSmallObject);
  if (!tree_text) return fail(tree_text.error());
  auto tree = git::parse_tree(*tree_text, format);
  if (!tree) return fail(tree.error());
  auto entry = std::ranges::find(*tree, git::kAttestationFile, &git::TreeEntry::name);
  if (entry == tree->end()) return no_attestation("its tree has no " + std::string(git::kAttestationFile));
  return content_of(objects, entry->id, git::ObjectType::blob, audit::kMaxEnvelopeBytes);
}

std::string_view trimmed(std::string_view line) {
  while (!line.empty() && std::string_view(" \t\r").contains(line.front())) line.remove_prefix(1);
  while (!line.empty() && std::string_view(" \t\r").contains(line.back())) line.remove_suffix(1);
  return line;
}

struct Line {
  std::size_t number = 0;
  std::string_view text;
};

// The lines that are not empty, when each is an object by its braces; otherwise the whole text as one.
std::vector<Line> envelopes_in(std::string_view text) {
  std::vector<Line> lines;
  std::size_t number = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = trimmed(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    ++number;
    if (line.empty()) continue;
    if (!line.starts_with('{') || !line.ends_with('}')) return {{0, text}};
    lines.push_back({number, line});
  }
  return lines;
}

Status read_file_into(const fs::path& path, std::vector<FoundAttestation>& out) {
  auto text = read_file(path.string(), kFileBytes);
  if (!text) return unusable(path.string() + ": " + text.error().message);
  const std::vector<Line> lines = envelopes_in(*text);
  if (out.size() + lines.size() > kMaxAttestations) return unusable("more than 100,000 attestations");
  for (const Line& line : lines) {
    std::string source = path.string();
    if (lines.size() > 1) source += ':' + std::to_string(line.number);
    out.push_back({std::move(source), std::string(line.text)});
  }
  return {};
}

}  // namespace

Result<std::vector<FoundAttestation>> attestations_in_refs(const LocalRepository& repository,
                                                           git::ObjectReader& objects) {
  git::GitCommand command;
  command.arguments = {"for-each-ref", "--count=" + std::to_string(kMaxAttestations + 1),
                       "--format=%(objectname) %(refname)", std::string(git::kAttestationRefs)};
  command.git_dir = repository.git_dir.string();
  auto listed = git::run_git(command);
  if (!listed) return fail(listed.error());
  if (listed->exit_code != 0) return git::tool_failed("git for-each-ref", *listed);
  std::vector<FoundAttestation> out;
  for (std::string_view rest = listed->output; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (out.size() == kMaxAttestations) return unusable("more than 100,000 attestations");
    const std::size_t space = std::min(line.find(' '), line.size());
    auto envelope = envelope_at(objects, std::string(line.substr(0, space)), repository.format);
    // Only what is wrong with this one is this one's; a git that fails says nothing about any of them.
    if (!envelope && envelope.error().code.starts_with("git.tool")) return fail(envelope.error());
    out.push_back({std::string(line.substr(std::min(space + 1, line.size()))), std::move(envelope)});
  }
  return out;
}

Result<std::vector<FoundAttestation>> attestations_in_files(const fs::path& path) {
  std::vector<FoundAttestation> out;
  std::error_code error;
  if (!fs::is_directory(path, error)) {
    if (Status read = read_file_into(path, out); !read) return fail(read.error());
    return out;
  }
  std::vector<fs::path> files;
  for (fs::directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
    const fs::path extension = at->path().extension();
    if (extension == ".json" || extension == ".jsonl") files.push_back(at->path());
    if (files.size() > kMaxAttestations) return unusable("more than 100,000 attestations");
  }
  if (error) return unusable(path.string() + ": " + error.message());
  std::ranges::sort(files);
  for (const fs::path& file : files) {
    if (Status read = read_file_into(file, out); !read) return fail(read.error());
  }
  return out;
}

}  // namespace countersign::cli
