// Any bytes as the body of a policy draft, checked as the console checks one: it loads or there is an error that says
// why, the order in which its files come makes no difference, and its tests can be run.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "approvals/ruleset.h"
#include "policies/draft_json.h"
#include "policies/set_tests.h"

namespace {

using namespace countersign;

const std::vector<config::Upstream>& upstreams() {
  static const std::vector<config::Upstream> all = [] {
    config::Upstream files;
    files.name = "files";
    files.protocol = "mcp";
    files.command = {"server"};
    files.labels.environment = "production";
    return std::vector{files};
  }();
  return all;
}

struct Checked {
  policies::SnapshotSource source;
  std::shared_ptr<const approvals::Ruleset> ruleset;
  Problems problems;
};

Checked check(const std::vector<policies::DraftFile>& files) {
  constexpr TimeMs kNow = 1'795'000'600'000;
  Checked out;
  out.source = policies::read_draft(files, out.problems);
  if (!has_errors(out.problems)) out.ruleset = approvals::load_ruleset(out.source, upstreams(), kNow, out.problems);
  if ((out.ruleset == nullptr) != has_errors(out.problems)) std::abort();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto body = parse_json({reinterpret_cast<const char*>(data), size}, policies::kDraftJsonLimits);
  if (!body) return 0;
  auto files = policies::draft_files(*body);
  if (!files) return 0;
  const Checked first = check(*files);
  for (const policies::FileText* file : first.source.all()) {
    if (!policies::is_policy_file(file->name)) std::abort();
  }
  std::ranges::reverse(*files);
  const Checked second = check(*files);
  if ((first.ruleset == nullptr) != (second.ruleset == nullptr)) std::abort();
  if (!first.ruleset) return 0;
  if (first.ruleset->digest() != second.ruleset->digest()) std::abort();
  const auto tests = policies::run_set_tests(first.source, upstreams());
  if (policies::set_tests_json(tests) != policies::set_tests_json(policies::run_set_tests(second.source, upstreams())))
    std::abort();
  return 0;
}
