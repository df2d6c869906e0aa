// A forbid that holds for approval, under one that never lets go: people are never asked, whatever the first one says.
#include <algorithm>

#include "policies/lints/lint.h"
#include "policies/mentions.h"
#include "scopes/effect.h"

namespace countersign::policies::lints {
namespace {

using cedar::ast::ScopeKind;

// Whether `group` holds everything that `action`, an action or a group, stands for.
bool covers_action(const PolicySchema& schema, const cedar::EntityUid& group, const cedar::EntityUid& action) {
  if (group == action) return true;
  const Vocabulary& words = vocabulary();
  auto covers = [&](Effect effect) {
    return group == words.effects[static_cast<std::size_t>(effect)] || (group == words.change && is_change(effect));
  };
  if (auto effect = effect_from_name(action.id())) return covers(*effect);
  const std::size_t colon = action.id().find(':');
  if (colon == std::string_view::npos) return false;
  if (group.id() == action.id().substr(0, colon)) return true;  // its protocol's
  const PolicySchema::Action* known = schema.find(action.id().substr(0, colon), action);
  if (!known) return false;
  if (known->group && *known->group == group) return true;
  for (std::size_t i = 0; i < kEffectCount; ++i) {
    auto effect = static_cast<Effect>(i);
    if (known->effects.contains(effect) && !covers(effect)) return false;
  }
  return true;
}

bool covers_actions(const PolicySchema& schema, const cedar::ScopeTest& wide, const cedar::ScopeTest& narrow) {
  if (wide.kind == ScopeKind::any) return true;
  if (narrow.kind == ScopeKind::any || wide.kind == ScopeKind::equal)
    return wide.kind == narrow.kind && wide.entities == narrow.entities;
  return std::ranges::all_of(narrow.entities, [&](const cedar::EntityUid& action) {
    return std::ranges::any_of(wide.entities,
                               [&](const cedar::EntityUid& group) { return covers_action(schema, group, action); });
  });
}

bool covers(const cedar::ScopeTest& wide, const cedar::ScopeTest& narrow) {
  bool typed = narrow.kind == ScopeKind::is || narrow.kind == ScopeKind::is_in;
  switch (wide.kind) {
    case ScopeKind::any:
      return true;
    case ScopeKind::is:
      return typed ? wide.type == narrow.type
                   : narrow.kind == ScopeKind::equal && narrow.entities.front().type() == wide.type;
    case ScopeKind::in:
      return (narrow.kind == ScopeKind::in || narrow.kind == ScopeKind::is_in || narrow.kind == ScopeKind::equal) &&
             wide.entities == narrow.entities;
    default:
      return wide.kind == narrow.kind && wide.type == narrow.type && wide.entities == narrow.entities;
  }
}

// Every principal of a decision is an agent.
bool is_every_agent(const cedar::ScopeTest& principal) {
  return principal.kind == ScopeKind::any || (principal.kind == ScopeKind::is && principal.type.view() == "Agent");
}

std::vector<std::string_view> clauses_of(const cedar::Policy& policy) {
  std::vector<std::string_view> out;
  for (const cedar::ast::Clause& clause : policy.syntax().clauses)
    out.push_back(policy.source().text().substr(clause.span.offset, clause.span.length));
  std::ranges::sort(out);
  return out;
}

bool covers(const PolicySchema& schema, const cedar::Policy& wide, const cedar::Policy& narrow) {
  bool principals = is_every_agent(wide.principal()) || covers(wide.principal(), narrow.principal());
  if (!principals || !covers_actions(schema, wide.action(), narrow.action()) ||
      !covers(wide.resource(), narrow.resource()))
    return false;
  return wide.conditions().empty() || clauses_of(wide) == clauses_of(narrow);
}

}  // namespace

void approval_shadowed(const Snapshot& snapshot, Findings& findings) {
  std::vector<cedar::PolicyRef> hard;
  std::vector<cedar::PolicyRef> soft;
  for (std::size_t i = 0; i < snapshot.policies().size(); ++i) {
    cedar::PolicyRef ref{static_cast<std::uint32_t>(i)};
    if (snapshot.policies()[ref].effect() != cedar::Effect::forbid) continue;
    bool released = !snapshot.facts(ref).approval.empty() || snapshot.facts(ref).mentions.approval;
    (released ? soft : hard).push_back(ref);
  }
  for (cedar::PolicyRef ref : soft) {
    const cedar::Policy& policy = snapshot.policies()[ref];
    auto over = std::ranges::find_if(
        hard, [&](cedar::PolicyRef other) { return covers(snapshot.schema(), snapshot.policies()[other], policy); });
    if (over != hard.end())
      findings.add(policy, policy.span(), Severity::warning,
                   "no approval ever helps here: `" + snapshot.facts(*over).id + "` forbids the same without one",
                   "remove one of them, or narrow the other");
  }
}

}  // namespace countersign::policies::lints
