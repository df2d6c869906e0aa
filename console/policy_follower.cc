#include "console/policy_follower.h"

#include <algorithm>

#include "core/json.h"
#include "policies/activation.h"
#include "policies/set_tests.h"

namespace countersign::console {
namespace {

std::string detail_of(const policies::Candidate& candidate, const std::string& digest) {
  Json detail = {{"commit", candidate.commit},
                 {"subject", candidate.subject},
                 {"signer", candidate.signer},
                 {"proposed_by", candidate.proposed},
                 {"after", digest}};
  if (candidate.first) detail["first"] = true;
  auto text = canonical_json(detail);
  return text ? *text : std::string();
}

}  // namespace

PolicyFollower::PolicyFollower(Parts parts)
    : parts_(std::move(parts)), source_(*parts_.config.policy_repository, parts_.config.state) {}

std::string PolicyFollower::read_only_reason() const {
  const config::PolicyRepository& repository = *parts_.config.policy_repository;
  return "they come from branch " + repository.branch + " of " + repository.repository +
         ": commit the change there, signed";
}

Status PolicyFollower::put_into_force(const policies::Candidate& candidate, const std::string& digest) {
  const std::filesystem::path& folder = parts_.config.policies;
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  policies::remove_leftovers(folder);
  Problems problems;
  policies::SnapshotSource before = policies::read_folder(folder, problems);
  if (!policies::same_files(before, candidate.files)) {
    if (auto written = policies::write_policy_folder(folder, before, candidate.files); !written) return written;
  }
  if (!parts_.reload) return {};
  auto reloaded = parts_.reload();
  if (reloaded.digest == digest) return {};
  std::ignore = policies::write_policy_folder(folder, candidate.files, before);
  return fail(ErrorKind::internal, "policies.activation_failed",
              "the new policies did not load from their folder; the old ones are back and run on");
}

Result<std::optional<Followed>> PolicyFollower::look() {
  auto candidate = source_.fetch();
  if (!candidate) return fail(candidate.error());
  if (!*candidate) return std::optional<Followed>();
  policies::Candidate& found = **candidate;
  Problems problems;
  auto ruleset = approvals::load_ruleset(found.files, parts_.config.upstreams, parts_.clock.now(), problems);
  if (!ruleset) {
    auto first = std::ranges::find(problems, Severity::error, &Problem::severity);
    return fail(ErrorKind::invalid, "policies.invalid",
                "commit " + found.commit.substr(0, 12) + " does not load: " + format_problem(*first));
  }
  policies::SetTests tests = policies::run_set_tests(found.files, parts_.config.upstreams);
  if (tests.failed > 0) {
    return fail(ErrorKind::invalid, "policies.tests_failed",
                std::to_string(tests.failed) + " of the tests of commit " + found.commit.substr(0, 12) + " fail");
  }
  Followed out;
  out.activated = true;
  out.code = "policies.activated";
  out.detail = detail_of(found, ruleset->digest());
  out.by = "git: " + found.commit.substr(0, 12) + ", signed by " + found.signer;
  if (parts_.about_to) {
    if (auto go = parts_.about_to(out); !go) return fail(go.error());
  }
  if (auto done = put_into_force(found, ruleset->digest()); !done) return fail(done.error());
  // Broken off before this, the same commit is judged and put in place once more.
  if (auto kept = source_.accept(found.commit); !kept) return fail(kept.error());
  return std::optional<Followed>(std::move(out));
}

Result<std::optional<Followed>> PolicyFollower::prepare() {
  auto done = look();
  auto accepted = source_.accepted();
  if (!accepted || accepted->empty()) return done;
  // What was in force stays so; the next look tells what is wrong.
  if (!done) done = std::optional<Followed>();
  std::error_code error;
  if (std::filesystem::is_directory(parts_.config.policies, error)) return done;
  auto files = source_.files_of(*accepted);
  if (!files) return fail(files.error());
  std::filesystem::create_directories(parts_.config.policies, error);
  if (auto written = policies::write_policy_folder(parts_.config.policies, {}, *files); !written)
    return fail(written.error());
  return done;
}

std::optional<Followed> PolicyFollower::follow() {
  auto done = look();
  if (done) {
    last_trouble_.clear();
    return std::move(*done);
  }
  const Error& error = done.error();
  std::string trouble = source_.tip() + " " + error.code;
  if (trouble == last_trouble_) return std::nullopt;
  last_trouble_ = std::move(trouble);
  Followed out;
  out.code = error.code;
  out.reason = error.message;
  auto detail = canonical_json({{"commit", source_.tip()}});
  if (detail) out.detail = std::move(*detail);
  return out;
}

}  // namespace countersign::console
