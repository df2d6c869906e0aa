// Entities that are nobody: a misspelt team in a forbid keeps nobody out.
#include <algorithm>

#include "policies/lints/lint.h"

namespace countersign::policies::lints {
namespace {

// Checks the entities of one policy against who and what there is.
class Check {
 public:
  Check(const Snapshot& snapshot, Findings& findings) : snapshot_(snapshot), findings_(findings) {}

  void entity(const cedar::Policy& policy, const std::string& type, const std::string& id, cedar::Span span) {
    bool forbid = policy.effect() == cedar::Effect::forbid;
    Severity severity = forbid ? Severity::error : Severity::warning;
    const Directory& directory = snapshot_.directory();
    if (type == "Team" && !directory.find_team(id)) {
      std::vector<std::string_view> names;
      for (const auto& [name, team] : directory.teams()) names.push_back(name);
      report(policy, span, severity, "entities.yaml lists no team `" + id + "`", closest(id, names));
    } else if (type == "User" && !directory.find_user(id)) {
      // A token may be issued to somebody who is not listed, so the policy may well apply.
      std::vector<std::string_view> names;
      for (const auto& [name, user] : directory.users()) names.push_back(name);
      report(policy, span, Severity::warning, "entities.yaml lists no user `" + id + "`", closest(id, names));
    } else if (type == "Upstream") {
      upstream(policy, span, severity, id);
    } else if (snapshot_.schema().is_resource_type(type)) {
      upstream(policy, span, severity, id.substr(0, id.find('/')));
    }
  }

 private:
  // Without a configuration at hand, nothing is known about upstreams.
  void upstream(const cedar::Policy& policy, cedar::Span span, Severity severity, const std::string& name) {
    const std::vector<std::string>& upstreams = snapshot_.upstreams();
    if (upstreams.empty() || std::ranges::find(upstreams, name) != upstreams.end()) return;
    report(policy, span, severity, "there is no upstream `" + name + "`",
           closest(name, {upstreams.begin(), upstreams.end()}));
  }
  void report(const cedar::Policy& policy, cedar::Span span, Severity severity, std::string message,
              std::string_view near) {
    findings_.add(policy, span, severity, std::move(message),
                  near.empty() ? "list it, or say @allow(\"unknown-entity\") when other deployments have it"
                               : "did you mean `" + std::string(near) + "`?");
  }

  const Snapshot& snapshot_;
  Findings& findings_;
};

}  // namespace

void unknown_entity(const Snapshot& snapshot, Findings& findings) {
  Check check(snapshot, findings);
  for (const cedar::Policy& policy : snapshot.policies().all()) {
    const cedar::ast::Policy& syntax = policy.syntax();
    for (const cedar::ast::Scope* scope : {&syntax.principal, &syntax.resource}) {
      for (const cedar::ast::EntityLiteral& entity : scope->entities)
        check.entity(policy, entity.type, entity.id, entity.span);
    }
    for (const cedar::ast::Expr& expr : syntax.exprs) {
      if (expr.kind == cedar::ast::ExprKind::entity) check.entity(policy, expr.text, expr.text2, expr.span);
    }
  }
}

}  // namespace countersign::policies::lints
