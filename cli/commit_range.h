// The commits of a range in a repository on this machine, with what their messages say of AI assistance. By git's own
// plumbing, without its configuration of users, replacement refs or network. Blocking; any thread.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "proxy/adapters/git/object_id.h"
#include "proxy/adapters/git/objects/object_reader.h"
#include "proxy/adapters/git/objects/trailers.h"

namespace countersign::cli {

inline constexpr std::size_t kMaxRangeCommits = 100'000;

// As written: `BASE..HEAD`, or one revision for its whole history.
struct RangeText {
  std::string base;  // empty: none
  std::string head;
};
// cli.range (invalid) for anything else; above all for an empty side, which git would read as HEAD and a CI job means
// by accident.
Result<RangeText> parse_range(std::string_view text);

struct RangeCommit {
  std::string id;
  std::string subject;
  std::string author;  // "Name <address>", as the commit claims
  std::vector<adapters::git::Assistance> assistance;
};

struct LocalRepository {
  std::filesystem::path git_dir;
  adapters::git::ObjectFormat format = adapters::git::ObjectFormat::sha1;
};

// The repository that `folder` is in, or is. Errors: cli.no_repository (invalid), git.tool_*.
Result<LocalRepository> find_repository(const std::filesystem::path& folder);

struct CommitRange {
  std::string base;  // whole ids; base empty for a whole history
  std::string head;
  std::vector<RangeCommit> commits;  // newest first; merges too
};

// Errors: cli.range (invalid: a revision that is not there, or over kMaxRangeCommits), cli.shallow (invalid: the
// history was cut inside the range, so that commits may be missing from it), git.tool_*, git.bad_object.
Result<CommitRange> read_range(const LocalRepository& repository, adapters::git::ObjectReader& objects,
                               const RangeText& range);

}  // namespace countersign::cli
