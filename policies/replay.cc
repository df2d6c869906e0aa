#include "policies/replay.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <tuple>

#include "policies/journal_line.h"

namespace countersign::policies {
namespace {

using cedar::ast::Expr;
using cedar::ast::ExprKind;
using cedar::ast::Variable;

constexpr std::string_view kEverything = "*";

// Names of attributes that a policy reads, of whatever: more than what it reads of parameters, never less.
struct Reads {
  bool input = false;  // PolicyFacts::mentions
  bool whole = false;  // the parameters, or all arguments, as one value
  std::set<std::string, std::less<>> names;
};

bool selects(const Expr& expr) {
  return (expr.kind == ExprKind::attribute || expr.kind == ExprKind::has) && !expr.operands.empty();
}

Reads reads_of(const cedar::Policy& policy, const PolicyFacts& facts) {
  Reads out;
  out.input = facts.mentions.input;
  if (!out.input) return out;
  const std::vector<Expr>& exprs = policy.syntax().exprs;
  std::vector<bool> selected(exprs.size(), false);
  for (const Expr& expr : exprs) {
    if (!selects(expr)) continue;
    selected[expr.operands.front()] = true;
    if (!expr.text.empty()) out.names.insert(expr.text);
    out.names.insert(expr.path.begin(), expr.path.end());
  }
  for (std::size_t i = 0; i < exprs.size(); ++i) {
    if (selected[i]) continue;
    bool context = exprs[i].kind == ExprKind::variable && exprs[i].variable == Variable::context;
    bool record = exprs[i].kind == ExprKind::attribute &&
                  (exprs[i].text == "input" || exprs[i].text == "arguments" || exprs[i].text == "query");
    out.whole = out.whole || context || record;
  }
  return out;
}

// Whether what is not known of an operation's parameters matters to a policy set.
class Unknowns {
 public:
  explicit Unknowns(const Snapshot& snapshot) : snapshot_(snapshot), declared_(kept_names(snapshot)) {
    for (const cedar::Policy& policy : snapshot.policies().all()) {
      cedar::PolicyRef ref{static_cast<std::uint32_t>(reads_.size())};
      reads_.push_back(reads_of(policy, snapshot.facts(ref)));
    }
  }

  // The name of a parameter that some policy may read and that was not kept; empty when there is none.
  std::string matters(const JournalEntry& entry) const {
    if (!entry.left_out && entry.dropped.empty()) return {};
    std::vector<std::string> missing = entry.dropped;
    if (entry.left_out) {
      for (const std::string& name : declared_) {
        if (!entry.kept || !entry.kept->contains(name)) missing.push_back(name);
      }
    }
    if (missing.empty()) return {};
    const Operation& operation = entry.operation;
    for (const Access& access : operation.accesses) {
      std::string found = matters(operation.protocol, operation.action_of(access), access.effect, missing);
      if (!found.empty()) return found;
    }
    return {};
  }

 private:
  std::string matters(const std::string& protocol, const std::string& action, Effect effect,
                      const std::vector<std::string>& missing) const {
    const Vocabulary& words = vocabulary();
    const cedar::PolicySet& set = snapshot_.policies();
    cedar::EntityUid uid(words.action, action);
    const PolicySchema::Action* known = snapshot_.schema().find(protocol, uid);
    std::string found;
    auto look = [&](std::span<const cedar::PolicyRef> refs) {
      for (cedar::PolicyRef ref : refs) {
        if (found.empty()) found = read_by(reads_[cedar::position(ref)], missing);
      }
    };
    look(set.for_any_action());
    look(set.for_action(uid));
    look(set.for_action_group(uid));
    if (known && known->group) look(set.for_action_group(*known->group));
    look(set.for_action_group(words.effects[static_cast<std::size_t>(effect)]));
    if (is_change(effect)) look(set.for_action_group(words.change));
    look(set.for_action_group(cedar::EntityUid(words.action, protocol)));
    return found;
  }

  // A name matters when its last part is read of anything.
  static std::string read_by(const Reads& reads, const std::vector<std::string>& missing) {
    if (!reads.input) return {};
    for (const std::string& name : missing) {
      std::size_t dot = name.rfind('.');
      std::string_view last = std::string_view(name).substr(dot == std::string::npos ? 0 : dot + 1);
      if (reads.whole || name == kEverything || reads.names.contains(last)) return name;
    }
    return {};
  }

  const Snapshot& snapshot_;
  KeptNames declared_;
  std::vector<Reads> reads_;  // by PolicyRef
};

const Scope& everything() {
  static const Scope scope({ScopeBlock{{ScopeRule{}}, std::nullopt, std::nullopt}});
  return scope;
}

bool refused_by_scope(const JournalEntry& entry) {
  return entry.code.starts_with("scope.");
}

Decision decide_again(const Snapshot& snapshot, const JournalEntry& entry) {
  const Subject subject{
      entry.agent,   entry.owner, entry.delegates, entry.token, entry.scope ? &*entry.scope : &everything(),
      &entry.session};
  return decide(snapshot, subject, entry.operation, {}, entry.at);
}

std::string resource_of(const JournalEntry& entry) {
  const Resource& first = entry.operation.accesses.front().resource;
  std::string out = first.type + "::" + first.id;
  std::size_t others = entry.operation.accesses.size() - 1;
  if (others > 0) out += " and " + std::to_string(others) + " more";
  return out;
}

// Towards allow first: that is what may hurt.
int order_of(const Flip& flip) {
  return static_cast<int>(flip.from) - static_cast<int>(flip.to);
}

class Run {
 public:
  Run(const ReplayQuestion& question, const ReplayLimits& limits)
      : question_(question), limits_(limits), draft_(question.draft) {
    if (question.running) running_.emplace(*question.running);
    out_.since = question.since;
    out_.until = question.until;
  }

