// verify-commits: whether the AI-assisted commits of a range were approved, from the repository, the attestations and
// the log's public key alone.
#include "audit/checkpoint.h"
#include "cli/attestation_sources.h"
#include "cli/commands/commands.h"
#include "cli/commit_range.h"
#include "cli/coverage.h"
#include "cli/render.h"
#include "cli/report.h"
#include "core/problem.h"

namespace countersign::cli {
namespace {

constexpr std::size_t kKeyFileBytes = 64U << 10;

// Whatever stops the check before there is an answer counts as wrong use: exit code 1 is an answer.
int unchecked(const Error& error) {
  report(error);
  return kUsage;
}

Status add_keys_of_file(const std::string& path, std::vector<audit::VerifierKey>& keys) {
  auto text = read_file(path, kKeyFileBytes);
  if (!text)
    return fail(ErrorKind::invalid, "cli.key",
                "--key `" + path + "` is neither a verifier key (<name>+<8 hex digits>+<base64>) nor a file of them");
  for (std::string_view rest = *text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with('#')) continue;
    auto key = audit::VerifierKey::parse(line);
    if (!key) return fail(ErrorKind::invalid, "cli.key", path + ": " + key.error().message);
    keys.push_back(std::move(*key));
  }
  return {};
}

Result<std::vector<audit::VerifierKey>> keys_of(const std::vector<std::string>& given) {
  std::vector<audit::VerifierKey> keys;
  for (const std::string& text : given) {
    if (auto key = audit::VerifierKey::parse(text)) {
      keys.push_back(std::move(*key));
    } else if (Status read = add_keys_of_file(text, keys); !read) {
      return fail(read.error());
    }
  }
  if (keys.empty()) return fail(ErrorKind::invalid, "cli.key", "--key names no key: without one nothing is believed");
  return keys;
}

Result<CoverageDemand> demand_of(const VerifyCommitsOptions& options) {
  CoverageDemand demand{.commits = options.all ? MustCover::all : MustCover::assisted,
                        .upstream = options.upstream,
                        .repository = options.repository,
                        .ref = options.branch.empty() ? options.ref : "refs/heads/" + options.branch,
                        .level = {},
                        .approvals = options.min_approvals};
  if (!demand.ref.empty() && !adapters::git::is_ref_name(demand.ref))
    return fail(ErrorKind::invalid, "cli.ref",
                "`" + demand.ref + "` is no ref: write refs/heads/main, or --branch main");
  if (!options.require_level.empty()) {
    demand.level = policies::level_from_name(options.require_level);
    if (!demand.level) return fail(ErrorKind::invalid, "cli.level", "`" + options.require_level + "` is no level");
  }
  return demand;
}

Result<std::vector<FoundAttestation>> find_attestations(const VerifyCommitsOptions& options,
                                                        const LocalRepository& repository,
                                                        adapters::git::ObjectReader& objects) {
  if (options.attestations.empty()) return attestations_in_refs(repository, objects);
  std::vector<FoundAttestation> out;
  for (const std::string& path : options.attestations) {
    auto found = attestations_in_files(path);
    if (!found) return fail(found.error());
    for (FoundAttestation& each : *found) out.push_back(std::move(each));
  }
  return out;
}

}  // namespace

int run_verify_commits(const VerifyCommitsOptions& options) {
  auto text = parse_range(options.range);
  if (!text) return unchecked(text.error());
  auto demand = demand_of(options);
  if (!demand) return unchecked(demand.error());
  auto keys = keys_of(options.keys);
  if (!keys) return unchecked(keys.error());
  auto repository = find_repository(options.repo);
  if (!repository) return unchecked(repository.error());
  auto objects = adapters::git::ObjectReader::open(repository->git_dir);
  if (!objects) return unchecked(objects.error());
  auto range = read_range(*repository, *objects, *text);
  if (!range) return unchecked(range.error());
  auto found = find_attestations(options, *repository, *objects);
  if (!found) return unchecked(found.error());

  const Coverage coverage =
      judge_commits(std::move(range->commits), judge_attestations(std::move(*found), *keys), *demand);
  const std::string shown = options.output == Output::json ? render_json(coverage_json(coverage, *range, *demand))
                                                           : render_coverage(coverage, Terminal::standard_output());
  return finish(shown, coverage.ok() ? kDone : kNo);
}

}  // namespace countersign::cli
