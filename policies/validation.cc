#include "policies/validation.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "policies/cedar/validator.h"
#include "policies/mentions.h"
#include "policies/problems.h"
#include "scopes/catalogue/aws_actions.h"
#include "scopes/protocols.h"

namespace countersign::policies {
namespace {

using cedar::Finding;
using cedar::ast::Expr;
using cedar::ast::ExprKind;

// What a policy, static or a template, is made of.
const cedar::ast::Policy* syntax_of(const cedar::PolicySet& policies, std::string_view id) {
  if (auto ref = policies.find(id)) return &policies[*ref].syntax();
  if (const cedar::Template* found = policies.find_template(id)) return &found->syntax();
  return nullptr;
}

template <class Visit>
void each_policy(const cedar::PolicySet& policies, Visit&& visit) {
  for (const cedar::Policy& policy : policies.all()) visit(policy.syntax());
  for (const cedar::Template& policy : policies.templates()) visit(policy.syntax());
}

// Only a condition about the action makes its groups matter: heads choose among actions, which all effects share.
bool asks_for_groups(const cedar::PolicySet& policies) {
  bool found = false;
  each_policy(policies, [&](const cedar::ast::Policy& policy) {
    found = found || std::ranges::any_of(policy.exprs, [](const Expr& expr) {
              return expr.kind == ExprKind::variable && expr.variable == cedar::ast::Variable::action;
            });
  });
  return found;
}

bool holds_strings(const std::vector<Expr>& exprs, const Expr& set) {
  return set.kind == ExprKind::string ||
         (set.kind == ExprKind::set &&
          std::ranges::any_of(set.operands, [&](cedar::ast::ExprId id) { return exprs[id].kind == ExprKind::string; }));
}

bool overlaps(cedar::Span a, cedar::Span b) {
  return a.offset < b.end() && b.offset < a.end();
}

// `… in ["a", "b"]`, which always errs: the finding's place lies in it.
bool is_in_on_strings(const cedar::ast::Policy& policy, cedar::Span span) {
  return std::ranges::any_of(policy.exprs, [&](const Expr& expr) {
    return expr.kind == ExprKind::relation && expr.op == cedar::ast::Operator::in && overlaps(expr.span, span) &&
           holds_strings(policy.exprs, policy.exprs[expr.operands[1]]);
  });
}

std::string declare(std::string_view type, std::string_view what) {
  return "declare " + std::string(what) + " in inputs.cedarschema: type " + std::string(type) +
         " = { name?: Type, … };";
}

// `action == Action::"git:push"`: nothing that is done has the name of a group.
std::string advice_on_group(const cedar::ast::Policy& policy) {
  if (policy.action.kind != cedar::ast::ScopeKind::equal || policy.action.entities.empty()) return {};
  const std::string& name = policy.action.entities.front().id;
  bool group = name == "change" || effect_from_name(name).has_value();
  for (const Protocol& protocol : protocols()) {
    group = group || name == protocol.name || std::ranges::any_of(protocol.actions, [&](const ProtocolAction& action) {
              return !action.group.empty() && action.group == name;
            });
  }
  group = group || (name.starts_with("aws:") && is_aws_group(name));
  return group ? "`" + name + "` is a group of actions: write `action in Action::\"" + name + "\"`" : std::string();
}

// `Action::"aws:…"` that the catalogue does not have. Cedar's own advice knows only the actions that are declared.
std::string advice_on_unknown_action(std::string_view text) {
  std::size_t from = text.find("\"aws:");
  if (from == std::string_view::npos) return {};
  std::string_view name = text.substr(from + 1);
  std::string advice = advice_on_aws_name(name.substr(0, name.find('"')));
  return advice.empty() ? "the catalogue of AWS operations has none like it" : advice;
}

// Advice for what this schema's users run into; empty where Cedar's own says enough.
std::string advice(const cedar::PolicySet& policies, const cedar::ValidationFinding& finding) {
  std::string_view text = finding.source->text().substr(finding.diagnostic.span.offset, finding.diagnostic.span.length);
  auto about = [&](std::string_view path) { return text.find(path) != std::string_view::npos; };
  const cedar::ast::Policy* policy = syntax_of(policies, finding.policy);
  switch (finding.kind) {
    case Finding::unexpected_type:
    case Finding::incompatible_types:
      if (policy && is_in_on_strings(*policy, finding.diagnostic.span))
        return "`in` compares entities; for strings write [\"…\", \"…\"].contains(…)";
      return {};
    case Finding::attribute_not_found:
      if (about("context.input.arguments.") || about("input.arguments.")) return declare("Arguments", "the argument");
      if (about("context.input.query")) return declare("Query", "the parameter");
      if (about("input.parameters")) return declare("Parameters", "the member of requests to AWS");
      if (about(".labels.")) return declare("Labels", "a label that nothing has yet");
      if (about("principal.")) return declare("AgentAttributes", "an attribute that no agent of entities.yaml has");
      return {};
    case Finding::unsafe_optional_attribute:
      if (about("principal.owner"))
        return "an agent may belong to a team: write `principal in Team::\"…\"`, or ask `principal has owner &&` first";
      return {};
    case Finding::unrecognized_action:
      return advice_on_unknown_action(text);
    case Finding::invalid_action_application:
      if (policy) return advice_on_group(*policy);
      return {};
    case Finding::non_literal_extension:
      return "declare the argument with that type in inputs.cedarschema: it is read as one before policies see it";
    case Finding::unrecognized_entity_type:
      return finding.diagnostic.help.empty()
                 ? "types of resources are the protocols' and those of tool rules in countersign.yaml"
                 : std::string();
    default:
      return {};
  }
}

// What is the same under several effects is said once.
class Merged {
 public:
  explicit Merged(const cedar::PolicySet& policies) : policies_(policies) {}

