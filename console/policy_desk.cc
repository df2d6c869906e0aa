#include "console/policy_desk.h"

#include <algorithm>
#include <chrono>

#include "approvals/names.h"
#include "console/policy_schema.h"
#include "core/id.h"
#include "core/problem_json.h"
#include "policies/replay.h"
#include "policies/set_diff.h"
#include "policies/set_tests.h"

namespace countersign::console {

// A draft, looked into.
struct PolicyDesk::Checked {
  policies::SnapshotSource source;
  Problems problems;
  std::shared_ptr<const approvals::Ruleset> ruleset;  // null when it does not load
  policies::SetTests tests;

  [[nodiscard]] bool is_sound() const { return ruleset && tests.failed == 0; }
};

namespace {

constexpr std::chrono::seconds kPatience(5);
constexpr TimeMs kDay = 86'400'000;

Status check_description(const std::string& text) {
  if (text.empty() || text.size() > PolicyDesk::kMostDescription) {
    return fail(ErrorKind::invalid, "policies.description",
                "say in 1 to " + std::to_string(PolicyDesk::kMostDescription) + " characters what the edit is for");
  }
  return {};
}

std::unexpected<Error> outdated() {
  return fail(ErrorKind::conflict, "policies.outdated",
              "the running policies are not those the edit was made from: make it anew from what runs now");
}

// One person must not be two: not by another spelling of the name, nor by a token of the same lineage.
bool is_same_person(const Proposal& proposal, const Editor& who) {
  if (approvals::same_name(proposal.by, who.name)) return true;
  return std::ranges::any_of(
      who.chain, [&](const std::string& id) { return std::ranges::find(proposal.chain, id) != proposal.chain.end(); });
}

}  // namespace

Result<std::unique_ptr<PolicyDesk>> PolicyDesk::open(Parts parts) {
  auto proposals = Proposals::open(parts.state);
  if (!proposals) return fail(proposals.error());
  std::unique_ptr<PolicyDesk> out(new PolicyDesk(std::move(parts)));
  out->proposals_ = std::move(*proposals);
  policies::remove_leftovers(out->parts_.rulesets.folder());
  out->ruleset_changed();
  return out;
}

void PolicyDesk::ruleset_changed(std::string_view by) {
  auto running = parts_.rulesets.current();
  auto history = proposals_->history();
  const bool known = !history.empty() && history.front().digest == running->digest();
  if (known && (by.empty() || !history.front().by.empty())) return;
  Activation activation{running->digest(), running->loaded, std::string(by), "", "", "", ""};
  if (!history.empty()) activation.replaced = known ? history.front().replaced : history.front().digest;
  // The history is a convenience; that a set runs is in the audit log.
  std::ignore = proposals_->note_activation(std::move(activation), *running->files);
}

Json PolicyDesk::files() const {
  auto running = parts_.rulesets.current();
  Json files = Json::array();
  for (const policies::FileText* file : running->files->all())
    files.push_back({{"path", file->name}, {"text", file->text}});
  Status writable = must_be_writable();
  return {{"digest", running->digest()},
          {"files", std::move(files)},
          {"read_only", writable ? std::string() : writable.error().message}};
}

Json PolicyDesk::schema() const {
  return schema_json(*parts_.rulesets.current());
}

Result<PolicyDesk::Place> PolicyDesk::take_place() {
  if (places_.try_acquire_for(kPatience)) return Place(&places_);
  return fail(ErrorKind::unavailable, "policies.busy", "other drafts are being looked into: try again in a moment");
}

PolicyDesk::Checked PolicyDesk::look_into(const Files& files) const {
  Checked out;
  out.source = policies::read_draft(files, out.problems);
  if (has_errors(out.problems)) return out;
  out.ruleset = approvals::load_ruleset(out.source, parts_.rulesets.upstreams(), parts_.clock.now(), out.problems);
  if (out.ruleset) out.tests = policies::run_set_tests(out.source, parts_.rulesets.upstreams());
  return out;
}

Json PolicyDesk::check_json(const Checked& checked) const {
  return {{"ok", checked.is_sound()},
          {"digest", checked.ruleset ? checked.ruleset->digest() : std::string()},
          {"problems", problems_json(checked.problems)},
          {"tests", checked.ruleset ? policies::set_tests_json(checked.tests) : Json(nullptr)}};
}

Status PolicyDesk::must_be_sound(const Checked& checked) const {
  if (!checked.ruleset) {
    auto first = std::ranges::find(checked.problems, Severity::error, &Problem::severity);
    std::string why = first == checked.problems.end() ? std::string() : ": " + format_problem(*first);
    return fail(ErrorKind::invalid, "policies.invalid", "the policies do not load" + why);
  }
  if (checked.tests.failed > 0) {
    return fail(ErrorKind::invalid, "policies.tests_failed",
                std::to_string(checked.tests.failed) + " of the tests that come with the policies fail");
  }
  return {};
}

Status PolicyDesk::must_be_writable() const {
  if (!parts_.read_only.empty())
    return fail(ErrorKind::conflict, "policies.read_only", "the policies are not edited here: " + parts_.read_only);
  return policies::check_writable(parts_.rulesets.folder());
}

Result<Json> PolicyDesk::check(const Files& files) {
  auto place = take_place();
  if (!place) return fail(place.error());
  return check_json(look_into(files));
}

Result<Json> PolicyDesk::diff(const Files& files) const {
  Problems problems;
  policies::SnapshotSource draft = policies::read_draft(files, problems);
  if (has_errors(problems)) return fail(ErrorKind::invalid, problems.front().code, format_problem(problems.front()));
  return policies::diff_json(policies::diff_sets(*parts_.rulesets.current()->files, draft));
}

Result<Json> PolicyDesk::replay(const Files& files, int days, std::uint64_t limit, Against against) {
  if (parts_.journal == nullptr || !parts_.journal->is_on()) {
    return fail(ErrorKind::unsupported, "policies.nothing_recorded",
                "no operations are recorded here: set `journal` in the configuration");
  }
  auto place = take_place();
  if (!place) return fail(place.error());
  Problems problems;
  policies::SnapshotSource draft = policies::read_draft(files, problems);
  std::shared_ptr<const policies::Snapshot> snapshot;
  if (!has_errors(problems)) snapshot = policies::Snapshot::load(draft, parts_.rulesets.upstreams(), problems);
  if (!snapshot) {
    auto first = std::ranges::find(problems, Severity::error, &Problem::severity);
    return fail(ErrorKind::invalid, "policies.invalid", "the policies do not load: " + format_problem(*first));
  }
  parts_.journal->flush();
  auto running = parts_.rulesets.current();
  const TimeMs now = parts_.clock.now();
  policies::ReplayQuestion question{*snapshot, against == Against::running ? running->policies.get() : nullptr,
                                    now - days * kDay, now + 1};
  policies::ReplayLimits limits;
  limits.operations = std::min(limits.operations, limit);
  auto done = policies::replay(parts_.journal->folder(), question, limits);
  if (!done) return fail(done.error());
  Json out = policies::replay_json(*done);
  out["against"] = against == Against::running ? "running" : "recorded";
  out["lost"] = parts_.journal->dropped();
  return out;
}

Result<Proposal> PolicyDesk::propose(const Files& files, const std::string& base, const std::string& description,
                                     const Editor& author) {
  if (auto fine = check_description(description); !fine) return fail(fine.error());
  auto place = take_place();
  if (!place) return fail(place.error());
  auto running = parts_.rulesets.current();
  if (base != running->digest()) return outdated();
  if (auto writable = must_be_writable(); !writable) return fail(writable.error());
  Checked checked = look_into(files);
  if (auto sound = must_be_sound(checked); !sound) return fail(sound.error());
  if (policies::same_files(checked.source, *running->files))
    return fail(ErrorKind::invalid, "policies.unchanged", "these are the policies that run already");
  Proposal proposal;
  proposal.created = parts_.clock.now();
  proposal.id = new_short_id("pol_", proposal.created);
  proposal.by = author.name;
  proposal.chain = author.chain;
  proposal.description = description;
  proposal.base = base;
  proposal.digest = checked.ruleset->digest();
  for (const policies::FileText* file : checked.source.all()) proposal.files.push_back({file->name, file->text});
  if (auto added = proposals_->add(proposal); !added) return fail(added.error());
  return proposal;
}

Result<Proposal> PolicyDesk::propose_rollback(const std::string& digest, const std::string& reason,
                                              const Editor& author) {
  auto files = proposals_->files_of(digest);
  if (!files) return fail(files.error());
  return propose(*files, parts_.rulesets.current()->digest(), "back to " + digest.substr(0, 12) + ": " + reason,
                 author);
}

Status PolicyDesk::withdraw(const std::string& id, const std::string& reason, const Editor& who) {
  // What is being put into force at this moment is not withdrawn underneath.
  const std::unique_lock nobody_activates(activating_, std::try_to_lock);
  if (!nobody_activates) {
    return fail(ErrorKind::unavailable, "policies.busy",
                "a proposal is being put into force at this moment: try again in a moment");
  }
  return proposals_->close(id, Proposal::State::withdrawn, who.name, reason, parts_.clock.now());
}

Result<PolicyDesk::Activated> PolicyDesk::activate(const std::string& id, const std::string& reason, const Editor& who,
                                                   const AboutTo& about_to) {
  std::lock_guard one_at_a_time(activating_);
  auto proposal = proposals_->find(id);
  if (!proposal) return fail(proposal.error());
  if (proposal->state != Proposal::State::open)
    return fail(ErrorKind::conflict, "proposals.closed", "the proposal is " + std::string(name_of(proposal->state)));
  if (is_same_person(*proposal, who)) {
    return fail(ErrorKind::forbidden, "policies.self",
                "an edit of policies takes two people: whoever proposed it cannot activate it");
  }
  auto running = parts_.rulesets.current();
  if (proposal->base != running->digest()) return outdated();
  auto place = take_place();
  if (!place) return fail(place.error());
  if (auto writable = must_be_writable(); !writable) return fail(writable.error());
  Checked checked = look_into(proposal->files);
  if (auto sound = must_be_sound(checked); !sound) return fail(sound.error());

  Activated out{std::move(*proposal), running->digest(), checked.ruleset->digest()};
  if (auto go = about_to(out); !go) return fail(go.error());
  const std::filesystem::path& folder = parts_.rulesets.folder();
  if (auto written = policies::write_policy_folder(folder, *running->files, checked.source); !written)
    return fail(written.error());
  auto reloaded = parts_.reload();
  if (reloaded.digest != out.after) {
    // It loaded a moment ago and does not now: back to what runs.
    std::ignore = policies::write_policy_folder(folder, checked.source, *running->files);
    return fail(ErrorKind::internal, "policies.activation_failed",
                "the new policies did not load from their folder; the old ones are back and run on");
  }
  const TimeMs now = parts_.clock.now();
  Status noted = proposals_->note_activation(
      {out.after, now, who.name, out.proposal.by, out.proposal.description, out.proposal.id, out.before},
      checked.source);
  Status closed = proposals_->close(id, Proposal::State::activated, who.name, reason, now);
  if (!noted) return fail(noted.error());
  if (!closed) return fail(closed.error());
  out.proposal.state = Proposal::State::activated;
  out.proposal.closed_by = who.name;
  out.proposal.closed = now;
  out.proposal.reason = reason;
  return out;
}

Json PolicyDesk::proposal_json(const Proposal& proposal) const {
  bool stale = proposal.state == Proposal::State::open && proposal.base != parts_.rulesets.current()->digest();
  Json out = {{"id", proposal.id},
              {"state", stale ? std::string("outdated") : std::string(name_of(proposal.state))},
              {"by", proposal.by},
              {"created", format_time(proposal.created)},
              {"description", proposal.description},
              {"base", proposal.base},
              {"digest", proposal.digest}};
  if (proposal.state == Proposal::State::open) return out;
  std::string_view what = name_of(proposal.state);
  out[std::string(what) + "_by"] = proposal.closed_by;
  out[std::string(what)] = format_time(proposal.closed);
  out["reason"] = proposal.reason;
  return out;
}

Json PolicyDesk::list() const {
  Json proposals = Json::array();
  for (const Proposal& proposal : proposals_->list()) proposals.push_back(proposal_json(proposal));
  return {{"proposals", std::move(proposals)}};
}

Result<Json> PolicyDesk::show(const std::string& id) {
  auto proposal = proposals_->find(id);
  if (!proposal) return fail(proposal.error());
  auto place = take_place();
  if (!place) return fail(place.error());
  Json out = proposal_json(*proposal);
  Json files = Json::array();
  for (const policies::DraftFile& file : proposal->files) files.push_back({{"path", file.path}, {"text", file.text}});
  out["files"] = std::move(files);
  // Compared with the set it was made from, which may not be the one that runs any more.
  Problems problems;
  auto base = proposals_->files_of(proposal->base);
  policies::SnapshotSource before = base ? policies::read_draft(*base, problems) : *parts_.rulesets.current()->files;
  out["diff"] = policies::diff_json(policies::diff_sets(before, policies::read_draft(proposal->files, problems)));
  if (proposal->state == Proposal::State::open) out["check"] = check_json(look_into(proposal->files));
  return out;
}

Json PolicyDesk::history() const {
  Json out = Json::array();
  for (const Activation& each : proposals_->history()) {
    out.push_back({{"digest", each.digest},
                   {"activated", format_time(each.activated)},
                   {"by", each.by},
                   {"proposed_by", each.proposed_by},
                   {"description", each.description},
                   {"proposal", each.proposal},
                   {"replaced", each.replaced}});
  }
  return {{"history", std::move(out)}};
}

}  // namespace countersign::console
