#include "policies/proof.h"

#include <algorithm>
#include <utility>

#include "policies/cedar/utf8.h"

namespace countersign::policies {
namespace {

using cedar::ast::Expr;
using cedar::ast::ExprId;
using cedar::ast::ExprKind;

constexpr std::size_t kMostSeen = 20;
constexpr std::size_t kMostNames = 8;

bool is_literal(const Expr& expr) {
  return expr.kind == ExprKind::boolean || expr.kind == ExprKind::integer || expr.kind == ExprKind::string ||
         expr.kind == ExprKind::entity;
}

// Something with a name of its own, whose value is worth showing: a variable, an attribute, a tag, a computed value.
bool is_reading(const Expr& expr) {
  return expr.kind == ExprKind::variable || expr.kind == ExprKind::attribute ||
         (expr.kind == ExprKind::method && expr.method == cedar::ast::Method::get_tag);
}

std::string list(const std::vector<std::string>& names, std::string_view lead) {
  std::string out;
  for (std::size_t i = 0; i < names.size() && i < kMostNames; ++i)
    out += (i == 0 ? std::string(lead) : ", ") + names[i];
  if (names.size() > kMostNames) out += " and " + std::to_string(names.size() - kMostNames) + " more";
  return out;
}

std::string field_names(const cedar::Value& record) {
  std::vector<std::string> names;
  for (const cedar::Field& field : record.fields())
    names.push_back("`" + bounded(std::string(field.first.view())) + "`");
  return names.empty() ? "holds nothing" : list(names, "holds ");
}

}  // namespace

std::string_view came_name(Came came) {
  switch (came) {
    case Came::no:
      return "false";
    case Came::yes:
      return "true";
    case Came::failed:
      return "failed";
    case Came::unknown:
      return "unknown";
  }
  return "failed";
}

std::string bounded(std::string_view text, std::size_t limit) {
  return cedar::shortened(text, limit);
}

std::string ancestors_text(const cedar::EntityOverlay& entities, const cedar::EntityUid& uid) {
  const cedar::StoredEntity* stored = entities.find(uid);
  if (stored == nullptr) return "not among the entities";
  std::vector<std::string> names;
  for (const cedar::EntityUid& ancestor : stored->ancestors()) names.push_back(ancestor.to_text());
  std::ranges::sort(names);
  return names.empty() ? "in nothing" : list(names, "in ");
}

std::string Prover::text(cedar::Span span) const {
  std::string out;
  bool space = false;
  for (char c : policy_.source().text().substr(span.offset, span.length)) {
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      space = !out.empty();
      continue;
    }
    if (std::exchange(space, false)) out += ' ';
    out += c;
  }
  return bounded(std::move(out), 4 * kLongestText);
}

Prover::Outcome Prover::evaluate(ExprId id) {
  cedar::Program program;
  cedar::NodeId root = cedar::lower(policy_.syntax().exprs, id, program);
  auto value = evaluator_.evaluate(program, root);
  if (!value) {
    bool unknown = value.error().cause == cedar::ErrorCause::unknown;
    return {unknown ? Came::unknown : Came::failed, {}, value.error().message()};
  }
  if (value->is(cedar::ValueKind::unknown))
    return {Came::unknown, *value, "`" + std::string(value->unknown_name()) + "` is not known"};
  bool yes = value->is(cedar::ValueKind::boolean) && value->as_boolean();
  return {yes ? Came::yes : Came::no, std::move(*value), {}};
}

// The operands of `&&` (decided by the first that is false) or `||` (by the first that is true).
void Prover::chain(const Expr& chain, Came decisive, Proof& proof) {
  std::vector<Proof> others;
  for (ExprId id : chain.operands) {
    Proof part = prove(id);
    if (part.came == decisive || part.came == Came::failed || part.came == Came::unknown) {
      proof.parts = {std::move(part)};
      return;
    }
    if (others.size() < kMostParts) {
      others.push_back(std::move(part));
    } else {
      ++proof.omitted;
    }
  }
  proof.parts = std::move(others);
}

Proof Prover::prove(ExprId root) {
  const Expr& at = expr(root);
  Outcome outcome = evaluate(root);
  Proof proof{outcome.came, at.span, text(at.span), outcome.message, {}, {}, 0};
  bool answered = outcome.came == Came::yes || outcome.came == Came::no;
  if (answered && !outcome.value.is(cedar::ValueKind::boolean)) {
    proof.came = Came::failed;
    proof.message = "expected a boolean, got " + std::string(cedar::describe(outcome.value.kind()));
  }
  switch (at.kind) {
    case ExprKind::and_chain:
      chain(at, Came::no, proof);
      break;
    case ExprKind::or_chain:
      chain(at, Came::yes, proof);
      break;
    case ExprKind::logical_not:
      proof.parts.push_back(prove(at.operands[0]));
      break;
    case ExprKind::conditional: {
      proof.parts.push_back(prove(at.operands[0]));
      Came condition = proof.parts.front().came;
      if (condition == Came::yes) proof.parts.push_back(prove(at.operands[1]));
      if (condition == Came::no) proof.parts.push_back(prove(at.operands[2]));
      break;
    }
    default:
      look(root, proof.seen);
      break;
  }
  return proof;
}

