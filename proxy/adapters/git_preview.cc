#include "proxy/adapters/git_preview.h"

#include <algorithm>

#include "core/json_reader.h"
#include "core/json_writer.h"
#include "proxy/adapters/git/objects/diff.h"
#include "proxy/adapters/git_operations.h"

namespace countersign::adapters {
namespace {

constexpr std::size_t kRefsShown = 20;
constexpr std::size_t kAllDiffs = 512U << 10;
constexpr std::size_t kCommitsShown = 100;
constexpr int kRounds = 3;

std::string short_id(std::string_view id) {
  return std::string(id.substr(0, 12));
}

std::string commits_text(const git::RefFacts& facts) {
  std::string out;
  for (std::size_t i = 0; i < facts.commits.size() && i < kCommitsShown; ++i) {
    const git::CommitFacts& commit = facts.commits[i];
    out += short_id(commit.id) + "  " + commit.subject + "\n              by " + commit.author.name + " <" +
           commit.author.email + ">";
    if (commit.signature != git::Signature::none)
      out += ", carries a signature (" + std::string(git::name_of(commit.signature)) + ", not checked)";
    for (const git::Assistance& each : commit.assistance) out += "\n              " + each.line;
    out += "\n";
  }
  if (facts.commit_count > kCommitsShown || facts.commits_truncated)
    out += "… and others, " + std::to_string(facts.commit_count) + " in all\n";
  if (facts.commits_unknown) out += "the upstream did not tell which others are new\n";
  return out;
}

std::string statistics_text(const git::RefCommand& command, const git::RefFacts& facts, const PushFindings& findings) {
  std::string out = command.ref + ": ";
  switch (facts.ancestry) {
    case git::Ancestry::created:
      out += "created at " + short_id(command.new_id);
      break;
    case git::Ancestry::removed:
      return out + "removed; it is at " + short_id(command.old_id) + "\n";
    case git::Ancestry::fast_forward:
      out += short_id(command.old_id) + " → " + short_id(command.new_id) + ", nothing is lost";
      break;
    case git::Ancestry::forced:
      out += short_id(command.old_id) + " → " + short_id(command.new_id) +
             ", FORCED: what it holds now does not stay in its history";
      break;
    case git::Ancestry::unknown:
      out += short_id(command.old_id) + " → " + short_id(command.new_id) + ", counts as FORCED: " +
             (findings.unsettled.empty() ? "its history could not be followed" : findings.unsettled);
      break;
  }
  out += "\n" + std::to_string(facts.commit_count) + (facts.commit_count == 1 ? " commit; " : " commits; ") +
         git::statistics(facts) + "\n";
  if (!facts.totals.largest_path.empty())
    out += "largest file: " + facts.totals.largest_path + ", " + std::to_string(facts.totals.largest_size) + " bytes\n";
  return out;
}

std::string secrets_text(const git::SecretReport& report) {
  std::string out;
  for (const git::SecretFinding& found : report.findings) {
    out += (found.path.empty() ? "message of " + short_id(found.commit)
                               : found.path + ":" + std::to_string(found.line) + " in " + short_id(found.commit)) +
           "  " + std::string(found.what) + "  " + found.excerpt + "\n";
  }
  if (report.finding_count > report.findings.size()) out += "… " + std::to_string(report.finding_count) + " in all\n";
  for (const std::string& path : report.unscanned) out += "not looked at: " + path + "\n";
  if (!report.complete) out += "not everything could be looked at\n";
  return out;
}

Task<Result<std::string>> diff_of(Doors* doors, const PushQuestion* question, const PushFindings* findings,
                                  const git::RefFacts* facts, git::DiffLimits limits) {
  for (int round = 0;; ++round) {
    const git::Missing missing = round < kRounds ? git::Missing::report : git::Missing::accept;
    auto write = [findings, facts, limits, missing] {
      return git::diff_text(*findings->quarantine, *facts, limits, missing);
    };
    auto diff = co_await blocking<git::OrNeeds<git::DiffText>>(doors, std::move(write));
    if (!diff) co_return fail(diff.error());
    if (auto* text = std::get_if<git::DiffText>(&*diff)) co_return std::move(text->text);
    const git::Needs* needs = &std::get<git::Needs>(*diff);
    std::shared_ptr<git::Cache> cache = findings->quarantine->cache();
    auto fetched = co_await fetch_needs(doors, question->workshop, question->upstream, std::move(cache), needs);
    if (!fetched) round = kRounds - 1;
  }
}

class PartsWriter {
 public:
  PartsWriter() { writer_.begin_object().key("parts").begin_array(); }
  void add(std::string_view title, std::string_view media_type, std::string_view text) {
    if (text.empty()) return;
    writer_.begin_object().member("media_type", media_type).member("text", text).member("title", title).end_object();
  }
  std::string finish(std::string_view sentence) {
    writer_.end_array().member("sentence", sentence).end_object();
    return std::move(out_);
  }

 private:
  std::string out_;
  JsonWriter writer_{out_};
};

}  // namespace

Task<Result<std::string>> preview_push(Doors* doors, const PushQuestion* question, const PushFindings* findings,
                                       std::string sentence) {
  PartsWriter parts;
  const auto& refs = findings->facts.refs;
  const auto& commands = question->push->commands;
  git::DiffLimits limits;
  limits.bytes = std::min(limits.bytes, kAllDiffs / std::max<std::size_t>(1, std::min(refs.size(), kRefsShown)));
  for (std::size_t i = 0; i < refs.size() && i < kRefsShown; ++i) {
    const git::RefFacts* facts = &refs[i];
    const std::string of = refs.size() > 1 ? " of " + short_name(commands[i].ref) : "";
    parts.add("statistics" + of, "text/plain", statistics_text(commands[i], *facts, *findings));
    if (commands[i].kind() == git::CommandKind::remove) continue;
    parts.add("commits" + of, "text/plain", commits_text(*facts));
    parts.add("files" + of, "text/plain", git::file_tree(*facts, 32U << 10));
    auto diff = co_await diff_of(doors, question, findings, facts, limits);
    if (!diff) co_return fail(diff.error());
    parts.add("diff" + of, "text/x-diff", *diff);
  }
  if (refs.size() > kRefsShown)
    parts.add("other refs", "text/plain", std::to_string(refs.size() - kRefsShown) + " more refs are not shown\n");
  parts.add("secrets", "text/plain", secrets_text(findings->secrets));
  co_return parts.finish(sentence);
}

Preview read_preview(std::string_view shown) {
  Preview out;
  auto document = JsonDocument::parse(shown);
  const bool sound = document && document->root().is_object();
  if (!sound) {
    out.sentence = "what was stored to be shown cannot be read";
    return out;
  }
  auto text_of = [](JsonValue value) { return std::string(value.string().value_or("")); };
  out.sentence = text_of(document->root().member("sentence"));
  for (JsonValue part = document->root().member("parts").first(); part; part = part.next()) {
    out.parts.push_back(
        {text_of(part.member("title")), text_of(part.member("media_type")), text_of(part.member("text"))});
  }
  return out;
}

}  // namespace countersign::adapters
