#include "policies/cedar/authorizer.h"

#include <algorithm>
#include <span>
#include <utility>

#include "policies/cedar/index.h"

namespace cedar {
namespace {

class Run {
 public:
  Run(const PolicySet& policies, const Request& request, const EntityOverlay& entities, Answer& answer)
      : policies_(policies), request_(request), evaluator_(request, entities), answer_(answer) {}

  void indexed() {
    thread_local PolicyIndex::Search search;
    const PolicyIndex& index = policies_.index();
    index.find(request_, evaluator_, search);
    bool settled = request_.principal.is(ValueKind::entity) && request_.resource.is(ValueKind::entity);
    for (PolicyRef ref : search.found()) {
      settled ? judge(ref, index.effect(ref), index.conditions(ref), nullptr) : consider(ref);
    }
  }

  void scan() {
    for (std::size_t i = 0; i < policies_.size(); ++i) {
      PolicyRef ref{static_cast<std::uint32_t>(i)};
      if (action_matches(policies_[ref].action())) consider(ref);
    }
  }

 private:
  bool action_matches(const ScopeTest& scope) const {
    const detail::EntityUidData& action = request_.action.data();
    switch (scope.kind) {
      case ast::ScopeKind::any:
        return true;
      case ast::ScopeKind::equal:
        return scope.entities.front().data() == action;
      default:
        return std::ranges::any_of(scope.entities,
                                   [&](const EntityUid& group) { return evaluator_.is_in(action, group.data()); });
    }
  }

  // One policy whose action matches: the other heads, then its conditions.
  void consider(PolicyRef ref) {
    const Policy& policy = policies_[ref];
    Truth principal = matches(policy.principal(), request_.principal);
    if (principal == Truth::no) return;
    Truth resource = matches(policy.resource(), request_.resource);
    if (resource == Truth::no) return;
    if (principal != Truth::failed && resource != Truth::failed) {
      return judge(ref, policy.effect(), policy.conditions(), nullptr);
    }
    bool of_principal = principal == Truth::failed;
    EvaluationError error{.cause = ErrorCause::unknown,
                          .span = of_principal ? policy.syntax().principal.span : policy.syntax().resource.span,
                          .left = of_principal ? request_.principal : request_.resource};
    judge(ref, policy.effect(), policy.conditions(), &error);
  }

  // One policy whose heads match, or may match when `unsettled`: conditions, each only while all before it hold. A
  // policy with a condition that does not hold is not satisfied whatever its heads come to.
  void judge(PolicyRef ref, Effect effect, std::span<const Condition> conditions, const EvaluationError* unsettled) {
    bool permit = effect == Effect::permit;
    for (const Condition& condition : conditions) {
      Truth truth = evaluator_.test(policies_.program(), condition.root);
      if (truth == Truth::failed) return failed(ref, permit, unsettled == nullptr ? evaluator_.error() : *unsettled);
      if ((truth == Truth::yes) != (condition.kind == ast::ClauseKind::when)) return;
    }
    if (unsettled != nullptr) return failed(ref, permit, *unsettled);
    (permit ? answer_.satisfied_permits : answer_.satisfied_forbids).push_back(ref);
  }

  void failed(PolicyRef ref, bool permit, const EvaluationError& error) {
    if (error.cause == ErrorCause::unknown) {
      (permit ? answer_.maybe_permits : answer_.maybe_forbids).push_back({ref, error});
    } else {
      (permit ? answer_.errored_permits : answer_.errored_forbids).push_back({ref, error});
    }
  }

  // A head cannot err; it fails only when the entity is unknown and its type does not settle the matter.
  Truth matches(const ScopeTest& scope, const Value& entity) const {
    if (scope.kind == ast::ScopeKind::any) return Truth::yes;
    bool typed = scope.kind == ast::ScopeKind::is || scope.kind == ast::ScopeKind::is_in;
    if (entity.is(ValueKind::unknown)) {
      std::string_view type = entity.unknown_type();
      if (type.empty()) return Truth::failed;
      if (typed && scope.type.view() != type) return Truth::no;
      if (scope.kind == ast::ScopeKind::is) return Truth::yes;
      if (scope.kind == ast::ScopeKind::equal && scope.entities.front().type_name() != type) return Truth::no;
      return Truth::failed;
    }
    const detail::EntityUidData& uid = entity.entity_data();
    if (typed && !(uid.type == scope.type)) return Truth::no;
    if (scope.kind == ast::ScopeKind::is) return Truth::yes;
    const detail::EntityUidData& wanted = scope.entities.front().data();
    bool matched = scope.kind == ast::ScopeKind::equal ? uid == wanted : evaluator_.is_in(uid, wanted);
    return matched ? Truth::yes : Truth::no;
  }

  const PolicySet& policies_;
  const Request& request_;
  Evaluator evaluator_;
  Answer& answer_;
};

void append_ids(const PolicySet& policies, const std::vector<PolicyRef>& refs, std::vector<std::string>& out) {
  for (PolicyRef ref : refs) out.push_back(policies[ref].id());
}

}  // namespace

void Answer::clear() {
  satisfied_permits.clear();
  satisfied_forbids.clear();
  errored_permits.clear();
  errored_forbids.clear();
  maybe_permits.clear();
  maybe_forbids.clear();
}

void authorize(const PolicySet& policies, const Request& request, const EntityOverlay& entities, Answer& answer) {
  answer.clear();
  Run(policies, request, entities, answer).indexed();
}

Answer authorize(const PolicySet& policies, const Request& request, const EntityOverlay& entities) {
  Answer answer;
  authorize(policies, request, entities, answer);
  return answer;
}

Answer authorize_by_scan(const PolicySet& policies, const Request& request, const EntityOverlay& entities) {
  Answer answer;
  Run(policies, request, entities, answer).scan();
  return answer;
}

Response respond(const PolicySet& policies, const Answer& answer) {
  Response out;
  out.decision =
      answer.satisfied_forbids.empty() && !answer.satisfied_permits.empty() ? Decision::allow : Decision::deny;
  append_ids(policies, answer.satisfied_forbids.empty() ? answer.satisfied_permits : answer.satisfied_forbids,
             out.reason);
  std::vector<PolicyRef> errors;
  for (const auto* failures :
       {&answer.errored_permits, &answer.errored_forbids, &answer.maybe_permits, &answer.maybe_forbids}) {
    for (const PolicyFailure& failure : *failures) errors.push_back(failure.policy);
  }
  std::ranges::sort(errors);
  append_ids(policies, errors, out.errors);
  return out;
}

std::string to_text(const PolicySet& policies, const PolicyFailure& failure) {
  const Source& source = policies[failure.policy].source();
  Position at = source.locate(failure.error.span);
  return source.name() + ":" + std::to_string(at.line) + ":" + std::to_string(at.column) + ": " +
         failure.error.message();
}

}  // namespace cedar
