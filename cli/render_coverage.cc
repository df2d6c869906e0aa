// What verify-commits prints.
#include <algorithm>
#include <set>

#include "cli/coverage.h"

namespace countersign::cli {
namespace {

using adapters::git::Assistance;

constexpr std::size_t kShortId = 12;

std::string assistant_name(const Assistance& assistance) {
  return assistance.assistant.empty() ? std::string(name_of(assistance.kind)) : assistance.assistant;
}

std::string assistants_of(const RangeCommit& commit) {
  std::set<std::string> names;
  for (const Assistance& assistance : commit.assistance) names.insert(assistant_name(assistance));
  std::string out;
  for (const std::string& name : names) out.append(out.empty() ? "" : ", ").append(name);
  return out;
}

struct Totals {
  std::size_t assisted = 0;
  std::size_t demanded = 0;
  std::size_t covered = 0;    // of all
  std::size_t uncovered = 0;  // of those demanded
};

Totals totals_of(const Coverage& coverage) {
  Totals out;
  for (const JudgedCommit& each : coverage.commits) {
    if (!each.commit.assistance.empty()) ++out.assisted;
    if (each.demanded) ++out.demanded;
    if (each.covered_by) ++out.covered;
    if (each.demanded && !each.covered_by) ++out.uncovered;
  }
  return out;
}

std::string count_of(std::size_t count, std::string_view one, std::string_view many) {
  return std::to_string(count) + ' ' + std::string(count == 1 ? one : many);
}

std::string commit_table(const Coverage& coverage, const Terminal& terminal) {
  Table table({{"COMMIT", kShortId}, {"SUBJECT", 20}, {"ASSISTED BY", 11}, {"COVERED BY", 12}});
  for (const JudgedCommit& each : coverage.commits) {
    std::string covered = each.demanded ? "NOT COVERED" : "not needed";
    Style style = each.demanded ? Style::red : Style::dim;
    if (each.covered_by) {
      covered = one_line(coverage.attestations[*each.covered_by].attestation->request);
      style = Style::green;
    }
    table.add({each.commit.id.substr(0, kShortId), one_line(each.commit.subject), one_line(assistants_of(each.commit)),
               std::move(covered)},
              style, 3);
  }
  return table.empty() ? std::string() : table.render(terminal);
}

// The approvals that the commits above rest on, each once.
std::string approvals_text(const Coverage& coverage, const Terminal& terminal) {
  std::set<std::size_t> used;
  for (const JudgedCommit& each : coverage.commits) {
    if (each.covered_by) used.insert(*each.covered_by);
  }
  std::string out;
  for (std::size_t index : used) {
    const audit::Attestation& from = *coverage.attestations[index].attestation;
    out += "\n" + terminal.styled(Style::bold, one_line(from.request)) + "  asked by " + one_line(from.agent) +
           " for " + one_line(from.owner) + ", pushed " + absolute_time(from.executed_at) + " to " +
           one_line(from.upstream + "/" + from.repository) + "\n";
    for (const audit::AttestedApproval& approval : from.approvals) {
      out += "  approved by " + one_line(approval.by) + " (" + one_line(approval.level) + ") " +
             absolute_time(approval.at) + ", rule " + one_line(approval.rule) + "\n";
    }
    out += "  policies " + one_line(from.policy_digest) + "\n  audit log " + one_line(from.log.origin) + ", record " +
           std::to_string(from.log.seq) + "\n";
  }
  return out;
}

std::string problems_text(const Coverage& coverage, const Terminal& terminal) {
  std::string out;
  for (const JudgedCommit& each : coverage.commits) {
    if (!each.demanded || each.covered_by) continue;
    out += "\n" + terminal.styled(Style::red, "not covered") + "  " + each.commit.id + "\n  " +
           one_line(each.commit.subject) + "\n  " + one_line(each.reason) + "\n";
  }
  for (const JudgedAttestation& each : coverage.attestations) {
    if (each.trust == Trust::valid) continue;
    out += "\n" + terminal.styled(Style::red, name_of(each.trust)) + "  " + one_line(each.source) + "\n  " +
           one_line(each.error.message) + " [" + one_line(each.error.code) + "]\n";
  }
  return out;
}

Json attestation_json(const JudgedAttestation& judged) {
  const audit::Attestation& from = *judged.attestation;
  Json approvals = Json::array();
  for (const audit::AttestedApproval& approval : from.approvals) {
    approvals.push_back({{"rule", approval.rule},
                         {"stage", approval.stage},
                         {"by", approval.by},
                         {"level", approval.level},
                         {"at", format_time(approval.at)}});
  }
  return {{"source", judged.source},
          {"keyid", judged.keyid},
          {"request", from.request},
          {"agent", from.agent},
          {"owner", from.owner},
          {"delegates", from.delegates},
          {"upstream", from.upstream},
          {"repository", from.repository},
          {"approvals", std::move(approvals)},
          {"policy_digest", from.policy_digest},
          {"fingerprint", from.fingerprint},
          {"log", {{"origin", from.log.origin}, {"seq", from.log.seq}, {"operation", from.log.operation}}},
          {"executed_at", format_time(from.executed_at)}};
}

Json commit_json(const JudgedCommit& each, const Coverage& coverage) {
  Json assistance = Json::array();
  for (const Assistance& from : each.commit.assistance)
    assistance.push_back({{"kind", name_of(from.kind)}, {"assistant", from.assistant}, {"line", from.line}});
  Json out = {{"commit", each.commit.id},
              {"subject", each.commit.subject},
              {"author", each.commit.author},
              {"assisted", !each.commit.assistance.empty()},
              {"assistance", std::move(assistance)},
              {"demanded", each.demanded},
              {"covered", each.covered_by.has_value()}};
  if (each.covered_by) {
    out["request"] = coverage.attestations[*each.covered_by].attestation->request;
    out["ref"] = each.ref;
  } else {
    out["reason"] = each.reason;
  }
  return out;
}

}  // namespace

std::string render_coverage(const Coverage& coverage, const Terminal& terminal) {
  const Totals totals = totals_of(coverage);
  const auto bad =
      std::ranges::count_if(coverage.attestations, [](const auto& each) { return each.trust != Trust::valid; });
  std::string out =
      commit_table(coverage, terminal) + approvals_text(coverage, terminal) + problems_text(coverage, terminal);
  if (!out.empty()) out += "\n";
  out += count_of(coverage.commits.size(), "commit", "commits") + ", " + std::to_string(totals.assisted) +
         " assisted; " + std::to_string(totals.demanded) + " must be covered, " + std::to_string(totals.uncovered) +
         " not covered; " + count_of(coverage.attestations.size(), "attestation", "attestations") +
         (bad > 0 ? ", " + std::to_string(bad) + " of them not valid" : "") + "\n";
  return out;
}

Json coverage_json(const Coverage& coverage, const CommitRange& range, const CoverageDemand& demand) {
  const Totals totals = totals_of(coverage);
  Json commits = Json::array();
  std::set<std::size_t> used;
  for (const JudgedCommit& each : coverage.commits) {
    commits.push_back(commit_json(each, coverage));
    if (each.covered_by) used.insert(*each.covered_by);
  }
  Json attestations = Json::array();
  for (std::size_t index : used) attestations.push_back(attestation_json(coverage.attestations[index]));
  Json problems = Json::array();
  for (const JudgedAttestation& each : coverage.attestations) {
    if (each.trust == Trust::valid) continue;
    problems.push_back({{"source", each.source},
                        {"trust", name_of(each.trust)},
                        {"code", each.error.code},
                        {"message", each.error.message}});
  }
  return {{"ok", coverage.ok()},
          {"base", range.base},
          {"head", range.head},
          {"demand", demand.commits == MustCover::all ? "all" : "assisted"},
          {"totals",
           {{"commits", coverage.commits.size()},
            {"assisted", totals.assisted},
            {"demanded", totals.demanded},
            {"covered", totals.covered},
            {"uncovered", totals.uncovered},
            {"attestations", coverage.attestations.size()},
            {"invalid", problems.size()}}},
          {"commits", std::move(commits)},
          {"attestations", std::move(attestations)},
          {"problems", std::move(problems)}};
}

}  // namespace countersign::cli
