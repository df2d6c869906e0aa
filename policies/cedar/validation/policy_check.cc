#include "policies/cedar/validation/policy_check.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "policies/cedar/validation/checker.h"
#include "policies/cedar/validation/names.h"
#include "policies/cedar/validation/texts.h"

namespace cedar::validation {
namespace {

class PolicyCheck {
 public:
  PolicyCheck(const ast::Policy& policy, const Schema& schema, const Environments& environments, TypePool& types,
              Budget& budget, Report& report)
      : policy_(policy),
        schema_(schema),
        environments_(environments),
        types_(types),
        budget_(budget),
        report_(report),
        conditions_(policy),
        checker_(schema, types, conditions_, report, fixed(policy)),
        uses_(conditions_[conditions_.body()].uses) {
    for (const Node& each : conditions_.nodes()) {
      if (each.form != Form::entity || !is_action_name(each.text)) continue;
      const ActionInfo* named = schema_.action(EntityUid(each.text, each.text2));
      if (named != nullptr && named_actions_.size() <= kMostNamed &&
          std::ranges::find(named_actions_, named) == named_actions_.end()) {
        named_actions_.push_back(named);
      }
    }
  }

  void run() {
    // That no action applies to what does not exist need not be said as well.
    if (check_names(policy_, schema_, report_) == HeadNames::known) {
      check_application(policy_, schema_, environments_, types_, report_);
    }
    check_texts(conditions_, report_);
    type_everywhere();
    if (possible_ || exhausted_) return;
    Span place = bodies_.empty() || policy_.clauses.empty() ? join(policy_.principal.span, policy_.resource.span)
                                                            : conditions_[conditions_.body()].span;
    report_.warning(
        Finding::impossible_policy, place,
        "this policy never applies: " + std::string(bodies_.empty() ? "its head is" : "its conditions are") +
            " false for every request the schema allows");
  }

 private:
  // Which variables are of one type wherever the heads are true.
  static std::uint8_t fixed(const ast::Policy& policy) {
    auto one_type = [](const ast::Scope& scope) {
      return scope.kind == ast::ScopeKind::is || scope.kind == ast::ScopeKind::is_in ||
             (scope.kind == ast::ScopeKind::equal && !scope.slot);
    };
    std::uint8_t out = 0;
    if (one_type(policy.principal)) out |= kPrincipal;
    if (one_type(policy.action)) out |= kAction | kContext;
    if (one_type(policy.resource)) out |= kResource;
    return out;
  }

  // With more actions named, each action is a sort of its own.
  static constexpr std::size_t kMostNamed = 64;

  // Types of the parts that decide about one environment; a body is typed once for all that agree in what it looks at.
  using Key = std::tuple<TypeId, TypeId, TypeId, std::uint32_t>;

  void type_everywhere() {
    // With heads that name no action and clauses that do not look at it, one action of each sort stands for all.
    bool by_sort = policy_.action.kind == ast::ScopeKind::any && (uses_ & kAction) == 0;
    std::vector<std::uint32_t> candidates;
    if (!by_sort) candidates = environments_.candidates(policy_.action);
    // Only true for its candidates then; typing a list of thousands of names for each of them would say no more.
    const bool exact = environments_.is_exact(policy_.action);
    for (std::uint32_t number : by_sort ? environments_.sorts() : std::span<const std::uint32_t>(candidates)) {
      const ActionTypes& action = environments_.actions()[number];
      std::optional<TypeId> action_head = exact ? std::optional(kTrue) : std::nullopt;
      for (TypeId principal : action.principals) {
        Environment environment{.principal = principal, .context = action.context, .action = action.info};
        if (principal_head(environment) == kFalse) continue;
        if (!action_head) {
          if (budget_.steps == 0) return exhaust();
          std::size_t before = checker_.steps();
          action_head = checker_.check(conditions_.action(), environment).type;
          budget_.steps -= std::min(budget_.steps, checker_.steps() - before);
        }
        if (joined(principal_head(environment), *action_head) == kFalse) continue;
        for (TypeId resource : action.resources) {
          environment.resource = resource;
          if (!type_one(environment, *action_head)) return;
        }
      }
    }
  }

