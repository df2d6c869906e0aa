#include "policies/cedar/policy_set.h"

#include <utility>

#include "policies/cedar/index.h"

namespace cedar {
namespace {

using countersign::ErrorKind;
using countersign::fail;

std::unexpected<countersign::Error> duplicate(const std::string& id) {
  return fail(ErrorKind::conflict, "cedar.policy_set.duplicate_id",
              "another policy or template has the id `" + id + "`");
}

ScopeTest scope_test(const ast::Scope& scope, Interner& interner) {
  ScopeTest out{.kind = scope.kind, .type = interner.text(scope.type)};
  for (const ast::EntityLiteral& literal : scope.entities) {
    out.entities.push_back(interner.uid(literal.type, literal.id));
  }
  return out;
}

std::optional<std::string_view> value_of(const std::vector<ast::Annotation>& annotations, std::string_view key) {
  for (const ast::Annotation& each : annotations) {
    if (each.key == key) return each.value;
  }
  return std::nullopt;
}

// Puts `value` where the slot is. `name` is for messages: principal, resource.
Status fill(ast::Scope& scope, const std::optional<EntityUid>& value, std::string_view name) {
  if (scope.slot && !value) {
    return fail(ErrorKind::malformed, "cedar.link.missing_slot",
                "the template's slot `?" + std::string(name) + "` is not given");
  }
  if (!scope.slot && value) {
    return fail(ErrorKind::malformed, "cedar.link.superfluous_slot",
                "the template has no slot `?" + std::string(name) + "`");
  }
  if (!scope.slot) return {};
  scope.slot = false;
  scope.entities = {{std::string(value->type_name()), std::string(value->id()), scope.slot_span}};
  return {};
}

}  // namespace

Template::Template(std::string id, std::shared_ptr<const Source> source, ast::Policy syntax,
                   std::shared_ptr<const std::vector<Condition>> conditions)
    : id_(std::move(id)), source_(std::move(source)), syntax_(std::move(syntax)), conditions_(std::move(conditions)) {}

std::optional<std::string_view> Template::annotation(std::string_view key) const {
  return value_of(syntax_.annotations, key);
}

Policy::Policy(std::string id, std::shared_ptr<const Source> source, ast::Policy syntax,
               std::shared_ptr<const std::vector<Condition>> conditions, Interner& interner, std::optional<Link> link)
    : id_(std::move(id)),
      source_(std::move(source)),
      syntax_(std::move(syntax)),
      link_(std::move(link)),
      principal_(scope_test(syntax_.principal, interner)),
      action_(scope_test(syntax_.action, interner)),
      resource_(scope_test(syntax_.resource, interner)),
      conditions_(std::move(conditions)) {}

std::optional<std::string_view> Policy::annotation(std::string_view key) const {
  return value_of(syntax_.annotations, key);
}

PolicySet::PolicySet() : parts_(std::make_unique<Parts>()) {}
PolicySet::PolicySet(PolicySet&&) noexcept = default;
PolicySet& PolicySet::operator=(PolicySet&&) noexcept = default;
PolicySet::~PolicySet() = default;

std::expected<PolicySet, std::vector<SourceDiagnostic>> PolicySet::parse(std::vector<NamedText> texts,
                                                                         const Limits& limits) {
  PolicySet out;
  std::vector<SourceDiagnostic> problems;
  std::size_t number = 0;
  for (NamedText& text : texts) {
    auto source = std::make_shared<const Source>(std::move(text.name), std::move(text.text));
    auto parsed = parse_policies(source->text(), limits);
    if (!parsed) {
      for (Diagnostic& each : parsed.error()) problems.push_back({source, std::move(each)});
      continue;
    }
    for (ast::Policy& each : *parsed) {
      auto added = out.add("policy" + std::to_string(number++), source, std::move(each));
      if (!added) problems.push_back({source, {.message = std::move(added.error().message)}});
    }
  }
  if (!problems.empty()) return std::unexpected(std::move(problems));
  return out;
}

std::expected<PolicySet, std::vector<SourceDiagnostic>> PolicySet::parse(std::string_view text, const Limits& limits) {
  std::vector<NamedText> texts;
  texts.push_back({"policies", std::string(text)});
  return parse(std::move(texts), limits);
}

Status PolicySet::add(std::string id, std::shared_ptr<const Source> source, ast::Policy syntax) {
  if (!syntax.is_template()) {
    auto conditions = lower_conditions(syntax);
    auto added =
        add(Policy(std::move(id), std::move(source), std::move(syntax), std::move(conditions), parts_->interner));
    if (!added) return fail(added.error());
    return {};
  }
  Place place{Place::Kind::policy_template, static_cast<std::uint32_t>(templates_.size())};
  if (!ids_.emplace(id, place).second) return duplicate(id);
  auto conditions = lower_conditions(syntax);
  templates_.emplace_back(std::move(id), std::move(source), std::move(syntax), std::move(conditions));
  return {};
}

Result<PolicyRef> PolicySet::add(Policy policy) {
  auto number = static_cast<std::uint32_t>(policies_.size());
  if (!ids_.emplace(policy.id(), Place{Place::Kind::policy, number}).second) return duplicate(policy.id());
  policies_.push_back(std::move(policy));
  note_action(PolicyRef{number});
  if (parts_->indexed->index) parts_->indexed = std::make_unique<Indexed>();
  return PolicyRef{number};
}

Result<PolicyRef> PolicySet::link(std::string_view template_id, std::string id, SlotValues values) {
  const Template* found = find_template(template_id);
  if (found == nullptr) {
    return fail(ErrorKind::not_found, "cedar.link.unknown_template",
                "there is no template with the id `" + std::string(template_id) + "`");
  }
  ast::Policy syntax = found->syntax();
  if (auto filled = fill(syntax.principal, values.principal, "principal"); !filled) return fail(filled.error());
  if (auto filled = fill(syntax.resource, values.resource, "resource"); !filled) return fail(filled.error());
  return add(Policy(std::move(id), found->shared_source(), std::move(syntax), found->conditions(), parts_->interner,
                    Link{found->id(), std::move(values)}));
}

const Template* PolicySet::find_template(std::string_view id) const {
  auto found = ids_.find(id);
  if (found == ids_.end() || found->second.kind != Place::Kind::policy_template) return nullptr;
  return &templates_[found->second.number];
}

std::optional<PolicyRef> PolicySet::find(std::string_view id) const {
  auto found = ids_.find(id);
  if (found == ids_.end() || found->second.kind != Place::Kind::policy) return std::nullopt;
  return PolicyRef{found->second.number};
}

std::shared_ptr<const std::vector<Condition>> PolicySet::lower_conditions(const ast::Policy& syntax) {
  std::vector<Condition> out;
  for (const ast::Clause& clause : syntax.clauses) {
    NodeId root = lower(syntax.exprs, clause.body, parts_->program, parts_->interner);
    out.push_back({clause.kind, root, clause.span});
  }
  return std::make_shared<const std::vector<Condition>>(std::move(out));
}

const PolicyIndex& PolicySet::index() const {
  Indexed& indexed = *parts_->indexed;
  std::call_once(indexed.made,
                 [&] { indexed.index = std::make_shared<const PolicyIndex>(policies_, parts_->program); });
  return *indexed.index;
}

void PolicySet::note_action(PolicyRef ref) {
  const ScopeTest& action = (*this)[ref].action();
  if (action.kind == ast::ScopeKind::any) any_action_.push_back(ref);
  for (const EntityUid& uid : action.entities) {
    std::vector<PolicyRef>& group = (action.kind == ast::ScopeKind::equal ? equal_action_ : in_action_)[uid];
    if (group.empty() || group.back() != ref) group.push_back(ref);
  }
}

}  // namespace cedar