  void add(const cedar::Validation& validation) {
    ++runs_;
    for (const cedar::ValidationFinding& finding : validation.errors) {
      if (finding.kind == Finding::invalid_action_application) {
        count(finding);
      } else {
        report(finding, Severity::error);
      }
    }
    for (const cedar::ValidationFinding& finding : validation.warnings) {
      if (finding.kind == Finding::impossible_policy) {
        count(finding);
      } else {
        report(finding, Severity::warning);
      }
    }
  }

  void finish(Problems& problems) {
    for (const auto& [key, seen] : counted_) {
      if (seen.second < runs_) continue;
      const cedar::ValidationFinding& finding = seen.first;
      if (finding.kind == Finding::invalid_action_application) {
        report(finding, Severity::error);
      } else if (!failed_.contains(finding.policy)) {
        never_applies(finding);
      }
    }
    problems.insert(problems.end(), problems_.begin(), problems_.end());
  }

 private:
  // The same of one place is said once, though it may be wrong in several ways: for several actions.
  using Key = std::tuple<Finding, std::string, std::uint32_t, std::uint32_t>;
  static Key key_of(const cedar::ValidationFinding& finding) {
    return {finding.kind, finding.policy, finding.diagnostic.span.offset, finding.diagnostic.span.length};
  }

  void count(const cedar::ValidationFinding& finding) {
    auto [found, fresh] = counted_.try_emplace({finding.kind, finding.policy, 0, 0}, finding, 0);
    ++found->second.second;
  }

  void report(const cedar::ValidationFinding& finding, Severity severity) {
    if (severity == Severity::error) failed_.insert(finding.policy);
    if (!said_.insert(key_of(finding)).second) return;
    std::string help = advice(policies_, finding);
    if (help.empty()) help = finding.diagnostic.help;
    problems_.push_back(problem_at(*finding.source, finding.diagnostic.span,
                                   "cedar." + std::string(cedar::name_of(finding.kind)), finding.diagnostic.message,
                                   std::move(help), severity));
  }

  void never_applies(const cedar::ValidationFinding& finding) {
    const cedar::ast::Policy* policy = syntax_of(policies_, finding.policy);
    if (!policy || allows(policy->annotations, "never-applies")) return;
    bool forbid = policy->effect == cedar::Effect::forbid;
    problems_.push_back(problem_at(
        *finding.source, finding.diagnostic.span, "lint.never-applies",
        forbid ? "this forbid can never apply: it protects nothing" : "this permit can never apply",
        "some condition is false for every request: look for a `has` of something that is not declared, or a type that "
        "does not fit the head",
        forbid ? Severity::error : Severity::warning));
  }

  const cedar::PolicySet& policies_;
  std::size_t runs_ = 0;
  std::set<Key> said_;
  std::map<Key, std::pair<cedar::ValidationFinding, std::size_t>> counted_;  // what must be so under every effect
  std::set<std::string> failed_;
  Problems problems_;
};

}  // namespace

std::vector<std::string_view> allowed_words(std::string_view value) {
  std::vector<std::string_view> out;
  while (!value.empty()) {
    std::size_t end = value.find_first_of(", ");
    std::string_view word = value.substr(0, end);
    if (word.starts_with("lint.")) word.remove_prefix(5);
    if (!word.empty()) out.push_back(word);
    value = end == std::string_view::npos ? std::string_view() : value.substr(end + 1);
  }
  return out;
}

bool allows(const std::vector<cedar::ast::Annotation>& annotations, std::string_view lint) {
  auto found = std::ranges::find(annotations, "allow", &cedar::ast::Annotation::key);
  if (found == annotations.end()) return false;
  std::vector<std::string_view> words = allowed_words(found->value);
  return std::ranges::find(words, lint) != words.end();
}

void validate_policies(const cedar::PolicySet& policies, const SchemaParts& parts, Problems& problems) {
  constexpr cedar::ValidationLimits kLimits{.environments = 10'000'000, .steps = 500'000'000};
  std::set<std::string, std::less<>> named = named_actions(policies);
  std::vector<std::optional<Effect>> effects = {std::nullopt};
  if (asks_for_groups(policies)) {
    effects.clear();
    for (std::size_t i = 0; i < kEffectCount; ++i) effects.emplace_back(static_cast<Effect>(i));
  }
  Merged merged(policies);
  for (std::optional<Effect> effect : effects) {
    auto schema = cedar::Schema::parse(schema_text(parts, {effect, &named}));
    if (!schema) {
      problems.push_back({.file = "generated.cedarschema",
                          .message = schema.error().front().diagnostic.message,
                          .code = "schema.generated"});
      return;
    }
    merged.add(cedar::validate(policies, *schema, kLimits));
  }
  merged.finish(problems);
}

}  // namespace countersign::policies
