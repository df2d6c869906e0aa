#include "cli/render_tests.h"

#include "cli/render_explain.h"

namespace countersign::cli {
namespace {

using policies::CoveredPart;
using policies::CoveredPolicy;
using policies::TestOutcome;

std::string explanation_text(const TestOutcome& outcome, const Terminal& terminal) {
  if (const auto* plain = std::get_if<policies::PlainExplanation>(&outcome.explanation))
    return render_explanation(*plain, policies::Show::matching, terminal);
  return render_explanation(std::get<policies::Explanation>(outcome.explanation), *outcome.question,
                            policies::Show::matching, terminal);
}

Json explanation_json(const TestOutcome& outcome) {
  if (const auto* plain = std::get_if<policies::PlainExplanation>(&outcome.explanation))
    return policies::to_json(*plain, policies::Show::matching);
  return policies::to_json(std::get<policies::Explanation>(outcome.explanation), *outcome.question,
                           policies::Show::matching);
}

std::vector<std::string> missing(const CoveredPart& part) {
  std::vector<std::string> out;
  bool head = part.part == "head";
  if (part.yes == 0) out.emplace_back(head ? "matches" : "true");
  if (part.no == 0 && part.can_be_false) out.emplace_back(head ? "does not match" : "false");
  return out;
}

std::string render_coverage(const policies::Coverage& coverage, CoverageRows rows, const Terminal& terminal) {
  std::string out = "coverage: " + std::to_string(coverage.covered()) + " of " + std::to_string(coverage.outcomes()) +
                    " outcomes, " + std::to_string(coverage.percent()) + " %\n";
  Table table({{"POLICY", 12}, {"PART", 6}, {"WHERE", 8}, {"TRUE", 4}, {"FALSE", 5}, {"FAILED", 6}, {"NEVER", 10}});
  for (const CoveredPolicy& policy : coverage.policies()) {
    for (const CoveredPart& part : policy.parts) {
      std::string never;
      for (const std::string& each : missing(part)) never += (never.empty() ? "" : ", ") + each;
      if (never.empty() && rows == CoverageRows::incomplete) continue;
      std::string file = part.place.file.substr(part.place.file.rfind('/') + 1);
      table.add({one_line(policy.id), part.part, one_line(file) + ":" + std::to_string(part.place.line),
                 std::to_string(part.yes), part.can_be_false ? std::to_string(part.no) : "-",
                 std::to_string(part.failed), never},
                never.empty() ? Style::plain : Style::yellow, 6);
    }
  }
  return table.empty() ? out : out + table.render(terminal);
}

Json part_json(const CoveredPart& part) {
  return {{"part", part.part}, {"file", part.place.file}, {"line", part.place.line}, {"column", part.place.column},
          {"true", part.yes},  {"false", part.no},        {"failed", part.failed},   {"never", missing(part)}};
}

}  // namespace

std::string render_tests(const std::vector<TestedFile>& files, const policies::Coverage& coverage, CoverageRows rows,
                         const Terminal& terminal) {
  std::string out;
  std::size_t passed = 0;
  std::size_t failed = 0;
  std::size_t unreadable = 0;
  for (const TestedFile& file : files) {
    out += terminal.styled(Style::bold, one_line(file.path)) + "\n";
    for (const TestOutcome& outcome : file.outcomes) {
      bool good = outcome.has_passed();
      ++(good ? passed : failed);
      out += "  " + (good ? terminal.styled(Style::green, "ok  ") : terminal.styled(Style::red, "FAIL")) + "  " +
             one_line(outcome.name) + "\n";
      for (const std::string& difference : outcome.differences) out += "        " + one_line(difference) + "\n";
      if (!good) out += "\n" + indented(explanation_text(outcome, terminal), 8);
    }
    for (const std::string& each : file.unreadable) {
      ++unreadable;
      out += "  " + terminal.styled(Style::red, "????") + "  " + one_line(each) + "\n";
    }
  }
  out += "\n" + std::to_string(passed) + " passed, " + std::to_string(failed) + " failed";
  if (unreadable > 0) out += ", " + std::to_string(unreadable) + " unreadable";
  return out + "\n" + render_coverage(coverage, rows, terminal);
}

Json tests_json(const std::vector<TestedFile>& files, const policies::Coverage& coverage) {
  std::size_t passed = 0;
  std::size_t failed = 0;
  std::size_t unreadable = 0;
  Json cases = Json::array();
  for (const TestedFile& file : files) {
    for (const TestOutcome& outcome : file.outcomes) {
      ++(outcome.has_passed() ? passed : failed);
      Json one = {{"file", file.path},
                  {"name", outcome.name},
                  {"passed", outcome.has_passed()},
                  {"expected", outcome.expected},
                  {"got", outcome.got},
                  {"policies", outcome.policies},
                  {"approvals", outcome.approvals},
                  {"errors", outcome.errors},
                  {"differences", outcome.differences}};
      if (!outcome.has_passed()) one["explanation"] = explanation_json(outcome);
      cases.push_back(std::move(one));
    }
    for (const std::string& each : file.unreadable) {
      ++unreadable;
      cases.push_back({{"file", file.path}, {"passed", false}, {"unreadable", each}});
    }
  }
  Json covered = Json::array();
  for (const CoveredPolicy& policy : coverage.policies()) {
    Json parts = Json::array();
    for (const CoveredPart& part : policy.parts) parts.push_back(part_json(part));
    covered.push_back({{"id", policy.id},
                       {"effect", policy.effect == cedar::Effect::permit ? "permit" : "forbid"},
                       {"parts", std::move(parts)}});
  }
  return {{"passed", passed},
          {"failed", failed},
          {"unreadable", unreadable},
          {"cases", std::move(cases)},
          {"coverage",
           {{"covered", coverage.covered()},
            {"outcomes", coverage.outcomes()},
            {"percent", coverage.percent()},
            {"policies", std::move(covered)}}}};
}

}  // namespace countersign::cli
