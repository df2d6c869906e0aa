#include "policies/cedar/validation/environments.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_set>
#include <utility>

namespace cedar::validation {
namespace {

std::vector<TypeId> types_of(const std::vector<std::string>& names, TypePool& types) {
  std::vector<TypeId> out;
  for (const std::string& each : names) out.push_back(types.entity(each));
  std::ranges::sort(out);
  out.erase(std::ranges::unique(out).begin(), out.end());
  return out;
}

}  // namespace

Environments::Environments(const Schema& schema, TypePool& types) : schema_(&schema) {
  std::map<std::tuple<std::vector<TypeId>, std::vector<TypeId>, TypeId>, std::uint32_t> seen;
  for (const ActionInfo& info : schema.actions()) {
    ActionTypes action{.info = &info,
                       .principals = types_of(info.principals, types),
                       .resources = types_of(info.resources, types),
                       .context = info.context == nullptr ? types.record({}) : types.import(info.context)};
    auto number = static_cast<std::uint32_t>(actions_.size());
    if (seen.try_emplace({action.principals, action.resources, action.context}, number).second) {
      sorts_.push_back(number);
    }
    all_.push_back(number);
    actions_.push_back(std::move(action));
  }
}

std::vector<std::uint32_t> Environments::satisfying(const ast::Scope& scope) const {
  std::unordered_set<EntityUid> named;
  for (const ast::EntityLiteral& each : scope.entities) {
    EntityUid uid(each.type, each.id);
    if (schema_->action(uid) == nullptr) return {};
    named.insert(std::move(uid));
  }
  std::vector<std::uint32_t> out;
  for (std::uint32_t number : all_) {
    const ActionInfo& action = *actions_[number].info;
    bool satisfied =
        named.contains(action.uid) ||
        (scope.kind != ast::ScopeKind::equal &&
         std::ranges::any_of(action.ancestors, [&](const EntityUid& each) { return named.contains(each); }));
    if (satisfied) out.push_back(number);
  }
  return out;
}

bool Environments::is_exact(const ast::Scope& scope) const {
  return !scope.entities.empty() && std::ranges::all_of(scope.entities, [&](const ast::EntityLiteral& each) {
    return each.type == scope.entities.front().type && schema_->action(EntityUid(each.type, each.id)) != nullptr;
  });
}

std::vector<std::uint32_t> Environments::candidates(const ast::Scope& scope) const {
  return is_exact(scope) ? satisfying(scope) : all_;
}

}  // namespace cedar::validation
