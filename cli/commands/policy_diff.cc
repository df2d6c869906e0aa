// policy diff and policy replay: what a draft changes, on paper and on what really happened.
#include <algorithm>

#include "cli/client.h"
#include "cli/commands/commands.h"
#include "cli/diagnostics.h"
#include "cli/policy_sources.h"
#include "cli/report.h"
#include "cli/text.h"
#include "policies/folder.h"
#include "policies/replay.h"
#include "policies/set_diff.h"

namespace countersign::cli {
namespace {

constexpr TimeMs kDay = 86'400'000;

// A folder's files; what is wrong with it goes to standard error.
std::optional<policies::SnapshotSource> read_set(const std::string& folder) {
  Problems problems;
  policies::SnapshotSource source = policies::read_folder(folder, problems);
  if (!has_errors(problems)) return source;
  std::ignore = report_usage(format_problem(problems.front()), "name the folder that holds the *.cedar files");
  return std::nullopt;
}

Json files_json(const policies::SnapshotSource& source) {
  Json out = Json::array();
  for (const policies::FileText* file : source.all()) out.push_back({{"path", file->name}, {"text", file->text}});
  return out;
}

std::string marked(const std::string& text, std::string_view mark) {
  std::string out;
  for (std::string_view rest = text; !rest.empty();) {
    std::size_t end = std::min(rest.find('\n'), rest.size());
    out += "  " + std::string(mark) + " " + one_line(std::string(rest.substr(0, end))) + "\n";
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return out;
}

// From the JSON of policies/set_diff.h, which the server sends too.
std::string render_diff(const Json& diff) {
  std::string out;
  for (const Json& file : diff["files"]) {
    const char* what = file["before"].is_null() ? "added" : file["after"].is_null() ? "removed" : "changed";
    out += "file " + one_line(file["path"].get<std::string>()) + ": " + what + "\n";
  }
  if (diff["policies"].is_null()) return out + "one of the two does not parse: policies are not compared\n";
  for (const Json& policy : diff["policies"]) {
    out += "\npolicy " + one_line(policy["id"].get<std::string>()) + " (" +
           one_line(policy["file"].get<std::string>()) + "): " + policy["change"].get<std::string>() + "\n";
    if (policy["before"].is_string()) out += marked(policy["before"].get<std::string>(), "-");
    if (policy["after"].is_string()) out += marked(policy["after"].get<std::string>(), "+");
  }
  return out.empty() ? "nothing differs\n" : out;
}

std::string joined(const Json& list) {
  std::string out;
  for (const Json& item : list) out += (out.empty() ? "" : ", ") + one_line(item.get<std::string>());
  return out.empty() ? "no policy" : out;
}

// From the JSON of policies/replay.h.
std::string render_replay(const Json& replay) {
  auto number = [](const Json& value) { return std::to_string(value.get<std::uint64_t>()); };
  std::string out = number(replay["operations"]) + " operations from " + replay["since"].get<std::string>() + " to " +
                    replay["until"].get<std::string>() + ": " + number(replay["same"]) + " decided as before\n";
  if (replay["more"].get<bool>()) out += "older ones were not looked at: a limit was reached\n";
  for (const auto& [why, count] : replay["unanswerable"].items())
    out += number(count) + " not answered: " + one_line(why) + "\n";
  for (const Json& flip : replay["flips"]) {
    out += "\n" + number(flip["count"]) + " × " + flip["from"].get<std::string>() + " → " +
           flip["to"].get<std::string>() + ": " + one_line(flip["agent"].get<std::string>()) + " " +
           one_line(flip["action"].get<std::string>()) + " " + one_line(flip["resource"].get<std::string>()) + "\n";
    out += "  before: " + joined(flip["policies_before"]) + "\n  after:  " + joined(flip["policies_after"]) + "\n  " +
           one_line(flip["reason"].get<std::string>()) + "\n";
  }
  std::uint64_t rest = replay["flips_not_listed"].get<std::uint64_t>();
  if (rest > 0) out += "\n" + std::to_string(rest) + " more decided otherwise, not listed\n";
  return out;
}

// Whether an answer has what is going to be read of it: the server may be of another version.
bool has_lists(const Json& answer, std::initializer_list<const char*> names) {
  return std::ranges::all_of(names, [&](const char* name) { return find_member(answer, name) != nullptr; });
}

int unexpected_answer() {
  return report(
      Error{ErrorKind::unavailable, "server.unexpected", "the server's answer is not what this version reads"});
}

int conclude_replay(const Json& replay, Output output) {
  if (!has_lists(replay, {"operations", "same", "since", "until", "more", "unanswerable", "flips", "flips_not_listed"}))
    return unexpected_answer();
  bool flips = !replay["flips"].empty() || replay["flips_not_listed"].get<std::uint64_t>() > 0;
  std::string text = output == Output::json ? replay.dump(2) + "\n" : render_replay(replay);
  return finish(text, flips ? kNo : kDone);
}

int replay_offline(const PolicyReplayOptions& options) {
  if (options.against == "running")
    return report_usage("--journal has no running policies to compare with", "leave out --against running");
  auto source = find_policies(options.directory, options.server.config);
  if (!source) return report(source.error()), kUsage;
  auto snapshot = load_policies(*source);
  if (snapshot == nullptr) return kUsage;
  const TimeMs now = SystemClock().now();
  policies::ReplayLimits limits;
  limits.operations = options.limit;
  auto done = policies::replay(options.journal, {*snapshot, nullptr, now - options.days * kDay, now + 1}, limits);
  if (!done) return report(done.error());
  return conclude_replay(policies::replay_json(*done), options.output);
}

}  // namespace

int run_policy_diff(const PolicyDiffOptions& options) {
  auto before = read_set(options.before);
  if (!before) return kUsage;
  Json diff;
  if (options.after.empty()) {
    auto client = Client::open(options.server);
    if (!client) return report(client.error());
    auto answer = client->post("/api/v1/policies/diff", {{"files", files_json(*before)}});
    if (!answer) return report(*client, answer.error());
    diff = std::move(*answer);
  } else {
    auto after = read_set(options.after);
    if (!after) return kUsage;
    diff = policies::diff_json(policies::diff_sets(*before, *after));
  }
  if (!has_lists(diff, {"files", "policies"})) return unexpected_answer();
  std::string text = options.output == Output::json ? diff.dump(2) + "\n" : render_diff(diff);
  return finish(text, diff["files"].empty() ? kDone : kNo);
}

int run_policy_replay(const PolicyReplayOptions& options) {
  if (!options.journal.empty()) return replay_offline(options);
  auto source = read_set(options.directory);
  if (!source) return kUsage;
  auto client = Client::open(options.server);
  if (!client) return report(client.error());
  auto answer = client->post(
      "/api/v1/policies/replay",
      {{"files", files_json(*source)}, {"days", options.days}, {"limit", options.limit}, {"against", options.against}});
  if (!answer) return report(*client, answer.error());
  return conclude_replay(*answer, options.output);
}

}  // namespace countersign::cli
