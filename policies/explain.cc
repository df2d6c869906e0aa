#include "policies/explain.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "policies/cedar_request.h"
#include "policies/input.h"

namespace countersign::policies {
namespace {

using cedar::ast::ScopeKind;

// The first place in a proof where it was decided: the false conjunct, the failing comparison.
cedar::Span decisive(const Proof& proof) {
  const Proof* at = &proof;
  while (at->parts.size() == 1) at = &at->parts.front();
  return at->span;
}

std::string one_line(std::string_view text) {
  std::string out;
  for (char c : text) {
    bool space = c == ' ' || c == '\n' || c == '\r' || c == '\t';
    if (!space) out += c;
    if (space && !out.empty() && out.back() != ' ') out += ' ';
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return bounded(out, 4 * kLongestText);
}

// Explains one policy after another of one request.
class Explainer {
 public:
  Explainer(const Snapshot* facts, const cedar::Request& request, const cedar::EntityOverlay& entities)
      : facts_(facts), request_(request), entities_(entities), evaluator_(request, entities) {}

  PolicyExplanation explain(const cedar::Policy& policy, cedar::PolicyRef ref) {
    PolicyExplanation out;
    out.ref = ref;
    out.effect = policy.effect();
    out.place = place_of(policy, head_span(policy));
    identify(policy, out);
    const cedar::ast::Policy& syntax = policy.syntax();
    out.head.push_back(part("principal", policy, policy.principal(), syntax.principal, request_.principal));
    out.head.push_back(part("action", policy, policy.action(), syntax.action, cedar::Value::entity(request_.action)));
    out.head.push_back(part("resource", policy, policy.resource(), syntax.resource, request_.resource));
    auto all = [&out](Came came) {
      return std::ranges::all_of(out.head, [came](const HeadPart& part) { return part.came == came; });
    };
    bool matches = all(Came::yes);
    if (matches) {
      out.standing = Standing::applies;
      clauses(policy, out);
    } else if (std::ranges::none_of(out.head, [](const HeadPart& part) { return part.came == Came::no; })) {
      out.standing = Standing::unknown;
    }
    conditions(policy, out);
    return out;
  }

 private:
  static cedar::Span head_span(const cedar::Policy& policy) {
    const auto& annotations = policy.annotations();
    cedar::Span whole = policy.span();
    if (annotations.empty()) return whole;
    // From the word `permit` or `forbid`, which is the first one behind the last annotation.
    cedar::Span last = annotations.back().span;
    std::string_view text = policy.source().text();
    auto word = static_cast<std::uint32_t>(
        text.find(policy.effect() == cedar::Effect::permit ? "permit" : "forbid", last.end()));
    return word < whole.end() ? cedar::Span{word, whole.end() - word} : whole;
  }

  void identify(const cedar::Policy& policy, PolicyExplanation& out) const {
    auto written = policy.annotation("id");
    out.id = written && !written->empty() ? std::string(*written) : policy.id();
    if (facts_ == nullptr) return;
    const PolicyFacts& facts = facts_->facts(out.ref);
    out.id = facts.id;
    out.floor = facts.floor;
    out.reveals = facts.reveals;
    out.approval = facts.approval;
    out.reason = facts.reason;
  }

  // As cedar/authorizer.cc compares heads; tests hold the two against each other.
  Came matches(const cedar::ScopeTest& test, const cedar::Value& value) const {
    if (test.kind == ScopeKind::any) return Came::yes;
    if (value.is(cedar::ValueKind::unknown)) return Came::unknown;
    const cedar::detail::EntityUidData& uid = value.entity_data();
    bool typed = test.kind == ScopeKind::is || test.kind == ScopeKind::is_in;
    if (typed && !(uid.type == test.type)) return Came::no;
    if (test.kind == ScopeKind::is) return Came::yes;
    bool any = std::ranges::any_of(test.entities, [&](const cedar::EntityUid& wanted) {
      return test.kind == ScopeKind::equal ? wanted.data() == uid : evaluator_.is_in(uid, wanted.data());
    });
    return any ? Came::yes : Came::no;
  }

  // What a link put into a template's slot: `principal == ?principal` reads `principal == Team::"sre"`.
  static void fill_slot(std::string& text, const std::string& slot, const cedar::ScopeTest& test) {
    std::size_t at = text.find(slot);
    if (at != std::string::npos && !test.entities.empty())
      text.replace(at, slot.size(), test.entities.front().to_text());
  }

  HeadPart part(std::string name, const cedar::Policy& policy, const cedar::ScopeTest& test,
                const cedar::ast::Scope& written, const cedar::Value& value) const {
    HeadPart out;
    out.came = matches(test, value);
    out.place = place_of(policy, written.span);
    out.text = one_line(policy.source().text().substr(written.span.offset, written.span.length));
    if (out.text.empty()) out.text = name;
    fill_slot(out.text, "?" + name, test);
    bool known = !value.is(cedar::ValueKind::unknown);
    out.seen = {name, known ? bounded(value.to_text()) : "not known", {}};
    if (known && test.kind != ScopeKind::any && test.kind != ScopeKind::is && test.kind != ScopeKind::equal)
      out.seen.note = ancestors_text(entities_, value.as_entity());
    out.name = std::move(name);
    return out;
  }

  // As the authorizer goes through them: each only while all before it hold.
  void clauses(const cedar::Policy& policy, PolicyExplanation& out) {
    Prover prover(policy, request_, entities_);
    for (const cedar::ast::Clause& clause : policy.syntax().clauses) {
      ClauseExplanation explained;
      explained.kind = clause.kind;
      explained.proof = prover.prove(clause.body);
      explained.place = place_of(policy, decisive(explained.proof));
      Came came = explained.proof.came;
      explained.holds = came == (clause.kind == cedar::ast::ClauseKind::when ? Came::yes : Came::no);
      bool holds = explained.holds;
      out.clauses.push_back(std::move(explained));
      if (holds) continue;
      out.standing = came == Came::failed    ? Standing::failed
                     : came == Came::unknown ? Standing::unknown
                                             : Standing::does_not_apply;
      return;
    }
  }

  void conditions(const cedar::Policy& policy, PolicyExplanation& out) {
    for (const HeadPart& part : out.head) {
      bool met = part.came == Came::yes;
      if (met && part.text == part.name) continue;  // about everything
      Obstacle obstacle{part.name, {}, part.place};
      obstacle.condition.proof.came = part.came;
      obstacle.condition.proof.text = part.text;
      obstacle.condition.proof.seen.push_back(part.seen);
      (met ? out.met : out.unmet).push_back(std::move(obstacle));
    }
    Prover prover(policy, request_, entities_);
    for (const cedar::ast::Clause& clause : policy.syntax().clauses) {
      std::string where = clause.kind == cedar::ast::ClauseKind::when ? "when" : "unless";
      for (Condition& condition : prover.conditions(clause)) {
        bool met = condition.is_met();
        // Behind a condition that is not met, what fails would perhaps not have been asked.
        bool answered = condition.proof.came == Came::yes || condition.proof.came == Came::no;
        if (!answered && !out.unmet.empty()) continue;
        Place place = place_of(policy, decisive(condition.proof));
        (met ? out.met : out.unmet).push_back({where, std::move(condition), std::move(place)});
      }
    }
    if (out.standing != Standing::applies) out.met.clear();
  }

  const Snapshot* facts_;
  const cedar::Request& request_;
  const cedar::EntityOverlay& entities_;
  cedar::Evaluator evaluator_;
};

// Permits that do not apply, nearest first; equal ones in the order of the policies.
std::vector<std::size_t> nearest_permits(const std::vector<PolicyExplanation>& policies) {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < policies.size(); ++i) {
    if (policies[i].effect == cedar::Effect::permit) out.push_back(i);
  }
  auto distance = [&](std::size_t i) { return policies[i].unmet.size(); };
  auto elsewhere = [&](std::size_t i) { return policies[i].standing == Standing::elsewhere; };
  std::ranges::sort(out, {}, [&](std::size_t i) { return std::tuple(distance(i), elsewhere(i), i); });
  // Only the nearest: one more condition than the best is already another story.
  if (!out.empty()) {
    std::size_t best = distance(out.front());
    std::erase_if(out, [&](std::size_t i) { return distance(i) > best; });
  }
  if (out.size() > kMostPermits) out.resize(kMostPermits);
  return out;
}

bool is_given(std::span<const ApprovalFact> approvals, std::string_view rule) {
  return std::ranges::find(approvals, rule, &ApprovalFact::rule) != approvals.end();
}

void want_permit(const std::vector<PolicyExplanation>& policies, Remedy& remedy) {
  remedy.unpermitted = std::ranges::none_of(policies, [](const PolicyExplanation& policy) {
    return policy.effect == cedar::Effect::permit && policy.standing == Standing::applies;
  });
  if (remedy.unpermitted) remedy.permits = nearest_permits(policies);
}

// As decide() sorts forbids; tests hold the two against each other.
Remedy remedy_for(const Snapshot& snapshot, const std::vector<PolicyExplanation>& policies,
                  std::span<const ApprovalFact> approvals) {
  Remedy out;
  std::map<std::string, std::vector<std::size_t>> rules;
  for (std::size_t i = 0; i < policies.size(); ++i) {
    const PolicyExplanation& policy = policies[i];
    if (policy.effect == cedar::Effect::permit) continue;
    if (policy.standing == Standing::failed || policy.standing == Standing::unknown) out.failing.push_back(i);
    if (policy.standing != Standing::applies) continue;
    if (policy.approval.empty()) {
      out.hard.push_back(i);
    } else if (!is_given(approvals, policy.approval)) {
      rules[policy.approval].push_back(i);
    } else if (snapshot.facts(policy.ref).mentions.approval) {
      out.hard.push_back(i);
    }
  }
  for (auto& [rule, forbids] : rules) out.approvals.push_back({rule, std::move(forbids)});
  want_permit(policies, out);
  return out;
}

}  // namespace

Place place_of(const cedar::Policy& policy, cedar::Span span) {
  cedar::Position at = policy.source().locate(span);
  return {policy.source().name(), at.line, at.column, bounded(policy.source().line(at.line), 2 * kLongestText)};
}

std::string_view standing_name(Standing standing) {
  switch (standing) {
    case Standing::applies:
      return "applies";
    case Standing::does_not_apply:
      return "does_not_apply";
    case Standing::failed:
      return "failed";
    case Standing::unknown:
      return "unknown";
    case Standing::elsewhere:
      return "elsewhere";
  }
  return "failed";
}

std::vector<PolicyExplanation> explain_policies(const cedar::PolicySet& policies, const Snapshot* facts,
                                                const cedar::Request& request, const cedar::EntityOverlay& entities) {
  Explainer explainer(facts, request, entities);
  std::vector<PolicyExplanation> out;
  out.reserve(policies.size());
  for (std::size_t i = 0; i < policies.size(); ++i) {
    cedar::PolicyRef ref{static_cast<std::uint32_t>(i)};
    out.push_back(explainer.explain(policies[ref], ref));
  }
  return out;
}

namespace {

AccessExplanation explain_access(const Snapshot& snapshot, RequestMaker& maker, const Access& access,
                                 const Labels& labels, std::span<const ApprovalFact> approvals) {
  AccessExplanation out{access, labels, {}, {}, {}};
  RequestMaker::Made made = maker.make(access, labels);
  if (maker.problem()) return out;
  out.policies = explain_policies(snapshot.policies(), &snapshot, made.request, made.entities);
  out.remedy = remedy_for(snapshot, out.policies, approvals);
  return out;
}

// What stays in the way when the rules asked for are satisfied by somebody.
std::vector<PolicyExplanation> still_in_the_way(const Snapshot& snapshot, RequestMaker& supposed, const Access& access,
                                                const Labels& labels, const std::vector<std::string>& rules,
                                                std::span<const ApprovalFact> approvals) {
  std::vector<PolicyExplanation> out;
  RequestMaker::Made made = supposed.make(access, labels);
  if (supposed.problem()) return out;
  for (PolicyExplanation& policy : explain_policies(snapshot.policies(), &snapshot, made.request, made.entities)) {
    if (policy.effect == cedar::Effect::permit) continue;
    bool released = !policy.approval.empty() && !snapshot.facts(policy.ref).mentions.approval &&
                    (std::ranges::find(rules, policy.approval) != rules.end() || is_given(approvals, policy.approval));
    bool stays = policy.standing == Standing::failed || (policy.standing == Standing::applies && !released);
    if (stays) out.push_back(std::move(policy));
  }
  return out;
}

// As decide() does: what is asked for one access counts for all of them.
void suppose_approved(const Snapshot& snapshot, const Subject& subject, const Operation& operation,
                      std::span<const ApprovalFact> approvals, TimeMs now, RequestMaker::Input mode, Explanation& out) {
  std::set<std::string> asked;
  for (const AccessExplanation& access : out.accesses) {
    for (const Remedy::Approval& approval : access.remedy.approvals) asked.insert(approval.rule);
  }
  if (asked.empty()) return;
  std::vector<std::string> rules(asked.begin(), asked.end());
  RequestMaker supposed(snapshot, subject, operation, approvals, rules, now, mode);
  for (AccessExplanation& access : out.accesses) {
    // What is in the way already is said already.
    if (access.remedy.hard.empty() && access.remedy.failing.empty())
      access.once_approved = still_in_the_way(snapshot, supposed, access.access, access.labels, rules, approvals);
  }
}

bool names_unknown(const Proof& proof, const std::string& quoted) {
  return proof.message.find(quoted) != std::string::npos ||
         std::ranges::any_of(proof.parts, [&](const Proof& part) { return names_unknown(part, quoted); });
}

// Whether some policy's standing depends on what the misfit, a clause about a parameter, is about.
bool matters(std::string_view misfit, const AccessExplanation& explained) {
  const std::string quoted = "`" + std::string(misfit.substr(0, misfit.find(" is "))) + "`";
  return std::ranges::any_of(explained.policies, [&](const PolicyExplanation& policy) {
    return std::ranges::any_of(policy.clauses,
                               [&](const ClauseExplanation& clause) { return names_unknown(clause.proof, quoted); });
  });
}

// Each once, what is absent only where it matters; of parameters that one access of several has for itself, with its
// name.
void add_misfits(const RequestMaker& maker, const AccessExplanation& explained, const Operation& operation,
                 std::vector<std::string>& out) {
  const Access& access = explained.access;
  bool own = !access.input.empty() && operation.accesses.size() > 1;
  for (const std::string& misfit : maker.misfits()) {
    if (misfit.ends_with(kNotKnown) && !matters(misfit, explained)) continue;
    std::string text = own ? bounded(access.resource.id) + ": " + misfit : misfit;
    if (std::ranges::find(out, text) == out.end()) out.push_back(std::move(text));
  }
}

}  // namespace

Explanation explain(const Snapshot& snapshot, const Subject& subject, const Operation& operation,
                    std::span<const ApprovalFact> approvals, TimeMs now, InputKnown input) {
  Explanation out;
  if (input == InputKnown::yes) out.decision = decide(snapshot, subject, operation, approvals, now);
  auto mode = input == InputKnown::no ? RequestMaker::Input::unknown : RequestMaker::Input::known;
  RequestMaker maker(snapshot, subject, operation, approvals, {}, now, mode);
  if (maker.problem()) {
    out.problem = *maker.problem();
    return out;
  }
  for (const Access& access : operation.accesses) {
    LabelCandidates labels = snapshot.inventory().classify_all(operation.upstream, access);
    labels.others.insert(labels.others.begin(), labels.first);
    for (const Labels& each : labels.others) {
      AccessExplanation explained = explain_access(snapshot, maker, access, each, approvals);
      if (maker.problem()) {
        out.problem = *maker.problem();
        return out;
      }
      add_misfits(maker, explained, operation, out.misfits);
      out.accesses.push_back(std::move(explained));
    }
  }
  if (snapshot.mentions_approval()) suppose_approved(snapshot, subject, operation, approvals, now, mode, out);
  return out;
}

PlainExplanation explain_plain(const cedar::PolicySet& policies, const cedar::Request& request,
                               const cedar::EntityOverlay& entities) {
  PlainExplanation out;
  out.response = cedar::respond(policies, cedar::authorize(policies, request, entities));
  out.policies = explain_policies(policies, nullptr, request, entities);
  std::map<std::string, std::string, std::less<>> names;  // as the set counts → as shown
  for (std::size_t i = 0; i < out.policies.size(); ++i) {
    const PolicyExplanation& policy = out.policies[i];
    names.emplace(policies[policy.ref].id(), policy.id);
    bool applies = policy.standing == Standing::applies;
    if (applies && policy.effect == cedar::Effect::forbid) out.remedy.hard.push_back(i);
  }
  for (auto* ids : {&out.response.reason, &out.response.errors}) {
    for (std::string& id : *ids) id = names[id];
  }
  want_permit(out.policies, out.remedy);
  return out;
}

}  // namespace countersign::policies