  // False when nothing may be spent any more.
  bool type_one(const Environment& environment, TypeId action_head) {
    if (budget_.steps > 0) --budget_.steps;
    TypeId head = joined(principal_head(environment), action_head);
    head = joined(head, resource_head(environment));
    if (head == kFalse) return true;

    auto used = [&](Use use, TypeId type) { return (uses_ & use) != 0 ? type : kUnknown; };
    Key key{used(kPrincipal, environment.principal), used(kResource, environment.resource),
            used(kContext, environment.context), (uses_ & kAction) != 0 ? sort_of(*environment.action) : 0};
    auto [body, is_new] = bodies_.try_emplace(key, kUnknown);
    if (is_new) {
      if (budget_.environments == 0 || budget_.steps == 0) {
        exhaust();
        return false;
      }
      --budget_.environments;
      std::size_t before = checker_.steps();
      body->second = checker_.check(conditions_.body(), environment).type;
      budget_.steps -= std::min(budget_.steps, checker_.steps() - before);
    }
    if (joined(head, body->second) != kFalse) possible_ = true;
    return true;
  }

  void exhaust() {
    exhausted_ = true;
    report_.error(Finding::limit_exceeded, policy_.span,
                  "this policy is not validated: too many kinds of request and policies have been looked at",
                  "name the action, and the types of principal and resource, in the heads of policies");
  }

  // Equal for actions that clauses cannot tell apart: of one type, and in the same relation to each action they name.
  std::uint32_t sort_of(const ActionInfo& action) {
    auto [known, is_new] = action_sorts_.try_emplace(&action, 0);
    if (!is_new) return known->second;
    std::string relations(action.uid.type_name());
    if (named_actions_.size() > kMostNamed) relations = action.uid.to_text();
    for (const ActionInfo* each : named_actions_) {
      if (named_actions_.size() > kMostNamed) break;
      bool inside = std::ranges::find(action.ancestors, each->uid) != action.ancestors.end();
      bool around = std::ranges::find(each->ancestors, action.uid) != each->ancestors.end();
      relations += each == &action ? '=' : inside ? '<' : around ? '>' : ' ';
    }
    auto number = static_cast<std::uint32_t>(sorts_.size());
    known->second = sorts_.try_emplace(std::move(relations), number).first->second;
    return known->second;
  }

  // The type of `a && b`, kUnknown standing for what could not be told.
  static TypeId joined(TypeId a, TypeId b) {
    if (a == kFalse) return kFalse;
    if (a == kUnknown || b == kUnknown) return kBoolean;
    if (b == kFalse || a == kTrue) return b;
    return b == kTrue ? a : kBoolean;
  }

  TypeId principal_head(const Environment& environment) {
    return head(conditions_.principal(), policy_.principal, environment.principal, environment, principal_heads_,
                &Environment::principal_slot);
  }
  TypeId resource_head(const Environment& environment) {
    return head(conditions_.resource(), policy_.resource, environment.resource, environment, resource_heads_,
                &Environment::resource_slot);
  }

  TypeId head(NodeId id, const ast::Scope& scope, TypeId subject, const Environment& environment,
              std::map<TypeId, TypeId>& known, TypeId Environment::* slot) {
    if (scope.kind == ast::ScopeKind::any) return kTrue;
    auto [found, is_new] = known.try_emplace(subject, kFalse);
    if (!is_new) return found->second;
    // A slot is filled with every type that can make its head true: the strongest answer counts. Nothing in the clauses
    // looks at slots, so the rest need not know which it was.
    for (TypeId filler : scope.slot ? fillers(scope, subject) : std::vector<TypeId>{kUnknown}) {
      Environment filled = environment;
      filled.*slot = filler;
      TypeId type = checker_.check(id, filled).type;
      if (found->second == kFalse) found->second = type;
    }
    return found->second;
  }

  std::vector<TypeId> fillers(const ast::Scope& scope, TypeId subject) {
    std::vector<TypeId> out{subject};
    if (scope.kind == ast::ScopeKind::equal) return out;
    const EntityTypeInfo* info = types_.entity_info(subject);
    if (info == nullptr) return out;
    for (const std::string& each : info->ancestors) out.push_back(types_.entity(each));
    return out;
  }

  const ast::Policy& policy_;
  const Schema& schema_;
  const Environments& environments_;
  TypePool& types_;
  Budget& budget_;
  Report& report_;
  Conditions conditions_;
  Checker checker_;
  std::uint8_t uses_;
  std::map<TypeId, TypeId> principal_heads_;
  std::map<TypeId, TypeId> resource_heads_;
  std::map<Key, TypeId> bodies_;
  std::vector<const ActionInfo*> named_actions_;
  std::unordered_map<const ActionInfo*, std::uint32_t> action_sorts_;
  std::unordered_map<std::string, std::uint32_t> sorts_;
  bool possible_ = false;
  bool exhausted_ = false;
};

}  // namespace

void check_policy(const ast::Policy& policy, const Schema& schema, const Environments& environments, TypePool& types,
                  Budget& budget, Report& report) {
  PolicyCheck(policy, schema, environments, types, budget, report).run();
}

}  // namespace cedar::validation
