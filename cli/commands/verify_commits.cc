// verify-commits: whether the AI-assisted commits of a range were approved, from the repository, the attestations and
// the log's public key alone.
#include "cli/attestation_sources.h"
#include "cli/commands/commands.h"
#include "cli/commit_range.h"
#include "cli/coverage.h"
#include "cli/render.h"
#include "cli/report.h"
#include "cli/verifier_keys.h"

namespace countersign::cli {
namespace {

// Whatever stops the check before there is an answer counts as wrong use: exit code 1 is an answer.
int unchecked(const Error& error) {
  report(error);
  return kUsage;
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
  auto keys = verifier_keys(options.keys);
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
