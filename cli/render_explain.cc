#include "cli/render_explain.h"

#include <algorithm>
#include <utility>

namespace countersign::cli {
namespace {

using policies::AccessExplanation;
using policies::Came;
using policies::ClauseExplanation;
using policies::Obstacle;
using policies::PolicyExplanation;
using policies::Proof;
using policies::Remedy;
using policies::Seen;
using policies::Show;
using policies::Standing;

constexpr std::size_t kWidest = 100;

std::string_view effect_of(const PolicyExplanation& policy) {
  return policy.effect == cedar::Effect::permit ? "permit" : "forbid";
}

// Writes indented lines, broken between words.
class Writer {
 public:
  explicit Writer(const Terminal& terminal)
      : terminal_(terminal), width_(std::clamp<std::size_t>(terminal.width(), 60, kWidest)) {}

  void line(std::size_t indent, std::string_view untrusted, Style style = Style::plain) {
    std::string text = one_line(untrusted);
    std::size_t room = width_ - indent;
    bool first = true;
    while (!text.empty()) {
      std::string part = columns(text) <= room ? text : cut(text, room);
      bool whole = part.size() == text.size();
      if (!whole) {
        part.resize(part.size() - std::string_view("…").size());
        std::size_t space = part.find_last_of(' ');
        if (space != std::string::npos && space > part.size() / 2) part.resize(space);
      }
      out_.append(indent, ' ').append(terminal_.styled(style, part)).append("\n");
      text.erase(0, part.size());
      text.erase(0, std::min(text.find_first_not_of(' '), text.size()));
      if (std::exchange(first, false)) {
        indent += 2;
        room -= 2;
      }
    }
  }
  // The line of a source, which must not be broken: of a long one, what is around the column (from 1).
  void source(std::size_t indent, const policies::Place& place) {
    std::string text = one_line(place.source);
    std::size_t room = width_ - indent;
    std::size_t skip = std::min(text.find_first_not_of(' '), text.size());
    if (columns(text) - std::min(skip, columns(text)) > room && place.column > room / 2) skip = place.column - room / 4;
    while (skip < text.size() && (static_cast<unsigned char>(text[skip]) & 0xC0) == 0x80) ++skip;
    text.erase(0, std::min(skip, text.size()));
    out_.append(indent, ' ').append(terminal_.styled(Style::dim, cut(text, room))).append("\n");
  }
  void empty() { out_ += "\n"; }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  const Terminal& terminal_;
  std::size_t width_;
  std::string out_;
};

std::string place_text(const policies::Place& place) {
  return place.file + ":" + std::to_string(place.line) + ":" + std::to_string(place.column);
}

Style style_of(std::string_view verdict) {
  return verdict == "allow" ? Style::green : verdict == "hold" ? Style::yellow : Style::red;
}

std::string seen_text(const Seen& seen) {
  if (seen.value.empty()) return seen.what + " " + seen.note;
  return seen.what + " = " + seen.value + (seen.note.empty() ? "" : "  (" + seen.note + ")");
}

void write_proof(Writer& out, std::size_t indent, const Proof& proof) {
  // A chain that one operand decided is that operand.
  bool chain = proof.parts.size() == 1 && proof.parts.front().came == proof.came && proof.omitted == 0;
  if (chain) return write_proof(out, indent, proof.parts.front());
  out.line(indent, std::string(came_name(proof.came)) + ": " + proof.text);
  for (const Seen& seen : proof.seen) out.line(indent + 4, seen_text(seen));
  for (const Proof& part : proof.parts) write_proof(out, indent + 2, part);
  if (proof.omitted > 0) out.line(indent + 2, "and " + std::to_string(proof.omitted) + " more like these");
  bool failed = proof.came == Came::failed || proof.came == Came::unknown;
  if (failed && proof.parts.empty()) out.line(indent + 4, "because " + proof.message);
}

std::string standing_text(const PolicyExplanation& policy, bool decides) {
  std::string out;
  switch (policy.standing) {
    case Standing::applies:
      out = "applies";
      break;
    case Standing::does_not_apply:
      out = "does not apply";
      break;
    case Standing::failed:
      out = "cannot be evaluated";
      break;
    case Standing::unknown:
      out = "depends on what is not known";
      break;
    case Standing::elsewhere:
      out = "is about something else";
      break;
  }
  if (decides) out += ", and decides";
  if (policy.floor) out += " (floor)";
  if (!policy.approval.empty()) out += " (approval: " + policy.approval + ")";
  return out;
}

// The first part of a head that does not match.
void write_mismatch(Writer& out, std::size_t indent, const PolicyExplanation& policy) {
  for (const policies::HeadPart& part : policy.head) {
    if (part.came == Came::yes) continue;
    out.line(indent, std::string(came_name(part.came)) + ": " + part.text);
    out.line(indent + 4, seen_text(part.seen));
    return;
  }
}

void write_policy(Writer& out, const PolicyExplanation& policy, bool decides) {
  Style style = decides ? Style::bold : Style::plain;
  out.line(2, std::string(effect_of(policy)) + " " + policy.id + "  " + standing_text(policy, decides), style);
  if (policy.standing == Standing::elsewhere) {
    out.line(4, place_text(policy.place));
    return write_mismatch(out, 6, policy);
  }
  if (policy.clauses.empty()) {
    out.line(4, place_text(policy.place));
    std::string head;
    for (const policies::HeadPart& part : policy.head) head += (head.empty() ? "" : ", ") + part.text;
    out.line(6, (policy.standing == Standing::applies ? "true: " : "unknown: ") + ("(" + head + ")"));
    for (const policies::HeadPart& part : policy.head) {
      if (part.text != part.name) out.line(10, seen_text(part.seen));
    }
  }
  for (const ClauseExplanation& clause : policy.clauses) {
    out.line(4, place_text(clause.place));
    out.source(6, clause.place);
    bool unless = clause.kind == cedar::ast::ClauseKind::unless;
    if (unless) out.line(6, clause.holds ? "unless does not exclude it:" : "unless excludes it:");
    write_proof(out, unless ? 8 : 6, clause.proof);
  }
}

void write_obstacle(Writer& out, std::size_t indent, const Obstacle& obstacle, bool met) {
  const policies::Condition& condition = obstacle.condition;
  bool head = obstacle.where != "when" && obstacle.where != "unless";
  std::string lead;
  if (!head && !met) lead = condition.wanted ? "must be true: " : "must be false: ";
  if (!head && met) lead = condition.wanted ? "is true: " : "is false: ";
  if (head && !met) lead = "must match: ";
  out.line(indent, lead + condition.proof.text);
  for (const Seen& seen : condition.proof.seen) out.line(indent + 4, seen_text(seen));
  for (const Proof& part : condition.proof.parts) write_proof(out, indent + 4, part);
  bool failed = condition.proof.came == Came::failed || condition.proof.came == Came::unknown;
  if (failed && !condition.proof.message.empty()) out.line(indent + 4, "because " + condition.proof.message);
}

void write_remedy(Writer& out, const Remedy& remedy, const std::vector<PolicyExplanation>& all) {
  for (std::size_t i : remedy.hard) {
    std::string released = all[i].approval.empty() ? "; no approval releases it"
                                                   : "; the approval was given and does not meet its condition";
    out.line(2, "- forbid " + all[i].id + " must not apply" + released);
    if (!all[i].met.empty()) out.line(6, all[i].met.size() == 1 ? "it rests on" : "it rests on all of these");
    for (const Obstacle& obstacle : all[i].met) write_obstacle(out, 8, obstacle, true);
  }
  for (std::size_t i : remedy.failing) {
    out.line(2, "- forbid " + all[i].id + " must be possible to evaluate");
    for (const Obstacle& obstacle : all[i].unmet) {
      if (obstacle.condition.proof.came != Came::no && obstacle.condition.proof.came != Came::yes)
        write_proof(out, 6, obstacle.condition.proof);
    }
  }
  for (const Remedy::Approval& approval : remedy.approvals) {
    std::string forbids;
    for (std::size_t i : approval.policies) forbids += (forbids.empty() ? "" : ", ") + all[i].id;
    out.line(2, "- approval " + approval.rule + ", which releases " + forbids);
  }
  if (!remedy.unpermitted) return;
  if (remedy.permits.empty()) return out.line(2, "- a permit: the policies hold none");
  out.line(2, "- a permit that applies; nearest to it:");
  for (std::size_t i : remedy.permits) {
    out.line(6, "permit " + all[i].id + "  " + place_text(all[i].place));
    for (const Obstacle& obstacle : all[i].unmet) write_obstacle(out, 8, obstacle, false);
  }
}

bool holds(const std::vector<std::string>& ids, const std::string& id) {
  return std::ranges::find(ids, id) != ids.end();
}

// Deciding policies first, then what applies or fails, then the rest, each in the order of the files.
std::vector<const PolicyExplanation*> in_order(const std::vector<PolicyExplanation>& all,
                                               const std::vector<std::string>& deciding) {
  std::vector<std::pair<int, const PolicyExplanation*>> ranked;
  for (const PolicyExplanation& policy : all) {
    int rank = holds(deciding, policy.id) && policy.standing != Standing::elsewhere          ? 0
               : policy.standing == Standing::failed || policy.standing == Standing::unknown ? 1
               : policy.standing == Standing::applies                                        ? 2
               : policy.standing == Standing::does_not_apply                                 ? 3
                                                                                             : 4;
    ranked.emplace_back(rank, &policy);
  }
  std::ranges::sort(ranked);
  std::vector<const PolicyExplanation*> out;
  for (const auto& [rank, policy] : ranked) out.push_back(policy);
  return out;
}

void write_policies(Writer& out, const std::vector<PolicyExplanation>& all, const std::vector<std::string>& deciding,
                    Show show) {
  std::size_t others = 0;
  for (const PolicyExplanation* policy : in_order(all, deciding)) {
    bool elsewhere = policy->standing == Standing::elsewhere;
    if (elsewhere) ++others;
    if (elsewhere && show == Show::matching) continue;
    bool decides = !elsewhere && policy->standing != Standing::does_not_apply && holds(deciding, policy->id);
    write_policy(out, *policy, decides);
    out.empty();
  }
  if (others > 0 && show == Show::matching) {
    out.line(2, others == 1 ? "1 other policy is about something else (--all shows it)"
                            : std::to_string(others) + " other policies are about something else (--all lists them)");
    out.empty();
  }
}

std::string quoted_entity(const Resource& resource) {
  return resource.type + "::" + resource.id;
}

std::string labels_text(const Labels& labels) {
  std::string out = labels.environment + ", tier " + std::to_string(labels.tier);
  if (!labels.owner.empty()) out += ", owner " + labels.owner;
  for (const auto& [name, value] : labels.free) out += ", " + name + " " + value;
  return out;
}

void write_recorded(Writer& out, const policies::Explanation& explanation, const policies::Question& question) {
  const policies::Recorded& recorded = *question.recorded;
  out.line(0, recorded.what + " was answered: " + recorded.decision + "  " + recorded.code, Style::bold);
  std::string missing;
  for (const std::string& each : recorded.missing) missing += (missing.empty() ? "" : "; ") + each;
  if (!missing.empty()) out.line(2, "not recorded: " + missing);
  bool changed = !recorded.policy_digest.empty() && !explanation.decision.policy_digest.empty() &&
                 recorded.policy_digest != explanation.decision.policy_digest;
  if (changed) out.line(2, "decided then by another set of policies: what follows is what these ones say");
  out.empty();
}

void write_access(Writer& out, const AccessExplanation& access, const policies::Decision& decision, Show show) {
  std::string what = quoted_entity(access.access.resource);
  const std::string& action = access.access.action;  // of one access of several
  out.line(0, std::string(effect_name(access.access.effect)) + " " + what + (action.empty() ? "" : "  " + action),
           Style::bold);
  out.line(2, labels_text(access.labels), Style::dim);
  out.empty();
  write_policies(out, access.policies, decision.policies, show);
  if (access.remedy.is_empty()) return;
  out.line(0, "To be allowed", Style::bold);
  write_remedy(out, access.remedy, access.policies);
  for (const PolicyExplanation& policy : access.once_approved) {
    out.line(2, "- once approved, this would still stand in the way:");
    write_policy(out, policy, false);
  }
  out.empty();
}

}  // namespace

std::string render_explanation(const policies::Explanation& explanation, const policies::Question& question, Show show,
                               const Terminal& terminal) {
  Writer out(terminal);
  const policies::Decision& decision = explanation.decision;
  if (question.recorded) write_recorded(out, explanation, question);
  if (question.input == policies::InputKnown::yes) {
    std::string verdict = verdict_name(decision.verdict);
    out.line(0, verdict + "  " + decision.code, style_of(verdict));
    out.line(2, decision.reason);
    if (decision.reveals_secrets)
      out.line(2, "secrets in the answer are not redacted: a permit says @secrets(\"reveal\")");
  }
  std::string who = "agent " + question.agent + " for " + question.owner;
  for (const std::string& delegate : question.delegates) who += " > " + delegate;
  out.line(2, who + ", " + question.operation.action + " on " + question.operation.upstream);
  out.empty();
  if (!explanation.problem.empty()) {
    out.line(0, "The policies were not asked: " + explanation.problem);
    return out.take();
  }
  if (decision.code.starts_with("scope."))
    out.line(0, "The token's scope refuses this before any policy is asked. What the policies would say:");
  if (!explanation.misfits.empty()) {
    out.line(0, "Not known, or not of its declared type, and so unknown to the policies:");
    for (const std::string& misfit : explanation.misfits) out.line(2, misfit);
    out.empty();
  }
  for (const AccessExplanation& access : explanation.accesses) write_access(out, access, decision, show);
  return out.take();
}

std::string render_explanation(const policies::PlainExplanation& explanation, Show show, const Terminal& terminal) {
  Writer out(terminal);
  bool allow = explanation.response.decision == cedar::Decision::allow;
  out.line(0, allow ? "allow" : "deny", style_of(allow ? "allow" : "deny"));
  if (!explanation.response.errors.empty())
    out.line(2, "Cedar skips a policy that cannot be evaluated; in Countersign's gateway a forbid like that denies");
  if (!allow && explanation.response.reason.empty()) out.line(2, "no permit applies");
  out.empty();
  write_policies(out, explanation.policies, explanation.response.reason, show);
  if (!allow) {
    out.line(0, "To be allowed", Style::bold);
    write_remedy(out, explanation.remedy, explanation.policies);
  }
  return out.take();
}

}  // namespace countersign::cli