  void look_at(const JournalEntry& entry) {
    ++out_.operations;
    bool by_policies = entry.code.starts_with("policy.");
    if (!by_policies && !refused_by_scope(entry)) return unanswerable("the decision did not rest on policies");
    if (refused_by_scope(entry) && !entry.scope) {
      // The scope says the same whatever the policies are.
      ++out_.answerable;
      ++out_.same;
      return;
    }
    if (std::string name = draft_.matters(entry); !name.empty()) return unknown(name);
    Decision before;
    before.verdict = entry.verdict;
    before.policies = entry.policies;
    if (running_) {
      if (std::string name = running_->matters(entry); !name.empty()) return unknown(name);
      before = decide_again(*question_.running, entry);
    }
    Decision after = decide_again(question_.draft, entry);
    ++out_.answerable;
    if (after.verdict == before.verdict) {
      ++out_.same;
      return;
    }
    add_flip(entry, std::move(before), std::move(after));
  }

  Replay finish(const JournalRead& read) {
    if (read.unreadable > 0) out_.unanswerable["the line cannot be read"] += read.unreadable;
    out_.operations += read.unreadable;
    out_.more = read.more;
    for (auto& [key, flip] : flips_) out_.flips.push_back(std::move(flip));
    std::ranges::sort(out_.flips, [](const Flip& a, const Flip& b) {
      auto key = [](const Flip& one, std::uint64_t count) {
        return std::tuple(order_of(one), count, std::tie(one.agent, one.action, one.resource, one.from));
      };
      // Of equals the more frequent one first.
      return key(a, b.count) < key(b, a.count);
    });
    return std::move(out_);
  }

 private:
  using Key = std::tuple<Verdict, Verdict, std::string, std::string, std::string>;

  void unanswerable(std::string why) { ++out_.unanswerable[std::move(why)]; }
  // Names come from schemas, but from many sets over time: there may not be any number of reasons.
  void unknown(const std::string& name) {
    constexpr std::size_t kMostReasons = 50;
    std::string why = name == kEverything ? "the parameters were too long to be kept"
                                          : "the parameter context.input." + name + " was not kept";
    bool many = out_.unanswerable.size() >= kMostReasons && !out_.unanswerable.contains(why);
    unanswerable(many ? "a parameter was not kept" : std::move(why));
  }

  void add_flip(const JournalEntry& entry, Decision before, Decision after) {
    Key key{before.verdict, after.verdict, entry.agent, entry.operation.action, resource_of(entry)};
    auto found = flips_.find(key);
    if (found == flips_.end() && flips_.size() >= limits_.groups) {
      ++out_.flips_not_listed;
      return;
    }
    Flip& flip = found != flips_.end() ? found->second : flips_[std::move(key)];
    if (flip.count++ > 0) return;
    // The newest comes first, and is the example.
    flip.from = before.verdict;
    flip.to = after.verdict;
    flip.agent = entry.agent;
    flip.action = entry.operation.action;
    flip.resource = resource_of(entry);
    flip.policies_before = std::move(before.policies);
    flip.policies_after = std::move(after.policies);
    flip.code = std::move(after.code);
    flip.reason = std::move(after.reason);
    flip.last = entry.at;
    if (auto example = parse_json(question_text(entry))) flip.example = std::move(*example);
  }

  const ReplayQuestion& question_;
  const ReplayLimits& limits_;
  Unknowns draft_;
  std::optional<Unknowns> running_;
  std::map<Key, Flip> flips_;
  Replay out_;
};

}  // namespace

Result<Replay> replay(const std::filesystem::path& journal, const ReplayQuestion& question,
                      const ReplayLimits& limits) {
  using Steady = std::chrono::steady_clock;
  const Steady::time_point end = Steady::now() + std::chrono::milliseconds(limits.time);
  Run run(question, limits);
  auto take = [&](const JournalEntry& entry) {
    run.look_at(entry);
    return Steady::now() < end;
  };
  auto read = read_journal(journal, question.since, question.until, limits.operations, take);
  if (!read) return fail(read.error());
  return run.finish(*read);
}

Json replay_json(const Replay& replay) {
  Json flips = Json::array();
  for (const Flip& flip : replay.flips) {
    flips.push_back({{"from", verdict_name(flip.from)},
                     {"to", verdict_name(flip.to)},
                     {"count", flip.count},
                     {"agent", flip.agent},
                     {"action", flip.action},
                     {"resource", flip.resource},
                     {"policies_before", flip.policies_before},
                     {"policies_after", flip.policies_after},
                     {"code", flip.code},
                     {"reason", flip.reason},
                     {"last", format_time(flip.last)},
                     {"example", flip.example}});
  }
  return {{"operations", replay.operations},
          {"answerable", replay.answerable},
          {"unanswerable", replay.unanswerable},
          {"same", replay.same},
          {"flips", std::move(flips)},
          {"flips_not_listed", replay.flips_not_listed},
          {"since", format_time(replay.since)},
          {"until", format_time(replay.until)},
          {"more", replay.more}};
}

}  // namespace countersign::policies
