#include "policies/cedar/policy_set.h"

#include <utility>

namespace cedar {
namespace {

ScopeTest scope_test(const ast::Scope& scope) {
  ScopeTest out{.kind = scope.kind, .type = Text(scope.type)};
  for (const ast::EntityLiteral& literal : scope.entities) out.entities.emplace_back(literal.type, literal.id);
  return out;
}

}  // namespace

Policy::Policy(std::string id, std::shared_ptr<const Source> source, ast::Policy syntax)
    : id_(std::move(id)),
      source_(std::move(source)),
      syntax_(std::move(syntax)),
      principal_(scope_test(syntax_.principal)),
      action_(scope_test(syntax_.action)),
      resource_(scope_test(syntax_.resource)) {
  for (const ast::Clause& clause : syntax_.clauses) {
    conditions_.push_back({clause.kind, lower(syntax_.exprs, clause.body, program_), clause.span});
  }
}

std::optional<std::string_view> Policy::annotation(std::string_view key) const {
  for (const ast::Annotation& each : syntax_.annotations) {
    if (each.key == key) return each.value;
  }
  return std::nullopt;
}

std::expected<PolicySet, std::vector<SourceDiagnostic>> PolicySet::parse(std::vector<NamedText> texts,
                                                                         const Limits& limits) {
  PolicySet out;
  std::vector<SourceDiagnostic> problems;
  for (NamedText& text : texts) {
    auto source = std::make_shared<const Source>(std::move(text.name), std::move(text.text));
    auto parsed = parse_policies(source->text(), limits);
    if (!parsed) {
      for (Diagnostic& each : parsed.error()) problems.push_back({source, std::move(each)});
      continue;
    }
    for (ast::Policy& each : *parsed) {
      auto number = static_cast<std::uint32_t>(out.policies_.size());
      out.policies_.emplace_back("policy" + std::to_string(number), source, std::move(each));
      out.index(PolicyRef{number});
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

void PolicySet::index(PolicyRef ref) {
  const ScopeTest& action = (*this)[ref].action();
  if (action.kind == ast::ScopeKind::any) any_action_.push_back(ref);
  for (const EntityUid& uid : action.entities) {
    std::vector<PolicyRef>& group = (action.kind == ast::ScopeKind::equal ? equal_action_ : in_action_)[uid];
    if (group.empty() || group.back() != ref) group.push_back(ref);
  }
}

}  // namespace cedar
