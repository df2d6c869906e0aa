// audit verify: the whole log and every signed vote in it checked on this machine, from its files alone.
#include "audit/verify.h"
#include "cli/commands/commands.h"
#include "cli/locate.h"
#include "cli/render.h"
#include "cli/report.h"
#include "cli/vote_check.h"
#include "core/problem.h"

namespace countersign::cli {

int run_audit_verify(const AuditVerifyOptions& options) {
  constexpr std::size_t kCheckpointBytes = 64U << 10;
  std::filesystem::path folder = options.directory;
  if (options.directory.empty()) {
    auto state = state_folder(options.server);
    if (!state) return report(state.error());
    folder = *state / "audit";
  }
  audit::VerifyOptions verify;
  if (!options.key.empty()) {
    auto key = audit::VerifierKey::parse(options.key);
    if (!key) return report_usage("--key is not a verifier key", "it looks like <name>+<8 hex digits>+<base64>");
    verify.key = *key;
  }
  if (!options.since.empty()) {
    auto text = read_file(options.since, kCheckpointBytes);
    if (!text) return report_usage("--since: " + text.error().message);
    verify.since = std::move(*text);
  }
  VoteCheck votes;
  verify.judge = [&votes](const audit::CheckedRecord& record) { return votes.judge(record); };
  auto done = audit::verify(folder, verify);
  if (!done) {
    int code = report(done.error(), "--dir names the log's folder; it is `audit` in the state folder");
    return code == kUnreachable ? kNo : code;
  }
  std::string text;
  if (options.output == Output::json) {
    Json json = done->json();
    json["votes"] = votes.summary().json();
    text = render_json(json);
  } else {
    text = many_lines(done->text() + votes.summary().text());
  }
  return finish(text, done->ok() ? kDone : kNo);
}

}  // namespace countersign::cli