// What a test says of its target beyond its value: where an entity is, which attributes or tags there are.
std::string Prover::note(const Expr& test, const Outcome& target) const {
  if (target.came == Came::failed || target.came == Came::unknown) return {};
  bool entity = target.value.is(cedar::ValueKind::entity);
  bool membership = (test.kind == ExprKind::relation && test.op == cedar::ast::Operator::in) ||
                    (test.kind == ExprKind::is && test.operands.size() == 2);
  if (membership && entity) return ancestors_text(entities_, target.value.as_entity());
  if (test.kind == ExprKind::attribute) {
    if (target.value.is(cedar::ValueKind::record)) return field_names(target.value);
    const cedar::StoredEntity* stored = entity ? entities_.find(target.value.as_entity()) : nullptr;
    if (stored != nullptr) return field_names(stored->attributes());
    return entity ? "not among the entities" : std::string();
  }
  bool tags = test.kind == ExprKind::method &&
              (test.method == cedar::ast::Method::has_tag || test.method == cedar::ast::Method::get_tag);
  if (!tags || !entity) return {};
  const cedar::StoredEntity* stored = entities_.find(target.value.as_entity());
  if (stored == nullptr) return "not among the entities";
  std::vector<std::string> names;
  for (const cedar::Field& field : stored->tags().fields())
    names.push_back("`" + bounded(std::string(field.first.view())) + "`");
  return names.empty() ? "without tags" : list(names, "with the tags ");
}

// `target has a.b.c`: the value at its end, or how far the path goes and what is there instead.
void Prover::look_along(const Expr& has, std::vector<Seen>& out) {
  Outcome at = evaluate(has.operands[0]);
  if (at.came == Came::unknown) return;  // the message names what is unknown
  if (at.came == Came::failed) return look(has.operands[0], out);
  std::string what = text(expr(has.operands[0]).span);
  cedar::Value value = at.value;
  for (const std::string& name : has.path) {
    const cedar::StoredEntity* stored =
        value.is(cedar::ValueKind::entity) ? entities_.find(value.as_entity()) : nullptr;
    const cedar::Value& record = stored != nullptr ? stored->attributes() : value;
    const cedar::Value* next = record.is(cedar::ValueKind::record) ? record.find(name) : nullptr;
    if (next == nullptr) {
      std::string holds = record.is(cedar::ValueKind::record)   ? field_names(record)
                          : record.is(cedar::ValueKind::entity) ? "not among the entities"
                                                                : "not a record";
      out.push_back({what, "", "has no `" + bounded(name) + "`, " + holds});
      return;
    }
    cedar::Value copy = next->owned();
    value = std::move(copy);
    what += "." + name;
  }
  out.push_back({what, bounded(value.to_text()), {}});
}

// The values a comparison or test reads, each once, in the order they are written.
void Prover::look(ExprId id, std::vector<Seen>& out) {
  const Expr& at = expr(id);
  if (is_literal(at) || out.size() >= kMostSeen) return;
  auto add = [&](ExprId what, const Outcome& outcome, std::string note) {
    Seen seen{text(expr(what).span), {}, std::move(note)};
    if (std::ranges::find(out, seen.what, &Seen::what) != out.end()) return;
    bool known = outcome.came == Came::yes || outcome.came == Came::no;
    seen.value = known ? bounded(outcome.value.to_text()) : outcome.came == Came::unknown ? "not known" : "";
    out.push_back(std::move(seen));
  };
  if (is_reading(at)) {
    Outcome outcome = evaluate(id);
    // What cannot be read is explained by what it should have been read from.
    if (outcome.came == Came::failed && !at.operands.empty()) {
      ExprId target = at.operands[0];
      Outcome from = evaluate(target);
      if (from.came == Came::failed) return look(target, out);
      return add(target, from, this->note(at, from));
    }
    return add(id, outcome, {});
  }
  if (at.kind == ExprKind::has) return look_along(at, out);
  if (at.kind == ExprKind::conditional) {
    look(at.operands[0], out);
    Came condition = evaluate(at.operands[0]).came;
    if (condition == Came::yes) look(at.operands[1], out);
    if (condition == Came::no) look(at.operands[2], out);
    return;
  }
  for (std::size_t i = 0; i < at.operands.size(); ++i) {
    ExprId operand = at.operands[i];
    bool target = i == 0 && is_reading(expr(operand));
    std::string note;
    if (target) note = this->note(at, evaluate(operand));
    if (note.empty()) {
      look(operand, out);
    } else {
      add(operand, evaluate(operand), std::move(note));
    }
  }
}

void Prover::split(ExprId id, bool wanted, std::vector<Condition>& out) {
  const Expr& at = expr(id);
  if (at.kind == ExprKind::logical_not) return split(at.operands[0], !wanted, out);
  if (at.kind == (wanted ? ExprKind::and_chain : ExprKind::or_chain)) {
    for (ExprId operand : at.operands) split(operand, wanted, out);
    return;
  }
  Condition condition{prove(id), wanted};
  bool guarded = std::ranges::any_of(out, [](const Condition& earlier) { return !earlier.is_met(); });
  bool answered = condition.proof.came == Came::yes || condition.proof.came == Came::no;
  if (!answered && guarded) return;
  out.push_back(std::move(condition));
}

std::vector<Condition> Prover::conditions(const cedar::ast::Clause& clause) {
  std::vector<Condition> out;
  split(clause.body, clause.kind == cedar::ast::ClauseKind::when, out);
  return out;
}

}  // namespace countersign::policies
