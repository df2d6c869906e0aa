// audit verify: the whole log and every signed vote in it, or one receipt, checked on this machine from files alone.
#include "audit/proof.h"
#include "audit/verify.h"
#include "cli/commands/commands.h"
#include "cli/locate.h"
#include "cli/render.h"
#include "cli/report.h"
#include "cli/text.h"
#include "cli/verifier_keys.h"
#include "cli/vote_check.h"
#include "core/problem.h"

namespace countersign::cli {
namespace {

// Of the receipt, by whichever of the keys has signed it.
Result<audit::ProvenRecord> prove(std::string_view receipt, const std::vector<audit::VerifierKey>& keys) {
  Result<audit::ProvenRecord> proven = fail(ErrorKind::forbidden, "audit.signature", "no key was given");
  for (const audit::VerifierKey& key : keys) {
    proven = audit::verify_receipt(receipt, key);
    if (proven || proven.error().code != "audit.signature") break;
  }
  return proven;
}

int verify_one(const AuditVerifyOptions& options) {
  constexpr std::size_t kReceiptBytes = 256U << 10;
  if (options.key.empty())
    return report_usage("--receipt goes with --key",
                        "a receipt proves nothing without the log's key, kept from before");
  auto keys = verifier_keys({options.key});
  if (!keys) return report_usage(keys.error().message);
  auto text = read_file(options.receipt, kReceiptBytes);
  if (!text) return report_usage("--receipt: " + text.error().message);
  auto proven = prove(*text, *keys);
  if (!proven) {
    report(proven.error(), "keep the file: it proves nothing about the record that it holds");
    return kNo;
  }
  auto record = parse_json(proven->line);
  if (!record || integer_or(*record, "seq", -1) != static_cast<std::int64_t>(proven->seq)) {
    report({ErrorKind::forbidden, "audit.corrupt", "what the log's key has signed in this place is no record of it"});
    return kNo;
  }
  const audit::Checkpoint& tree = proven->checkpoint;
  if (options.output == Output::json) {
    return finish(render_json({{"ok", true},
                               {"seq", proven->seq},
                               {"origin", tree.origin},
                               {"size", tree.size},
                               {"root", to_hex(tree.root)},
                               {"record", std::move(*record)}}));
  }
  return finish("proven: this is record " + std::to_string(proven->seq) + " of the " + std::to_string(tree.size) +
                " that " + one_line(tree.origin) + " has signed\n\n" +
                render_record(*record, Terminal::standard_output()));
}

}  // namespace

int run_audit_verify(const AuditVerifyOptions& options) {
  if (!options.receipt.empty()) return verify_one(options);
  constexpr std::size_t kCheckpointBytes = 64U << 10;
  std::filesystem::path folder = options.directory;
  if (options.directory.empty()) {
    auto state = state_folder(options.server);
    if (!state) return report(state.error());
    folder = *state / "audit";
  }
  audit::VerifyOptions verify;
  if (!options.key.empty()) {
    auto keys = verifier_keys({options.key});
    if (!keys) return report_usage(keys.error().message);
    if (keys->size() > 1) return report_usage("--key names several keys, and a log has one");
    verify.key = keys->front();
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
