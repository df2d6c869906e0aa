#include "approvals/emergencies.h"

#include <algorithm>
#include <array>

#include "approvals/names.h"
#include "core/json.h"

namespace countersign::approvals {
namespace {

constexpr std::size_t kMostListed = 1'000;
constexpr std::size_t kMostComment = 4'000;

constexpr std::array<std::string_view, 1> kSteps{R"sql(
CREATE TABLE emergencies (
  number INTEGER PRIMARY KEY,
  request TEXT NOT NULL UNIQUE,
  terms TEXT NOT NULL, voters TEXT NOT NULL,
  started INTEGER NOT NULL, until INTEGER NOT NULL, closed INTEGER NOT NULL, closed_by TEXT NOT NULL,
  uses INTEGER NOT NULL,
  review_due INTEGER NOT NULL, reviewed INTEGER NOT NULL, reviewed_by TEXT NOT NULL, review TEXT NOT NULL
) STRICT;
CREATE TABLE emergency_uses (
  request TEXT NOT NULL REFERENCES emergencies(request),
  number INTEGER NOT NULL,
  at INTEGER NOT NULL, operation TEXT NOT NULL,
  PRIMARY KEY (request, number)
) STRICT, WITHOUT ROWID;
)sql"};

constexpr std::string_view kSelect =
    "SELECT request, terms, voters, started, until, closed, closed_by, uses, review_due, reviewed, reviewed_by, review "
    "FROM emergencies ";

// Whose votes count today, most senior first: [{"at","by","level"}].
std::vector<policies::ApprovalFact> voters_of(const HeldRequest& request, std::span<const Progress> progress_of_all) {
  std::vector<policies::ApprovalFact> out;
  for (const Progress& progress : progress_of_all) {
    for (std::size_t index : progress.votes) {
      const Vote& vote = request.votes[index];
      if (std::ranges::find(out, vote.by, &policies::ApprovalFact::by) == out.end())
        out.push_back({"", vote.by, vote.level, vote.at});
    }
  }
  auto seniority = [](const policies::ApprovalFact& fact) {
    return std::pair(-policies::rank_of(level_from_name(fact.level).value_or(Level::junior)), fact.at);
  };
  std::ranges::sort(out, {}, seniority);
  return out;
}

std::string voters_text(const std::vector<policies::ApprovalFact>& voters) {
  Json out = Json::array();
  for (const policies::ApprovalFact& voter : voters)
    out.push_back({{"at", voter.at}, {"by", voter.by}, {"level", voter.level}});
  return out.dump();
}

Result<std::vector<policies::ApprovalFact>> voters_in(const std::string& text) {
  Result<Json> json = parse_json(text);
  if (!json || !json->is_array()) return fail(ErrorKind::internal, "store.corrupt", "an emergency's voters");
  std::vector<policies::ApprovalFact> out;
  for (const Json& each : *json)
    out.push_back({"", string_or(each, "by", ""), string_or(each, "level", ""), integer_or(each, "at", 0)});
  return out;
}

std::vector<policies::ApprovalFact> facts_for(const std::vector<std::string>& rules,
                                              const policies::ApprovalFact& most_senior) {
  std::vector<policies::ApprovalFact> out;
  for (const std::string& rule : rules) {
    out.push_back(most_senior);
    out.back().rule = rule;
  }
  return out;
}

std::unexpected<Error> unknown() {
  return fail(ErrorKind::not_found, "break_glass.unknown", "no glass was broken by this request");
}

Result<KeptEmergency> read_row(const sql::Statement& row) {
  KeptEmergency out;
  Emergency& emergency = out.emergency;
  emergency.request = row.text(0);
  Result<EmergencyTerms> terms = parse_terms(row.text(1));
  Result<std::vector<policies::ApprovalFact>> voters = voters_in(row.text(2));
  if (!terms) return fail(terms.error());
  if (!voters) return fail(voters.error());
  emergency.terms = std::move(*terms);
  out.voters = std::move(*voters);
  for (const policies::ApprovalFact& voter : out.voters) emergency.by.push_back(voter.by);
  emergency.started = row.integer(3);
  emergency.until = row.integer(4);
  emergency.closed = row.integer(5);
  emergency.closed_by = row.text(6);
  emergency.uses = row.integer(7);
  emergency.review_due = row.integer(8);
  emergency.reviewed = row.integer(9);
  emergency.reviewed_by = row.text(10);
  emergency.review = row.text(11);
  return out;
}

Result<std::vector<KeptEmergency>> read_all(sql::Statement& statement) {
  std::vector<KeptEmergency> out;
  for (;;) {
    Result<sql::Step> step = statement.step();
    if (!step) return fail(step.error());
    if (*step == sql::Step::done) return out;
    Result<KeptEmergency> row = read_row(statement);
    if (!row) return fail(row.error());
    out.push_back(std::move(*row));
  }
}

}  // namespace

std::string_view step_name(EmergencyStep step) {
  switch (step) {
    case EmergencyStep::started:
      return "started";
    case EmergencyStep::used:
      return "used";
    case EmergencyStep::closed:
      return "closed";
    case EmergencyStep::reviewed:
      return "reviewed";
  }
  return "";
}

Result<std::unique_ptr<Emergencies>> Emergencies::open(const std::filesystem::path& file, const sql::Options& options) {
  Result<sql::Database> database = sql::Database::open(file, options);
  if (!database) return fail(database.error());
  if (Status ready = sql::apply_schema(*database, "break_glass", kSteps); !ready) return fail(ready.error());
  std::unique_ptr<Emergencies> out(new Emergencies(std::move(*database)));
  if (Status loaded = out->load_memory(); !loaded) return fail(loaded.error());
  return out;
}

Status Emergencies::load_memory() {
  Result<sql::Statement> rows = database_.prepare(std::string(kSelect) + "WHERE reviewed = 0 ORDER BY number");
  if (!rows) return fail(rows.error());
  Result<std::vector<KeptEmergency>> read = read_all(*rows);
  if (!read) return fail(read.error());
  kept_ = std::move(*read);
  return {};
}

Result<Emergency> Emergencies::find(std::string_view request) {
  Result<sql::Statement> rows = database_.prepare(std::string(kSelect) + "WHERE request = ?");
  if (!rows) return fail(rows.error());
  Result<std::vector<KeptEmergency>> read = read_all(rows->bind(request));
  if (!read) return fail(read.error());
  if (read->empty()) return unknown();
  return std::move(read->front().emergency);
}

// What people are told (approvals/notify), in the table of the queue.
Status Emergencies::tell(std::string_view what, std::string_view request) {
  Result<sql::Statement> row = database_.prepare("INSERT INTO events (at, name, request) VALUES (?, ?, ?)");
  if (!row) return fail(row.error());
  return row->bind(SystemClock().now(), what, request).run();
}

Result<Emergency> Emergencies::start(const HeldRequest& request, const Rules& rules, TimeMs now) {
  Result<EmergencyTerms> terms = parse_terms(request.frozen.head);
  if (!terms) return fail(terms.error());
  const std::scoped_lock hold(lock_);
  Result<sql::Transaction> transaction = sql::Transaction::begin(database_);
  if (!transaction) return fail(transaction.error());
  if (Result<Emergency> before = find(request.id); before || before.error().code != "break_glass.unknown")
    return before;

  // Rules that became stricter while people signed count.
  const std::vector<Progress> progress = progress_of(request, rules, now);
  EmergencyTerms allowed = *terms;
  if (rules.break_glass) allowed.duration = std::min(allowed.duration, rules.break_glass->longest);
  if (!all_satisfied(progress) || (rules.break_glass && !check_terms(allowed, rules))) {
    return fail(ErrorKind::conflict, "break_glass.changed",
                "approvals.yaml became stricter while people signed: ask anew");
  }
  KeptEmergency kept{{.request = request.id, .terms = std::move(*terms)}, voters_of(request, progress)};
  Emergency& emergency = kept.emergency;
  for (const policies::ApprovalFact& voter : kept.voters) emergency.by.push_back(voter.by);
  const TimeMs longest = rules.break_glass ? rules.break_glass->longest : 0;
  emergency.started = now;
  emergency.until = now + std::min(emergency.terms.duration, longest);
  emergency.review_due = emergency.until + (rules.break_glass ? rules.break_glass->review_within : 0);
  Result<sql::Statement> row = database_.prepare(
      "INSERT INTO emergencies (request, terms, voters, started, until, closed, closed_by, uses, "
      "review_due, reviewed, reviewed_by, review) VALUES (?, ?, ?, ?, ?, 0, '', 0, ?, 0, '', '')");
  if (!row) return fail(row.error());
  row->bind(emergency.request, text_of(emergency.terms), voters_text(kept.voters), emergency.started, emergency.until,
            emergency.review_due);
  Status done = row->run();
  if (done) done = tell("break_glass_started", emergency.request);
  if (done) done = transaction->commit();
  if (!done) return fail(done.error());
  kept_.push_back(kept);
  note(kept.emergency, EmergencyStep::started);
  return kept.emergency;
}

bool Emergencies::covers_now(const EmergencyQuestion& question, TimeMs now) const {
  const std::scoped_lock hold(lock_);
  return std::ranges::any_of(kept_, [&](const KeptEmergency& kept) {
    return kept.emergency.is_open(now) && covers(kept.emergency.terms, question);
  });
}

Result<std::optional<EmergencyUse>> Emergencies::use(const EmergencyQuestion& question,
                                                     const std::vector<std::string>& rules, std::string_view operation,
                                                     TimeMs now, const Suffices& suffices) {
  const std::scoped_lock hold(lock_);
  std::vector<policies::ApprovalFact> facts;
  auto found = std::ranges::find_if(kept_, [&](const KeptEmergency& kept) {
    if (!kept.emergency.is_open(now) || kept.voters.empty() || !covers(kept.emergency.terms, question)) return false;
    facts = facts_for(rules, kept.voters.front());
    return !suffices || suffices(facts);
  });
  if (found == kept_.end()) return std::nullopt;
  const Emergency& emergency = found->emergency;
  Result<sql::Transaction> transaction = sql::Transaction::begin(database_);
  if (!transaction) return fail(transaction.error());
  Result<sql::Statement> count = database_.prepare("UPDATE emergencies SET uses = uses + 1 WHERE request = ?");
  if (!count) return fail(count.error());
  Status done = count->bind(emergency.request).run();
  Result<sql::Statement> row = database_.prepare("INSERT INTO emergency_uses VALUES (?, ?, ?, ?)");
  if (!row) return fail(row.error());
  if (done) done = row->bind(emergency.request, emergency.uses + 1, now, operation).run();
  if (done) done = tell("break_glass_used", emergency.request);
  if (done) done = transaction->commit();
  if (!done) return fail(done.error());
  ++found->emergency.uses;
  note(emergency, EmergencyStep::used);
  return EmergencyUse{emergency.request, std::move(facts), emergency.uses};
}

Status Emergencies::update(const Emergency& emergency) {
  Result<sql::Statement> row = database_.prepare(
      "UPDATE emergencies SET closed = ?, closed_by = ?, review_due = ?, reviewed = ?, reviewed_by = ?, review = ? "
      "WHERE request = ?");
  if (!row) return fail(row.error());
  row->bind(emergency.closed, emergency.closed_by, emergency.review_due, emergency.reviewed, emergency.reviewed_by,
            emergency.review, emergency.request);
  if (Status done = row->run(); !done) return done;
  for (KeptEmergency& kept : kept_) {
    if (kept.emergency.request == emergency.request) kept.emergency = emergency;
  }
  std::erase_if(kept_, [](const KeptEmergency& kept) { return kept.emergency.reviewed != 0; });
  return {};
}

Result<Emergency> Emergencies::close(std::string_view request, std::string_view by, TimeMs now) {
  const std::scoped_lock hold(lock_);
  Result<Emergency> emergency = find(request);
  if (!emergency) return emergency;
  if (!emergency->is_open(now)) return fail(ErrorKind::conflict, "break_glass.over", "it is over already");
  emergency->closed = now;
  emergency->closed_by = by;
  emergency->review_due -= emergency->until - now;  // so long after its end, which is now
  if (Status done = update(*emergency); !done) return fail(done.error());
  note(*emergency, EmergencyStep::closed);
  return emergency;
}

Result<Emergency> Emergencies::reviewable(std::string_view request, const Approver& reviewer, std::string_view owner,
                                          std::string_view comment, const Rules& rules, TimeMs now) {
  if (comment.size() < 10 || comment.size() > kMostComment)
    return fail(ErrorKind::invalid, "break_glass.comment",
                "say what was done and whether it was right: 10 to 4,000 bytes");
  Result<Emergency> emergency = find(request);
  if (!emergency) return emergency;
  if (emergency->is_open(now))
    return fail(ErrorKind::conflict, "break_glass.open", "it is reviewed when it is over: close it first");
  if (emergency->reviewed != 0)
    return fail(ErrorKind::conflict, "break_glass.reviewed", emergency->reviewed_by + " has reviewed it");
  const bool own = contains_name(emergency->by, reviewer.name) ||
                   same_name(emergency->terms.opened_by, reviewer.name) || same_name(owner, reviewer.name);
  if (own) return fail(ErrorKind::forbidden, "break_glass.own", "somebody else reviews what you had a part in");
  const bool asked = rules.break_glass && std::ranges::any_of(rules.break_glass->reviewers, [&](const Group& group) {
                       return group.has(reviewer.name, reviewer.teams);
                     });
  if (!asked) return fail(ErrorKind::forbidden, "break_glass.not_reviewer", "approvals.yaml names other reviewers");
  return emergency;
}

Status Emergencies::check_review(std::string_view request, const Approver& reviewer, std::string_view owner,
                                 std::string_view comment, const Rules& rules, TimeMs now) {
  const std::scoped_lock hold(lock_);
  Result<Emergency> emergency = reviewable(request, reviewer, owner, comment, rules, now);
  return emergency ? Status() : fail(emergency.error());
}

Result<Emergency> Emergencies::review(std::string_view request, const Approver& reviewer, std::string_view owner,
                                      std::string_view comment, const Rules& rules, TimeMs now) {
  const std::scoped_lock hold(lock_);
  Result<Emergency> emergency = reviewable(request, reviewer, owner, comment, rules, now);
  if (!emergency) return emergency;
  emergency->reviewed = now;
  emergency->reviewed_by = reviewer.name;
  emergency->review = comment;
  if (Status done = update(*emergency); !done) return fail(done.error());
  note(*emergency, EmergencyStep::reviewed);
  return emergency;
}

Result<std::vector<Emergency>> Emergencies::list(std::size_t limit) {
  const std::scoped_lock hold(lock_);
  Result<sql::Statement> rows = database_.prepare(std::string(kSelect) + "ORDER BY number DESC LIMIT ?");
  if (!rows) return fail(rows.error());
  Result<std::vector<KeptEmergency>> read = read_all(rows->bind(std::clamp<std::size_t>(limit, 1, kMostListed)));
  if (!read) return fail(read.error());
  std::vector<Emergency> out;
  for (KeptEmergency& row : *read) out.push_back(std::move(row.emergency));
  return out;
}

std::size_t Emergencies::debt(TimeMs now) const {
  const std::scoped_lock hold(lock_);
  return static_cast<std::size_t>(
      std::ranges::count_if(kept_, [&](const KeptEmergency& kept) { return kept.emergency.is_overdue(now); }));
}

}  // namespace countersign::approvals
