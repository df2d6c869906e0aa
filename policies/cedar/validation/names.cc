#include "policies/cedar/validation/names.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "policies/cedar/unescape.h"
#include "policies/cedar/validation/phrases.h"

namespace cedar::validation {
namespace {

class NameCheck {
 public:
  NameCheck(const Schema& schema, Report& report) : schema_(schema), report_(report) {}

  void type(std::string_view name, Span span) {
    if (is_action_name(name) || schema_.entity_type(name) != nullptr) return;
    all_known_ = false;
    if (!report_.is_new(Finding::unrecognized_entity_type, span)) return;
    report_.error(Finding::unrecognized_entity_type, span, "the schema has no entity type `" + std::string(name) + "`",
                  type_help(name));
  }

  void entity(std::string_view type_name, std::string_view id, Span span) {
    if (is_action_name(type_name)) {
      action(EntityUid(type_name, id), span);
      return;
    }
    type(type_name, span);
    const EntityTypeInfo* info = schema_.entity_type(type_name);
    if (info == nullptr || !info->is_enumerated() || std::ranges::find(info->ids, id) != info->ids.end()) return;
    if (!report_.is_new(Finding::invalid_enum_entity, span)) return;
    std::vector<std::string_view> ids(info->ids.begin(), info->ids.end());
    Suggestion suggestion(id);
    for (std::string_view each : ids) suggestion.consider(each);
    std::string help = did_you_mean(suggestion);
    if (help.empty() && ids.size() <= 8) help = "its ids are " + list(ids);
    report_.error(Finding::invalid_enum_entity, span,
                  "the entity type `" + std::string(type_name) + "` has no id " + quote(id), std::move(help));
  }

  bool all_known() const { return all_known_; }

 private:
  void action(const EntityUid& uid, Span span) {
    if (schema_.action(uid) != nullptr) return;
    all_known_ = false;
    if (!report_.is_new(Finding::unrecognized_action, span)) return;
    report_.error(Finding::unrecognized_action, span, "the schema has no action `" + uid.to_text() + "`",
                  action_help(uid));
  }

  // The same name in another namespace is the likeliest mistake.
  std::string type_help(std::string_view name) const {
    Suggestion suggestion(name);
    std::string_view last = name.substr(name.rfind(':') == std::string_view::npos ? 0 : name.rfind(':') + 1);
    for (const auto& [each, info] : schema_.entity_types()) {
      if (std::string_view(each).ends_with("::" + std::string(last)) || each == last) {
        return "did you mean `" + each + "`?";
      }
      suggestion.consider(each);
    }
    return did_you_mean(suggestion);
  }

  std::string action_help(const EntityUid& uid) const {
    Suggestion suggestion(uid.to_text());
    for (const ActionInfo& each : schema_.actions()) {
      std::string known = each.uid.to_text();
      if (each.uid.id() == uid.id()) return "did you mean `" + known + "`?";
      suggestion.consider(known);
    }
    return did_you_mean(suggestion);
  }

  const Schema& schema_;
  Report& report_;
  bool all_known_ = true;
};

void check_head(const ast::Scope& scope, NameCheck& check, const Report& report) {
  if (!scope.type.empty()) check.type(scope.type, report.type_place(scope.span, scope.type));
  for (const ast::EntityLiteral& each : scope.entities) check.entity(each.type, each.id, each.span);
}

// Which entity types may satisfy a head.
class HeadTypes {
 public:
  HeadTypes(const ast::Scope& scope, const Schema& schema) : scope_(scope), schema_(schema) {}

  bool fits(const std::string& type) const {
    switch (scope_.kind) {
      case ast::ScopeKind::any:
        return true;
      case ast::ScopeKind::equal:
        return scope_.slot || scope_.entities.front().type == type;
      case ast::ScopeKind::in:
      case ast::ScopeKind::in_list:
        return scope_.slot || may_be_in(type, scope_.entities.front().type);
      case ast::ScopeKind::is:
        return scope_.type == type;
      case ast::ScopeKind::is_in:
        return scope_.type == type && (scope_.slot || may_be_in(type, scope_.entities.front().type));
    }
    return false;
  }

  // Whether `in` instead of `==` would do.
  bool fits_with_in(const std::string& type) const {
    return scope_.kind == ast::ScopeKind::equal && !scope_.slot && may_be_in(type, scope_.entities.front().type);
  }

 private:
  bool may_be_in(const std::string& type, const std::string& group) const {
    if (type == group) return true;
    const EntityTypeInfo* info = schema_.entity_type(type);
    return info != nullptr && std::ranges::binary_search(info->ancestors, group);
  }

  const ast::Scope& scope_;
  const Schema& schema_;
};

}  // namespace

HeadNames check_names(const ast::Policy& policy, const Schema& schema, Report& report) {
  NameCheck check(schema, report);
  check_head(policy.principal, check, report);
  check_head(policy.action, check, report);
  check_head(policy.resource, check, report);
  bool known = check.all_known();
  for (const ast::Expr& each : policy.exprs) {
    if (each.kind == ast::ExprKind::entity) check.entity(each.text, each.text2, each.span);
    if (each.kind == ast::ExprKind::is) check.type(each.text, report.type_place(each.span, each.text));
  }
  return known ? HeadNames::known : HeadNames::unknown;
}

void check_link(const SlotValues& values, const ast::Policy& policy, const Schema& schema, Report& report) {
  NameCheck check(schema, report);
  if (values.principal) check.type(values.principal->type_name(), policy.principal.slot_span);
  if (values.resource) check.type(values.resource->type_name(), policy.resource.slot_span);
}

void check_application(const ast::Policy& policy, const Schema& schema, const Environments& environments,
                       TypePool& types, Report& report) {
  HeadTypes principals(policy.principal, schema);
  HeadTypes resources(policy.resource, schema);
  bool any_action = policy.action.kind == ast::ScopeKind::any;
  std::vector<std::uint32_t> actions;
  if (!any_action) actions = environments.satisfying(policy.action);
  bool principal_with_in = false;
  bool resource_with_in = false;
  for (std::uint32_t number : any_action ? environments.sorts() : std::span<const std::uint32_t>(actions)) {
    const ActionTypes& action = environments.actions()[number];
    auto some = [&](const std::vector<TypeId>& all, auto fits) {
      return std::ranges::any_of(all, [&](TypeId type) { return fits(types.entity_name(type)); });
    };
    bool principal = some(action.principals, [&](const std::string& type) { return principals.fits(type); });
    bool resource = some(action.resources, [&](const std::string& type) { return resources.fits(type); });
    if (principal && resource) return;
    principal_with_in =
        principal_with_in ||
        (!principal && some(action.principals, [&](const std::string& type) { return principals.fits_with_in(type); }));
    resource_with_in =
        resource_with_in ||
        (!resource && some(action.resources, [&](const std::string& type) { return resources.fits_with_in(type); }));
  }
  std::string help;
  if (principal_with_in) help = "`principal in …` instead of `principal == …` would match members";
  if (resource_with_in) {
    help = principal_with_in ? "`in` instead of `==` would match members of the principal and of the resource"
                             : "`resource in …` instead of `resource == …` would match members";
  }
  Span heads = join(policy.principal.span, policy.resource.span);
  report.error(Finding::invalid_action_application, heads,
               "no action of the schema applies to such a principal and resource", std::move(help));
}

}  // namespace cedar::validation
