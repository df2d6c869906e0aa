#include "policies/cedar/validation/environments.h"

#include <algorithm>
#include <map>
#include <tuple>

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

std::uint32_t Environments::position(const ActionInfo* info) const {
  return static_cast<std::uint32_t>(info - schema_->actions().data());
}

std::vector<std::uint32_t> Environments::candidates(const ast::Scope& scope) const {
  if (scope.kind == ast::ScopeKind::any || scope.entities.empty()) return all_;
  std::vector<const ActionInfo*> named;
  for (const ast::EntityLiteral& each : scope.entities) {
    const ActionInfo* info = schema_->action(EntityUid(each.type, each.id));
    // A head with something wrong in it is typed for every action, as an expression would be.
    if (info == nullptr || each.type != scope.entities.front().type) return all_;
    named.push_back(info);
  }
  std::vector<std::uint32_t> out;
  if (scope.kind == ast::ScopeKind::equal) {
    out.push_back(position(named.front()));
    return out;
  }
  for (const ActionInfo& action : schema_->actions()) {
    bool in = std::ranges::any_of(named, [&](const ActionInfo* group) {
      return group == &action || std::ranges::find(action.ancestors, group->uid) != action.ancestors.end();
    });
    if (in) out.push_back(position(&action));
  }
  return out;
}

}  // namespace cedar::validation
